#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench-lines.sh [check|known|streams|CPUS...]: how many cache lines a job moves between CPUs, ours
# and the kernel's own padata in the same boots of Debian's own, unmodified 6.12 kernel.
#
#  check    a boot sector whose moves are known by hand, and limits of the simulation, in
#           seconds
#  known    the same of a module in Linux, with spinlocks, in a minute
#  streams  what 100,000 idle streams cost, in instructions; ours alone
#  CPUS...  (2 4 8 16 32 64) one boot each without and with nodes: one submitter and many,
#           one stream of each and many
#
# QEMU runs one CPU at a time and counts instructions.  scripts/plugin/lines.c counts the
# moves, see there, and has each CPU give way after $QUANTUM instructions (100).  A nanosecond
# of the guest is an instruction of any CPU, so where all are busy all work takes longer by
# their number; the times that padata_mod has for a wake-up and for a poll are multiplied by
# it.  $JOB_NS (20000) is the length of a job, in instructions, $NR_JOBS (1024) their number.
# $LEAST (0.05) moves per job are shown by name.  $PARAMETERS are more of those of padata_mod,
# as in PARAMETERS="pod_cpus=8".  $PADATA_RESULTS (results) gets lines.csv and, with names,
# lines.txt.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/driver.sh"
# shellcheck source=scripts/bench-lib.sh
. "$TOP/scripts/bench-lib.sh"

quantum=${QUANTUM:-100}
job_ns=${JOB_NS:-20000}
jobs=${NR_JOBS:-1024}
many_streams=16

# build_plugin: QEMU's version of the interface is 1 up to 8, and 2 is taken from 9 on.
build_plugin() {
	local major
	major=$(qemu_major)
	plugin=$BUILDS/lines.so
	run_logged build-lines gcc -O2 -Wall -Wextra -Werror -DAPI=$((major < 9 ? 1 : 2)) \
		-shared -fPIC -fvisibility=hidden -o "$plugin" "$TOP/scripts/plugin/lines.c"
}

# counted NAME CPUS NODES [OPTIONS OF guest.sh...]: the moves go to NAME.moves.
counted() {
	local cpus=$2 nodes=$3 out=$LOGS/$1.moves
	alone "$1"
	padata_guest "$1" bench -A "$icount" -c "$cpus" -N "$nodes" -t 1800 \
		-q "-plugin file=$plugin,out=$out,cpus=$cpus,nodes=$nodes,quantum=$quantum" \
		-a "nokaslr log_buf_len=4M $no_selftests" -e PROFILE=some "${@:4}" \
		-e "PARAMETERS=wakeup_cost_ns=$((10000 * cpus)) poll_ns=$((10000 * cpus)) ${PARAMETERS-}"
}

# The cases known by hand

# boot_sector NODES
boot_sector() {
	local far=$(($1 - 1)) end=0
	name=lines-turns-$1
	timeout 20 qemu-system-x86_64 -nodefaults -no-reboot -display none -monitor none \
		-accel tcg,thread=single -icount shift=0,sleep=off -smp 2 -m 32M \
		-drive "file=$BUILDS/turns.bin,format=raw" -device isa-debug-exit,iobase=0xf4 \
		-plugin "file=$plugin,out=$LOGS/$name.moves,cpus=2,nodes=$1,quantum=100,from=0" \
		</dev/null >"$LOGS/$name.log" 2>&1 || end=$?
	count $((end != 1)) "boot sector, nodes: $1: QEMU ended by its exit device (status $end)"
	moves_of 6000 0 1000 1000 $((2000 * far)) "boot sector, turns"
	moves_of 6040 0 0 999 $((999 * far)) "boot sector, an atomic number"
	moves_of 6080 0 999 999 $((1998 * far)) "boot sector, a number"
	moves_of 6140 0 0 0 0 "boot sector, a line of one CPU"
	moves_of 6180 0 0 0 0 "boot sector, a line of the other CPU"
}

