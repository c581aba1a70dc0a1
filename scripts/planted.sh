#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# planted.sh [NUMBER...]: plant the bugs of scripts/planted/NUMBER-*.patch, all or
# those named, one by one in a copy of the sources; the test cases that each names must
# catch it, and their suite must pass without it, in the run of kunit.sh that $PASSED names or
# in one of its own.  $ROUNDS times (1).
# planted.sh lines [NUMBER...]: change one line after the other, by the lines of
# scripts/planted/lines, and see whether a KUnit suite of its module notices.  Not part
# of `make check`: half a minute for each.
# planted.sh relaxed [LABEL...]: weaken one ordered access after the other, by the lines of
# scripts/planted/relaxed.  The modules must build with each, without a warning.  That each
# is caught, and by which litmus test, litmus.sh checks.
# planted.sh check: only whether all still fit the code.
#
# A patch begins with "What: TEXT" and "Caught by: SUITE.CASES", a pattern, or torture.  It
# is caught when one of the cases fails, or when the kernel panics or warns while they run.
# A guest that hung before, or never came as far, has caught nothing.
#
# A line is `FUNCTION @ OLD @ NEW @ SUITE @ NOTE`.  OLD is found exactly once in the
# function, or in all files together where FUNCTION is `-`.  SUITE runs first, then
# all the others.  A changed line is killed by a case that fails, or a kernel that
# warns, hangs or dies.  With a NOTE it is known to survive, and the note says why
# that is right; killing it, or letting another survive, is a failure.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/mutate-lib.sh
. "$TOP/scripts/mutate-lib.sh"

# At a time: while one is built the other one's guest runs.
parallel=2

# --- patches

# header FIELD PATCH
header() {
	sed -n "s/^$1: //p;/^---/q" "$2"
}

