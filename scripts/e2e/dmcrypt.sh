#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dmcrypt.sh SERIES [MEGABYTES LEFT]: disk encryption by LUKS2, authenticated over
# dm-integrity and plain, with pcrypt and short of memory, in Debian's own kernel.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

algs="authenc(hmac(sha256),xts(aes)),gcm(aes)"
modules="brd dm_mod dm_crypt dm_integrity aesni_intel gcm ctr xts authenc sha256_ssse3 hmac
	algif_skcipher algif_hash algif_aead"

series=${1:?usage: dmcrypt.sh SERIES [MEGABYTES LEFT]}
left=${2:-60}
name=e2e-dmcrypt-$series
"$TOP/scripts/setup.sh"
use_stock "$series"
dir=$("$TOP/scripts/build.sh" "$HEADERS" "debian-$series" TESTS=1)
alone "$name"
say "LUKS with and without authentication in Debian's $VERSION, $left megabytes of memory left"
ended=0
"$TOP/scripts/guest.sh" -k "$KERNEL" -m "$ROOT" -c 4 -r 640M -n "$name" -t 400 \
	-a "brd.rd_nr=1 brd.rd_size=30720" -M "$modules" -b cryptsetup -e "ALGS=$algs" \
	-e "LEFT=$left" -e "MODULES=${modules//[$'\n\t']/ }" \
	-f "$dir/padata_mod.ko" -f "$dir/pcrypt_mod.ko" -- \
	"$TOP/scripts/guest/dmcrypt" || ended=$?
count_reported "$name"
sed -n 's/^memory: /# /p' "$LOGS/$name.verdict"
count "$([ $((passed + failed)) = 35 ] && echo 0 || echo 1)" "35 checks were made ($((passed + failed)))"
count $ended "the guest ended well, its log has no warning (exit status $ended)"
total
