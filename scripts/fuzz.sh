#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fuzz.sh [SECONDS [KERNEL...]]: names and requests by a grammar, as an unprivileged
# user, while root promotes, demotes, deletes and exchanges the module.
#
# SECONDS (50) are those of the fuzzer; KERNEL as for pcrypt.sh (default: debug).
# $SEED repeats the choices of a run, if not their timing.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/pcrypt-lib.sh
. "$TOP/scripts/pcrypt-lib.sh"

seconds=${1:-50}
seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
shift $(($# < 1 ? $# : 1))
[ $# -gt 0 ] || set -- debug
"$TOP/scripts/setup.sh"
alone fuzz
build_user
for kernel; do
	has_kernel "$kernel" || continue
	prepare "$kernel"
	say "fuzzing for $seconds s on $kernel, seed $seed"
	ended=0
	run_guest "fuzz-$kernel" $((seconds * 2 + 600)) fuzz -e "SECONDS_TO_RUN=$seconds" \
		-e "SEED=$seed" || ended=$?
	sed -n 's/^fuzz: //p' "$LOGS/fuzz-$kernel.verdict"
	grep -E '^(failed|before|after): ' "$LOGS/fuzz-$kernel.verdict" || true
	count "$ended" "fuzz $kernel, seed $seed: no report, no leak, the same preferred (exit status $ended)"
done
total
