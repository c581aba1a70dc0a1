#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# faults.sh [CPUS]: fault injection on the debug kernel: each allocation of both
# modules fails once.
#
# One check per call: it is refused or succeeds all the same, and what was refused
# has left nothing.  Then the kernel's log, which KASAN, lockdep and DEBUG_OBJECTS
# write to, and kmemleak.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

cpus=${1:-2}
"$TOP/scripts/setup.sh"
tree=$("$TOP/scripts/kernel.sh" debug)
dir=$("$TOP/scripts/build.sh" "$tree" debug TESTS=1)
name=faults-$cpus
say "faults: both modules, debug kernel, $cpus CPUs"
alone "$name"
ended=0
"$TOP/scripts/guest.sh" -r 2G -t 900 -c "$cpus" -k "$tree/arch/x86/boot/bzImage" \
	-m "$tree/root" -n "$name" -a "cryptomgr.notests=1" -w "${ALLOW-}" \
	-f "$dir/padata_mod.ko" -f "$dir/pcrypt_mod.ko" -f "$dir/kunit/load/padata_faults.ko" \
	-- "$TOP/scripts/guest/faults" || ended=$?
count_reported "$name"
count "$([ $passed = 23 ] && echo 0 || echo 1)" "faults: $passed of 23 calls made and passed"
count "$([ $ended != 3 ] && [ $ended != 2 ] && echo 0 || echo 1)" "faults: the kernel's log"
count "$([ $ended != 4 ] && [ $ended != 2 ] && echo 0 || echo 1)" "faults: memory"
[ $ended = 0 ] || echo "guest: exit status $ended; see $LOGS/$name.console"
total
