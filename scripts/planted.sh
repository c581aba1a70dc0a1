#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# planted.sh: plant bugs (BUSTED=n) one by one; the suite named must catch each,
# and must pass without it.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# number|suite that must fail|what is wrong
bugs='
1|padata_order|the baton is passed on before the hand-over
2|padata_context|softirqs are left on in callbacks
3|padata_cbcpu|callbacks go to the next CPU
5|padata_order|every 64th callback is called twice
6|padata_order|fences are ignored
7|padata_lifetime|a job lets go of its shell before its callback
9|padata_watch|a stretch with softirqs off does not end
'

# caught SUITE NAME: the suite ran, and a test of it failed.  A guest that was
# lost, or a suite that did not run, has caught nothing.
caught() {
	awk -v suite="$1" '$1 == suite && $3 > 0 { found = 1 } END { exit !found }' \
		"$LOGS/$2.suites"
}

suites=$(grep '|' <<<"$bugs" | cut -d'|' -f2 | sort -u | tr '\n' ' ')
status=0
SUITE=$suites "$TOP/scripts/kunit.sh" kunit 4 >"$LOGS/planted-none.log" || status=1
count $status "nothing planted: $suites pass"
while IFS='|' read -r number suite what; do
	[ -n "$number" ] || continue
	SUITE=$suite ALLOW=. "$TOP/scripts/kunit.sh" kunit 4 "BUSTED=$number" \
		>"$LOGS/planted-$number.log" || true
	status=0
	caught "$suite" "kunit-kunit-BUSTED$number-4" || status=1
	count $status "planted $number, $what: to be caught by $suite"
done <<<"$bugs"
total
