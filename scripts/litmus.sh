#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# litmus.sh: check the tables of memory-ordering pairs in padata_mod.c and pcrypt_mod.c.
#
# Each file of scripts/litmus is one pair, for herd7 and the kernel's memory model:
# the outcome after "exists" must be impossible, and no plain access may be a data
# race.  A line that ends in "// weak N: TEXT" is TEXT in the N-th weakened test, in
# which the outcome must be possible: the access is needed, and the test can fail.
#
# Without herd7: each row of a table has a test, and the access that carries a label
# (done:A) is the same primitive in the code as in the tests.  Each ordered access of the
# code has a line in scripts/planted/relaxed, which weakens it and names the test that
# catches this.  `planted.sh relaxed` builds the modules with each of them.
#
# herd7 comes from Debian's forky, where the machine has none.  It is unpacked with
# its C library into the cache, and nothing is installed.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/later-lib.sh
. "$TOP/scripts/later-lib.sh"
# shellcheck source=scripts/mutate-lib.sh
. "$TOP/scripts/mutate-lib.sh"

suite=forky
label_form='[a-z]+:[AB]'

# --- the table

# rows [TEXT]: their names, or of those whose first line does not have TEXT.  The text of
# a row is indented by two blanks more.
rows() {
	sed -n '/^ \* Memory ordering/,/^ \*\//p' padata_mod.c pcrypt_mod.c |
		grep -vF -- "${1:-$'\t'}" | sed -nE 's/^ \* ([a-z]+)($|,| \/|:A \/).*/\1/p'
}

# row_has_test ROW: with at least one access that is needed.
row_has_test() {
	grep -qs '// weak 1:' "scripts/litmus/$1.litmus"
}

# primitives LABEL ACCESSES: those of one label, in one line.
primitives() {
	awk -v label="$1" '$1 == label { print $2 }' <<<"$2" | sort -u | xargs
}

# check_label LABEL CODE TESTS: the same primitive in both, and a test weakens it.
check_label() {
	local in_code in_tests status=1
	in_code=$(primitives "$1" "$2")
	in_tests=$(primitives "$1" "$3")
	[ -z "$in_code" ] || [ "$in_code" != "$in_tests" ] ||
		! grep -qsE "$1\b.*// weak " scripts/litmus/*.litmus || status=0
	count $status "$1: ${in_code:-nothing} in the code, ${in_tests:-nothing} in the tests"
}

# check_labels: those of the table, of the code and of the tests.
check_labels() {
	local name tests
	tests=$(accesses scripts/litmus/*.litmus)
	while read -r name; do
		check_label "$name" "$code" "$tests"
	done < <({ grep -ohE "\b$label_form\b" padata_mod.c pcrypt_mod.c
		cut -d' ' -f1 <<<"$code"
		cut -d' ' -f1 <<<"$tests"; } | sort -u)
}

# --- the accesses, weakened

# parts TEXT: the primitives in it, in one line.
parts() {
	grep -oE '\<((smp|atomic)_[a-z_]+|(READ|WRITE)_ONCE|barrier|xchg)\(' <<<"$1" | xargs
}

# weakened_like TEST N LABEL NEW: the N-th weakened test weakens the access of the label,
# and in the same way where it replaces that.
weakened_like() {
	local text file=scripts/litmus/$1.litmus
	grep -qE "$3\\b.*// weak $2:" "$file" || return
	while read -r text; do
		[ -z "$text" ] || [ "$(parts "$text")" = "$(parts "$4")" ] || return
	done < <(sed -nE "s,.*$3\\b.*// weak $2:,,p" "$file")
}

# is_caught LABEL NEW CATCHER: by what exists.  That the test's outcome is possible when
# it is weakened is for herd7 to say.
is_caught() {
	local by name n
	read -r by name n <<<"$3"
	case $by in
	litmus)	grep -qsE "// weak $n:" "scripts/litmus/$name.litmus" &&
			{ [[ $1 != *:* ]] || weakened_like "$name" "$n" "$1" "$2"; } ;;
	none:)	[ -n "$name" ] ;;
	*)	false ;;
	esac
}

# is_labelled LABEL FILE LINE: the access there has the label; or it is a row's, or -.
is_labelled() {
	case $1 in
	*:*)	grep -qE "^$1 [^ ]+ $2 $3\$" <<<"$code" ;;
	-)	! grep -qE " $2 $3\$" <<<"$code" ;;
	*)	grep -qx -- "$1" <<<"$(rows)" ;;
	esac
}

