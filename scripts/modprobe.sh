#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# modprobe.sh [SERIES...]: that ours and not the kernel's own pcrypt is loaded on
# demand, in Debian's own kernels (default: 6.12 6.1), which have one.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/driver.sh"
# shellcheck source=scripts/pcrypt-lib.sh
. "$TOP/scripts/pcrypt-lib.sh"

# shellcheck disable=SC2154 # for_kernels sets kernel
load() {
	say "loading pcrypt on $kernel"
	run_user_guest "modprobe-$kernel" 300 modprobe -e CONF=yes
	echo "$kernel:"
	judge_guest "$kernel: "
	run_user_guest "modprobe-none-$kernel" 300 modprobe -e CONF=no -w .
	echo "$kernel:"
	judge_guest "$kernel: "
}

[ $# -gt 0 ] || set -- 6.12 6.1
begin modprobe
build_user
wanted+=" pcrypt"
for_kernels load "$@"
total
