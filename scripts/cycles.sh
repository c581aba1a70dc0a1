#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# cycles.sh [FLAVOUR [CPUS]]: load and unload both modules many times, beside a
# busy user of padata_mod; what padata_free() says when it has to wait, and, in a
# guest of its own, when it can't.
#
# One check per kind of cycle, then the kernel's log.  $CYCLES is how many (300).

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

flavour=${1:-kunit}
cpus=${2:-4}
"$TOP/scripts/setup.sh"
tree=$("$TOP/scripts/kernel.sh" "$flavour")
dir=$("$TOP/scripts/build.sh" "$tree" "$flavour" TESTS=1)
name=cycles-$flavour-$cpus
say "cycles: ${CYCLES:-300} on the $flavour kernel, $cpus CPUs"
alone "$name"

# The warnings of padata_free() and padata_free_shell() are wanted here, once each.
ended=0
"$TOP/scripts/guest.sh" -r 2G -t 300 -c "$cpus" -k "$tree/arch/x86/boot/bzImage" \
	-m "$tree/root" -n "$name-inside" -w 'WARNING: .* padata_mod_free(_shell)?\+|Tainted: ' \
	-f "$dir/padata_mod.ko" -f "$dir/kunit/load/padata_load.ko" \
	-- "$TOP/scripts/guest/inside" || ended=$?
count_reported "$name-inside"
count "$([ $passed = 6 ] && echo $ended || echo 1)" "freed in a callback: the guest's log and memory (exit status $ended)"
ended=0
"$TOP/scripts/guest.sh" -r 2G -t 600 -c "$cpus" -k "$tree/arch/x86/boot/bzImage" \
	-m "$tree/root" -n "$name" -a "cryptomgr.notests=1" -w "${ALLOW-}" \
	-e "CYCLES=${CYCLES:-300}" -f "$dir/padata_mod.ko" -f "$dir/pcrypt_mod.ko" \
	-f "$dir/kunit/load/padata_load.ko" -f "$dir/kunit/load/pcrypt_load.ko" \
	-- "$TOP/scripts/guest/cycles" || ended=$?
count_reported "$name"
count "$([ $passed = 14 ] && echo 0 || echo 1)" "cycles: $passed of 14 checks made and passed"
count "$([ $ended != 1 ] && echo $ended || echo 0)" "cycles: the guest's log and memory (exit status $ended)"
total
