#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tracing.sh SERIES [COUNT]: the commands of Documentation/tracing.rst, as they stand there,
# or the first COUNT of them, and padata_monitor, in Debian's own kernel, by Debian's own
# bpftrace and Python.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"

page=$TOP/Documentation/tracing.rst

# cut_out DIRECTORY: each command goes to LINE.bt, LINE being that of the page at which
# it begins, and what is checked of it, the comments before it, to LINE.checks.
cut_out() {
	awk -v dir="$1" '
		sub(/^\.\. checked: /, "") { checks = checks $0 "\n"; next }
		/^::$/ { block = 1; next }
		block && /^$/ && !name { next }
		block && /^  / {
			if (!name) {
				name = sprintf("%s/%04d", dir, NR)
				printf "%s", checks >(name ".checks")
				checks = ""
			}
			print substr($0, 3) >(name ".bt")
			next
		}
		{ block = 0; name = "" }' "$page"
}

series=${1:?usage: tracing.sh SERIES [COUNT]}
"$TOP/scripts/setup.sh" bpftrace
begin "e2e-tracing-$series"
use_kernel "$series"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/page" "$work/tree"
cut_out "$work/page"
add_python "$work/tree"
options=()
commands=$(find "$work/page" -name '*.bt' | wc -l)
check "the page has commands, and each a check" \
	[ "$commands" -gt 0 -a "$(find "$work/page" -name '*.checks' -size +0 | wc -l)" = "$commands" ]
mapfile -t wanted < <(find "$work/page" -name '*.bt' | sort | head -n "${2:-$commands}")
for f in "${wanted[@]}"; do
	options+=(-f "$f" -f "${f%.bt}.checks")
done
say "${#wanted[@]} of $commands commands of $(basename "$page") in $title"
run_guest "e2e-tracing-$series" tracing -r 2G -t 1500 -M "$arch_aes gcm seqiv" \
	-f "$dir/kunit/load/pcrypt_load.ko" -f "$TOP/scripts/padata_monitor" \
	-f "$TOP/scripts/guest/monitor-judge" -o "$work/tree" -b bpftrace \
	-e REQUESTS=6000 "${options[@]}"
judge_plan "tracing: "
judge_end "tracing: "
total
