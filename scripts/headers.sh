#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# headers.sh [--boot [SUITE]]: the modules build at W=1, without warnings, with the
# headers of the amd64 kernels of Debian 12, 13 and a later suite.
#
# Without options: the rt and cloud flavours of 6.1 and 6.12, as far as this machine's apt has
# them; static.sh has the others.  With --boot these and the normal ones, and those of
# SUITE (trixie-backports): Debian 13's 6.12, and each series from 7.0 on of which it has
# headers; the load is built, too, and each kernel boots and runs that of the demonstration.
#
# Those of SUITE are built in a chroot, see later-lib.sh; without root's rights they are
# left out with a line.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/driver.sh"
# shellcheck source=scripts/later-lib.sh
. "$TOP/scripts/later-lib.sh"

# boot VERSION: the demonstration's load, in $image of $modroot with the modules of $dir.
boot() {
	memory=1G
	run_guest "headers-$1" demo -M "$arch_aes gcm seqiv" -t 400 -e REQUESTS=2000 \
		-f "$dir/kunit/load/pcrypt_load.ko"
	check "$1: the demonstration's load: right, none lost, all in order" demo_in_order
	check "$1: masks as written, modules unloaded" [ -z "$(reported failed)" ]
	judge_end "$1: "
}

# stock SERIES [rt|cloud]
stock() {
	local options=() tests=() settings status=0
	[ $boot = yes ] && tests=(TESTS=1 SUITE=none) || options=(--headers)
	"$TOP/scripts/stock.sh" --has "$@" || status=$?
	case $status in
	0)	;;
	3)	echo "skip   Debian's $*: apt has no such kernel here"
		return ;;
	*)	exit $status ;;
	esac
	settings=$("$TOP/scripts/stock.sh" "${options[@]}" "$@") || exit
	eval "$settings"
	dir=$("$TOP/scripts/build.sh" "$HEADERS" "headers-$VERSION" "${tests[@]}") || status=1
	count $status "$VERSION: builds without warnings"
	[ $boot = yes ] && [ $status = 0 ] || return 0
	image=$KERNEL modroot=$ROOT
	boot "$VERSION"
}

# later VERSION
later() {
	local log=$LOGS/headers-$1.log status=0
	later_headers "linux-headers-$1"
	dir=$chroot/build-$1
	later_build "$1" "/build-$1" >"$log" 2>&1 || status=1
	no_warnings "$log" || status=1
	[ $status != 0 ] || note_run "$1" build
	count $status "$1: builds without warnings"
	[ $status = 0 ] || return 0
	modroot=$(later_image "$1")
	image=$(later_kernel "$1")
	boot "$1"
}

boot=no
if [ "${1-}" = --boot ]; then
	boot=yes
	shift
fi
use_suite "${1:-trixie-backports}"
begin headers
for series in 6.1 6.12; do
	has_kernel "$series" || continue
	[ $boot = no ] || stock "$series"
	stock "$series" rt
	stock "$series" cloud
done
if [ $boot = yes ] && [ "$(id -u)" = 0 ]; then
	make_chroot
	versions=$(later_newest | grep -E '^(6\.12|[7-9]\.[0-9]+)\.') || :
	check "$suite has kernels from 7.0 on" grep -q '^[7-9]' <<<"$versions"
	for version in $versions; do
		later "$version"
	done
elif [ $boot = yes ]; then
	echo "skip   $suite: only root can make a chroot"
fi
total
