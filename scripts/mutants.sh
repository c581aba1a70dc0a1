#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mutants.sh [NUMBER...]: change one place of padata_mod.c or its parts, by the
# lines of scripts/mutants, and see whether a KUnit suite of padata notices.
# mutants.sh check: only whether all lines still fit the code.
#
# A line is `FUNCTION @ OLD @ NEW @ SUITE @ NOTE`.  OLD is found exactly once in
# the function, or in all files together where FUNCTION is `-`.  SUITE runs first, then
# all the others.  A mutant is killed by a case that fails, or a kernel that
# warns, hangs or dies.  With a NOTE it is known to survive, and the note says why
# that is right; killing it, or letting another survive, is a failure.  Not part
# of `make check`: half a minute for each.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# trim FIELD: without the blank on each side.
trim() {
	local s=${1# }
	printf '%s' "${s% }"
}

# mutate FUNCTION OLD NEW: standard input to output.
mutate() {
	FUNCTION=$1 OLD=$2 NEW=$3 awk '
		BEGIN { f = ENVIRON["FUNCTION"]; old = ENVIRON["OLD"]; new = ENVIRON["NEW"] }
		# The name at the start of its definition; a declaration ends in ";".
		/^[a-z]/ && !/;$/ && index($0, f "(") && !/^#/ { inside = 1 }
		f == "-" || inside {
			if ((at = index($0, old))) {
				found++
				$0 = substr($0, 1, at - 1) new substr($0, at + length(old))
			}
		}
		/^}/ { inside = 0 }
		{ print }
		END { exit found != 1 }'
}

# file_of FUNCTION OLD NEW: the one source in which OLD is found, exactly once.
file_of() {
	local f found=()
	for f in padata_mod.c padata/*.[ch]; do
		! mutate "$@" <"$f" >/dev/null || found+=("$f")
	done
	[ ${#found[@]} = 1 ] || return
	echo "${found[0]}"
}

# first SUITE: it, then all other suites of padata.
first() {
	local f
	echo "$1"
	for f in "$TOP"/kunit/padata_*_kunit.c; do
		f=$(basename "$f" _kunit.c)
		[ "$f" = "$1" ] || echo "$f"
	done
}

# build NUMBER FUNCTION OLD NEW: only padata_mod.ko; the suites know nothing.
build() {
	local file dir=$tmp/build
	file=$(file_of "$2" "$3" "$4") ||
		die "mutant $1: not found exactly once in $2: $3"
	rsync -a --delete --include='*.[ch]' --include=/padata/ --exclude='*' "$TOP/" "$dir/"
	# shellcheck disable=SC2016 # for make
	printf 'obj-m := padata_mod.o\nccflags-y := -I$(src)\n' >"$dir/Kbuild"
	mutate "$2" "$3" "$4" <"$file" >"$dir/$file"
	run_logged "build-mutant-$1" make -C "$tree" M="$dir" modules
	cp "$dir/padata_mod.ko" "$tmp/"
}

# try NUMBER SUITE: prints how it ended.
try() {
	local suites files ended=0 line
	mapfile -t suites < <(first "$2")
	files=("${suites[@]/#/-f$suite_dir/kunit/}")
	"$TOP/scripts/guest.sh" -k "$tree/arch/x86/boot/bzImage" -m "$tree/root" -M kunit \
		-n "mutant-$1" -t 240 -f "$tmp/padata_mod.ko" "${files[@]/%/_kunit.ko}" \
		-e "SUITES=${suites[*]}" -- "$TOP/scripts/guest-mutant" 2>"$LOGS/mutant-$1.log" || ended=$?
	line=$(sed -n 's/^mutant: //p' "$LOGS/mutant-$1.verdict" | tail -n 1)
	case $ended:$line in
	0:survived)	echo survived ;;
	*:killed*)	echo "$line" ;;
	[23]:in*)	echo "killed by the kernel's log or its end $line" ;;
	*)		echo "not tried, the guest ended with $ended: $line" ;;
	esac
}

# fits: each line is found; says which are not.
fits() {
	local line function old new status=0
	while IFS= read -r line; do
		case $line in ''|'#'*) continue ;; esac
		IFS=@ read -r function old new _ <<<"$line"
		file_of "$(trim "$function")" "$(trim "$old")" "$(trim "$new")" >/dev/null ||
			{ echo "$line"; status=1; }
	done <"$TOP/scripts/mutants"
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
tree=$("$TOP/scripts/kernel.sh" kunit)
suite_dir=$("$TOP/scripts/build.sh" "$tree" kunit TESTS=1)
number=0
while IFS= read -r line; do
	case $line in ''|'#'*) continue ;; esac
	number=$((number + 1))
	[ $# = 0 ] || [[ " $* " = *" $number "* ]] || continue
	IFS=@ read -r function old new suite note <<<"$line"
	function=$(trim "$function") old=$(trim "$old") new=$(trim "$new")
	suite=$(trim "$suite") note=$(trim "$note")
	build "$number" "$function" "$old" "$new"
	result=$(try "$number" "$suite")
	status=0
	case $result in
	survived)	[ -n "$note" ] || status=1 ;;
	killed*)	[ -z "$note" ] || status=1 ;;
	*)		status=1 ;;
	esac
	count $status "mutant $number, $function: '$old' -> '$new': $result${note:+ ($note)}"
done <"$TOP/scripts/mutants"
total
