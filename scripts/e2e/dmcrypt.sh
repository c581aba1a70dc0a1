#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dmcrypt.sh SERIES [MEGABYTES LEFT]: disk encryption by LUKS2, authenticated over
# dm-integrity and plain, with pcrypt and short of memory, in Debian's own kernel.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"

modules="brd dm_mod dm_crypt dm_integrity $arch_aes gcm ctr xts authenc $arch_sha256 hmac
	algif_skcipher algif_hash algif_aead"
modules=${modules//[$'\n\t']/ }
series=${1:?usage: dmcrypt.sh SERIES [MEGABYTES LEFT]}
left=${2:-60}
begin "e2e-dmcrypt-$series"
use_kernel "$series"
say "LUKS with and without authentication in $title, $left megabytes of memory left"
run_guest "e2e-dmcrypt-$series" dmcrypt -r 640M -t 400 -M "$modules" -b cryptsetup \
	-a "brd.rd_nr=1 brd.rd_size=30720" -e "MODULES=$modules" -e "LEFT=$left" \
	-e "ALGS=authenc(hmac(sha256),xts(aes)),gcm(aes)"
judge_plan "LUKS: "
reported memory | sed 's/^/# /'
judge_end "LUKS: "
total
