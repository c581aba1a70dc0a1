#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# torture.sh [FLAVOUR [MINUTES [CPUS [MAKE VARIABLES...]]]]: run padata_torture
# in a guest.  FLAVOUR is one of kernel.sh's, or 6.12 or 6.1 for Debian's own.
#
# Five checks: the last line of the module says SUCCESS, results were delivered in
# order, the guest had the CPUs and nodes that were asked for, the kernel's log has no
# warning, and no memory leaked.  Environment:
#   KARGS    more kernel arguments, as in KARGS="preempt=none"
#   TORTURE  more module parameters, as in TORTURE="seed=1 stutter=0"
#   ALLOW    guest.sh's -w

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# find_kernel: the image and what modules are built with.
find_kernel() {
	case $flavour in
	6.*)	use_stock "$flavour"
		image=$KERNEL kdir=$HEADERS ;;
	*)	kdir=$("$TOP/scripts/kernel.sh" "$flavour")
		image=$kdir/arch/x86/boot/bzImage ;;
	esac
}

run_guest() {
	local limit=$((60 * minutes * 2 + 400))
	"$TOP/scripts/guest.sh" -r 2G -c "$cpus" -t $((limit + 300)) -k "$image" \
		-a "$(flavour_args "$flavour") ${KARGS-}" -n "$name" -w "$(allowed "$cpus")" \
		-e "PARAMS=minutes=$minutes ${TORTURE-}" -e "LIMIT=$limit" \
		-f "$dir/padata_mod.ko" -f "$dir/kunit/load/padata_torture.ko" \
		-- "$TOP/scripts/guest/torture"
}

flavour=${1:-kunit}
minutes=${2:-2}
cpus=${3:-4}
shift $(($# < 3 ? $# : 3))
build_name=$(name_of "torture-$flavour" "$@")
name=$(name_of "$build_name" "$cpus" ${KARGS:+"$KARGS"})
find_kernel
# No suite is called none: KUnit is not needed here.
dir=$("$TOP/scripts/build.sh" "$kdir" "$build_name" TESTS=1 SUITE=none "$@")
say "torture: $minutes minutes on the $flavour kernel, $cpus CPUs${*:+, $*}${KARGS:+, $KARGS}"
ended=0
run_guest || ended=$?
line=$(sed -n 's/^torture: //p' "$LOGS/$name.verdict")
found_nodes=$(sed -n 's/^nodes: //p' "$LOGS/$name.verdict")
echo "${line:-no line from the guest}"
nodes=$((cpus < 16 ? 1 : 4))
count "$([[ $line = *SUCCESS* ]] && echo 0 || echo 1)" "torture: what padata promises"
count "$([[ $line = *" delivered_reorders=0 undelivered=0 "* ]] && echo 0 || echo 1)" \
	"torture: the order of delivery"
count "$([[ $line = *" cpus=$cpus "* ]] && [ "$found_nodes" = $nodes ] && echo 0 || echo 1)" \
	"torture: the guest has the $cpus CPUs and $nodes nodes asked for"
count "$([ $ended != 3 ] && [ $ended != 2 ] && echo 0 || echo 1)" "torture: the kernel's log"
count "$([ $ended != 4 ] && [ $ended != 2 ] && echo 0 || echo 1)" "torture: memory"
[ $ended = 0 ] || echo "guest: exit status $ended; see $LOGS/$name.console"
total
