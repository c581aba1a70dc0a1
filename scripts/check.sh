#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [--full]: everything that must pass; --full also on other kernels, with
# other numbers of CPUs, and for longer.
#
# One line per step, its output in $LOGS/check-STEP.log, and at the end the sum
# of all test cases: `N passed, N failed`.  Steps run one at a time,
# because a guest has more CPUs than most machines that run this.  Steps of a fixed
# duration run at the same time as others.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# what_failed LOG: the lines `not ok`, with the indented lines below them.
what_failed() {
	awk '/^not ok/ { on = 1; print "       " $0; next } !/^ / { on = 0 } on { print "       " $0 }' "$1"
}

# begin NAME COMMAND...: in the background; its last line is `N passed, N failed`.
declare -A pid since
begin() {
	local name=$1
	shift
	since[$name]=$SECONDS
	"$@" >"$LOGS/check-$name.log" &
	pid[$name]=$!
}

# finish NAME: wait for it, say how it ended, and count its cases.
finish() {
	local name=$1 log=$LOGS/check-$1.log word=ok status=0 p f
	wait "${pid[$name]}" || status=$?
	unset "pid[$name]"
	read -r p f < <(tail -n 1 "$log" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p') || true
	# A step that counts has a plan, and printed as many lines.
	if [ -n "${p-}" ] && ! fits_plan "$log"; then
		echo "not ok $name: the checks do not fit the plan" >>"$log"
		f=$((f + 1))
	fi
	# A step that ends badly without a failed case has failed as a whole, and so has one
	# without a sum; two kinds have none.
	if [ "$status" != 0 ] && [ "${f:-0}" = 0 ]; then
		f=1
	fi
	case $name in
	setup|kernel-*)	;;
	*)		[ -n "${p-}" ] || f=1 ;;
	esac
	passed=$((passed + ${p:-0}))
	failed=$((failed + ${f:-0}))
	[ "${f:-0}" = 0 ] || word="not ok"
	printf '%-6s %-14s %5d s   %s\n' "$word" "$name" $((SECONDS - since[$name])) \
		"${p:+$p passed, $f failed}"
	sed -n 's/^skip /       skip /p' "$log"
	[ "$word" = ok ] || what_failed "$log" | head -n 60
}

step() {
	begin "$@"
	finish "$1"
}

# fairness: its suite compares times, which are exact where instructions are counted.
fairness() {
	ICOUNT=1 SUITE=pcrypt_share KARGS=pcrypt_share_kunit.slack_percent=10 \
		step fairness scripts/kunit.sh kunit
}

# windows: instances of pcrypt in the making, where each race has time to happen.
windows() {
	local -x PATCH=$TOP/scripts/patches/pcrypt-windows.patch SUITE=pcrypt_make
	# Most of the time both sleep.
	KARGS=pcrypt_mod.open=1 begin pcrypt-windows-open scripts/kunit.sh debug
	step pcrypt-windows scripts/kunit.sh debug
	finish pcrypt-windows-open
}

# foreign_short: arm64 alone.
foreign_short() {
	local -x ARCH=arm64
	[ "$ARCH" = "$arch" ] || PADATA_REQUESTS=2000 step demo-arm64 scripts/demo.sh
}

# foreign: Debian's kernels of the other architectures, and test kernels where there is a
# fragment for them.
foreign() {
	local -x ARCH
	for ARCH in $arch_all; do
		[ "$ARCH" != "$arch" ] || continue
		has_kernel debian || continue
		step "demo-$ARCH" scripts/demo.sh
		step "torture-$ARCH" scripts/torture.sh debian 1 4
		[ -e "scripts/configs/$ARCH.config" ] || continue
		step "kernel-$ARCH" scripts/kernel.sh kunit
		step "kunit-$ARCH" scripts/kunit.sh kunit
	done
}

# full: the long runs, other numbers of CPUs, and the kernels that take more time.
full() {
	local cpus flavour
	step trixie scripts/e2e/trixie.sh
	step kernels scripts/headers.sh --boot
	if [ "$(id -u)" = 0 ]; then
		step later scripts/e2e/later.sh
	else
		echo "skip   later: only root can make a chroot"
	fi
	step ktls scripts/e2e/ktls.sh 6.12
	step tcp scripts/e2e/tcp.sh
	PADATA_RESULTS=$LOGS step package scripts/e2e/package.sh
	step tracing-all scripts/e2e/tracing.sh 6.12
	step kernel-dwarf scripts/kernel.sh dwarf
	step dump scripts/e2e/dump.sh
	foreign
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
		! has_kernel "$flavour" || step torture-$flavour scripts/torture.sh $flavour 3 4
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
	step relaxed scripts/planted.sh relaxed
}

# stop_all: end all steps that were begun; called when this script ends.
stop_all() {
	local name
	for name in "${!pid[@]}"; do
		kill -- "-${pid[$name]}" 2>/dev/null || :
	done
}

# need_kernel FLAVOUR: without it each of the others would only try to build it again.
need_kernel() {
	local before=$failed
	[ -n "${pid[kernel-$1]-}" ] || begin "kernel-$1" scripts/kernel.sh "$1"
	finish "kernel-$1"
	[ "$failed" = "$before" ] || print_sum || exit
}

cd "$TOP"
alone check
# Each in a process group of its own, for stop_all.
set -m
trap stop_all EXIT
# With deb.sh's, one of which may bring another compiler for this machine: not while a
# kernel is built.
step setup scripts/setup.sh build-essential debhelper dh-dkms lintian bpftrace
need_kernel kunit
# At low priority, until the first step that needs this kernel.
begin kernel-debug nice -n 19 scripts/kernel.sh debug
step static scripts/static.sh
step headers scripts/headers.sh
step litmus scripts/litmus.sh
step newcomer scripts/newcomer.sh
step monitor scripts/monitor-test.py
step dump-reads scripts/dump-test.py
step tracing scripts/e2e/tracing.sh 6.12 3
rm -f "$LOGS/kunit-kunit-4.suites" "$LOGS/check-kunit.suites"
GUESTS=2 step kunit scripts/kunit.sh kunit
# A later run of some suites has the same name.  Where there is none planted.sh says so.
cp "$LOGS/kunit-kunit-4.suites" "$LOGS/check-kunit.suites" || true
# Instructions are counted in both, on one CPU each.
PADATA_RESULTS=$LOGS begin bench scripts/bench.sh check
fairness
finish bench
step selftest scripts/selftest.sh
PASSED=check-kunit step planted scripts/planted.sh
step demo scripts/demo.sh
foreign_short
step e2e scripts/e2e.sh 10
PADATA_RESULTS=$LOGS step lines scripts/bench-lines.sh check
PADATA_RESULTS=$LOGS step native scripts/bench-native.sh boot
need_kernel debug
GUESTS=2 step kunit-debug scripts/kunit.sh debug
windows
begin torture scripts/torture.sh kunit 2 4
step torture-debug scripts/torture.sh debug 2 4
finish torture
begin fuzz scripts/fuzz.sh 50 debug
step modprobe scripts/modprobe.sh
COUNT=300 step pcrypt scripts/pcrypt.sh 6.12 6.1
finish fuzz
[ "${1-}" != --full ] || full
say "$((SECONDS / 60)) minutes; logs in $LOGS"
print_sum
