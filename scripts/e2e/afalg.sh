#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# afalg.sh SERIES [REQUESTS]: pcrypt(gcm(aes)) and pcrypt(cbc(aes)) for programs,
# through libkcapi's tools and its AIO, as root and as nobody, in Debian's own kernel.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"

series=${1:?usage: afalg.sh SERIES [REQUESTS]}
begin "e2e-afalg-$series"
use_kernel "$series"
build_program kcapi-aio -lkcapi
say "libkcapi in $title"
run_guest "e2e-afalg-$series" afalg \
	-M "$arch_aes gcm ctr cbc algif_aead algif_skcipher crypto_user" \
	-b kcapi-enc -b setpriv -b "$BUILDS/kcapi-aio" -e "AIO=${2:-500}"
judge_plan "AF_ALG: "
judge_end "AF_ALG: "
total
