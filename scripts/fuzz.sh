#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fuzz.sh [SECONDS [KERNEL...]]: names and requests by a grammar, as an unprivileged
# user, while root promotes, demotes, deletes and exchanges the module.
#
# The fuzzer runs for SECONDS (50); KERNEL is as for pcrypt.sh (default: debug).
# $SEED repeats the choices of a run, but not their timing.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/driver.sh"
# shellcheck source=scripts/pcrypt-lib.sh
. "$TOP/scripts/pcrypt-lib.sh"

# shellcheck disable=SC2154 # for_kernels sets kernel
fuzz() {
	say "fuzzing for $seconds s on $kernel, seed $seed"
	run_user_guest "fuzz-$kernel" $((seconds * 2 + 600)) fuzz \
		-e "SECONDS_TO_RUN=$seconds" -e "SEED=$seed"
	reported fuzz
	grep -E '^(failed|before|after): ' "$LOGS/$name.verdict" || true
	count "$ended" "fuzz $kernel, seed $seed: no report, no leak, the same preferred (exit status $ended)"
}

seconds=${1:-50}
seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
shift $(($# < 1 ? $# : 1))
[ $# -gt 0 ] || set -- debug
begin fuzz
build_user
for_kernels fuzz "$@"
total
