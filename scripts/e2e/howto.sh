#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# howto.sh: the commands of Documentation/howto-ipsec.rst in Debian's own 6.12.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"

modules="veth esp4 xfrm_user $arch_aes gcm ctr seqiv"
packages=(libstrongswan strongswan-libcharon strongswan-swanctl charon-systemd
	libstrongswan-standard-plugins)

# get_strongswan: Debian's packages, unpacked and not installed: a daemon would
# start here.
get_strongswan() {
	local debs deb
	[ ! -e "$swan/.complete" ] || return 0
	rm -rf "$swan"
	mkdir -p "$swan"
	debs=$(mktemp -d "$CACHE/debs.XXXXXX")
	chmod 755 "$debs"
	(cd "$debs" && run_logged e2e-strongswan apt-get download "${packages[@]}")
	for deb in "$debs"/*.deb; do
		dpkg-deb -x "$deb" "$swan"
	done
	rm -rf "$debs" "${swan:?}/usr/share" "${swan:?}/lib"
	touch "$swan/.complete"
}

swan=$CACHE/strongswan
begin e2e-howto
use_kernel 6.12
get_strongswan
run_guest e2e-howto howto -M "$modules" -c "${1:-4}" -t 600 -b ip -b iperf3 -b flock \
	-b "$TOP/scripts/pcryptctl" -o "$swan" -e "MODULES=$modules" \
	-f "$TOP/scripts/guest/tunnel"
reported howto
reported speed | sed 's|^|# Mbit/s, |'
verdict=$LOGS/$name.verdict
check "the cipher is preferred" grep -q '^howto: pcrypt(rfc4106(gcm(aes))).* yes$' "$verdict"
check "new SAs use it" \
	[ -n "$(grep -A1 '^howto: encrypt: ' "$verdict" | grep -E '[0-9]{4,} (jobs|requests)')" ]
check "strongSwan's old SAs do not" grep -q '^jobs: old SAs: 0$' "$verdict"
check "strongSwan's new SAs do" grep -q '^jobs: new SAs: [1-9][0-9][0-9]' "$verdict"
check "strongSwan's replay window is as configured" grep -q '^window: [1-9]' "$verdict"
check "packets and interrupts are steered" \
	grep -q '^steering set: 0 e 0 f 0$' "$verdict"
check "and no longer" grep -q '^steering undone: 0-3 0 0 0 0$' "$verdict"
check "nothing is left when all is undone" grep -q '^left: 0 0$' "$verdict"
judge_end ''
total
