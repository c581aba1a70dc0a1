#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# stock.sh [--headers|--has] SERIES [rt|cloud]: Debian's own, unmodified kernel of a
# series (6.12, 6.1), or that flavour of it, unpacked in the cache and never installed:
# installing it would change what this machine boots.  `debian` is the first series of
# $arch_series that apt has.
#
# Prints VERSION=, ROOT=, HEADERS= (a KDIR) and, without --headers, KERNEL=
# (an image; its modules are in ROOT/lib/modules/VERSION).  With --has it only
# asks apt, and ends with 3 where apt knows kernels but none of this series.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/foreign-lib.sh
. "$TOP/scripts/foreign-lib.sh"

# newest SERIES: the version that the metapackages point to, 6.12.x+deb12-amd64; empty
# where apt knows none.
newest() {
	{ any_apt apt-cache show "linux-image-$1-$kernel" "linux-image-$kernel" 2>/dev/null || :; } |
		sed -n "s/^Depends:.*\\blinux-image-\\(${1/./\\.}\\.[0-9][^ ]*-$kernel\\) .*/\\1/p" |
		sort -Vu | tail -n 1
}

# newest_of SERIES: sets version, and series where that is `debian`.
newest_of() {
	local candidate
	version=''
	case $1 in
	debian)	for candidate in $arch_series; do
			[ -n "$version" ] || newest_of "$candidate"
		done ;;
	*)	series=$1
		version=$(newest "$1") ;;
	esac
}

# knows_kernels: return true if apt has the lists of Debian's packages at all.
knows_kernels() {
	any_apt apt-cache show "linux-image-$arch_kernel" >/dev/null 2>&1
}

# headers_of VERSION: the headers package and the packages that it needs.  The programs
# of linux-kbuild run on this machine.
headers_of() {
	any_apt apt-cache show --no-all-versions "linux-headers-$1" |
		sed -n 's/^Depends: //p' | tr ',' '\n' |
		grep -oE 'linux-(headers|kbuild)-[^ ]+' |
		sed "/^linux-kbuild/s/$/:$(dpkg --print-architecture)/"
	echo "linux-headers-$1"
}

# older VERSION: the next older one of its series and flavour; empty where apt knows none.
older() {
	local name last=''
	while read -r name; do
		[ "$name" != "$1" ] || break
		last=$name
	done < <(any_apt apt-cache pkgnames "linux-image-$series." | sed 's/^linux-image-//' |
		while read -r name; do
			[ "$(kind_of "$name")" != "$(kind_of "$1")" ] || echo "$name"
		done | sort -V)
	echo "$last"
}

# wanted: the packages of $version that were not unpacked before.
wanted() {
	[ -e "$root/.headers" ] || headers_of "$version"
	[ "$what" != all ] || [ -e "$root/.image" ] || echo "linux-image-$version"
}

# fetch: the wanted packages, to $debs.  A mirror that is being updated lists a kernel that
# it does not have, for hours or for days; then the next older one is taken.
fetch() {
	local log=$LOGS/stock-$series.log packages next
	while :; do
		root=$CACHE/debian-$version
		packages=$(wanted)
		[ -n "$packages" ] || return 0
		mapfile -t packages <<<"$packages"
		say "downloading ${packages[*]}"
		rm -f "$debs"/*
		! (cd "$debs" && any_apt apt-get download "${packages[@]}") >"$log" 2>&1 || return 0
		next=''
		! grep -q ' 404 ' "$log" || next=$(older "$version")
		if [ -z "$next" ]; then
			tail -n 30 "$log" >&2
			die "failed: apt-get download ${packages[*]} (log: $log)"
		fi
		say "the mirror does not have all of $version, which it lists: taking $next"
		version=$next
	done
}

# unpack PART PACKAGE: once, and then what PART needs; the stamp is written at the end.
# (No && or ||: in such a list the shell would overlook errors.)
unpack() {
	local stamp=$root/.$1 deb
	if [ -e "$stamp" ]; then
		return
	fi
	for deb in "$debs"/$2.deb; do
		dpkg-deb -x "$deb" "$root"
	done
	"finish_$1"
	touch "$stamp"
}

# The Makefile of the headers names the directory in which Debian installs them.
finish_headers() {
	sed -i "s,^include /usr/src/,include $root/usr/src/," "$headers/Makefile"
}

finish_image() {
	# From Debian 13 on the package has /usr/lib alone.
	[ -e "$root/lib" ] || ln -s usr/lib "$root/lib"
	depmod -b "$root" "$version"
}

what=all
case ${1-} in
--*)	what=${1#--}
	shift ;;
esac
asked=${1:?usage: stock.sh [--headers|--has] debian|6.12|6.1 [rt|cloud]}
kernel=${2:+$2-}$arch_kernel
newest_of "$asked"
if [ -z "$version" ] && [ -z "$arch_foreign" ] && [ "$(id -u)" = 0 ]; then
	run_logged setup-update apt_update
	newest_of "$asked"
fi
if [ "$what" = has ] && [ -z "$version" ] && knows_kernels; then
	exit 3
fi
[ -n "$version" ] || [ -z "$arch_foreign" ] ||
	die "apt knows no kernel $series for $kernel; see $LOGS/foreign-update.log, or rm $CACHE/apt-$arch_debian/updated"
[ -n "$version" ] || die "apt knows no kernel $series for $kernel; try apt-get update"
[ "$what" != has ] || exit 0
exec 9>"$CACHE/stock-$series.lock"
flock 9
debs=$(mktemp -d "$CACHE/debs.XXXXXX")
trap 'rm -rf "$debs"' EXIT
chmod 755 "$debs"
fetch
headers=$root/usr/src/linux-headers-$version
mkdir -p "$root"
remove_older "$CACHE/debian-" "$version"
unpack headers 'linux-[hk]*'
printf '%s\n' "VERSION=$version" "ROOT=$root" "HEADERS=$headers"
[ "$what" = all ] || exit 0
unpack image 'linux-image-*'
echo "KERNEL=$root/boot/vmlinuz-$version"
