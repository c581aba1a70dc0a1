#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# planted.sh: plant bugs (BUSTED=n) one by one; the suite named must catch each,
# and must pass without it.  $ROUNDS times (1).
#
# A bug is caught when a case of its suite fails, or when the kernel panics or
# warns while the suite runs, for what is planted may break more than order: after a
# case that failed another may lose a job, and wait for it without end.  A guest
# that hung before, or never came as far, has caught nothing.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# At a time: while one is built the other one's guest runs.
parallel=2

# number|suite that must fail, or torture|what is wrong
bugs='
1|padata_order|the baton is passed on before the hand-over
2|padata_context|softirqs are left on in callbacks
3|padata_cbcpu|callbacks go to the next CPU
4|torture|a pump does not look again before it sleeps
5|padata_order|every 64th callback is called twice
6|padata_order|fences are ignored
7|padata_lifetime|a job lets go of its shell before its callback
8|padata_context|a drain in a hard interrupt is not deferred
9|padata_watch|a stretch with softirqs off does not end
10|padata_pump|drains wait for all jobs that were pulled
11|padata_pump|a pump yields to a program again and again
12|padata_alone|a job is run alone beside callbacks
21|padata_multithread|a chunk is claimed in two steps
22|padata_multithread|failed chunks are undone, too
23|padata_multithread|helpers leave the affinity of the caller
24|pcrypt_share|the limit of requests in flight is ignored
25|pcrypt_share|all transforms have the same callback CPU
26|pcrypt_skcipher|the next IV is not what it should be
'

# The first report ends the guest: what comes after it is not needed.
export KARGS=panic_on_warn=1

# failed_in SUITE NAME: a case failed, or the kernel panicked, after the suite began.
failed_in() {
	awk -v begun="# Subtest: $1" 'index($0, begun) { on = 1 }
		on && /Kernel panic|\] +not ok [0-9]+ / { found = 1 }
		END { exit !found }' "$LOGS/$2.console"
}

# caught_by_suite SUITE NAME: one of its cases failed, or it was cut short.
caught_by_suite() {
	awk -v suite="$1" '$1 == suite && $3 > 0 { found = 1 } END { exit !found }' \
		"$LOGS/$2.suites" || failed_in "$1" "$2"
}

# run_suite SUITE NUMBER
run_suite() {
	# An earlier run's must not do where this one ends before it has a result.
	rm -f "$LOGS/kunit-kunit-BUSTED=$2-4-$KARGS."{suites,console}
	SUITE=$1 ALLOW=. LIMIT=180 "$TOP/scripts/kunit.sh" kunit 4 "BUSTED=$2" \
		>"$LOGS/planted-$2.log" || true
	caught_by_suite "$1" "kunit-kunit-BUSTED=$2-4-$KARGS"
}

# run_torture NUMBER: one of its checks, and not a rate that it did not reach.
run_torture() {
	ALLOW=. TORTURE="seconds=20 stutter=1 patience=5" "$TOP/scripts/torture.sh" \
		kunit 1 4 "BUSTED=$1" >"$LOGS/planted-$1.log" || true
	grep -qE 'FAILURE .*(reorders|doubles|losses|overlaps|wrong_[a-z]*|strays)=[1-9]' \
		"$LOGS/planted-$1.log"
}

run_bug() {
	case $2 in
	torture)	run_torture "$1" ;;
	*)		run_suite "$2" "$1" ;;
	esac
}

run_clean() {
	SUITE=$suites "$TOP/scripts/kunit.sh" kunit 4 >"$LOGS/planted-none.log"
}

# run_round: each bug's exit status goes to a file of its number.
run_round() {
	local number by status
	while IFS='|' read -r number by _; do
		[ -n "$number" ] || continue
		while [ "$(jobs -pr | wc -l)" -ge $parallel ]; do
			wait -n || true
		done
		{
			status=0
			run_bug "$number" "$by" || status=1
			echo $status >"$results/$number"
		} &
	done <<<"$bugs"
	wait
}

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
suites=$(cut -d'|' -f2 <<<"$bugs" | grep -vx torture | sort -u | xargs)
for ((round = 1; round <= ${ROUNDS:-1}; round++)); do
	status=0
	run_clean || status=1
	count $status "nothing planted: $suites pass"
	run_round
	while IFS='|' read -r number by what; do
		[ -n "$number" ] || continue
		count "$(cat "$results/$number")" \
			"planted $number, $what: to be caught by $by"
	done <<<"$bugs"
	rm -f "$results"/*
done
total
