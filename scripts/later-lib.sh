# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Debian's kernels of a later suite, and their source; included after lib.sh.
#
# The headers hold programs that need a later C library and name a later compiler, so
# modules are built in a chroot of that suite, kept in the cache (900 MB, and for each
# further kernel 80, or 250 with its image; wants root).  Of each series and flavour it
# keeps the newest kernel alone.

# use_suite SUITE: sets suite and chroot.
use_suite() {
	suite=$1
	chroot=$CACHE/later-${1%-backports}
}

# in_chroot COMMAND...: objtool reads its limits from /proc, which is mounted for
# this command alone.
in_chroot() {
	# shellcheck disable=SC2016 # of that shell
	LC_ALL=C DEBIAN_FRONTEND=noninteractive unshare --mount sh -c \
		'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$chroot" "$@"
}

# make_chroot: with a compiler.  One script at a time has it, until the script ends.
make_chroot() {
	[ "$(id -u)" = 0 ] || die "only root can make a chroot"
	exec 6>"$chroot.lock"
	flock 6
	if [ ! -e "$chroot/.complete" ]; then
		rm -rf "$chroot"
		say "a chroot of ${suite%-backports} (log: $LOGS/later-chroot.log)"
		run_logged later-chroot debootstrap --variant=minbase "${suite%-backports}" \
			"$chroot" "$(mirror)"
		echo "deb $(mirror) $suite main" >"$chroot/etc/apt/sources.list.d/later.list"
		touch "$chroot/.complete"
	fi
	run_logged later-update in_chroot apt-get update
	# perl is for kernel-doc, which W=1 calls.
	run_logged later-compiler in_chroot apt-get install -y --no-install-recommends gcc make perl
	later_prune
}

