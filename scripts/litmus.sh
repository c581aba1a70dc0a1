#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# litmus.sh: check the table of memory-ordering pairs in padata_mod.c.
#
# Each file of scripts/litmus is one pair, for herd7 and the kernel's memory model:
# the outcome after "exists" must be impossible, and no plain access may be a data
# race.  A line that ends in "// weak N: TEXT" is TEXT in the N-th weakened test, in
# which the outcome must be possible: the access is needed, and the test can fail.
#
# Without herd7: each row of the table has a test, and the access that carries a
# label (done:A) is the same primitive in the code as in the tests.
#
# herd7 comes from Debian's forky, where the machine has none.  It is unpacked with
# its C library into the cache, and nothing is installed.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/later-lib.sh
. "$TOP/scripts/later-lib.sh"

suite=forky
label='[a-z]+:[AB]'

# --- the table

# rows: their names.  The text of a row is indented by two blanks more.
rows() {
	sed -n '/^ \* Memory ordering/,/^ \*\//p' padata_mod.c |
		sed -nE 's/^ \* ([a-z]+)($|,| \/|:A \/).*/\1/p'
}

# row_has_test ROW: with at least one access that is needed.
row_has_test() {
	grep -qs '// weak 1:' "scripts/litmus/$1.litmus"
}

# accesses FILE...: prints "LABEL PRIMITIVE" for each label in a comment of one line.
# The access is before the comment or in one of the next four lines.
accesses() {
	awk -v label="$label" '
		BEGIN { primitive = "(smp|atomic)_[a-z_]+[(]|(READ|WRITE)_ONCE[(]" }
		function found(code,   i) {
			if (!match(code, primitive))
				return 0
			for (i = 1; i <= n; i++)
				print labels[i], substr(code, RSTART, RLENGTH - 1)
			return 1
		}
		FNR == 1 { n = 0 }
		n && (found($0) || FNR > last) { n = 0 }
		(at = index($0, "/*")) {
			rest = substr($0, at)
			for (m = 0; match(rest, label); rest = substr(rest, RSTART + RLENGTH))
				labels[++m] = substr(rest, RSTART, RLENGTH)
			if (m) {
				n = m
				last = FNR + 4
				if (found(substr($0, 1, at - 1)))
					n = 0
			}
		}' "$@" | sort -u
}

# primitives LABEL ACCESSES: those of one label, in one line.
primitives() {
	sed -n "s/^$1 //p" <<<"$2" | xargs
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
	local name code tests
	code=$(accesses padata/*.c)
	tests=$(accesses scripts/litmus/*.litmus)
	while read -r name; do
		check_label "$name" "$code" "$tests"
	done < <({ grep -ohE "\b$label\b" padata_mod.c
		cut -d' ' -f1 <<<"$code"
		cut -d' ' -f1 <<<"$tests"; } | sort -u)
}

# --- the tests

# herd_unpack DIRECTORY
herd_unpack() {
	local deb
	later_apt $suite update &&
		(cd "$1" && later_apt $suite download herdtools7 libc6 libgmp10) || return
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
check_labels
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
