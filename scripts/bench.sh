#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench.sh quick|check|full [PART...]: the costs of padata, ours and the kernel's
# own, in the same boot of Debian's own, unmodified 6.12 kernel.
#
#  quick  instructions per empty job at windows 1, 64 and unbounded, on 4 CPUs
#  check  the same; a ratio that is worse by over 10% than in bench-ratios fails
#  full   all parts, or the named ones:
#    cost     2, 4, 8 and 32 CPUs, 1 and 4 shells, synchronous and 20% not
#    speedup  against a loop on one CPU and two pinned threads, on 2 CPUs
#    latency  of single jobs, of paced ones, and of paced ones next to a full stream
#    pcrypt   three AEADs, five sizes, three windows, on 2 CPUs
#    alone    the same with one request in flight, by instructions
#    load     as cost, on 4 CPUs: many shells by turns, bursts from softirqs, pauses, the
#             submitter's CPU off the parallel cpumask
#    light    latency of light streams next to a heavy one, on 2 CPUs
#    mixed    as pcrypt, sizes mixed, many transforms, bursts
#
# Cost, load, alone, and the latency of single jobs, are instructions that QEMU counts
# (-icount, one CPU runs at a time): they do not depend on the host's load.
# The rest is time, and is only valid where two host CPUs are idle.
# Tables have figures without the floor, which is the same harness with callbacks
# called at once.  $PADATA_RESULTS (results) gets CSV and, of full, SVG.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/driver.sh"
# shellcheck source=scripts/bench-lib.sh
. "$TOP/scripts/bench-lib.sh"

multi="-accel tcg,thread=multi -cpu max"
# With AVX in the guest QEMU 7.2 runs AES at one of two speeds, a factor of ten
# apart, whatever wraps it; see performance.rst.
no_avx="-accel tcg,thread=multi -cpu max,-avx,-avx2"

# guest NAME ACCELERATOR CPUS RUNS: the figures go to NAME.verdict.
guest() {
	local args=$no_selftests
	[ "$2" = "$icount" ] || args+=" tsc=reliable"
	alone "$1"
	must_run padata_guest "$1" bench -A "$2" -c "$3" -t 1200 -a "$args" -e "RUNS=$4" \
		-f "$dir/kunit/load/padata_bench.ko" -f "$dir/kunit/load/padata_bench_kernel.ko"
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

# table: of the lines that ratios prints.
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
	lines bench-quick cost | ratios >"$results/quick.ratios"
	table <"$results/quick.ratios"
}

# Compared by the ratio, so that a new kernel or compiler changes little.
check_ratios() {
	local window committed ratio bad old new major
	quick
	major=$(qemu_major)
	while read -r window old new; do
		committed=$new
		[ "$major" -ge 9 ] || committed=$old
		ratio=$(awk -v w="$window" '$4 == w { printf "%.3f", $7 / $6 }' "$results/quick.ratios")
		bad=$(awk -v r="${ratio:-9}" -v c="$committed" 'BEGIN { print (r > c * 1.1) }')
		count "$bad" "window $window: ratio ${ratio:-missing}, committed $committed"
	done < <(grep -v '^#' "$TOP/scripts/bench-ratios")
	total
}

full_cost() {
	local cpus shells async runs
	: >"$results/cost.lines"
	for cpus in 2 4 8 32; do
		runs=''
		for shells in 1 4; do
			for async in 0 20; do
				runs+=$(both "shells=$shells async=$async windows=1,8,64,256,0")
			done
		done
		say "cost on $cpus CPUs"
		guest "bench-cost-$cpus" "$icount" "$cpus" "$runs"
		lines "bench-cost-$cpus" cost >>"$results/cost.lines"
	done
	csv <"$results/cost.lines" >"$results/cost.csv"
	ratios <"$results/cost.lines" | table
	draw_cost
}

# The curves of one shell, synchronous, on 4 CPUs; unbounded is drawn at 4096.
draw_cost() {
	ratios <"$results/cost.lines" | awk '$1 == 4 && $2 == 1 && $3 == 0 {
		print $4 ? $4 : 4096, $6, $7 }' >"$results/cost.dat"
	draw cost 'logscale xy' 'xlabel "jobs in flight"' 'ylabel "instructions per empty job"' \
		'key top right' <<-'END'
		data using 1:2 title "the kernel's own", \
			data using 1:3 title "ours"
	END
}

full_speedup() {
	say "speed-up on 2 CPUs"
	guest bench-speedup "$multi" 2 \
		"$(both "test=speedup windows=256 jobs=1000 rounds=15 job_ns=500,1000,2000,10000,100000")"
	lines bench-speedup speedup | csv | tee "$results/speedup.csv"
}

