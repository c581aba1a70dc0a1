#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tcrypt.sh SERIES [MODE [TESTS]]: the kernel's own multi-buffer speed test, 32
# requests at a time, plain and over pcrypt.  Mode 216 is rfc4309(ccm(aes)), 16
# tests of a second; 215 rfc4106(gcm(aes)) and gcm(aes), 96 of them; 600 the
# skcipher xts(aes), 14.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"

series=${1:?usage: tcrypt.sh SERIES [MODE [TESTS]]}
mode=${2:-216}
tests=${3:-16}
case $mode in
600)	algs="xts(aes)" more="alg=$algs klen=32" ;;
*)	algs="rfc4309(ccm(aes)),rfc4106(gcm(aes)),gcm(aes)" more='' ;;
esac
begin "e2e-tcrypt-$series-$mode"
use_kernel "$series"

# lines KIND: one a test: CIPHER DRIVER DIRECTION BYTES OPERATIONS-PER-SECOND
lines() {
	reported tcrypt | sed -n "s/^$1 //p" | awk '
		/^testing speed of multibuffer/ {
			split($0, w, " "); cipher = w[5]; driver = w[6]; direction = w[7]
			gsub(/[()]$|^\(/, "", driver)
		}
		match($0, /[0-9]+ byte blocks/) { bytes = substr($0, RSTART) + 0 }
		/operations in/ {
			match($0, /[0-9]+ operations/); ops = substr($0, RSTART) + 0
			match($0, /in [0-9]+ seconds/); seconds = substr($0, RSTART + 3) + 0
			print cipher, driver, direction, bytes, ops / seconds
		}'
}

say "tcrypt mode $mode in $title: $tests tests of a second, plain and pcrypt"
run_guest "e2e-tcrypt-$series-$mode" tcrypt -t $((120 + tests * 8)) \
	-M "$arch_aes gcm ccm ctr xts tcrypt" -e "MODE=$mode" -e "MORE=$more" -e "ALGS=$algs"
plain=$(lines plain)
pcrypt=$(lines pcrypt)
paste -d' ' <(echo "$plain") <(echo "$pcrypt") | awk '
	{ printf "# %-20s %-10s %5d bytes: %8d/s, over pcrypt %8d/s, %.2f\n", $1, $3, $4, $5, $10, $10 / $5 }'
check "plain: $tests tests" \
	[ "$(awk '$5 > 0 && $2 !~ /pcrypt/' <<<"$plain" | wc -l)" = "$tests" ]
check "pcrypt: $tests tests" \
	[ "$(awk '$5 > 0 && $2 ~ /pcrypt/' <<<"$pcrypt" | wc -l)" = "$tests" ]
check "nothing failed" [ -z "$(reported tcrypt | grep -i fail)" ]
judge_end "tcrypt: "
total
