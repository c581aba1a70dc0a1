#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# pcryptctl.sh SERIES: pcryptctl, its masks on machines of any size, and all of
# it in Debian's own kernel.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

# make_machine MASK: what pcryptctl reads and writes, elsewhere.
make_machine() {
	local dir
	for dir in pencrypt pdecrypt; do
		mkdir -p "$machine/sys/kernel/pcrypt/$dir"
		echo "$1" >"$machine/sys/kernel/pcrypt/$dir/parallel_cpumask"
		echo "$1" >"$machine/sys/kernel/pcrypt/$dir/serial_cpumask"
	done
}

# shows MASK CPUS: what the kernel writes, and what is made of it.
shows() {
	local got
	make_machine "$1"
	got=$(PCRYPTCTL_ROOT=$machine "$TOP/scripts/pcryptctl" masks enc serial) || true
	count "$([ "$(awk '{ print $3 }' <<<"$got")" = "$2" ] && echo 0 || echo 1)" \
		"mask $1 is shown as CPUs $2 ($got)"
}

# writes CPUS MASK: what is typed, and what the kernel gets.
writes() {
	local got status=0
	make_machine 0
	PCRYPTCTL_ROOT=$machine "$TOP/scripts/pcryptctl" masks dec parallel "$1" || status=$?
	got=$(cat "$machine/sys/kernel/pcrypt/pdecrypt/parallel_cpumask")
	[ "$got" = "$2" ] || status=1
	count $status "CPUs $1 are written as $2 ($got)"
}

# refuses CPUS
refuses() {
	local status=0
	PCRYPTCTL_ROOT=$machine "$TOP/scripts/pcryptctl" masks dec parallel "$1" 2>/dev/null ||
		status=$?
	count "$([ $status = 2 ] && echo 0 || echo 1)" "CPUs '$1' are refused ($status)"
}

check_masks() {
	shows f 0-3
	shows 5 0,2
	shows 0 none
	shows 80000000,00000001 0,63
	shows ff,ffffffff,fffffff0 4-71
	writes 0 1
	writes 0-3 f
	writes 1,3,5-6 6a
	writes 0,63 80000000,00000001
	writes 4-71 ff,ffffffff,fffffff0
	writes 0x17 17
	writes 0x123456789 1,23456789
	writes 0xff,00000000 ff,00000000
	for bad in "" x 1- 1,,2 3-1 0x 0xg 1.5 -1 99999; do
		[ -z "$bad" ] || refuses "$bad"
	done
}

series=${1:?usage: pcryptctl.sh SERIES}
name=e2e-pcryptctl-$series
"$TOP/scripts/setup.sh"
use_stock "$series"
dir=$("$TOP/scripts/build.sh" "$HEADERS" "debian-$series" TESTS=1)
alone "$name"
machine=$dir/machine
rm -rf "$machine"
check_masks
say "pcryptctl in Debian's $VERSION"
ended=0
"$TOP/scripts/guest.sh" -k "$KERNEL" -m "$ROOT" -c 4 -n "$name" -t 300 \
	-M "aesni_intel gcm ctr xts authenc cbc sha256_ssse3 hmac" -b "$TOP/scripts/pcryptctl" \
	-f "$dir/padata_mod.ko" -f "$dir/pcrypt_mod.ko" -f "$dir/kunit/pcrypt_load.ko" -- \
	"$TOP/scripts/e2e/guest-pcryptctl" || ended=$?
count_reported "$name"
count "$([ $((passed + failed)) -ge 60 ] && echo 0 || echo 1)" "60 checks were made, or more"
count $ended "the guest ended well, its log has no warning (exit status $ended)"
total
