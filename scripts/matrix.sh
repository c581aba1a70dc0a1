#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# matrix.sh [DIRECTORY...]: prints a table of what was built for which kernel, and ran
# there, on which machine, as Documentation/testing.rst has it.
#
# Builds without warnings, and guests that ended well, add lines to the file `ran` of their
# logs' directory.  Those of all logs are read, or of the DIRECTORYs.  What the host judges
# later is not in it.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

rule() {
	printf '%s  %s  %s\n' "$(printf '=%.0s' {1..27})" "$(printf '=%.0s' {1..7})" \
		"$(printf '=%.0s' {1..42})"
}

# row KERNEL MACHINE WORDS
row() {
	local line kernel=$1 machine=$2
	while IFS= read -r line; do
		printf '%-27s  %-7s  %s\n' "$kernel" "$machine" "$line" | sed 's/ *$//'
		kernel='' machine=''
	done < <(fold -s -w 42 <<<"$3" | sed 's/ *$//')
}

# rows FILE...: one line for each kernel and machine: both, and the list of what ran.
rows() {
	sort -u -t$'\t' -k1,1V -k2,3 "$@" | awk -F '\t' '
		$1 FS $2 == before { printf ", %s", $3; next }
		{ printf "%s%s", (NR == 1 ? "" : "\n"), $0; before = $1 FS $2 }
		END { if (NR) print "" }'
}

[ $# != 0 ] || set -- "$LOGS" "$LOGS"/*/
files=()
for directory; do
	[ ! -e "$directory/ran" ] || files+=("$directory/ran")
done
[ ${#files[@]} != 0 ] || die "nothing has run: there is no file ran in $*"
rule
row kernel machine "what ran"
rule
rows "${files[@]}" | while IFS=$'\t' read -r kernel machine words; do
	row "$kernel" "$machine" "$words"
done
rule