# later_newest: of each series and flavour the newest version that the suite has now; those
# that are installed alone do not count.
# shellcheck disable=SC2154 # arch-lib.sh sets arch_kernel
later_newest() {
	local version kind
	local -A newest=()
	for version in $(in_chroot apt-cache -o Dir::State::status=/dev/null pkgnames linux-headers- |
			sed -nE "s/^linux-headers-([0-9].*-$arch_kernel)$/\1/p" | sort -V); do
		kind=$(kind_of "$version")
		newest[$kind]=$version
	done
	[ ${#newest[@]} = 0 ] || printf '%s\n' "${newest[@]}" | sort -V
}

# later_installed: the versions of which the chroot has headers.
later_installed() {
	# shellcheck disable=SC2016 # of dpkg-query
	dpkg-query --admindir="$chroot/var/lib/dpkg" -W -f '${db:Status-Abbrev}${Package}\n' \
		'linux-headers-[0-9]*' 2>/dev/null |
		sed -n "s/^.i linux-headers-\(.*-$arch_kernel\)$/\1/p"
}

# later_prune: removes all other versions than those of later_newest, with the packages that
# only they need.  Without lists of the suite nothing is old.
later_prune() {
	local newest old dir
	newest=$(later_newest)
	[ -n "$newest" ] || return 0
	for dir in "$chroot"/{image,build}-*"-$arch_kernel"; do
		dir=${dir##*/}
		grep -qxF -e "${dir#*-}" <<<"$newest" || rm -rf "${chroot:?}/$dir"
	done
	mapfile -t old < <(later_installed | grep -vxF "$newest")
	[ ${#old[@]} = 0 ] || run_logged later-prune in_chroot \
		apt-get purge -y --autoremove "${old[@]/#/linux-headers-}"
	run_logged later-clean in_chroot apt-get clean
}

# later_headers PACKAGE: installs these.
later_headers() {
	run_logged "later-headers-$1" in_chroot apt-get install -y --no-install-recommends \
		-t "$suite" "$1"
}

# later_build VERSION DIRECTORY: the modules and the load, with the headers of VERSION;
# DIRECTORY is in the chroot.
later_build() {
	sync_sources "$TOP" "$chroot$2"
	in_chroot make -C "/usr/src/linux-headers-$1" M="$2" -j"$JOBS" W=1e TESTS=1 SUITE=none modules
}

# no_warnings LOG
no_warnings() {
	! grep -iE '(warning|error):' "$1"
}

# image_packages VERSION: from 7.2 on the image is in several packages.
image_packages() {
	if in_chroot apt-cache show "linux-binary-$1" >/dev/null 2>&1; then
		printf "linux-%s-$1\n" base binary modules
	else
		echo "linux-image-$1"
	fi
}

# later_image VERSION: unpacked next to the headers, not installed; prints the directory.
later_image() {
	local dir=$chroot/image-$1 packages deb
	if [ ! -e "$dir/.complete" ]; then
		rm -rf "$dir"
		mkdir -p "$dir"
		chmod 777 "$dir"
		packages=$(image_packages "$1")
		run_logged "later-image-$1" in_chroot sh -c \
			"cd /image-$1 && apt-get download ${packages//$'\n'/ }"
		for deb in "$dir"/*.deb; do
			dpkg-deb -x "$deb" "$dir"
			rm "$deb"
		done
		[ -e "$dir/lib" ] || ln -s usr/lib "$dir/lib"
		depmod -b "$dir" "$1"
		touch "$dir/.complete"
	fi
	echo "$dir"
}

# later_kernel VERSION: prints the path of the unpacked image.
later_kernel() {
	local file
	for file in "$chroot/image-$1"/{lib/modules/"$1"/vmlinuz,boot/vmlinuz-"$1"}; do
		[ ! -e "$file" ] || { echo "$file"; return; }
	done
	return 1
}

# later_apt SUITE COMMAND...: apt_update or apt-get with lists of its own, which hold SUITE
# alone.  The machine's own lists do not change, and root is not needed.  Lists of a mirror
# that lags are taken, too: a week is all that those of a suite in development are valid.
later_apt() {
	local dir=$CACHE/apt-$1
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	echo "deb $(mirror) $1 main" >"$dir/sources.list"
	"$2" -o "Dir::State::lists=$dir/lists" -o "Dir::Cache=$dir/cache" \
		-o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=- \
		-o Acquire::Check-Valid-Until=false -o APT::Sandbox::User=root "${@:3}"
}

# later_unpack SUITE SERIES: the stamp is written when all has succeeded.
later_unpack() {
	local pkg=linux-source-$2 debs dir
	debs=$(mktemp -d "$CACHE/debs.XXXXXX")
	dir=$debs/unpacked
	mkdir "$dir" &&
		later_apt "$1" apt_update &&
		(cd "$debs" && later_apt "$1" apt-get download "$pkg") &&
		dpkg-deb --fsys-tarfile "$debs/$pkg"_*.deb | tar -xO "./usr/src/$pkg.tar.xz" |
		tar -C "$dir" --strip-components=1 -xJ &&
		touch "$dir/.complete" &&
		rm -rf "$CACHE/src/later-$pkg-"* &&
		mv "$dir" "$CACHE/src/later-$pkg-$(dpkg-deb -f "$debs/$pkg"_*.deb Version)" &&
		rm -rf "$debs"
}

# later_found SERIES: prints the directory where the source lies, if it does.
later_found() {
	local dir
	for dir in "$CACHE/src/later-linux-source-$1-"*; do
		[ ! -e "$dir/.complete" ] || { echo "$dir"; return; }
	done
	return 1
}

# later_source SUITE SERIES: linux-source-SERIES, downloaded and unpacked once, where
# kernel.sh finds it, too; prints the directory.
later_source() {
	exec 7>"$CACHE/later-$2.lock"
	flock 7
	if ! later_found "$2" >/dev/null; then
		say "downloading linux-source-$2 of $1 (log: $LOGS/later-source.log)"
		run_logged later-source later_unpack "$1" "$2"
	fi
	exec 7>&-
	later_found "$2"
}
