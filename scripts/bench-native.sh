#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench-native.sh full|check|boot [PART...]: what padata and pcrypt cost at this
# machine's own speed, ours and the kernel's own in the same boots of user-mode Linux
# 7.3 with two CPUs (scripts/native).
#
#  full    these parts, or those named:
#    cost     net ns per empty job at windows 1, 8, 64, 256 and unbounded
#    speedup  against a loop on one CPU and two pinned threads, jobs of 0.5 to 100 us
#    latency  of single jobs
#    pcrypt   three AEADs, five sizes, 1 to 256 in flight, both directions, in relation
#             to the plain cipher in the same loop
#    load     as cost, many shells by turns, bursts from softirqs, pauses, the
#             submitter's CPU off the parallel cpumask
#    light    latency of light streams next to a heavy one
#    mixed    as pcrypt, sizes mixed, many transforms, bursts
#  check   idle CPUs poll, costs as on x86; a ratio that is worse by over 15% than in
#          native/ratios fails, which has those that were steady
#  boot    when the kernel is in the cache: one boot, in which the ciphers' results are
#          checked
#
# Medians and least to greatest of $BOOTS boots (3) for each of $IDLE (poll sleep: an idle
# CPU polls for up to 300 us, or sleeps in the host at once) and $COSTS (x86 um: modules
# with native-like.h, or with the costs that ARCH=um adds).  Figures mean something only
# where two host CPUs are idle.  $WITHOUT (sha_ni,vaes) are features of the CPU that are not
# used.  $SCALE divides all numbers of jobs, for a try of the scripts.  $PADATA_RESULTS
# (results) gets CSV and SVG, and native-ratios in the format of native/ratios.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/bench-lib.sh
. "$TOP/scripts/bench-lib.sh"
# shellcheck source=scripts/native-lib.sh
. "$TOP/scripts/native-lib.sh"

boots=${BOOTS:-3}
idles=${IDLE:-poll sleep}
costs_of=${COSTS:-x86 um}
scale=${SCALE:-1}
algorithms=("gcm(aes)" "rfc7539(chacha20,poly1305)" "authenc(hmac(sha256),cbc(aes))")

# Where a job is short its number is large, so that a run lasts some 20 ms at least.  Of
# window 1 the bench does an eighth.
cost_runs() {
	both "windows=1,8,64,256 jobs=$((400000 / scale)) transfers=1"
	both "windows=0 jobs=$((20000 / scale)) rounds=5 transfers=1"
}

speedup_runs() {
	both "test=speedup windows=256 jobs=$((50000 / scale)) rounds=3 job_ns=500,1000,2000"
	both "test=speedup windows=256 jobs=$((20000 / scale)) job_ns=10000,100000"
}

latency_runs() {
	both "test=latency loads=0 jobs=$((50000 / scale))"
}

load_runs() {
	gateway_runs $((400000 / scale)) transfers=1
}

light_runs() {
	light_run $((20000 / scale))
}

# Ours chooses a mode while it runs, so a run lasts some 100 ms at least; in ten rounds, by
# turns with the plain cipher, since a host's CPUs are faster and slower by turns, too.  The
# kernel's own has no such choice and takes up to 100 times as long: it does a twentieth.
# load_of TEST ALGORITHM WINDOWS REQUESTS MORE
load_of() {
	local sizes=64,256,576,1420,4096
	[ "$1" = pcrypt ] || sizes=64,576,1420
	printf '%s|%s|%s|%s|%d|rounds=10 apart=1 %s;' "$1" "$2" "$sizes" "$3" $(($4 / scale)) "$5"
}

pcrypt_loads() {
	local algorithm
	for algorithm in "${algorithms[@]}"; do
		case $algorithm in
		gcm*)	load_of pcrypt "$algorithm" "1 16 64 256" 500000 '' ;;
		*)	load_of pcrypt "$algorithm" "1 16 64 256" 200000 '' ;;
		esac
	done
}

mixed_loads() {
	local algorithm more
	for algorithm in "${algorithms[@]}"; do
		for more in streams=1 streams=16 "streams=64 burst=64"; do
			load_of mixed "$algorithm" "64 256" 50000 "mix=1 $more"
		done
	done
}

# collect NAME BOOT IDLE COSTS PART: the lines of one part, with what they were measured on.
collect() {
	lines "$1" "$5" | sed "s/^test=$5/boot=$2 idle=$3 costs=$4/" >>"$results/native-$5.lines"
}