# numbers: of all patches but those that a script of its own tries, as selftest.sh does.
numbers() {
	grep -L "^Caught by: selftest" "$TOP"/scripts/planted/*.patch |
		xargs -n 1 basename | cut -d- -f1
}

# failed_in SUITE NAME: a case failed, or the kernel panicked, after the suite began.
failed_in() {
	awk -v begun="# Subtest: $1" 'index($0, begun) { on = 1 }
		on && /Kernel panic|\] +not ok [0-9]+ / { found = 1 }
		END { exit !found }' "$LOGS/$2.console"
}

# caught_by_suite SUITE NAME: a case failed, or it was cut short.
caught_by_suite() {
	awk -v suite="$1" '$1 == suite && $3 > 0 { found = 1 } END { exit !found }' \
		"$LOGS/$2.suites" || failed_in "$1" "$2"
}

# run_cases SUITE.CASES NUMBER: the first report ends the guest.
run_cases() {
	local suite=${1%%.*} name KARGS="panic_on_warn=1 kunit.filter_glob=$1"
	export KARGS
	name=$(name_of kunit "kunit-PLANT=$2" 4 "$KARGS")
	# An earlier run's must not do where this one ends before it has a result.
	rm -f "$LOGS/$name."{suites,console}
	SUITE=$suite ALLOW=. LIMIT=240 "$TOP/scripts/kunit.sh" kunit 4 "PLANT=$2" \
		>"$LOGS/planted-$2.log" || true
	caught_by_suite "$suite" "$name"
}

# run_torture NUMBER: one of its checks, and not a rate that it did not reach.
run_torture() {
	KARGS=panic_on_warn=1 ALLOW=. TORTURE="seconds=20 stutter=1 patience=5" \
		"$TOP/scripts/torture.sh" kunit 1 4 "PLANT=$1" >"$LOGS/planted-$1.log" || true
	grep -qE 'FAILURE .*(reorders|doubles|losses|overlaps|wrong_[a-z]*|strays)=[1-9]' \
		"$LOGS/planted-$1.log"
}

# run_bug NUMBER CATCHER
run_bug() {
	case $2 in
	torture)	run_torture "$1" ;;
	*)		run_cases "$2" "$1" ;;
	esac
}

# try_bug NUMBER
try_bug() {
	local status=0
	run_bug "$1" "$(header "Caught by" "$(plant_file "$1")")" || status=1
	echo $status >"$tmp/$1"
}

# run_round NUMBER...: each bug's exit status goes to a file of its number.
run_round() {
	local number
	for number; do
		while [ "$(jobs -pr | wc -l)" -ge $parallel ]; do
			wait -n || true
		done
		in_background try_bug "$number"
	done
	wait
}

# pass SUITE...: without a planted bug.
pass() {
	if [ -z "${PASSED-}" ]; then
		SUITE=$* "$TOP/scripts/kunit.sh" kunit 4 >"$LOGS/planted-none.log"
		return
	fi
	awk -v suites="$*" '$2 > 0 && $3 == 0 { passed[$1] }
		END {
			for (n = split(suites, name, " "); n && name[n] in passed; n--)
				;
			exit n
		}' "$LOGS/$PASSED.suites"
}

# patches NUMBER...
patches() {
	local round number file status suites
	suites=$(for number; do header "Caught by" "$(plant_file "$number")"; done |
		grep -vx torture | cut -d. -f1 | sort -u | xargs)
	for ((round = 1; round <= ${ROUNDS:-1}; round++)); do
		status=0
		# shellcheck disable=SC2086 # words
		pass $suites || status=1
		count $status "nothing planted: $suites pass"
		run_round "$@"
		for number; do
			file=$(plant_file "$number")
			count "$(cat "$tmp/$number")" "planted $number, $(header What "$file") To be caught by $(header "Caught by" "$file")"
			rm -f "$tmp/$number"
		done
	done
}

# --- lines

# split LINE: sets function, old, new, suite and note.
split() {
	IFS=@ read -r function old new suite note <<<"$1"
	function=$(trim "$function") old=$(trim "$old") new=$(trim "$new")
	suite=$(trim "$suite") note=$(trim "$note")
}

# module_of FILE: padata or pcrypt.
module_of() {
	case $1 in
	pcrypt*)	echo pcrypt ;;
	*)		echo padata ;;
	esac
}

# first SUITE MODULE: it, then all other suites of the module.
first() {
	local f
	echo "$1"
	for f in "$TOP"/kunit/"$2"_*_kunit.c; do
		f=$(basename "$f" _kunit.c)
		[ "$f" = "$1" ] || echo "$f"
	done
}

# build_line NUMBER FILE: the module, and suites that include its sources.  The others
# know nothing of the change.  A file is restored with a new time, so that it is built.
build_line() {
	local log=build-line-$1
	mutate "$function" "$old" "$new" <"$2" >"$line_dir/$2"
	run_logged "$log" make -C "$tree" M="$line_dir" -j"$JOBS" TESTS=1 modules
	cat "$2" >"$line_dir/$2"
}

# try_line NUMBER MODULE: prints how it ended.
try_line() {
	local suites files ended=0 line
	mapfile -t suites < <(first "$suite" "$2")
	files=("${suites[@]/#/-f$line_dir/kunit/}")
	"$TOP/scripts/guest.sh" -k "$tree/$arch_image" -m "$tree/root" -r 1G \
		-a "cryptomgr.notests=1 workqueue.cpu_intensive_thresh_us=1000000" -n "line-$1" -t 600 -f "$line_dir/padata_mod.ko" \
		-f "$line_dir/pcrypt_mod.ko" "${files[@]/%/_kunit.ko}" \
		-e "SUITES=${suites[*]}" -- "$TOP/scripts/guest/mutant" 2>"$LOGS/line-$1.log" || ended=$?
	line=$(sed -n 's/^mutant: //p' "$LOGS/line-$1.verdict" | tail -n 1)
	case $ended:$line in
	0:survived)	echo survived ;;
	*:killed*)	echo "$line" ;;
	[23]:in*)	echo "killed by the kernel's log or its end $line" ;;
	*)		echo "not tried, the guest ended with $ended: $line" ;;
	esac
}

# judge_line RESULT: with a note it has to survive.
judge_line() {
	case $1 in
	survived)	[ -n "$note" ] ;;
	killed*)	[ -z "$note" ] ;;
	*)		false ;;
	esac
}

# lines [NUMBER...]
lines() {
	local line file result status number=0 done_lines=0
	tree=$("$TOP/scripts/kernel.sh" kunit)
	line_dir=$tmp/build
	mkdir "$line_dir"
	sync_sources "$TOP" "$line_dir"
	while IFS= read -r line; do
		number=$((number + 1))
		[ $# = 0 ] || [[ " $* " = *" $number "* ]] || continue
		split "$line"
		file=$(file_of "$function" "$old" "$new") ||
			die "line $number: not found exactly once in $function: $old"
		build_line "$number" "$file"
		result=$(try_line "$number" "$(module_of "$file")")
		status=0
		judge_line "$result" || status=1
		count $status "line $number, $function: '$old' -> '$new': $result${note:+ ($note)}"
		done_lines=$((done_lines + 1))
	done < <(grep -v '^#' scripts/planted/lines)
	[ $done_lines -ge $# ] || die "not each of these is a line of scripts/planted/lines: $*"
}

# --- relaxed

# relaxed [LABEL...]
relaxed() {
	local line label function old new catcher file status number=0
	tree=$("$TOP/scripts/kernel.sh" kunit)
	while IFS= read -r line; do
		split_relaxed "$line"
		[ $# = 0 ] || [[ " $* " = *" $label "* ]] || continue
		number=$((number + 1))
		file=$(file_of "$function" "$old" "$new") ||
			die "relaxed $label: not found exactly once in $function: $old"
		change_patch "$file" "$function" "$old" "$new" >"$tmp/relaxed.patch"
		status=0
		PATCH=$tmp/relaxed.patch "$TOP/scripts/build.sh" "$tree" relaxed \
			</dev/null >/dev/null || status=1
		count $status "relaxed $label, $function: '$old' -> '$new': builds, $catcher"
	done < <(relaxed_lines)
	[ $number -ge $# ] || die "not each of these is in scripts/planted/relaxed: $*"
}

# --- all

# is_catcher TEXT: a script of its own, or cases that exist.
is_catcher() {
	local cases=${1#*.}
	case $1 in
	torture | selftest)	;;
	*.*)	grep -qE "CASE[A-Z_]*\\(${cases//\*/[a-z0-9_]*}[,)]" kunit/*.[ch] &&
			[ -e "kunit/${1%%.*}_kunit.c" ] ;;
	*)	false ;;
	esac
}

# fits: says which do not.
fits() {
	local line label function old new suite note catcher file status=0
	while IFS= read -r line; do
		split "$line"
		file_of "$function" "$old" "$new" >/dev/null || { echo "$line"; status=1; }
	done < <(grep -v '^#' scripts/planted/lines)
	while IFS= read -r line; do
		split_relaxed "$line"
		file_of "$function" "$old" "$new" >/dev/null || { echo "$line"; status=1; }
	done < <(relaxed_lines)
	for file in scripts/planted/*.patch; do
		if [ -z "$(header What "$file")" ] || ! is_catcher "$(header "Caught by" "$file")" ||
		   ! patch -p1 --dry-run -F0 <"$file"; then
			echo "$file"
			status=1
		fi
	done
	return $status
}

cd "$TOP"
if [ "${1-}" = check ]; then
	fits
	exit
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$TOP/scripts/setup.sh"
if [ "${1-}" = lines ]; then
	shift
	lines "$@"
elif [ "${1-}" = relaxed ]; then
	shift
	relaxed "$@"
else
	[ $# != 0 ] || mapfile -t all < <(numbers)
	patches "${@:-${all[@]}}"
fi
total
