#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [--full]: everything that must pass; --full also on other kernels, with
# other numbers of CPUs, and for longer.
#
# One line per step, its output in $LOGS/check-STEP.log, and at the end the sum
# of all test cases: `N passed, N failed`.  One step at a time: a guest has more
# CPUs than most machines that run this.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# what_failed LOG: the lines `not ok`, with what is indented below them.
what_failed() {
	awk '/^not ok/ { on = 1; print "       " $0; next } !/^ / { on = 0 } on { print "       " $0 }' "$1"
}

# step NAME COMMAND...: the command's last line is `N passed, N failed`.
step() {
	local name=$1 log=$LOGS/check-$1.log since=$SECONDS word=ok status=0 p f
	shift
	"$@" >"$log" || status=$?
	read -r p f < <(tail -n 1 "$log" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p') || true
	# A step that ends badly without a failed case has failed as a whole.
	if [ "$status" != 0 ] && [ "${f:-0}" = 0 ]; then
		f=1
	fi
	passed=$((passed + ${p:-0}))
	failed=$((failed + ${f:-0}))
	[ "${f:-0}" = 0 ] || word="not ok"
	printf '%-6s %-14s %5d s   %s\n' "$word" "$name" $((SECONDS - since)) \
		"${p:+$p passed, $f failed}"
	[ "$word" = ok ] || what_failed "$log" | head -n 60
}

# fairness: what its suite compares is exact where instructions are counted.
fairness() {
	ICOUNT=1 SUITE=pcrypt_share KARGS=pcrypt_share_kunit.slack_percent=10 \
		step fairness scripts/kunit.sh kunit
}

# full: the long runs, other numbers of CPUs, and the kernels that take more time.
full() {
	local cpus flavour
	for flavour in kcsan rt; do
		step kernel-$flavour scripts/kernel.sh $flavour
		step kunit-$flavour scripts/kunit.sh $flavour
		step torture-$flavour scripts/torture.sh $flavour 3 4
	done
	for cpus in 1 2 8 64; do
		step kunit-$cpus scripts/kunit.sh kunit $cpus
		step torture-$cpus scripts/torture.sh kunit 3 $cpus
	done
	step kunit-debug-2 scripts/kunit.sh debug 2
	for flavour in 6.1 6.12; do
		step torture-$flavour scripts/torture.sh $flavour 3 4
	done
	KARGS=preempt=none step kunit-none scripts/kunit.sh kunit 4
	KARGS=preempt=none step torture-none scripts/torture.sh kunit 3 4
	step torture-long scripts/torture.sh kunit 10 4
	step torture-debug-long scripts/torture.sh debug 10 4
	step model scripts/model.sh
	step cycles scripts/cycles.sh
	step faults scripts/faults.sh
	COUNT=10000 step pcrypt-10000 scripts/pcrypt.sh kunit
	COUNT=1000 step pcrypt-debug scripts/pcrypt.sh debug
	step fuzz-long scripts/fuzz.sh 600 debug 6.12 6.1
	ROUNDS=10 step planted-10 scripts/planted.sh
}

# build_debug_kernel: in the background, of what the steps before the first that needs
# it leave of the CPUs; that one waits for it.  It goes when this script goes.
build_debug_kernel() {
	setsid nice -n 19 scripts/kernel.sh debug >"$LOGS/check-build-debug.log" 2>&1 &
	builder=$!
	trap '[ -z "$builder" ] || kill -- "-$builder" 2>/dev/null || :' EXIT
}

# need_kernel FLAVOUR: without it each of the others would only try to build it again.
need_kernel() {
	local before=$failed
	step "kernel-$1" scripts/kernel.sh "$1"
	[ "$failed" = "$before" ] || total || exit
}

cd "$TOP"
step setup scripts/setup.sh
need_kernel kunit
build_debug_kernel
step static scripts/static.sh
GUESTS=2 step kunit scripts/kunit.sh kunit
fairness
step selftest scripts/selftest.sh
step planted scripts/planted.sh
step demo scripts/demo.sh
step e2e scripts/e2e.sh 10
step torture scripts/torture.sh kunit 2 4
PADATA_RESULTS=$LOGS step bench scripts/bench.sh check
need_kernel debug
builder=''
step kunit-debug scripts/kunit.sh debug
step torture-debug scripts/torture.sh debug 2 4
step modprobe scripts/modprobe.sh
COUNT=300 step pcrypt scripts/pcrypt.sh 6.12 6.1
step fuzz scripts/fuzz.sh 50 debug
[ "${1-}" != --full ] || full
say "$((SECONDS / 60)) minutes; logs in $LOGS"
total
