#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# torture.sh [FLAVOUR [MINUTES [CPUS [MAKE VARIABLES...]]]]: run padata_torture
# in a guest.  FLAVOUR is one of kernel.sh's, or 6.12, 6.1 or debian for Debian's own.
#
# Six checks: the last line of the module says SUCCESS, results were delivered in
# order, the guest had the CPUs and nodes that were asked for, the kernel's log has no
# warning, no memory leaked, and the modules could be unloaded.  Environment:
#   KARGS    more kernel arguments, as in KARGS="preempt=none"
#   TORTURE  more module parameters, as in TORTURE="seed=1 stutter=0"
#   PARAMETERS  those of padata_mod, as in PARAMETERS="pod_cpus=1"
#   ALLOW    guest.sh's -w
#   ISOLATE  1: a cpuset becomes an isolated partition and ordinary again, meanwhile

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/driver.sh"

# says TEXT: in the last line of the module.
says() {
	[[ $line = *"$1"* ]]
}

# as_asked: the guest's CPUs and nodes.
as_asked() {
	says " cpus=$cpus " && [ "$(reported nodes)" = "$nodes" ]
}

# unloaded: what else fails in the guest has a check of its own.
unloaded() {
	[ "$ended" != 1 ] || ! says SUCCESS
}

flavour=${1:-kunit}
minutes=${2:-2}
cpus=${3:-4}
shift $(($# < 3 ? $# : 3))
limit=$((60 * minutes * 2 + 400))
more=${KARGS:+, $KARGS}${PARAMETERS:+, $PARAMETERS}
nodes=$((cpus < 16 ? 1 : 4))
# No suite is called none: KUnit is not needed here.
use_kernel "$flavour" SUITE=none "$@"
say "torture: $minutes minutes on the $flavour kernel, $cpus CPUs${*:+, $*}$more"
padata_guest "$(name_of "torture-$flavour" "$@" "$cpus" ${more:+"$more"})" torture \
	-r 2G -c "$cpus" -t $((limit + 300)) -a "$(flavour_args "$flavour") ${KARGS-}" \
	-w "$(allowed "$cpus")" -e "PARAMS=minutes=$minutes ${TORTURE-}" -e "LIMIT=$limit" \
	-e "ISOLATE=${ISOLATE-}" -e "PARAMETERS=${PARAMETERS-}" -f "$dir/kunit/load/padata_torture.ko" \
	-f "$dir/kunit/load/padata_mt_bench.ko"
line=$(reported torture)
echo "${line:-no line from the guest}"
check "torture: what padata promises" says SUCCESS
check "torture: the order of delivery" says " delivered_reorders=0 undelivered=0 "
check "torture: the guest has the $cpus CPUs and $nodes nodes asked for" as_asked
check "torture: the kernel's log" log_is_clean
check "torture: memory" nothing_leaked
check "torture: both modules were unloaded" unloaded
[ -z "${ISOLATE-}" ] ||
	check "torture: the partition was isolated" [ "$(reported isolated)" -gt 0 ]
[ $ended = 0 ] || echo "guest: exit status $ended; see $LOGS/$name.console"
total
