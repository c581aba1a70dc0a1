#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# ovpn.sh SERIES [PLANT=n]: tunnels of ovpn over pcrypt with few requests in flight at most,
# while their cipher is promoted and demoted, and deleted in flight; see ipsec.sh for the
# order of their packets.
#
# SERIES is the name of a kernel that has ovpn, 6.16 or later, as for ipsec.sh.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"

modules="veth ovpn $arch_aes gcm ctr xts chacha20poly1305"
series=${1:?usage: ovpn.sh SERIES [PLANT=n]}
shift
name=e2e-ovpn-$series${*:+-$(name_of "$@")}
begin "$name"
named_kernel "$series" "$@"
# shellcheck disable=SC2086 # words
modules=$(present $modules | xargs)
build_program netseq -static
build_program disturb -static
build_program ovpn -static
say "ovpn in $title"
# Each promotion would have a self-test, whose requests count.
run_guest "$name" ovpn-life -c 4 -b ip -t 900 -a cryptomgr.notests=1 -M "$modules" \
	-e "MODULES=$modules" -e TUNNELS=12 -f "$BUILDS/netseq" -f "$BUILDS/disturb" \
	-f "$BUILDS/ovpn" -f "$TOP/scripts/guest/tunnel" -f "$TOP/scripts/guest/stages"
judge_plan "ovpn: "
judge_end "ovpn: "
total
