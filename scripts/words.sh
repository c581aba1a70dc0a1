#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# words.sh: count words that make a sentence take two readings.
#
# Prints one line per area: how often each word stands in 1,000 lines.  Fails, and
# lists the lines, where that is more than five times the kernel's own figure, and
# where a line of a document has more than 80 columns.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# WORD LIMIT, the latter per 1,000 lines.
limits=(who 0.5 whoever 0.1 nobody 0.55 somebody 0.5 beside 0.2)

# sources PATH...: the text files below, without the products of a build.
sources() {
	find "$@" -type f ! -name '.*' ! -name '*.mod' ! -name '*.mod.c' ! -name '*.o' \
		! -name '*.ko' ! -name '*.pyc' ! -name words.sh | LC_ALL=C sort
}

# prose FILE...: each line behind its file and number, without what is a name in it:
# the user and command "nobody", and the sample "beside".
prose() {
	local after='open|bind|crypt|root|COMMAND'
	grep -In '' "$@" /dev/null | sed -E \
		-e 's/\<beside\.[cho]\>//g' \
		-e 's/"nobody"|\<nobody(\(\)|\))|\<(as|fails|su|pcrypt_user) nobody\>//g' \
		-e "s/\\<nobody ($after)\\>|\`\`nobody\`\`//g"
}

# pattern WORD: with a capital, too, but not a constant.
pattern() {
	local first=${1:0:1}
	echo "\\<[$first${first^}]${1:1}\\>"
}

# area NAME PATH...
area() {
	local name=$1 lines word limit n rate verdict line i bad=()
	shift
	mapfile -t files < <(sources "$@")
	lines=$(cat "${files[@]}" | wc -l)
	prose "${files[@]}" >"$tmp/prose"
	line=$(printf '%-14s %6d lines:' "$name" "$lines")
	for ((i = 0; i < ${#limits[@]}; i += 2)); do
		word=${limits[i]} limit=${limits[i + 1]}
		n=$(sed 's/^[^:]*:[0-9]*://' "$tmp/prose" | { grep -o "$(pattern "$word")" || :; } | wc -l)
		read -r rate verdict < <(awk -v n="$n" -v lines="$lines" -v limit="$limit" \
			'BEGIN { r = n * 1000 / lines; printf "%.2f %s\n", r, (r > limit) ? "bad" : "good" }')
		line+=" $word $rate"
		[ "$verdict" = good ] || bad+=("$word")
	done
	[ ${#bad[@]} = 0 ] || status=1
	echo "$line${bad[*]:+, too many: ${bad[*]}}"
	for word in "${bad[@]}"; do
		grep "^[^:]*:[0-9]*:.*$(pattern "$word")" "$tmp/prose" >>"$tmp/bad" || :
	done
}

# long_lines FILE...: as they are seen, with tabs of eight columns.
long_lines() {
	local f
	for f in "$@"; do
		expand "$f" | LC_ALL=C.UTF-8 awk -v f="$f" \
			'length > 80 { print f ":" NR ": " length " columns" }'
	done
}

cd "$TOP"
status=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
: >"$tmp/bad"
area padata padata.h padata_mod.c padata
area pcrypt pcrypt_mod.c pcrypt_measure.c pcrypt_mod.conf pcrypt
area kunit kunit
area scripts scripts
area documents README NEWS SECURITY.md Documentation
# Curves, and what programs have printed, have the lines that they have.
mapfile -t documents < <(sources README NEWS SECURITY.md Documentation |
	grep -v '\.[ch]$\|/Kbuild$\|\.svg$\|/tasks/')
long_lines "${documents[@]}" >"$tmp/long"
echo "$(wc -l <"$tmp/long") lines of documents are over 80 columns"
[ ! -s "$tmp/long" ] || status=1
cat "$tmp/bad" "$tmp/long"
exit $status