build_boot_sector() {
	run_logged build-turns gcc -m32 -c -o "$BUILDS/turns.o" "$TOP/scripts/plugin/turns.S"
	run_logged build-turns ld -m elf_i386 -Ttext 0x7c00 --oformat binary \
		-o "$BUILDS/turns.bin" "$BUILDS/turns.o"
}

# moves_of OBJECT WINDOW READS WRITES FAR: one check.  In a guest with Linux the first access
# of a line may be no move, and a wait may begin or end with one more: $slack.
slack=0
moves_of() {
	local got
	got=$(python3 "$TOP/scripts/plugin/lines.py" object "$LOGS/$name" "$1" "$2")
	count "$(awk -v got="$got" -v want="$3 $4 $5" -v slack="$slack" 'BEGIN {
			split(got, g); split(want, w)
			for (i = 1; i <= 3; i++)
				bad = bad || g[i] == "" || (g[i] - w[i]) ^ 2 > slack ^ 2
			print bad + 0 }')" \
		"$6: $1: moved by reads, by writes, between nodes: $got; expected $3 $4 $5"
}

# judge_known FAR TEXT: FAR is 1 if the two CPUs are of different nodes.
judge_known() {
	local n=$turns f=$(($1 * turns)) text=$2
	moves_of turn 0 "$n" "$n" $((2 * f)) "$text, nothing else"
	moves_of own0 0 0 0 0 "$text, lines of their own"
	moves_of own1 0 0 0 0 "$text, lines of their own"
	moves_of shared 1 "$n" "$n" $((2 * f)) "$text, a number"
	moves_of atomic 2 0 "$n" "$f" "$text, an atomic number"
	moves_of lock 3 0 "$n" "$f" "$text, a lock"
	moves_of number 3 "$n" "$n" $((2 * f)) "$text, a number under it"
	moves_of under:lock 3 "$n" $((2 * n)) $((3 * f)) "$text, all under it"
	moves_of same 4 0 "$n" "$f" "$text, a lock and a number in one line"
	moves_of under:same 4 0 "$n" "$f" "$text, all under it"
}

# simulated COLUMN LEAST MOST TEXT OPTIONS...: one check of scale-sim.py's only line.
simulated() {
	local got
	got=$(python3 "$TOP/scripts/scale-sim.py" "${@:5}" |
		awk -v column="$1" 'END { print $column }')
	count "$(awk -v got="$got" -v least="$2" -v most="$3" \
		'BEGIN { print !(got >= least && got <= most) }')" \
		"simulation, $4: $got CPUs of work, expected $2 to $3"
}

# Jobs of 2 us take the queue's lock twice, 30 ns each time.  With four lines of 100 ns, two
# each time, 2000 / (2 * 230) is the most.  A worker that is woken in vain takes it, too.
check_simulation() {
	simulated 5 32.5 34 "moves free, the lock is the limit" --cpus 64 --job-us 2
	simulated 7 3.2 4.35 "four lines under the lock" --cpus 64 --job-us 2 \
		--near 100 --far 100 --moves 4,0,0,0
	simulated 7 47 48 "long jobs, 48 CPUs that work" --cpus 64 --job-us 100 --moves 0,0,0,0
	{
		echo -n "cpus,nodes,submitters,streams,impl,lock_name,lock_sum,queue,shells,"
		echo "jobs,pumps,kernel,bench,job_ns,work"
		echo 64,1,32,1,ours,pod.lock,4,4,0,0,0,0,0,2000,48
	} >"$LOGS/lines-counted.csv"
	simulated 7 3.2 4.35 "the same four lines, as counted" --cpus 64 --job-us 2 \
		--near 100 --far 100 --lines "$LOGS/lines-counted.csv"
	simulated 10 41 43.7 "pods, the 48 CPUs and 200 ns of each job are the limit" \
		--cpus 64 --job-us 2 --moves 0,0,0,0
}

