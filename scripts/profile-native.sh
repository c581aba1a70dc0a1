#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# profile-native.sh [PROFILE...]: ns per job by function, the submitter's CPU and the
# pump's apart, in user-mode Linux with two CPUs whose idle CPUs poll.
#
#  padata:WINDOW          empty jobs of padata, WINDOW in flight (0: unbounded, 20,000)
#  pcrypt:WINDOW:BYTES    requests of gcm(aes), encryption
#
# Without arguments: padata:256 padata:0 pcrypt:256:64 pcrypt:1:64.  $IMPL (ours) is ours or
# kernel; $COSTS (x86) x86 or um.  perf samples the guest's CPUs on the host, by
# cpu-clock every 50 us, between two times that the bench says; local_clock() of this
# kernel is the host's monotonic clock.  Addresses become names by the guest's
# /proc/kallsyms.  The bench is bound to CPU 0.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/native-lib.sh
. "$TOP/scripts/native-lib.sh"

impl=${IMPL:-ours}
costs=${COSTS:-x86}
period_ns=50000
least=${LEAST:-1}
data=$LOGS/profile-native.data

# profiled RUNS LOADS: a guest under perf.
profiled() {
	native_guest profile-native poll "$costs" 300 \
		-q "perf record -q -e cpu-clock -c $period_ns -k CLOCK_MONOTONIC -o $data" \
		-e PROFILE=all -e PIN=1 -e "IMPLEMENTATIONS=$impl" -e "RUNS=$1" -e "LOADS=$2" \
		-- "$TOP/scripts/guest/native"
}

# padata WINDOW
padata() {
	local module=padata_bench jobs=2000000 rounds=1
	[ "$impl" = ours ] || module=padata_bench_kernel
	[ "$1" != 0 ] || jobs=20000 rounds=50
	profiled "$module windows=$1 jobs=$jobs rounds=$rounds marks=1" ''
}

# pcrypt WINDOW BYTES
pcrypt() {
	profiled '' "pcrypt|gcm(aes)|$2|$1|1000000|apart=1 marks=1"
}

# marks: BEGIN END JOBS of each run to be shown.  The first of several with padata finds
# everything asleep.
marks() {
	sed -n 's/^bench: .*with_padata=1 .*jobs=\([0-9]*\) begin_ns=\([0-9]*\) end_ns=\([0-9]*\).*/\2 \3 \1/p
		s/^bench: .*direction=encrypt requests=\([0-9]*\) begin_ns=\([0-9]*\) end_ns=\([0-9]*\).*/\2 \3 \1/p' \
		"$LOGS/profile-native.verdict" | awk 'NR == 1 { first = $0; next } { print } END { if (NR == 1) print first }'
}

# samples: THREAD NS ADDRESS NAME, from perf.  A thread of the kernel's process is a CPU.
samples() {
	perf script -i "$data" --ns -F pid,tid,time,ip,sym 2>/dev/null |
		sed -n 's,^ *\([0-9]*\)/\([0-9]*\) *\([0-9]*\)\.\([0-9]*\): *\([0-9a-f]*\) *\(.*\),\1 \2 \3\4 \5 \6,p'
}

# symbols: ADDRESS NAME, sorted, of the guest.
symbols() {
	sed -n 's/^symbol: \([0-9a-f]*\) [tTwW] \([^\t ]*\).*/\1 \2/p' \
		"$LOGS/profile-native.verdict" | sort
}

# show NAME: a table for each CPU.
show() {
	printf '\n%s, %s: ' "$1" "$impl"
	marks | awk '{ ns += $2 - $1; jobs += $3 }
		END { if (!jobs) exit 1; printf "%d ns per job\n", ns / jobs }' ||
		die "the bench says no times"
	awk -v period=$period_ns -v least="$least" -f "$TOP/scripts/native/profile.awk" \
		<(marks) <(symbols) <(samples)
}

[ $# != 0 ] || set -- padata:256 padata:0 pcrypt:256:64 pcrypt:1:64
native_setup linux-perf
host_line
for profile; do
	IFS=: read -r kind window bytes <<<"$profile"
	say "profile of $profile"
	"$kind" "$window" "${bytes-}"
	show "$profile"
done
rm -f "$data"
