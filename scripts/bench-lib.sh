# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Loads and tables that bench.sh and bench-native.sh share; included after lib.sh.

# shellcheck disable=SC2034 # used by both
results=${PADATA_RESULTS:-$TOP/results}

# qemu_major: QEMU's version, without what follows the first dot.
# shellcheck disable=SC2154 # arch-lib.sh sets arch_qemu
qemu_major() {
	"${arch_qemu%% *}" --version | sed -n 's/.*version \([0-9]*\).*/\1/p'
}

# both PARAMETERS: the same for ours and for the kernel's own.
both() {
	echo "padata_bench $1;padata_bench_kernel $1;"
}

# gateway_runs JOBS [PARAMETER]: loads as gateways have them.  Many streams by turns, bursts
# as a poll of a network card makes them, pauses after each window, the submitter's CPU off
# the mask.
gateway_runs() {
	local streams
	for streams in 4 16 64; do
		both "streams=$streams windows=64,256 jobs=$1 ${2-}"
	done
	both "burst=64 windows=256 jobs=$1 ${2-}"
	both "burst=64 streams=16 windows=256 jobs=$1 ${2-}"
	both "pause_us=200 windows=64 jobs=$(($1 / 10)) ${2-}"
	both "off_mask=1 windows=64,256 jobs=$1 ${2-}"
}

# light_run JOBS: sixteen light streams, to which one submitter sends a job of 10 us each
# 100 us, while another stream is kept full.
light_run() {
	both "test=latency streams=16 saturate=1 loads=10 job_ns=10000 jobs=$1"
}

# lines NAME TEST: the results of one test in the guest's report.
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

# svg NAME SIZE SETTING...: how gnuplot begins with $results/NAME.svg; data is NAME.dat there.
svg() {
	printf 'set %s\n' "terminal svg size $2 background \"white\"" \
		"output \"$results/$1.svg\"" "style data linespoints" "${@:3}"
	printf 'data = "%s"\n' "$results/$1.dat"
}

# draw NAME SETTING...: the chart of the curves that standard input has.
draw() {
	{ svg "$1" 640,420 "${@:2}"; printf 'plot '; cat; } | gnuplot
}
