#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# afalg.sh SERIES [REQUESTS]: pcrypt(gcm(aes)) and pcrypt(cbc(aes)) for programs,
# through libkcapi's tools and its AIO, as root and as nobody, in Debian's own kernel.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

series=${1:?usage: afalg.sh SERIES [REQUESTS]}
requests=${2:-500}
name=e2e-afalg-$series

"$TOP/scripts/setup.sh"
use_stock "$series"
dir=$("$TOP/scripts/build.sh" "$HEADERS" "debian-$series" TESTS=1)
alone "$name"
run_logged "$name-aio" gcc -O2 -Wall -Wextra -Werror -o "$dir/kcapi-aio" \
	"$TOP/scripts/guest/kcapi-aio.c" -lkcapi
say "libkcapi in Debian's $VERSION"
ended=0
"$TOP/scripts/guest.sh" -k "$KERNEL" -m "$ROOT" -M "aesni_intel gcm ctr cbc algif_aead algif_skcipher crypto_user" \
	-c 4 -n "$name" -t 300 -b kcapi-enc -b setpriv -b "$dir/kcapi-aio" -e "AIO=$requests" \
	-f "$dir/padata_mod.ko" -f "$dir/pcrypt_mod.ko" -- \
	"$TOP/scripts/guest/afalg" || ended=$?
count_reported "$name"
# Each of two users: 20 of kcapi-enc's and 3 of AIO's; 4 of the modules.
status=0
[ $((passed + failed)) = 50 ] || status=1
count $status "50 checks were made ($((passed + failed)))"
count $ended "the guest ended well, its log has no warning (exit status $ended)"
total
