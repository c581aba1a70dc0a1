#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tcrypt.sh SERIES [MODE [TESTS]]: the kernel's own multi-buffer speed test, 32
# requests at a time, plain and over pcrypt.  Mode 216 is rfc4309(ccm(aes)), 16
# tests of a second; 215 rfc4106(gcm(aes)) and gcm(aes), 96 of them; 600 the
# skcipher xts(aes), 14.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

series=${1:?usage: tcrypt.sh SERIES [MODE [TESTS]]}
mode=${2:-216}
tests=${3:-16}
name=e2e-tcrypt-$series-$mode
case $mode in
600)	algs="xts(aes)" more="alg=$algs klen=32" ;;
*)	algs="rfc4309(ccm(aes)),rfc4106(gcm(aes)),gcm(aes)" more='' ;;
esac
"$TOP/scripts/setup.sh"
use_stock "$series"
dir=$("$TOP/scripts/build.sh" "$HEADERS" "debian-$series" TESTS=1)
alone "$name"

# lines KIND: one a test: CIPHER DRIVER DIRECTION BYTES OPERATIONS-PER-SECOND
lines() {
	sed -n "s/^tcrypt: $1 //p" "$LOGS/$name.verdict" | awk '
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

say "tcrypt mode $mode in Debian's $VERSION: $tests tests of a second, plain and pcrypt"
ended=0
"$TOP/scripts/guest.sh" -k "$KERNEL" -m "$ROOT" -c 4 -n "$name" -t $((120 + tests * 8)) \
	-M "aesni_intel gcm ccm ctr xts tcrypt" -e "MODE=$mode" -e "MORE=$more" -e "ALGS=$algs" \
	-f "$dir/padata_mod.ko" -f "$dir/pcrypt_mod.ko" -- \
	"$TOP/scripts/guest/tcrypt" || ended=$?
plain=$(lines plain)
pcrypt=$(lines pcrypt)
paste -d' ' <(echo "$plain") <(echo "$pcrypt") | awk '
	{ printf "# %-20s %-10s %5d bytes: %8d/s, over pcrypt %8d/s, %.2f\n", $1, $3, $4, $5, $10, $10 / $5 }'
count "$([ "$(awk '$5 > 0 && $2 !~ /pcrypt/' <<<"$plain" | wc -l)" = "$tests" ] && echo 0 || echo 1)" \
	"plain: $tests tests"
count "$([ "$(awk '$5 > 0 && $2 ~ /pcrypt/' <<<"$pcrypt" | wc -l)" = "$tests" ] && echo 0 || echo 1)" \
	"pcrypt: $tests tests"
count "$(grep -qi '^tcrypt: .*fail' "$LOGS/$name.verdict" && echo 1 || echo 0)" "nothing failed"
count $ended "the guest ended well, its log has no warning (exit status $ended)"
total
