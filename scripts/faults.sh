#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# faults.sh [CPUS]: fault injection on the debug kernel: each allocation of both
# modules fails once.
#
# One check per call: it is refused or succeeds all the same, and what was refused
# has left nothing.  Then the kernel's log, which KASAN, lockdep and DEBUG_OBJECTS
# write to, and kmemleak.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/driver.sh"

cpus=${1:-2}
begin "faults-$cpus"
use_kernel debug
say "faults: both modules, debug kernel, $cpus CPUs"
run_guest "faults-$cpus" faults -t 900 -c "$cpus" -a "cryptomgr.notests=1" -w "${ALLOW-}" \
	-f "$dir/kunit/load/padata_faults.ko"
judge_plan "faults: "
check "faults: the kernel's log" log_is_clean
check "faults: memory" nothing_leaked
judge_end "faults: "
total
