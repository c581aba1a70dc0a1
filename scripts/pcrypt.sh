#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# pcrypt.sh [KERNEL...]: names and preference of pcrypt as users and root see
# them, through AF_ALG, the crypto netlink socket and the module's parameters.
#
# KERNEL is one of kernel.sh's flavours, or 6.12 or 6.1 for Debian's own
# (default: debug 6.12 6.1).  $COUNT instances are made and deleted (10000).  $GUESTS
# are programs of scripts/guest (default: pcrypt unprivileged).

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/pcrypt-lib.sh
. "$TOP/scripts/pcrypt-lib.sh"

"$TOP/scripts/setup.sh"
[ $# -gt 0 ] || set -- debug 6.12 6.1
alone pcrypt
build_user
for kernel; do
	has_kernel "$kernel" || continue
	prepare "$kernel"
	for guest in ${GUESTS:-pcrypt unprivileged}; do
		say "$guest on $kernel"
		ended=0
		run_guest "$guest-$kernel" 1100 "$guest" -e "COUNT=${COUNT:-10000}" || ended=$?
		judge "$kernel" "$guest-$kernel" $ended
	done
done
total