full_latency() {
	local boot
	say "latency of single jobs, in instructions"
	guest bench-single "$icount" 4 "$(both "test=latency loads=0 jobs=500")"
	lines bench-single latency | csv | tee "$results/single.csv"
	say "latency of paced jobs, in nanoseconds, five boots"
	: >"$results/latency.lines"
	for boot in 1 2 3 4 5; do
		guest "bench-latency-$boot" "$multi" 2 \
			"$(both "test=latency loads=10,50,90 job_ns=100000 jobs=2000")$(
			both "test=latency loads=50 job_ns=100000 jobs=2000 saturate=1")"
		lines "bench-latency-$boot" latency >>"$results/latency.lines"
	done
	csv <"$results/latency.lines" | tee "$results/latency.csv"
}

# stats NAME TEST: the table of one boot.
stats() {
	lines "$1" "$2" | awk -v table="$2" -v one_place=1 -f "$TOP/scripts/bench-stats.awk"
}

full_load() {
	say "loads as gateways have them, in instructions, on 4 CPUs"
	guest bench-load "$icount" 4 "$(gateway_runs 4096 | tr -d '\n')"
	lines bench-load load | csv >"$results/load.csv"
	stats bench-load load
}

full_light() {
	say "latency of light streams next to a heavy one, on 2 CPUs"
	guest bench-light "$multi" 2 "$(light_run 2000)"
	lines bench-light light | csv >"$results/light.csv"
	stats bench-light light
}

full_mixed() {
	local more
	say "pcrypt with sizes mixed, on 2 CPUs"
	: >"$results/mixed.lines"
	for more in streams=1 streams=16 "streams=64 burst=64"; do
		SIZES=64,576,1420 MORE="mix=1 apart=1 $more" \
			pcrypt_guest bench-mixed "$no_avx" "64 256" >/dev/null
		lines bench-mixed pcrypt | sed 's/^test=pcrypt/test=mixed/' >>"$results/mixed.lines"
	done
	csv <"$results/mixed.lines" >"$results/mixed.csv"
	awk -v table=mixed -v one_place=1 -f "$TOP/scripts/bench-stats.awk" "$results/mixed.lines"
}

# pcrypt_guest NAME ACCELERATOR WINDOWS: $SIZES and $MORE as of guest/bench-pcrypt.
pcrypt_guest() {
	local modules="$arch_aes gcm authenc cbc hmac $arch_sha256 chacha20poly1305"
	modules+=" $arch_chacha pcrypt"
	alone "$1"
	must_run run_guest "$1" bench-pcrypt -A "$2" -c 2 -t 1200 -M "$modules" \
		-a "tsc=reliable $no_selftests" \
		-e "ALGORITHMS=gcm(aes) authenc(hmac(sha256),cbc(aes)) rfc7539(chacha20,poly1305)" \
		-e "SIZES=${SIZES:-64,256,1420,4096,16384}" -e "MORE=${MORE-}" \
		-e "WINDOWS=$3" -e "REQUESTS=${PADATA_REQUESTS:-1000}" \
		-f "$dir/kunit/load/pcrypt_load.ko"
	lines "$1" pcrypt | csv
}

full_pcrypt() {
	say "pcrypt on 2 CPUs"
	pcrypt_guest bench-pcrypt "$no_avx" "1 16 256" | tee "$results/pcrypt.csv"
}

# alone_table: from alone.csv.  The floor is the time that the plain cipher takes longer
# in the loop of the other two than one by one; a nanosecond is an instruction.
alone_table() {
	awk -F, 'NR > 1 {
			key = $3 "," $5 "," $6
			plain[key] = 1e9 / $8
			if ($2 == "plain")
				floor[key] = 1e9 / $9 - 1e9 / $8
			else
				net[$2, key] = 1e9 / $9 - floor[key]
			if ($2 == "kernel") {
				split(key, k, ",")
				printf "%-30s %6d %-8s %8d %8d %6.2f %8d %6.2f\n",
					k[1], k[2], k[3], plain[key],
					net["ours", key], net["ours", key] / plain[key],
					net["kernel", key], net["kernel", key] / plain[key]
			}
		}
		BEGIN { printf "%-30s %6s %-8s %8s %8s %6s %8s %6s\n", "algorithm", "bytes",
			"way", "plain", "ours", "ratio", "kernel", "ratio" }' "$results/alone.csv"
}

full_alone() {
	say "instructions per request of pcrypt, one in flight"
	pcrypt_guest bench-alone "$icount" 1 >"$results/alone.csv"
	alone_table
}

what=${1:?see the head of $0}
shift
if [ "$what" = full ]; then
	"$TOP/scripts/setup.sh" gnuplot-nox
else
	"$TOP/scripts/setup.sh"
fi
use_kernel 6.12
mkdir -p "$results"
case $what in
quick)	quick ;;
check)	check_ratios ;;
full)	[ $# != 0 ] || set -- cost speedup latency pcrypt alone load light mixed
	for part; do
		"full_$part"
	done ;;
*)	die "see the head of $0" ;;
esac
