#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# cycles.sh [FLAVOUR [CPUS]]: load and unload both modules many times while
# padata_load is busy on padata_mod.  padata_free() has to log its wait for jobs, and,
# in a guest of its own, to warn when a callback calls it.
#
# One check per kind of cycle, then the kernel's log.  $CYCLES is how many (300).

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/driver.sh"

flavour=${1:-kunit}
cpus=${2:-4}
logs=cycles-$flavour-$cpus
begin "$logs"
use_kernel "$flavour"
say "cycles: ${CYCLES:-300} on $title, $cpus CPUs"
# padata_free() and padata_free_shell() have to warn here, once each.
run_guest "$logs-inside" inside -t 300 -c "$cpus" -f "$dir/kunit/load/padata_load.ko" \
	-w 'WARNING: .* padata_mod_free(_shell)?(\.cold)?\+|Tainted: '
judge_guest "freed in a callback: "
run_guest "$logs" cycles -t 600 -c "$cpus" -a "cryptomgr.notests=1" -w "${ALLOW-}" \
	-e "CYCLES=${CYCLES:-300}" -f "$dir/kunit/load/padata_load.ko" -f "$dir/kunit/load/pcrypt_load.ko"
judge_plan "cycles: "
judge_end "cycles: "
total