# check_line: the one that is split.  It counts for the access that it changes.
check_line() {
	local file number status=1
	if file=$(file_of "$function" "$old" "$new"); then
		number=$(changed_line "$file" "$function" "$old" "$new")
		weakened+=("$label $file $number")
		! is_labelled "$label" "$file" "$number" ||
			! is_caught "$label" "$new" "$catcher" || status=0
	fi
	count $status "relaxed $label, $function: $catcher"
}

# has_line PATTERN TEXT: some line of the list is about it.
has_line() {
	local status=0
	grep -qE "$1" <<<"$(printf '%s\n' "${weakened[@]}")" || status=1
	count $status "$2: a line that weakens it"
}

# check_relaxed: all lines, then that each access, each label and each row has one.
check_relaxed() {
	local line label function old new catcher name file number weakened=()
	while IFS= read -r line; do
		split_relaxed "$line"
		check_line
	done < <(relaxed_lines)
	while read -r file number; do
		has_line " $file $number\$" "$file:$number"
	done < <(ordered "${sources[@]}")
	while read -r name _ file number; do
		has_line "^$name $file $number\$" "$name, $file:$number"
	done <<<"$code"
	for name in $(rows ", no label needed"); do
		has_line "^$name(:[AB])? " "row $name"
	done
}

# --- the tests

# herd_unpack DIRECTORY
herd_unpack() {
	local deb
	later_apt $suite apt_update &&
		(cd "$1" && later_apt $suite apt-get download herdtools7 libc6 libgmp10) || return
	for deb in "$1"/*.deb; do
		dpkg-deb -x "$deb" "$1" && rm "$deb" || return
	done
}

# herd_here DIRECTORY: unpacks herd7 there, if need be; complete or not at all.
herd_here() {
	local status=0
	exec 7>"$1.lock"
	flock 7
	if [ ! -e "$1" ]; then
		say "downloading herd7 of $suite (log: $LOGS/litmus-herd7.log)"
		rm -rf "$1.new"
		mkdir "$1.new"
		if ! herd_unpack "$1.new" >"$LOGS/litmus-herd7.log" 2>&1 || ! mv "$1.new" "$1"; then
			rm -rf "$1.new"
			status=1
		fi
	fi
	exec 7>&-
	return $status
}

# find_herd: sets the array herd, the command.
find_herd() {
	local dir=$CACHE/herd7/usr loader
	if command -v herd7 >/dev/null; then
		herd=(herd7)
		return
	fi
	herd_here "$CACHE/herd7" || return
	loader=$(echo "$dir"/lib/*/ld-linux-*.so.*)
	herd=("$loader" --library-path "$(dirname "$loader")" "$dir/bin/herd7"
		-set-libdir "$dir/share/herdtools7/herd")
}

# observe FILE: what herd7 says of it, in $out; prints Never, Sometimes or Always,
# and "data race" where an outcome that is impossible does not come of one.
observe() {
	"${herd[@]}" -I "$model" -conf "$model/linux-kernel.cfg" "$1" >"$out" 2>&1 || true
	sed -n 's/^Observation [^ ]* \([A-Z][a-z]*\) .*/\1/p' "$out"
	! grep -q '^Flag data-race' "$out" || echo "data race"
}

# weaken FILE N
weaken() {
	sed -E "s|^(\t*).*// weak $2:|\1|" "$1"
}

# check_test FILE
check_test() {
	local name n said status
	name=$(basename "$1" .litmus)
	said=$(observe "$1")
	status=0
	[ "$said" = Never ] || status=1
	count $status "$name: ${said:-$(tail -n 1 "$out")}"
	while read -r n; do
		weaken "$1" "$n" >"$work/$name.litmus"
		said=$(observe "$work/$name.litmus")
		said=${said%%$'\n'*}
		status=0
		[[ $said =~ ^(Sometimes|Always)$ ]] || status=1
		count $status "$name, weak $n: ${said:-$(tail -n 1 "$out")}"
	done < <(sed -n 's,.*// weak \([0-9]*\):.*,\1,p' "$1" | sort -un)
}

cd "$TOP"
for row in $(rows); do
	status=0
	row_has_test "$row" || status=1
	count $status "row $row: a test"
done
code=$(accesses "${sources[@]}")
check_labels
check_relaxed
if find_herd; then
	tree=$("$TOP/scripts/kernel.sh" kunit)
	model=$tree/source/tools/memory-model
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	out=$work/out
	for f in scripts/litmus/*.litmus; do
		check_test "$f"
	done
else
	echo "skip   litmus tests: no herd7 here, and none of Debian's $suite to download"
fi
total
