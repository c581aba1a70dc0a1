# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Shared by every script here: where things lie, how to speak, how to stop.

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${PADATA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/padata}
LOGS=${PADATA_LOGS:-$CACHE/logs}
BUILDS=${PADATA_BUILDS:-$CACHE/build}
SERIES=${PADATA_SERIES:-6.12}
JOBS=$(nproc)
export TOP CACHE LOGS BUILDS SERIES JOBS
mkdir -p "$CACHE" "$LOGS" "$BUILDS"

# Messages go to standard error: standard output is for results.
say() { printf '[%4ds] %s\n' "$SECONDS" "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# run_logged LOGNAME COMMAND...: quiet while it works, the log's end when not.
run_logged() {
	local log=$LOGS/$1.log
	shift
	if ! "$@" >"$log" 2>&1; then
		tail -n 30 "$log" >&2
		die "failed: $* (log: $log)"
	fi
}

# Counted instructions instead of time: a nanosecond is one, one CPU runs at a
# time, and nothing is random, so that runs can be repeated.
icount="-accel tcg,thread=single -icount shift=0,sleep=off -cpu max,-rdrand,-rdseed"
icount+=" -seed 1 -rtc base=2026-01-01T00:00:00,clock=vm"

# flavour_args FLAVOUR: kernel arguments that a test kernel needs.
flavour_args() {
	case $1 in
	kcsan)	echo "kcsan.early_enable=1" ;;
	esac
}

# allowed CPUS: lines of the kernel's log to be expected, besides $ALLOW.  Where
# many CPUs share a few, 6.12 finds its own deadline server, which counts as a
# task there, still running on a CPU that goes offline, and warns.
allowed() {
	local many='sched_cpu_dying|migration/[0-9]+ Tainted|Tainted: \[W\]=WARN'
	[ "$1" -lt 16 ] || echo "${ALLOW:+$ALLOW|}$many"
	[ "$1" -ge 16 ] || echo "${ALLOW-}"
}

# name_of WORD...: of a build or a log.
name_of() {
	local IFS=-
	tr -dc 'A-Za-z0-9_=-' <<<"$*"
}

# sync_sources DIRECTORY: all that the modules are built of.  Products (*.mod.c and
# what is no source) are excluded, which also keeps --delete away from them; a
# source that is gone here goes there, too.
sync_sources() {
	rsync -a --delete --exclude='*.mod.c' --include='*.[ch]' --include=Kbuild \
		--include=/padata/ --include=/pcrypt/ --include=/kunit/ --include=/Documentation/ \
		--include=/Documentation/samples/ --exclude='*' "$TOP/" "$1/"
}

# plant_file NUMBER: the patch of that planted bug, see planted.sh.
plant_file() {
	local f
	f=$(echo "$TOP/scripts/planted/$1"-*.patch)
	[ -e "$f" ] || die "there is no planted bug $1"
	echo "$f"
}

# alone NAME: two runs of the same name would mix their logs.
alone() {
	exec 8>"$LOGS/$1.lock"
	if ! flock -n 8; then
		say "waiting for another run of $1"
		flock 8
	fi
}

# count STATUS TEXT: one check more; total: the last line, and the exit status.
passed=0 failed=0
count() {
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
		echo "ok     $2"
	else
		failed=$((failed + 1))
		echo "not ok $2"
	fi
}

# count_reported NAME: the lines `ok: TEXT` and `not ok: TEXT` of a guest's verdict.
count_reported() {
	local line
	while IFS= read -r line; do
		case $line in
		"ok: "*)	count 0 "${line#ok: }" ;;
		"not ok: "*)	count 1 "${line#not ok: }" ;;
		esac
	done <"$LOGS/$1.verdict"
}

total() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}
