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

# unpack DIR PACKAGE...: packages that were unpacked before stay as they are.
unpack() {
	local dir=$1 debs pkg
	shift
	debs=$(mktemp -d "$CACHE/debs.XXXXXX")
	# shellcheck disable=SC2064 # the directory's name now, not at exit
	trap "rm -rf '$debs'" EXIT
	chmod 755 "$debs"
	say "downloading $*"
	(cd "$debs" && run_logged "stock-$series" any_apt apt-get download "$@")
	for pkg in "$debs"/*.deb; do
		dpkg-deb -x "$pkg" "$dir"
	done
	rm -rf "$debs"
}

# get PART COMMAND...: once; the stamp is written when COMMAND has succeeded.
# (No && or ||: in such a list the shell would overlook errors of COMMAND.)
get() {
	local stamp=$root/.$1
	shift
	if [ -e "$stamp" ]; then
		return
	fi
	"$@"
	touch "$stamp"
}

# The Makefile of the headers names the directory in which Debian installs them.
get_headers() {
	local packages
	mapfile -t packages < <(headers_of "$version")
	unpack "$root" "${packages[@]}"
	sed -i "s,^include /usr/src/,include $root/usr/src/," "$headers/Makefile"
}

get_image() {
	unpack "$root" "linux-image-$version"
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
root=$CACHE/debian-$version
headers=$root/usr/src/linux-headers-$version
mkdir -p "$root"
remove_older "$CACHE/debian-" "$version"
get headers get_headers
printf '%s\n' "VERSION=$version" "ROOT=$root" "HEADERS=$headers"
[ "$what" = all ] || exit 0
get image get_image
echo "KERNEL=$root/boot/vmlinuz-$version"
