# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Shared by every script here: where things lie, how to speak, how to stop.

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${PADATA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/padata}
LOGS=${PADATA_LOGS:-$CACHE/logs}
BUILDS=${PADATA_BUILDS:-$CACHE/build}
SERIES=${PADATA_SERIES:-6.12}
# shellcheck source=scripts/arch-lib.sh
. "$TOP/scripts/arch-lib.sh"
JOBS=$(nproc)
# Another architecture's have the same names.
if [ -n "$arch_foreign" ]; then
	LOGS+=/$arch BUILDS+=/$arch
	export ARCH=$arch CROSS_COMPILE=$arch_cross
fi
export TOP CACHE LOGS BUILDS SERIES JOBS
mkdir -p "$CACHE" "$LOGS" "$BUILDS"

# Messages go to standard error: standard output is for results.
say() { printf '[%4ds] %s\n' "$SECONDS" "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

[ -n "$arch_debian" ] || die "scripts/arch-lib.sh has no line for ARCH=$arch"

# run_logged LOGNAME COMMAND...: quiet while it works, the log's end when not.
run_logged() {
	local log=$LOGS/$1.log status=0
	shift
	# As a condition a function would go on after a command of it that fails.
	set +e
	(set -e; "$@") >"$log" 2>&1
	status=$?
	set -e
	if [ $status != 0 ]; then
		tail -n 30 "$log" >&2
		die "failed: $* (log: $log)"
	fi
}

# Counted instructions instead of time: a nanosecond is one, one CPU runs at a
# time, and nothing is random, so that runs can be repeated.  The kernel's self-tests of
# public-key ciphers go on for some 10^9 of them after boot, on whatever CPU, so guests that
# count have $no_selftests.
icount="-accel tcg,thread=single -icount shift=0,sleep=off -cpu $arch_icount"
icount+=" -seed 1 -rtc base=2026-01-01T00:00:00,clock=vm"
# shellcheck disable=SC2034 # for the benches
no_selftests=cryptomgr.notests=1

# flavour_args FLAVOUR: kernel arguments that a test kernel needs.
flavour_args() {
	case $1 in
	kcsan)	echo "kcsan.early_enable=1" ;;
	esac
}

# allowed CPUS: lines of the kernel's log that are expected, $ALLOW included.  Where
# many CPUs share a few, 6.12 finds its own deadline server, which counts as a
# task there, still running on a CPU that goes offline, and warns.
allowed() {
	local many='sched_cpu_dying|migration/[0-9]+ Tainted|Tainted: \[W\]=WARN'
	[ "$1" -lt 16 ] || echo "${ALLOW:+$ALLOW|}$many"
	[ "$1" -ge 16 ] || echo "${ALLOW-}"
}

# use_stock SERIES: sets VERSION, ROOT, HEADERS and KERNEL, as stock.sh prints them.
# Where stock.sh fails the script ends: `eval "$(stock.sh)"` would go on.
use_stock() {
	local settings
	settings=$("$TOP/scripts/stock.sh" "$1") || exit
	eval "$settings"
}

# has_kernel KERNEL: return false, with a line for the log, if it is a series of
# Debian's that this machine's apt does not have, as 6.1 on Debian 13.  Test
# kernels are built anywhere, and without the series that all the rest needs
# there is nothing to skip.  With ARCH=i386 it is about that architecture's kernels,
# all of them if KERNEL is `debian`.
has_kernel() {
	local status=0
	case $1 in
	debian)	;;
	"$SERIES"|[!0-9]*) return 0 ;;
	esac
	"$TOP/scripts/stock.sh" --has "$1" || status=$?
	case $status in
	0)	;;
	3)	echo "skip   Debian's ${ARCH:+$ARCH }${1/debian/kernel}: apt has no kernel of that series here"
		return 1 ;;
	*)	exit $status ;;
	esac
}

# kind_of VERSION: prints the series, the flavour and the machine of a version of Debian's.
kind_of() {
	local flavour=''
	[[ $1 != *-rt-* ]] || flavour=-rt
	[[ $1 != *-cloud-* ]] || flavour=-cloud
	echo "$(cut -d. -f1,2 <<<"$1")$flavour-${1##*-}"
}