# boot_once BOOT IDLE COSTS PART...: what all parts want, in one guest.
boot_once() {
	local n=$1 idle=$2 costs=$3 part runs='' loads=''
	shift 3
	for part; do
		case $part in
		pcrypt|mixed)	loads+=$("${part}_loads") ;;
		*)	runs+=$("${part}_runs" | tr -d '\n') ;;
		esac
	done
	say "boot $n of $boots, idle CPUs $idle, costs of $costs"
	native_guest bench-native "$idle" "$costs" 1800 -e "RUNS=$runs" -e "LOADS=$loads" \
		-- "$TOP/scripts/guest/native"
	for part; do
		collect bench-native "$n" "$idle" "$costs" "$part"
	done
}

# table PART [all|steady]: with the latter ratios alone.
table() {
	awk -v table="$1" -v ratios="${2-}" -f "$TOP/scripts/bench-stats.awk" \
		"$results/native-$1.lines"
}

# measure PART...: all boots.
measure() {
	local n part idle costs
	host_line
	for part; do
		: >"$results/native-$part.lines"
	done
	for n in $(seq "$boots"); do
		for idle in $idles; do
			for costs in $costs_of; do
				boot_once "$n" "$idle" "$costs" "$@"
			done
		done
	done
	: >"$results/native-ratios"
	: >"$results/native-measured"
	for part; do
		csv <"$results/native-$part.lines" >"$results/native-$part.csv"
		table "$part" steady >>"$results/native-ratios"
		table "$part" all >>"$results/native-measured"
	done
}

# first TABLE: the rows of the first of $idles and $costs_of.
first() {
	table "$1" | awk -v idle="${idles%% *}" -v costs="${costs_of%% *}" \
		'$1 == idle && $2 == costs'
}

# Unbounded is drawn at 4096; at the transfer time of which there are the most rows.
draw_cost() {
	first cost | awk '
		{ n[$4]++; row[$4, n[$4]] = ($3 ? $3 : 4096) " " $5 " " $7 }
		n[$4] > n[most] { most = $4 }
		END { for (i = 1; i <= n[most]; i++) print row[most, i] }' >"$results/native-cost.dat"
	draw native-cost 'logscale xy' 'xlabel "jobs in flight"' 'ylabel "ns per empty job"' \
		'key top right' <<-'END'
		data using 1:3 title "the kernel's own", \
			data using 1:2 title "ours"
	END
}

# By size, for each number in flight.
draw_pcrypt() {
	first pcrypt | awk '$3 == "gcm(aes)" && $5 == "encrypt" {
		print $4, $6, $9, $11 }' >"$results/native-pcrypt.dat"
	draw native-pcrypt 'logscale x' 'yrange [0:*]' 'xlabel "bytes"' \
		'ylabel "requests of gcm(aes), plain cipher = 1"' 'key top left' <<-'END'
		for [w in "1 16 64 256"] data using 1:($2 == w ? $3 : 1/0) \
			title "ours, ".w." in flight", \
			data using 1:($2 == 256 ? $4 : 1/0) title "the kernel's own, 256"
	END
}

# Over the length of a job, with what two CPUs allow.
draw_speedup() {
	first speedup | awk '{ print $3 / 1000, $4, $6, $8 }' >"$results/native-speedup.dat"
	draw native-speedup 'logscale x' 'yrange [0:2.2]' 'xlabel "us per job"' \
		'ylabel "speed-up, a loop on one CPU = 1"' 'key bottom right' <<-'END'
		data using 1:4 title "two pinned threads", \
			data using 1:3 title "the kernel's own", \
			data using 1:2 title "ours", \
			1 with lines dashtype 2 linecolor "grey" notitle
	END
}

# panel ALGORITHM: throughput over size.
panel() {
	cat <<-END
		set title "$1, encryption, 256 in flight"
		at(name, y) = name eq "$1" ? y : 1/0
		plot data using 2:(at(strcol(1), \$3)) title "plain cipher", \
			"" using 2:(at(strcol(1), \$4)) title "our pcrypt", \
			"" using 2:(at(strcol(1), \$5)) title "the kernel's own pcrypt"
	END
}

