# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The driver of tests that run a program of scripts/guest: it finds the kernel,
# builds the modules for it, boots a guest, and counts the checks of both sides.  A
# script that includes this file is a case: its kernels, its programs, its checks.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# begin NAME: no other run of NAME goes on at the same time.
begin() {
	"$TOP/scripts/setup.sh"
	alone "$1"
}

# find_kernel KERNEL: a flavour of kernel.sh, or 6.12, 6.1 or debian for Debian's own.  Sets
# image, modroot (which has lib/modules), kdir, build (a name), memory and title.
# shellcheck disable=SC2034 # title is for the cases
find_kernel() {
	case $1 in
	6.*|debian)
		use_stock "$1"
		image=$KERNEL modroot=$ROOT kdir=$HEADERS
		build=debian-$(cut -d. -f1,2 <<<"$VERSION")
		memory=1G title="Debian's $VERSION" ;;
	*)	kdir=$("$TOP/scripts/kernel.sh" "$1")
		image=$kdir/$arch_image modroot=$kdir/root build=$1
		memory=2G title="the $1 kernel" ;;
	esac
}

# use_kernel KERNEL [PLANT=NUMBER] [MAKE VARIABLES...]: builds the modules for it, too, with
# $PATCH if that is set; dir is where they are.
use_kernel() {
	find_kernel "$1"
	shift
	build+=${*:+-$(name_of "$@")}${PATCH:+-$(basename "$PATCH" .patch)}
	dir=$("$TOP/scripts/build.sh" "$kdir" "$build" TESTS=1 "$@")
}

# present MODULE...: those that the kernel has.  7.3 has some ciphers in its library.
present() {
	local module
	for module; do
		! modprobe -d "$modroot" -S "$VERSION" --show-depends "$module" >/dev/null 2>&1 ||
			echo "$module"
	done
}

# named_kernel SERIES...: as use_kernel for 6.*; otherwise $VERSION, $KERNEL, $ROOT and $DIR of
# the environment are those of another kernel, for which the modules are built already.
# shellcheck disable=SC2034 # title is for the cases
named_kernel() {
	case $1 in
	6.*)	use_kernel "$@" ;;
	*)	image=$KERNEL modroot=$ROOT dir=$DIR memory=1G title="Debian's $VERSION" ;;
	esac
}

# build_program NAME [OPTIONS OF gcc...]: a C program of scripts/guest, to
# $BUILDS/NAME.
build_program() {
	local program=$1
	shift
	# Another guest may be about to take the old one.
	run_logged "build-$program" gcc -O2 -Wall -Wextra -Werror -o "$BUILDS/$program.$$" \
		"$TOP/scripts/guest/$program.c" "$@"
	mv "$BUILDS/$program.$$" "$BUILDS/$program"
}

# add_python DIRECTORY: Debian's, with its modules, for guest.sh's -o.
add_python() {
	local lib
	lib=$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
	mkdir -p "$1/usr/bin" "$1$lib"
	cp -L /usr/bin/python3 "$1/usr/bin/"
	rsync -a --exclude=test --exclude=__pycache__ --exclude=idlelib --exclude=ensurepip \
		--exclude=lib2to3 --exclude='config-*' --exclude='*-packages' "$lib/" "$1$lib/"
}

# padata_guest NAME PROGRAM [OPTIONS OF guest.sh...]: sets name, that of the logs, and
# ended, the exit status of guest.sh.  padata_mod is in the guest, and no other module
# but those of the options and of the channel.
padata_guest() {
	local program=$2 channel=()
	name=$1 ended=0
	shift 2
	[ -z "$arch_modules" ] || channel=(-m "$modroot" -M "$arch_modules")
	"$TOP/scripts/guest.sh" -k "$image" -r "$memory" -n "$name" "${channel[@]}" \
		-f "$dir/padata_mod.ko" "$@" -- "$TOP/scripts/guest/$program" || ended=$?
}

# run_guest NAME PROGRAM [OPTIONS OF guest.sh...]: as padata_guest; pcrypt_mod is in the
# guest, too, and the kernel's modules are: all, or those of -M.
run_guest() {
	padata_guest "$1" "$2" -m "$modroot" -f "$dir/pcrypt_mod.ko" "${@:3}"
}

# must_run FUNCTION NAME PROGRAM [OPTIONS...]: FUNCTION is one of these two; where the
# guest fails the script ends with its status.
must_run() {
	"$@"
	[ "$ended" = 0 ] || exit "$ended"
}

# reported KEY: the values of the guest's lines `KEY: VALUE`.
reported() {
	sed -n "s/^$1: //p" "$LOGS/$name.verdict"
}

# demo_in_order: return true if the demonstration's load has said so for all its parts.
demo_in_order() {
	[ "$({ reported load; reported forced; } |
		grep -c 'result=passed.* out_of_order=0 wrong=0 lost=0 doubled=0')" = 4 ]
}

# check TEXT COMMAND...
check() {
	local text=$1 status=0
	shift
	"$@" || status=1
	count $status "$text"
}

# count_tap: the checks that the guest reported.  Sets unplanned, 0 if they are those
# of its plan, and tap, a text with both numbers.
count_tap() {
	local line n=0 plan='' before=$failed
	unplanned=0
	while IFS= read -r line; do
		if [[ $line =~ ^(not )?ok\ ([0-9]+)\ -\ (.*)$ ]]; then
			n=$((n + 1))
			# A line was lost, or came after the plan.
			[ "${BASH_REMATCH[2]}" = $n ] && [ -z "$plan" ] || unplanned=1
			count "$((${#BASH_REMATCH[1]} > 0))" "${BASH_REMATCH[3]}"
		elif [[ $line =~ ^1\.\.([0-9]+)$ ]]; then
			[ -z "$plan" ] || unplanned=1
			plan=${BASH_REMATCH[1]}
		fi
	done <"$LOGS/$name.verdict"
	[ "$plan" = $n ] && [ $n != 0 ] || unplanned=1
	tap="$n checks were made, ${plan:-none} planned"
	tap_failed=$((failed - before))
}

# ended_well: a check that failed has been counted already.
ended_well() {
	[ "$ended" = 0 ] || { [ "$ended" = 1 ] && [ "${tap_failed:-0}" != 0 ]; }
}

log_is_clean() {
	[ "$ended" != 3 ] && [ "$ended" != 2 ]
}

nothing_leaked() {
	[ "$ended" != 4 ] && [ "$ended" != 2 ]
}

# judge_end PREFIX: one check more, of how the guest ended.
judge_end() {
	check "$1the guest ended well, its log has no warning (exit status $ended)" ended_well
}

# judge_plan PREFIX: the guest's checks, and one more of its plan.
judge_plan() {
	count_tap
	count $unplanned "$1$tap"
}

# judge_guest PREFIX: the guest's checks, and one more of its plan and its end.
judge_guest() {
	count_tap
	ended_well || unplanned=1
	count $unplanned "$1$tap; the guest ended well, its log has no warning, nothing leaked"
}
