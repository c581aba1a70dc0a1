#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kunit.sh [FLAVOUR [CPUS [MAKE VARIABLES...]]]: run the KUnit suites in a guest.
#
# One boot for all suites, or for those named in $SUITE; with GUESTS=n they are
# shared out to so many guests, which takes less time.  A suite that did not
# run, or has no test, or skipped one, has failed.  Prints one line per suite
# and `N passed, N failed` of test cases; $LOGS/NAME.suites has for each suite
# how many passed, and how many ran and failed.  $ALLOW is guest.sh's -w, $KARGS
# are more kernel arguments; with $ICOUNT the guest's clock counts instructions.
# A guest is stopped after $LIMIT seconds (600; 1800 where kernels or CPUs are slow).  $PATCH is
# build.sh's.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# expected: the suites that must run.
expected() {
	local f
	if [ -n "${SUITE-}" ]; then
		# shellcheck disable=SC2086 # a list of words
		printf '%s\n' $SUITE
		return
	fi
	for f in "$TOP"/kunit/*_kunit.c; do
		basename "$f" _kunit.c
	done
}

# seen_or_expected: no result is overlooked, whatever its suite is called.
seen_or_expected() {
	printf '%s\n' "${suites[@]}"
	sed -n 's/^ktap: \([^|]*\)|.*/\1/p' "$LOGS/$name.verdict" |
		grep -vxF "$(printf '%s\n' "${suites[@]}")" | sort -u
}

# guest_options: of guest.sh, for a guest of this flavour.
guest_options() {
	case $flavour-$arch_foreign in
	debug-* | kcsan-* | rt-*)	echo "-r 2G -t 1800" ;;
	*-yes)				echo "-r 1G -t 1800" ;;
	*)				echo "-r 1G -t 600" ;;
	esac
}

# An emulated CPU may stop for longer than a work item may run, 10 ms, before it counts
# as CPU-intensive and others no longer wait for it, which the suites go by.
slow_cpus=workqueue.cpu_intensive_thresh_us=1000000

# Such an emulated CPU has 500 jobs look long.
[ "$arch_threads" != single ] || slow_cpus+=" padata_pod_kunit.at_once=5"

# run_guest NAME SUITE...
run_guest() {
	local options suite guest=$1 files=("$dir/padata_mod.ko" "$dir/pcrypt_mod.ko")
	shift
	for suite; do
		[ ! -e "$dir/kunit/${suite}_kunit.ko" ] || files+=("$dir/kunit/${suite}_kunit.ko")
	done
	read -ra options < <(guest_options)
	[ -z "${ICOUNT-}" ] || options+=(-A "$icount")
	[ -z "${LIMIT-}" ] || options+=(-t "$LIMIT")
	"$TOP/scripts/guest.sh" "${options[@]}" -k "$tree/$arch_image" \
		-m "$tree/root" -c "$cpus" -n "$guest" -w "$(allowed "$cpus")" \
		-a "cryptomgr.notests=1 $slow_cpus $(flavour_args "$flavour") ${KARGS-}" \
		"${files[@]/#/-f}" -- "$TOP/scripts/guest/kunit"
}

# share I: each n-th suite, from the I-th.
share() {
	local i
	for ((i = $1; i < ${#suites[@]}; i += guests)); do
		echo "${suites[i]}"
	done
}

# run_guests: all at a time; $name.verdict has the reports of all.  The gravest exit status
# but one, which is that a case failed, is the lowest.
run_guests() {
	local i pid status worst=0 pids=()
	if [ "$guests" = 1 ]; then
		run_guest "$name" "${suites[@]}"
		return
	fi
	for ((i = 0; i < guests; i++)); do
		# shellcheck disable=SC2046 # words
		in_background run_guest "$name-$i" $(share "$i")
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		status=0
		wait "$pid" || status=$?
		[ "$worst" -gt 1 ] || [ "$status" = 0 ] || worst=$status
	done
	# Not by a pattern: an earlier run may have had more guests.
	for ((i = 0; i < guests; i++)); do
		cat "$LOGS/$name-$i.verdict"
	done >"$LOGS/$name.verdict"
	return "$worst"
}

# parse SUITE: kunit.py's view; it changes its directory, so it reads its input.
parse() {
	sed -n "s/^ktap: $1|//p" "$LOGS/$name.verdict" |
		PYTHONDONTWRITEBYTECODE=1 python3 "$tree/source/tools/testing/kunit/kunit.py" \
			parse >"$LOGS/$name.$1.txt" 2>&1 || true
}

# parse_all SUITE...: at the same time, since kunit.py is slow to start.
parse_all() {
	local suite
	for suite; do
		parse "$suite" &
	done
	wait
}

# figure WORD: its number in "passed: 7, failed: 1, skipped: 4", or 0.
figure() {
	local n
	n=$(sed -n "s/.*$1: \([0-9]*\).*/\1/p" <<<"$summary")
	echo "${n:-0}"
}

judge_suite() {
	local summary good bad
	summary=$(sed -n 's/.*Testing complete. Ran [0-9]* tests: //p' "$LOGS/$name.$1.txt")
	good=$(figure passed)
	bad=$(($(figure failed) + $(figure crashed) + $(figure skipped) + $(figure errors)))
	[ $((good + bad)) != 0 ] || bad=1
	passed=$((passed + good))
	failed=$((failed + bad))
	printed=$((printed + 1))
	echo "$1 $good $(figure failed)" >>"$LOGS/$name.suites"
	if [ $bad = 0 ]; then
		printf 'ok     %-24s %s\n' "$1" "$summary"
	else
		printf 'not ok %-24s %s\n' "$1" "${summary:-did not run}"
		grep -aE 'EXPECTATION FAILED|ASSERTION FAILED|FAILED\]|SKIPPED\]|ERROR\]' \
			"$LOGS/$name.$1.txt" | sed 's/^/       /' | head -n 20
	fi
}

flavour=${1:-kunit}
cpus=${2:-4}
guests=${GUESTS:-1}
shift $(($# < 2 ? $# : 2))
build_name=$(name_of "$flavour" "$@" ${PATCH:+"$(basename "$PATCH" .patch)"})
name=$(name_of kunit "$build_name" "$cpus" ${KARGS:+"$KARGS"} ${ICOUNT:+icount})
mapfile -t suites < <(expected)
guests=$((guests < ${#suites[@]} ? guests : ${#suites[@]}))
"$TOP/scripts/setup.sh"
tree=$("$TOP/scripts/kernel.sh" "$flavour")
dir=$("$TOP/scripts/build.sh" "$tree" "$build_name" TESTS=1 "$@")
say "KUnit: ${#suites[@]} suites on the $flavour kernel, $cpus CPUs${*:+, $*}"
alone "$name"
# planted.sh must not take an earlier run for this one.
rm -f "$LOGS/$name.suites"
ended=0
run_guests || ended=$?
: >"$LOGS/$name.suites"
mapfile -t seen < <(seen_or_expected)
parse_all "${seen[@]}"
for suite in "${seen[@]}"; do
	judge_suite "$suite"
done
# A module that could not be loaded or unloaded is named below the guest's line.
if [ $ended != 0 ]; then
	count 1 "guest (exit status $ended; see $LOGS/$name*.console)"
	sed -n 's/^failed: /       /p' "$LOGS/$name.verdict"
fi
total
