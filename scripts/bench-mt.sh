#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench-mt.sh [speed|cost|kernel...]: multithreaded jobs on Debian's own 6.12 kernel, in three parts.
#
#  speed   two CPUs: the same work as a plain loop, by two pinned threads, by one
#          work item per unit, and as a job; and the samples
#  cost    instructions of a job of one chunk (QEMU counts them)
#  kernel  the kernel's own padata_do_multithreaded(), which it runs once while
#          it boots: initialising memory with one CPU and with two

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/driver.sh"

fast="-accel tcg,thread=multi -cpu max"

# guest NAME ACCELERATOR CPUS MEMORY RUNS: RUNS is that of guest/bench.
guest() {
	local samples=$dir/Documentation/samples
	alone "$1"
	must_run padata_guest "$1" bench -A "$2" -c "$3" -t 900 -r "$4" \
		-a "$no_selftests" -e "RUNS=$5" \
		-f "$dir/kunit/load/padata_mt_bench.ko" -f "$samples/padata_mt_clear.ko" \
		-f "$samples/padata_mt_alloc.ko"
}

lines() {
	sed -n "s/^bench: \(test=$2 .*\)/\1/p" "$LOGS/$1.verdict"
}

# table: the speed of each way, relative to the plain loop of the same boot.
table() {
	printf '%8s %6s %-10s %12s %12s %9s %9s\n' unit/us units way best/us \
		median/us best median
	awk '{ for (i = 1; i <= NF; i++) { split($i, kv, "="); v[kv[1]] = kv[2] }
	       printf "%8d %6d %-10s %12d %12d %9.2f %9.2f\n", v["unit_us"], v["units"],
			v["way"], v["best_ns"] / 1000, v["median_ns"] / 1000,
			v["best_permille"] / 1000, v["median_permille"] / 1000 }'
}

speed() {
	say "speed on two CPUs, against a plain loop"
	guest bench-mt "$fast" 2 1536M "padata_mt_bench;padata_mt_clear mib=512;padata_mt_alloc;padata_mt_alloc fail_at=9000"
	lines bench-mt speed | table
	lines bench-mt clear
	lines bench-mt alloc
}

cost() {
	say "instructions"
	guest bench-mt-cost "$icount" 2 1G "padata_mt_bench tests=cost rounds=200"
	lines bench-mt-cost cost
}

# The kernel says how long it took, in milliseconds.
kernel() {
	local cpus
	say "the kernel's own, at boot"
	for cpus in 1 2; do
		guest "bench-mt-boot-$cpus" "$fast" $cpus 6G ""
		sed -n "s/.*\(node 0 deferred pages initialised in .*\)/cpus=$cpus \1/p" \
			"$LOGS/bench-mt-boot-$cpus.console"
	done
}

parts=("$@")
[ $# -gt 0 ] || parts=(speed cost kernel)
"$TOP/scripts/setup.sh"
use_kernel 6.12
for part in "${parts[@]}"; do
	case $part in
	speed|cost|kernel) $part ;;
	*) die "see the head of $0" ;;
	esac
done