check_all() {
	build_boot_sector
	boot_sector 1
	boot_sector 2
	check_simulation
	total
}

known() {
	local far
	turns=1000 slack=3
	for far in 0 1; do
		counted "lines-known-$far" 4 2 \
			-f "$dir/kunit/load/lines_check.ko" \
			-e "RUNS=lines_check turns=$turns cpus=0,$((far ? 3 : 1))"
		judge_end "CPUs 0 and $((far ? 3 : 1)): "
		judge_known "$far" "$([ $far = 0 ] && echo one node || echo two nodes)"
	done
	total
}

# The tables

# symbols: of the kernel, which has them at the same addresses in each boot (nokaslr).
symbols() {
	symbols=$CACHE/symbols-$VERSION
	[ ! -s "$symbols" ] || return 0
	say "symbols of $VERSION, once"
	must_run padata_guest lines-symbols symbols -a nokaslr
	reported symbol >"$symbols.new"
	mv "$symbols.new" "$symbols"
}

# offset_of MEMBER: of the instance.
offset_of() {
	sed -n "s,.*[ *]$1;.*/\\* *\\([0-9]*\\) .*,\\1,p" "$layouts" | head -n 1
}

# layouts: the structures of the instance, as pahole prints them.
layouts() {
	local s
	layouts=$LOGS/lines.layouts
	for s in instance padata_mod_shell padata_pump pod; do
		pahole -C "$s" "$dir/padata_mod.ko"
	done >"$layouts" 2>/dev/null || :
	percpu_at=$(offset_of pumps)
	pods_at=$(offset_of pods)
}

# loads CPUS: one submitter and many, on all nodes, one stream each and many.
loads() {
	local shells streams window
	for shells in 1 $(($1 > 4 ? $1 / 2 : 2)); do
		window=$((512 / shells))
		[ "$window" -le 256 ] || window=256
		for streams in 1 $many_streams; do
			both "objects=1 percpu_at=${percpu_at:--1} pods_at=${pods_at:--1} \
jobs=$((jobs / shells)) shells=$shells apart=$(($1 / shells)) streams=$streams windows=$window \
job_ns=$job_ns"
		done
	done
}

# nodes_of CPUS: where there are nodes.
nodes_of() {
	echo $(($1 < 8 ? 2 : 4))
}

tables() {
	local cpus nodes runs=()
	symbols
	layouts
	for cpus; do
		for nodes in 1 "$(nodes_of "$cpus")"; do
			say "$cpus CPUs, nodes: $nodes"
			must_run counted "lines-$cpus-$nodes" "$cpus" "$nodes" \
				-e "RUNS=$(loads "$cpus" | tr -d '\n')" \
				-f "$dir/kunit/load/padata_bench.ko" \
				-f "$dir/kunit/load/padata_bench_kernel.ko"
			runs+=("$LOGS/lines-$cpus-$nodes")
		done
	done
	python3 "$TOP/scripts/plugin/lines.py" tables "$symbols" "$layouts" \
		"$results/lines.csv" "$results/lines.txt" "${LEAST:-0.05}" "${runs[@]}"
}

# streams: a nanosecond of the guest is an instruction of any CPU, and one CPU works.
streams() {
	alone lines-streams
	must_run padata_guest lines-streams bench -A "$icount" -c 2 -t 600 -a "$no_selftests" \
		-f "$dir/kunit/load/padata_streams.ko" -e "RUNS=padata_streams"
	reported bench
}

"$TOP/scripts/setup.sh"
mkdir -p "$results"
build_plugin
case ${1-} in
check)	check_all ;;
known)	use_kernel 6.12
	known ;;
streams) use_kernel 6.12
	streams ;;
*)	[ $# != 0 ] || set -- 2 4 8 16 32 64
	use_kernel 6.12
	tables "$@" ;;
esac
