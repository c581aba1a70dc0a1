#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# newcomer.sh: the first commands on a machine that lacks something: programs, a
# /dev/kvm that works, a kernel series.  Each has to work, or to name in its first
# line the missing thing and leave everything as it was.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/later-lib.sh
. "$TOP/scripts/later-lib.sh"

# try TEXT COMMAND...: its output is in $tmp/output.
try() {
	local text=$1 status=0
	shift
	"$@" >"$tmp/output" 2>&1 || status=1
	count $status "$text"
	[ $status = 0 ] || tail -n 20 "$tmp/output" | sed 's/^/  /'
}

# without PROGRAM COMMAND...: where PATH has all programs but this one.
without() {
	local hidden=$1 dir=$tmp/without-$1 path f
	shift
	if [ ! -e "$dir" ]; then
		mkdir "$dir"
		for path in ${PATH//:/ }; do
			for f in "$path"/*; do
				[ ! -x "$f" ] || ln -s "$f" "$dir/" 2>/dev/null || true
			done
		done
		rm -f "$dir/$hidden"
	fi
	PATH=$dir "$@"
}

# half_done: a build, say, which must not count as complete.
half_done() {
	# shellcheck disable=SC2016 # of that shell
	! PADATA_LOGS=$tmp bash -c '. "$0/scripts/lib.sh"
		half() { false; touch "$LOGS/complete"; }
		run_logged half half' "$TOP" && [ ! -e "$tmp/complete" ]
}

# fails_with TEXT COMMAND...: it fails, and its first line of errors has TEXT.
fails_with() {
	local text=$1
	shift
	! "$@" >"$tmp/out" 2>"$tmp/err" || { echo "it succeeded"; return 1; }
	cat "$tmp/err"
	grep -m1 -v '^make' "$tmp/err" | grep -qE -e "$text"
}

# The user's `make` needs a compiler, make and the kernel's headers alone.
make_without_perl() {
	PERL5OPT=-MNo::Perl::Here make -C "$tmp/tree" KDIR="$HEADERS"
}

make_leaves_home_alone() {
	mkdir -p "$tmp/home"
	env -u PADATA_CACHE -u PADATA_LOGS -u PADATA_BUILDS -u XDG_CACHE_HOME \
		HOME="$tmp/home" make -C "$tmp/tree" KDIR="$HEADERS" &&
		[ -z "$(ls -A "$tmp/home")" ]
}

# built_in: headers of a kernel that has its own pcrypt built in.
built_in() {
	mkdir -p "$tmp/built-in"
	sed 's/^CONFIG_CRYPTO_PCRYPT=m$/CONFIG_CRYPTO_PCRYPT=y/' "$HEADERS/.config" \
		>"$tmp/built-in/.config"
	fails_with "CONFIG_CRYPTO_PCRYPT=y" scripts/check-config.sh "$tmp/built-in"
}

# machine NAME COMMAND...: where uname says so.
machine() {
	local dir=$tmp/machine-$1
	mkdir -p "$dir"
	printf '#!/bin/sh\necho %s\n' "$1" >"$dir/uname"
	chmod 755 "$dir/uname"
	shift
	PATH=$dir:$PATH "$@"
}

# other_machine: the headers of each architecture are named, on it and for it.
other_machine() {
	fails_with "install linux-headers-arm64 " machine aarch64 make -C "$tmp/tree" KDIR= &&
		fails_with "install linux-headers-s390x " make -C "$tmp/tree" KDIR= ARCH=s390
}

dkms_install() {
	mkdir -p "$tmp/dkms" "$tmp/src"
	env MODULES_DIR="$tmp/modules" SOURCE_DIR="$tmp/src" DKMS_TREE="$tmp/dkms" \
		mok_signing_key="$tmp/mok.key" mok_certificate="$tmp/mok.pub" make -C "$tmp/tree" DESTDIR="$tmp/dest" dkms-install
}

# dkms_lacks PROGRAM: the script names it, and has installed no file.
dkms_lacks() {
	rm -rf "$tmp/dest" "$tmp/src" "$tmp/dkms"
	fails_with "apt-get install.* $1" without "$1" dkms_install || return
	leaves_nothing
}

leaves_nothing() {
	local left
	left=$(find "$tmp/dest" "$tmp/src" "$tmp/dkms" ! -type d 2>/dev/null)
	[ -z "$left" ] || { echo "left: $left"; return 1; }
}

# A kernel without headers, and one whose compiler fails.
# shellcheck disable=SC2153 # use_stock sets VERSION
dkms_lacks_headers() {
	rm -rf "$tmp/modules"
	mkdir -p "$tmp/modules/$VERSION"
	fails_with "headers" dkms_install && leaves_nothing
}

# excluded DIRECTORY: a kernel that is too old, and would break the build.
excluded() {
	mkdir -p "$1/5.10.0-0-other/build"
	echo "\$(error planted)" >"$1/5.10.0-0-other/build/Makefile"
	cp "$HEADERS/.config" "$1/5.10.0-0-other/build/"
}

dkms_has_excluded_kernel() {
	rm -rf "$tmp/modules"
	excluded "$tmp/modules"
	! dkms_install >"$tmp/out" 2>&1 || return
	cat "$tmp/out"
	grep -q '^dkms.sh: 5.10.0-0-other is passed over' "$tmp/out" &&
		! grep -q planted "$tmp/out" && leaves_nothing
}

dkms_build_fails() {
	rm -rf "$tmp/modules"
	mkdir -p "$tmp/modules/$VERSION"
	ln -s "$HEADERS" "$tmp/modules/$VERSION/build"
	sed -i '1i #error planted' "$tmp/tree/padata_mod.c"
	! dkms_install || return
	copy_tree "$tmp/tree"
	leaves_nothing
}

# An apt that has no list of any package.
make_apt() {
	mkdir -p "$tmp/apt"
	printf '#!/bin/sh\nexit 0\n' >"$tmp/apt/apt-get"
	printf '#!/bin/sh\nexit 100\n' >"$tmp/apt/apt-cache"
	chmod 755 "$tmp/apt"/*
}

# without_kernels SCRIPT...: the kernel is named, and no second error follows.
without_kernels() {
	local errors end
	! PATH=$tmp/apt:$PATH "$@" >"$tmp/out" 2>"$tmp/err" || return
	cat "$tmp/err"
	errors=$(grep -v '^\[' "$tmp/err")
	end=" for $arch_kernel; try apt-get update"
	[[ $errors =~ ^"error: apt knows no kernel "6\.1+2?"$end"$ ]]
}

# A mirror that lists two kernels, and does not have the newer one.  Where $tmp/refuses is, it
# does not give it for another reason, and where $tmp/alone is, it lists no other.
make_mirror() {
	local package name
	mkdir -p "$tmp/mirror" "$tmp/debs"
	for name in linux-headers-6.12.8+deb-{common,"$arch_kernel"} "linux-image-6.12.8+deb-$arch_kernel"; do
		package=$tmp/package-$name
		mkdir -p "$package"/{DEBIAN,"lib/modules/6.12.8+deb-$arch_kernel","usr/src/linux-headers-6.12.8+deb-$arch_kernel"}
		printf '%s\n' "Package: $name" Version:\ 1 "Architecture: $arch_debian" \
			'Maintainer: none' 'Description: none' >"$package/DEBIAN/control"
		touch "$package/usr/src/linux-headers-6.12.8+deb-$arch_kernel/Makefile"
		dpkg-deb -b "$package" "$tmp/debs/$name.deb"
	done
	cat >"$tmp/mirror/apt-cache" <<-SCRIPT
	#!/bin/sh
	case "\$*" in
	*linux-headers-6*)	echo "Depends: linux-headers-6.12.8+deb-common" ;;
	show*)	echo "Depends: linux-image-6.12.10+deb-$arch_kernel (= 1)" ;;
	pkgnames*)	[ -e "$tmp/alone" ] || printf "linux-image-6.12.%s\n" 9+deb-rt-$arch_kernel 10+deb-$arch_kernel \
			8+deb-$arch_kernel 9+deb-$arch_kernel-dbg ;;
	esac
	SCRIPT
	cat >"$tmp/mirror/apt-get" <<-SCRIPT
	#!/bin/sh
	shift
	for package; do
		case \$package in
		*-6.12.10*)	[ -e "$tmp/refuses" ] || echo "  404  Not Found"
				exit 100 ;;
		*)		cp "$tmp/debs/\$package.deb" . ;;
		esac
	done
	SCRIPT
	chmod 755 "$tmp/mirror"/*
}

# mirror_stock [OPTION]: with a cache of its own.
mirror_stock() {
	PATH=$tmp/mirror:$PATH PADATA_CACHE=$tmp/mirror-cache PADATA_LOGS=$tmp/logs \
		scripts/stock.sh "$@" 6.12 >"$tmp/out" 2>"$tmp/err"
}

# takes_older: the headers first and then the image, with one line for each; and the second
# time nothing is asked for.
takes_older() {
	local version=6.12.8+deb-$arch_kernel option
	mkdir -p "$tmp/mirror-cache" "$tmp/logs"
	for option in --headers ''; do
		mirror_stock $option || { cat "$tmp/err"; return 1; }
		cat "$tmp/out" "$tmp/err"
		grep -q "^VERSION=$version$" "$tmp/out" &&
			[ "$(grep -c "taking $version$" "$tmp/err")" = 1 ] || return
	done
	ls "$tmp/mirror-cache/debian-$version"/{.headers,.image} &&
		[ ! -e "$tmp/mirror-cache/debian-6.12.10+deb-$arch_kernel" ]
}

# takes_no_older: where the mirror does not say that it has no such file, or no older one
# has it.
takes_no_older() {
	rm -rf "$tmp/mirror-cache"/*
	touch "$tmp/refuses"
	! mirror_stock || return
	rm "$tmp/refuses"
	cat "$tmp/err"
	! grep taking "$tmp/err" && grep -q '^error: failed: apt-get download' "$tmp/err" || return
	touch "$tmp/alone"
	! mirror_stock || return
	cat "$tmp/err"
	grep -q '^error: failed: apt-get download' "$tmp/err"
}

# left_out: 6.99 gets its line, and series that apt has are not left out.
left_out() {
	has_kernel 6.99 >"$tmp/skip" && return 1
	cat "$tmp/skip"
	grep -q '^skip   .*6\.99' "$tmp/skip" && (SERIES=none; has_kernel 6.12) &&
		has_kernel debug
}

# An apt without lists is no reason to leave a kernel out.
not_left_out() {
	! (PATH=$tmp/apt:$PATH has_kernel 6.1) >"$tmp/skip" || return
	! grep skip "$tmp/skip"
}

# locked_apt COMMAND...: apt_update or apt-get with lists of its own, and no server.
locked_apt() {
	mkdir -p "$tmp/lists/partial" "$tmp/lists-cache/archives/partial"
	"$1" -o "Dir::State::lists=$tmp/lists" -o "Dir::Cache=$tmp/lists-cache" \
		-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=- \
		-o APT::Sandbox::User=root "${@:2}"
}

# update_waits: another one has the lists for a while.
update_waits() {
	local status=0
	mkdir -p "$tmp/lists"
	/usr/bin/python3 -c 'import fcntl, os, sys, time
with open(sys.argv[1], "w") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    open(sys.argv[1] + ".held", "w").close()
    for _ in range(600):
        if os.path.exists(sys.argv[1] + ".refused"):
            break
        time.sleep(0.1)
    time.sleep(1)' "$tmp/lists/lock" 8>&- &
	until [ -e "$tmp/lists/lock.held" ]; do
		kill -0 $! 2>/dev/null || return
		sleep 0.1
	done
	! locked_apt apt-get update || status=1
	touch "$tmp/lists/lock.refused"
	locked_apt apt_update || status=1
	wait $! || status=1
	return $status
}

# update_fails: for another reason, at once.
update_fails() {
	# shellcheck disable=SC2016 # of that shell
	! timeout 60 bash -c '. "$0/scripts/lib.sh"
		apt_update -o Dir::Etc::sourcelist=/nonexistent -o Dir::State::lists=/dev/null' "$TOP"
}

# add_headers STATUS VERSION...: to the packages of the chroot.
add_headers() {
	local package
	for package in "${@:2}"; do
		printf '%s\n' "Package: linux-headers-$package" "Status: $1" Version:\ 1 \
			"Architecture: $arch_debian" 'Maintainer: none' 'Description: none' ''
	done >>"$chroot/var/lib/dpkg/status"
}

# chroot_is_pruned: of a series and flavour the newest kernel is kept.  Of 7.2 the suite has
# none any more, and of what the chroot had of 7.2 before only a configuration file is left.
# shellcheck disable=SC2317 # later_prune calls in_chroot
chroot_is_pruned() (
	in_chroot() {
		case $1 in
		apt-cache)	printf "linux-headers-%s-$arch_kernel\n" 6.12.9 7.3.10 7.3.9 7.3.8-rt ;;
		*)		echo "$*" >>"$tmp/pruned" ;;
		esac
	}
	chroot=$tmp/later
	mkdir -p "$chroot"/{var/lib/dpkg,build} "$chroot"/image-{7.2.1,7.3.9,7.3.10}-"$arch_kernel" \
		"$chroot"/build-{7.3.9,7.3.8-rt}-"$arch_kernel"
	: >"$chroot/var/lib/dpkg/status"
	add_headers "install ok installed" {6.12.9,7.3.9,7.3.10,7.3.8-rt}-"$arch_kernel" 7.3.9-common
	add_headers "deinstall ok config-files" "7.2.1-$arch_kernel"
	later_prune || return
	cat "$tmp/pruned"
	ls -d "$chroot"/[bi]*
	[ "$(head -n 1 "$tmp/pruned")" = \
		"apt-get purge -y --autoremove linux-headers-7.3.9-$arch_kernel" ] || return
	diff <(cd "$chroot" && printf '%s\n' [bi]*) - <<-EOF
	build
	build-7.3.8-rt-$arch_kernel
	image-7.3.10-$arch_kernel
	EOF
)

# nothing_is_old: where apt has no lists.
# shellcheck disable=SC2317 # later_prune calls in_chroot
nothing_is_old() (
	in_chroot() { return 100; }
	chroot=$tmp/later
	later_prune && [ -d "$chroot/image-7.3.10-$arch_kernel" ]
)

# A QEMU that dies as it does where /dev/kvm can be opened and not be used.  Where $tmp/code
# is, its first guest comes up and dies of a breakpoint, the code around which that file has.
make_qemu() {
	mkdir -p "$tmp/bin"
	cat >"$tmp/bin/${arch_qemu%% *}" <<-SCRIPT
	#!/bin/sh
	case "\$*" in
	*"accel kvm"*)	touch "$tmp/probed"; kill -ABRT \$\$ ;;
	esac
	if [ -e "$tmp/code" ]; then
		{ echo "[ 36.6] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI"
		  sed 's/^/[ 36.7] Code: /' "$tmp/code"
		  echo "[ 36.8] Kernel panic - not syncing: Fatal exception"; } >"$tmp/logs/newcomer.console"
		echo "guest: up" >"$tmp/logs/newcomer.verdict"
		rm "$tmp/code"
		exit
	fi
	exec $(command -v "${arch_qemu%% *}") "\$@"
	SCRIPT
	chmod 755 "$tmp/bin/${arch_qemu%% *}"
}

# A program that ends a thread early: libc then loads a library by itself.
make_canceller() {
	cat >"$tmp/canceller.c" <<-'PROGRAM'
	#include <pthread.h>
	#include <unistd.h>

	static void *wait(void *arg)
	{
		pause();
		return arg;
	}

	int main(void)
	{
		pthread_t thread;

		return pthread_create(&thread, NULL, wait, NULL) ||
		       pthread_cancel(thread) || pthread_join(thread, NULL);
	}
	PROGRAM
	gcc -O2 -Wall -Werror -o "$tmp/canceller" "$tmp/canceller.c" -lpthread
}

# A cache of its own: the probe is made once.
guest() {
	mkdir -p "$tmp/cache" "$tmp/logs"
	printf 'exec canceller\n' >"$tmp/guest-canceller"
	PATH=$tmp/bin:$PATH PADATA_CACHE=$tmp/cache PADATA_LOGS=$tmp/logs PADATA_KVM=/dev/null \
		"$TOP/scripts/guest.sh" -k "$KERNEL" -c 1 -r 512M -n newcomer -t 120 \
		-b "$tmp/canceller" -- "$tmp/guest-canceller"
}

probe_is_silent() {
	local status=0
	guest >"$tmp/guest" 2>&1 || status=$?
	cat "$tmp/guest"
	[ -e "$tmp/probed" ] && ! grep -qE 'Aborted|qemu' "$tmp/guest" && return $status
}

# dies_of STATUS TIMES CODE: guest.sh exits so, and has started the guest again so often.
dies_of() {
	local status=0
	echo "$3" >"$tmp/code"
	guest >"$tmp/guest" 2>&1 || status=$?
	cat "$tmp/guest"
	[ $status = "$1" ] && [ "$(grep -c 'lost by its emulator' "$tmp/guest")" = "$2" ]
}

cd "$TOP"
"$TOP/scripts/setup.sh"
use_stock 6.12
alone newcomer
tmp=$(mktemp -d "$BUILDS/newcomer.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
copy_tree "$tmp/tree"
try "make: without perl" make_without_perl
try "make: writes nothing to the home directory" make_leaves_home_alone
try "make: a kernel with pcrypt built in is named" built_in
try "make: the headers of another architecture are named" other_machine
mkdir -p "$tmp/modules/$VERSION"
ln -s "$HEADERS" "$tmp/modules/$VERSION/build"
try "make dkms-install: without dkms" dkms_lacks dkms
try "make dkms-install: without openssl, which signs" dkms_lacks openssl
try "make dkms-install: without headers" dkms_lacks_headers
try "make dkms-install: an excluded kernel alone" dkms_has_excluded_kernel
try "make dkms-install: a build that fails leaves nothing" dkms_build_fails
try "a command that fails in the middle of a step ends it" half_done
make_apt
while read -r script arguments; do
	# shellcheck disable=SC2086 # words
	try "$script: apt has no kernel" without_kernels "scripts/$script" $arguments
done <<-EOF
	demo.sh
	bench.sh quick
	bench-mt.sh cost
	torture.sh 6.12
	pcrypt.sh 6.12
	fuzz.sh 1 6.12
	modprobe.sh 6.12
	e2e/tcrypt.sh 6.12
	e2e/afalg.sh 6.12
	e2e/dmcrypt.sh 6.12
	e2e/pcryptctl.sh 6.12
	e2e/install.sh
	e2e/howto.sh
	e2e/tcp.sh
EOF
make_mirror >"$tmp/mirror.log"
try "a mirror that lacks the newest kernel: the next older one is taken" takes_older
try "a mirror that fails otherwise: no older kernel is taken" takes_no_older
try "an apt without lists: no kernel is left out" not_left_out
try "a series that apt does not have is left out where others are there" left_out
try "apt-get update: waits while another one has the lists" update_waits
try "apt-get update: fails at once for other reasons" update_fails
try "a chroot of a later suite keeps the newest kernels alone" chroot_is_pruned
try "a chroot keeps all kernels where apt has no lists" nothing_is_old
make_qemu
make_canceller
try "guest: a /dev/kvm that does not work, and a thread that is cancelled" probe_is_silent
try "guest: one that died of a breakpoint that is gone is started again" \
	dies_of 0 1 "00 90 66 0f 1f 00 e8 <87> bf 23 12 41"
try "guest: one that died of a breakpoint in its code is not" \
	dies_of 2 0 "00 90 66 0f 1f 00 cc <87> bf 23 12 41"
total
