#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# ipsec.sh SERIES SECONDS [BUSTED=n] CIPHER...: ESP over pcrypt in Debian's own
# kernel; a cipher is rfc4106, authenc or rfc7539esp.
#
# Numbered UDP packets and TCP through a tunnel while masks and CPUs change, with
# the plain cipher and with pcrypt's, in one boot.  pcrypt's must lose, double and
# reorder no more than the plain one, and count as many jobs as packets.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

# What nobody's dependencies name.  6.1's seqiv wants a random number generator.
modules="veth esp4 xfrm_user aesni_intel gcm ctr cbc authenc seqiv echainiv sha256_ssse3
	hmac chacha20poly1305 chacha_x86_64 poly1305_x86_64 sha512_generic drbg"

usage="usage: ipsec.sh SERIES SECONDS [BUSTED=n] CIPHER..."
series=${1:?$usage}
seconds=${2:?$usage}
shift 2
plant=()
if [[ ${1-} == BUSTED=* ]]; then
	plant=("$1")
	shift
fi
ciphers=("${@:?$usage}")
name=e2e-ipsec-$series

# figure KIND CIPHER KEY: a number of the guest's report.
figure() {
	sed -n "s/^ipsec: $1 $2 .*\\b$3=\\([0-9]*\\).*/\\1/p" "$LOGS/$name.verdict"
}

# check TEXT EXPRESSION: arithmetic on figures; a missing one is a failure.
check() {
	local status=1
	if (($2)) 2>/dev/null; then
		status=0
	fi
	count $status "$1"
}

lost() {
	echo $(($(figure "$1" "$2" sent) - $(figure "$1" "$2" received)))
}

# judge CIPHER
judge() {
	local f pcrypt plain c=$1 sent
	sent=$(figure pcrypt "$c" sent)
	check "$c: $sent packets, $(figure pcrypt "$c" jobs_enc) encrypted, $(figure pcrypt "$c" jobs_dec) decrypted by pcrypt" \
		"${sent:-0} > 0 && $(figure pcrypt "$c" jobs_enc) >= sent &&
		 $(figure pcrypt "$c" jobs_dec) >= $(figure pcrypt "$c" received)"
	check "$c: the plain one used the plain cipher" \
		"$(figure plain "$c" sent) > 0 && $(figure plain "$c" tcp_jobs) == 0"
	for f in refused doubled reordered; do
		pcrypt=$(figure pcrypt "$c" "$f") plain=$(figure plain "$c" "$f")
		check "$c: $f $pcrypt (plain: $plain)" "${pcrypt:-1} <= ${plain:--1}"
	done
	check "$c: lost $(lost pcrypt "$c") (plain: $(lost plain "$c"))" \
		"$(lost pcrypt "$c") <= $(lost plain "$c")"
	check "$c: no packet is wrong, net/xfrm counts no error" \
		"$(figure pcrypt "$c" wrong) == 0 && $(figure pcrypt "$c" xfrm_errors) == 0"
	check "$c: TCP $(figure pcrypt "$c" kbit) kbit/s (plain: $(figure plain "$c" kbit)), out of order $(figure pcrypt "$c" tcp_ooo) (plain: $(figure plain "$c" tcp_ooo))" \
		"$(figure pcrypt "$c" kbit) > 0"
	check "$c: $(figure pcrypt "$c" masks) masks written, $(figure pcrypt "$c" cpus) CPUs switched meanwhile" \
		"$(figure pcrypt "$c" masks) > seconds && $(figure pcrypt "$c" cpus) > seconds"
}

"$TOP/scripts/setup.sh"
eval "$("$TOP/scripts/stock.sh" "$series")"
dir=$("$TOP/scripts/build.sh" "$HEADERS" "debian-$series${plant[*]-}" TESTS=1 "${plant[@]}")
alone "$name"
run_logged "$name-udpseq" gcc -O2 -Wall -Wextra -Werror -static \
	-o "$dir/udpseq" "$TOP/scripts/e2e/udpseq.c"
say "ESP tunnels in Debian's $VERSION: ${ciphers[*]}; $seconds s of UDP and of TCP each, plain and pcrypt"
ended=0
"$TOP/scripts/guest.sh" -k "$KERNEL" -m "$ROOT" -M "$modules" -c 4 -n "$name" \
	-t $((120 + ${#ciphers[@]} * (seconds * 4 + 60))) -b ip -b iperf3 \
	-e "CIPHERS=${ciphers[*]}" -e "UDP=$seconds" -e "TCP=$seconds" \
	-e "RATE=${PADATA_RATE:-1500}" -e "BURST=${PADATA_BURST:-128}" -e "MODULES=${modules//[$'\n\t']/ }" \
	-f "$dir/padata_mod.ko" -f "$dir/pcrypt_mod.ko" -f "$dir/udpseq" \
	-f "$TOP/scripts/e2e/guest-tunnel" -- \
	"$TOP/scripts/e2e/guest-ipsec" || ended=$?
for cipher in "${ciphers[@]}"; do
	judge "$cipher"
done
sed -n 's/^failed: /not ok /p' "$LOGS/$name.verdict"
count $ended "the guest ended well, its log has no warning (exit status $ended)"
total
