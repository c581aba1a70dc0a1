#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# demo.sh: both modules in Debian's own, unmodified kernel, in QEMU.
#
# Requests of ESP's sizes go through pcrypt(rfc4106(gcm(aes))) on four CPUs, one
# of which goes and comes meanwhile; each result is compared with the plain
# cipher's.  Leaves its cache alone behind; $PADATA_REQUESTS of 1420 bytes ($arch_requests),
# of shorter ones more.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/driver.sh"

requests=${PADATA_REQUESTS:-$arch_requests}

show_files() {
	echo
	reported file
	reported mask
}

# The load generator's key=value, as a table: the plain cipher and pcrypt in the same loop;
# which part of pcrypt's requests was done in parallel mode, the others by the CPU that
# sends.  Where a terminal has room each row gets a bar: '=' is as fast as the plain cipher,
# '#' what is beyond.
show_speed() {
	local columns=0
	# Of the terminal that is its input.
	[ ! -t 1 ] || read -r _ columns < <(stty size <&3) || columns=0
	echo
	printf '%5s %-9s %12s %13s %9s %9s %13s %6s\n' bytes direction 'plain req/s' \
		'pcrypt req/s' speed-up parallel 'out of order' wrong
	{ reported parallel | sed 's/^/parallel /'; reported plain | sed 's/^/plain /'
	  reported load; } | awk -v room="$((columns < 110 ? 0 : columns - 85))" '
	function bar(ratio,   s, i) {
		for (i = 1; i <= ratio * 10 + 0.5 && i < room; i++)
			s = s (i <= 10 ? "=" : "#")
		return s ? "  " s : ""
	}
	$1 == "parallel" {
		jobs[$2, "encrypt"] = $5 - $3
		jobs[$2, "decrypt"] = $6 - $4 }
	/plain_per_second/ {
		for (i = 1; i <= NF; i++) { split($i, kv, "="); v[kv[1]] = kv[2] }
		row = v["size"] SUBSEP v["direction"] }
	/plain_per_second/ && $1 == "plain" { plain[row] = v["parallel_per_second"] }
	/plain_per_second/ && $1 != "plain" {
		ratio = v["parallel_per_second"] / (plain[row] ? plain[row] : 1)
		printf "%5d %-9s %12d %13d %9.2f %8.0f%% %13d %6d%s\n", v["size"],
			v["direction"], plain[row], v["parallel_per_second"], ratio,
			100 * jobs[row] / v["requests"], v["out_of_order"], v["wrong"],
			bar(ratio) }'
} 3>&1

show_jobs() {
	echo
	reported jobs | awk '{
		printf "mode=parallel, %s: %d jobs; on CPU 0..%d: %d", $1, $2, NF - 4, $4
		for (i = 5; i <= NF; i++) printf ", %d", $i
		printf "; run by the submitter: %d\n", $3 }'
	echo "CPU 3 went offline and came back $(reported toggles) times meanwhile"
	echo "events of $(reported traced | awk '{ print $3 + $4 - $1 - $2 }') more jobs:$(reported event |
		sed 's/padata_//' | awk '{ printf "%s %d %s", sep, $2, $1; sep = "," }')"
}

# Everything inline is not parallel: each CPU has worked, and the submitter did
# no more than a fifth of the work itself.
check_jobs() {
	reported jobs | awk '
		NF != 7 || $3 * 5 > $2 { bad = 1 }
		{ for (i = 4; i <= NF; i++) if (!$i) bad = 1 }
		END { exit bad || NR != 2 }'
}

# Each job has been submitted, run and called back, as the counters say; both changes of the
# mask are there.
check_events() {
	{ reported traced; reported event; } | awk '
		NR == 1 { jobs = $3 + $4 - $1 - $2 }
		NR > 1 { nr[$1] = $2 }
		END {
			exit !(NR == 7 && jobs > 0 && nr["padata_submit"] == jobs &&
				nr["padata_parallel_start"] == jobs &&
				nr["padata_parallel_end"] == jobs &&
				nr["padata_serial"] == jobs &&
				nr["padata_drain"] > 0 &&
				nr["padata_mask_change"] == 2) }'
}

judge() {
	check "the guest ended well, its log has no warning" ended_well
	check "every result right, none lost, all in order" demo_in_order
	check "sizes 64, 576 and 1420, both ways" \
		[ "$(reported load | grep -c "requests=[1-9].* plain_per_second")" = 6 ]
	check "mode=parallel: every CPU has worked, the submitter at most a fifth" check_jobs
	check "a CPU went and came under load" [ "$(reported toggles)" -gt 0 ]
	check "tracepoints: each job, each change of a mask" check_events
	check "masks as written, modules unloaded" [ -z "$(reported failed)" ]
	reported failed
}

say "Debian's own kernel"
begin demo
use_kernel debian
say "booting $title in QEMU with 4 CPUs; then $requests requests and more of each size, each way, plain and by pcrypt (a minute)"
run_guest demo demo -M "$arch_aes gcm ctr ghash-generic seqiv" -c 4 -t 300 -e "REQUESTS=$requests" \
	-f "$dir/kunit/load/pcrypt_load.ko"
echo "$title, $(grep CONFIG_PADATA= "$ROOT/boot/config-$VERSION"), with padata_mod and pcrypt_mod"
show_files
show_speed
show_jobs
echo
judge
total
