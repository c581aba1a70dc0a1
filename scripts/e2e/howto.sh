#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# howto.sh: the commands of Documentation/howto-ipsec.rst in Debian's own 6.12.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

name=e2e-howto
modules="veth esp4 xfrm_user aesni_intel gcm ctr seqiv"
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
"$TOP/scripts/setup.sh"
use_stock 6.12
dir=$("$TOP/scripts/build.sh" "$HEADERS" debian-6.12 TESTS=1)
alone "$name"
get_strongswan
ended=0
"$TOP/scripts/guest.sh" -k "$KERNEL" -m "$ROOT" -M "$modules" -c "${1:-4}" -n "$name" -t 600 \
	-b ip -b iperf3 -b flock -b "$TOP/scripts/pcryptctl" -o "$swan" -e "MODULES=$modules" \
	-f "$dir/padata_mod.ko" -f "$dir/pcrypt_mod.ko" -f "$TOP/scripts/guest/tunnel" -- \
	"$TOP/scripts/guest/howto" || ended=$?
sed -n 's/^howto: //p' "$LOGS/$name.verdict"
sed -n 's/^speed: /# Mbit\/s, /p' "$LOGS/$name.verdict"
count "$(grep -q '^howto: pcrypt(rfc4106(gcm(aes))).* yes$' "$LOGS/$name.verdict" && echo 0 || echo 1)" \
	"the cipher is preferred"
count "$(grep -A1 -E '^howto: encrypt: ' "$LOGS/$name.verdict" | grep -qE '[0-9]{4,} (jobs|requests)' && echo 0 || echo 1)" \
	"new SAs use it"
count "$(grep -q '^jobs: old SAs: 0$' "$LOGS/$name.verdict" && echo 0 || echo 1)" \
	"strongSwan's old SAs do not"
count "$(grep -q '^jobs: new SAs: [1-9][0-9][0-9]' "$LOGS/$name.verdict" && echo 0 || echo 1)" \
	"strongSwan's new SAs do"
count $ended "the guest ended well, its log has no warning (exit status $ended)"
total
