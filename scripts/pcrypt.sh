#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# pcrypt.sh [KERNEL...]: names and preference of pcrypt as users and root see
# them, through AF_ALG, the crypto netlink socket and the module's parameters.
#
# KERNEL is one of kernel.sh's flavours, or 6.12 or 6.1 for Debian's own
# (default: debug 6.12 6.1).  $COUNT instances are made and deleted (10000).  $PROGRAMS
# are programs of scripts/guest (default: pcrypt unprivileged).

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/driver.sh"
# shellcheck source=scripts/pcrypt-lib.sh
. "$TOP/scripts/pcrypt-lib.sh"

# shellcheck disable=SC2154 # for_kernels sets kernel
programs() {
	local program
	for program in ${PROGRAMS:-pcrypt unprivileged}; do
		say "$program on $title"
		run_user_guest "$program-$kernel" 1100 "$program" -e "COUNT=${COUNT:-10000}"
		echo "$kernel:"
		judge_guest "$kernel: "
	done
}

[ $# -gt 0 ] || set -- debug 6.12 6.1
begin pcrypt
build_user
for_kernels programs "$@"
total