# Throughput over size, one panel for each cipher, 256 requests in flight.
draw_throughput() {
	local algorithm
	first pcrypt | awk '$5 == "encrypt" && $6 == 256 {
		rate = $4 * 8 / $7
		print "\"" $3 "\"", $4, rate, rate * $9, rate * $11 }' \
		>"$results/native-throughput.dat"
	{	svg native-throughput 640,1000 "multiplot layout ${#algorithms[@]},1" 'logscale x' \
			'xrange [50:5000]' 'yrange [0:*]' 'xlabel "bytes"' 'ylabel "Gbit/s"' \
			'key top left'
		for algorithm in "${algorithms[@]}"; do
			panel "$algorithm"
		done
	} | gnuplot
}

full() {
	local part
	[ $# != 0 ] || set -- cost speedup latency pcrypt load light mixed
	check_ciphers
	measure "$@"
	for part; do
		echo
		table "$part"
	done
	[[ " $* " != *" cost "* ]] || draw_cost
	[[ " $* " != *" speedup "* ]] || draw_speedup
	[[ " $* " != *" pcrypt "* ]] || { draw_pcrypt; draw_throughput; }
}

# check_ciphers: known answers, and then pcrypt's results; counts both.
check_ciphers() {
	native_guest native-ciphers sleep x86 300 -e RUNS= -e SELFTESTS=1 \
		-e "LOADS=$(printf 'check|%s;' "${algorithms[@]}")" -- "$TOP/scripts/guest/native" ||
		count 1 "the ciphers' guest (exit status $?)"
	count_reported native-ciphers
	[ "$passed" = $((2 * ${#algorithms[@]})) ] || die "the ciphers are wrong"
}

# worse KIND NEW COMMITTED: of padata's cost and latency less is better, of rates more.
worse() {
	awk -v kind="$1" -v new="$2" -v old="$3" 'BEGIN {
		if (kind ~ /^(speedup|pcrypt)$/)
			bad = new + 0 < old / 1.15
		else
			bad = new + 0 > old * 1.15
		print (bad || new !~ /^[0-9.]+$/) }'
}

# ratio_of KEY: as measured; empty where it was not.
ratio_of() {
	awk -v key="$1" '{ k = $0; sub(/ [^ ]*$/, "", k); if (k == key) print $NF }' \
		"$results/native-measured"
}

# How native/ratios is made.
baseline="BOOTS=5 IDLE=poll COSTS=x86 scripts/bench-native.sh full cost speedup latency pcrypt"

# A host places CPUs as it likes, so not every committed transfer time is met.
check() {
	local line key new compared=0 costs=0 parts
	[ -e "$TOP/scripts/native/ratios" ] ||
		die "no scripts/native/ratios; results/native-ratios of $baseline is one"
	idles=poll costs_of=x86
	mapfile -t parts < <(awk '!/^#/ && !seen[$1]++ { print $1 }' "$TOP/scripts/native/ratios")
	for line in cost speedup latency pcrypt; do
		[[ " ${parts[*]} " == *" $line "* ]] ||
			echo "skip   $line: no ratio of it in native/ratios"
	done
	measure "${parts[@]}"
	while read -r line; do
		key=${line% *}
		[ "${key%% *}" != cost ] || costs=$((costs + 1))
		new=$(ratio_of "$key")
		if [ "${key%% *}" = cost ] && [ -z "$new" ]; then
			echo "skip   $key: no boot had that transfer time"
			continue
		fi
		[ "${key%% *}" != cost ] || compared=$((compared + 1))
		count "$(worse "${key%% *}" "${new:-missing}" "${line##* }")" \
			"$key: ratio ${new:-missing}, committed ${line##* }"
	done < <(grep -v '^#' "$TOP/scripts/native/ratios")
	[ $costs = 0 ] ||
		count "$((compared == 0))" "costs compared at a committed transfer time: $compared"
	total
}

what=${1:?see the head of $0}
shift
if [ "$what" = boot ] && ! "$TOP/scripts/native/um.sh" --cached >/dev/null; then
	echo "user-mode Linux is not in the cache: nothing is booted"
	total
	exit
fi
if [ "$what" = full ]; then
	native_setup gnuplot-nox
else
	native_setup
fi
mkdir -p "$results"
case $what in
full)	full "$@" ;;
check)	check ;;
boot)	check_ciphers
	total ;;
*)	die "see the head of $0" ;;
esac
