#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench.sh quick: instructions per empty job at windows 1, 64 and unbounded,
# ours beside the kernel's own padata, in one boot of Debian's own 6.12 kernel.
#
# QEMU counts instructions (-icount, one CPU runs at a time), so the figures
# depend on nothing that the host does.  The table has them without the floor,
# the same harness with callbacks called at once; CSV goes to $PADATA_RESULTS.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

results=${PADATA_RESULTS:-$TOP/results}

# A nanosecond is an instruction; nothing random, so that runs can be repeated.
icount="-accel tcg,thread=single -icount shift=0,sleep=off -cpu max,-rdrand,-rdseed"
icount+=" -seed 1 -rtc base=2026-01-01T00:00:00,clock=vm"

# guest NAME ACCELERATOR CPUS RUNS: what is measured goes to NAME.verdict.
guest() {
	alone "$1"
	"$TOP/scripts/guest.sh" -A "$2" -k "$KERNEL" -c "$3" -n "$1" -t 900 -r 1G \
		-e "RUNS=$4" -f "$dir/padata_mod.ko" -f "$dir/kunit/padata_bench.ko" \
		-f "$dir/kunit/padata_bench_kernel.ko" -- "$TOP/scripts/guest-bench"
}

# both PARAMETERS: the same for ours and for the kernel's own.
both() {
	echo "padata_bench $1;padata_bench_kernel $1"
}

# lines NAME TEST: of the guest's results those of one test.
lines() {
	sed -n "s/^bench: \(test=$2 .*\)/\1/p" "$LOGS/$1.verdict"
}

# csv: key=value lines, all of the same keys, to comma-separated values.
csv() {
	awk '{ head = row = ""
	       for (i = 1; i <= NF; i++) {
		       at = index($i, "=")
		       head = head (i > 1 ? "," : "") substr($i, 1, at - 1)
		       row = row (i > 1 ? "," : "") substr($i, at + 1)
	       }
	       if (NR == 1) print head
	       print row }'
}

# ratios: lines of test=cost to "CPUS SHELLS ASYNC WINDOW FLOOR KERNEL OURS RATIO".
ratios() {
	awk '{ for (i = 1; i <= NF; i++) { split($i, kv, "="); v[kv[1]] = kv[2] }
	       key = v["cpus"] " " v["shells"] " " v["async"] " " v["window"]
	       if (!(key in seen)) { seen[key] = 1; order[++n] = key }
	       net[v["impl"], key] = v["net"]
	       if (v["impl"] == "ours") floor[key] = v["floor"] }
	     END { for (i = 1; i <= n; i++) {
			k = order[i]
			if (net["kernel", k] > 0 && ("ours", k) in net)
				printf "%s %d %d %d %.2f\n", k, floor[k], net["kernel", k],
					net["ours", k], net["ours", k] / net["kernel", k] } }'
}

# table: of what ratios prints.
table() {
	printf '%5s %7s %6s %9s %7s %12s %9s %7s\n' CPUs shells async window floor \
		"the kernel's" ours ratio
	while read -r cpus shells async window floor theirs ours ratio; do
		[ "$window" != 0 ] || window=unbounded
		printf '%5s %7s %5s%% %9s %7s %12s %9s %7s\n' "$cpus" "$shells" "$async" \
			"$window" "$floor" "$theirs" "$ours" "$ratio"
	done
}

quick() {
	say "instructions per empty job, 4 CPUs (half a minute)"
	guest bench-quick "$icount" 4 "$(both windows=1,64,0)"
	lines bench-quick cost | csv >"$results/quick.csv"
	lines bench-quick cost | ratios | table
}

what=${1:?see the head of $0}
"$TOP/scripts/setup.sh"
eval "$("$TOP/scripts/stock.sh" 6.12)"
dir=$("$TOP/scripts/build.sh" "$HEADERS" debian-6.12 TESTS=1)
mkdir -p "$results"
case $what in
quick)	quick ;;
*)	die "see the head of $0" ;;
esac
