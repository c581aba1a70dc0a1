#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# modprobe.sh [SERIES...]: that ours and not the kernel's own pcrypt is loaded on
# demand, in Debian's own kernels (default: 6.12 6.1), which have one.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/pcrypt-lib.sh
. "$TOP/scripts/pcrypt-lib.sh"

"$TOP/scripts/setup.sh"
[ $# -gt 0 ] || set -- 6.12 6.1
alone modprobe
build_user
wanted+=" pcrypt"
for series; do
	has_kernel "$series" || continue
	prepare "$series"
	say "loading pcrypt on $series"
	ended=0
	run_guest "modprobe-$series" 300 modprobe -e CONF=yes || ended=$?
	judge "$series" "modprobe-$series" $ended
	ended=0
	run_guest "modprobe-none-$series" 300 modprobe -e CONF=no -w . || ended=$?
	judge "$series" "modprobe-none-$series" $ended
done
total