# remove_older PREFIX VERSION: the directories PREFIX... of other versions of that kind.
remove_older() {
	local dir other
	for dir in "$1"*; do
		other=${dir#"$1"}
		[ "$other" = "$2" ] || [ "$(kind_of "$other")" != "$(kind_of "$2")" ] ||
			rm -rf "$dir"
	done
}

# note_run KERNEL WHAT...: that these ended well there, for matrix.sh.
note_run() {
	local what
	for what in "${@:2}"; do
		[ -z "$1" ] || printf '%s\t%s\t%s\n' "$1" "$arch" "$what" >>"$LOGS/ran"
	done
}

# name_of WORD...: of a build or a log.
name_of() {
	local IFS=-
	tr -dc 'A-Za-z0-9_=-' <<<"$*"
}

# sync_sources FROM DIRECTORY: copy all sources of the modules.  Products (*.mod.c and all
# files that are no sources) are excluded, which also keeps --delete away from them; a
# source that was removed here is removed there, too.  A file that is the same keeps its
# time, so that a second build is incremental, from another clone, too; one that differs gets
# a new one.
sync_sources() {
	rsync -rlp --checksum --delete --exclude='*.mod.c' --include='*.[ch]' --include=Kbuild \
		--include=/padata/ --include=/pcrypt/ --include=/kunit/ --include=/kunit/load/ \
		--include=/kunit/load/torture/ --include=/Documentation/ \
		--include=/Documentation/samples/ --exclude='*' "$1/" "$2/"
}

# plant_file NUMBER: the patch of that planted bug, see planted.sh.
plant_file() {
	local f
	f=$(echo "$TOP/scripts/planted/$1"-*.patch)
	[ -e "$f" ] || die "there is no planted bug $1"
	echo "$f"
}

# copy_tree DIRECTORY: all that a user has before the first `make`.  The products of a
# build in place must not touch the sources here.
copy_tree() {
	rsync -a --delete --exclude=.git --exclude='*.o' --exclude='*.ko' --exclude='*.mod*' \
		--exclude='.*.cmd' "$TOP/" "$1/"
}

# apt_update [OPTIONS OF apt-get...]: `apt-get update`, also while another one has the lists.
# DPkg::Lock::Timeout is not for their lock, so it is tried again, for up to 10 minutes.
apt_update() {
	local said status end=$((SECONDS + 600))
	while true; do
		status=0
		said=$(LC_ALL=C apt-get "$@" update 2>&1) || status=$?
		[[ $status != 0 && $said == *"Could not get lock"* && $SECONDS -lt $end ]] || break
		sleep 2
	done
	printf '%s\n' "$said"
	return $status
}

# mirror: of this machine's apt, for Debian itself.
mirror() {
	# shellcheck disable=SC2016 # of apt, not of the shell
	apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk '$1 == "Debian" && $2 == "main" && $3 !~ /security/ { print $3; exit }'
}

# alone NAME: two runs of the same name would mix their logs.
alone() {
	exec 8>"$LOGS/$1.lock"
	if ! flock -n 8; then
		say "waiting for another run of $1"
		flock 8
	fi
}

# in_background COMMAND...: as a process group of its own, which ends when this script is
# interrupted; $! is its leader.  Without one bash lets it ignore an interrupt.
in_background() {
	trap 'end_background; exit 130' INT TERM HUP
	set -m
	"$@" &
	set +m
}

end_background() {
	local group
	for group in $(jobs -pr); do
		kill -- "-$group" 2>/dev/null || :
	done
}

# count STATUS TEXT: one check more, which passed if STATUS is 0.
passed=0 failed=0 printed=0
count() {
	printed=$((printed + 1))
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

# print_sum: the last line of a script, and its exit status.
print_sum() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}

# total: the plan, as TAP has it, of the lines `ok` and `not ok`, and the sum.
total() {
	echo "1..$printed"
	print_sum
}

# fits_plan LOG: return true if the last line but one is the plan of the lines before.
fits_plan() {
	awk '/^(ok|not ok) / { n++ } { plan = last; last = $0 }
	     END { exit plan != "1.." n + 0 }' "$1"
}
