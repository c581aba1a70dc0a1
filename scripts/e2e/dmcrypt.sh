#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dmcrypt.sh SERIES [MEGABYTES LEFT [STAGE [PARAMETER=VALUE...]]]: disk encryption by
# LUKS2, authenticated over dm-integrity and plain, with pcrypt and short of memory, in
# Debian's own kernel: 6.12 or 6.1, or another one as for ipsec.sh.  In the stage `both`
# masks are written and CPUs switched meanwhile; PARAMETERs are those of pcrypt_mod.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"

modules="brd dm_mod dm_crypt dm_integrity $arch_aes gcm ctr xts authenc $arch_sha256 hmac
	algif_skcipher algif_hash algif_aead"
series=${1:?usage: dmcrypt.sh SERIES [MEGABYTES LEFT [STAGE [PARAMETER=VALUE...]]]}
left=${2:-60}
stage=${3:-rest}
parameters=("${@:4}")
name=e2e-dmcrypt-$series
begin "$name"
named_kernel "$series"
# shellcheck disable=SC2086 # words
modules=$(present $modules | xargs)
build_program disturb -static
say "LUKS with and without authentication in $title, $left megabytes of memory left," \
	"$stage ${parameters[*]}"
run_guest "$name" dmcrypt -r 640M -t 400 -M "$modules" -b cryptsetup \
	-a "brd.rd_nr=1 brd.rd_size=30720" -e "MODULES=$modules" -e "LEFT=$left" \
	-e "ALGS=authenc(hmac(sha256),xts(aes)),gcm(aes)" -e "STAGE=$stage" \
	-e "PARAMS=${parameters[*]}" -f "$BUILDS/disturb" -f "$TOP/scripts/guest/stages"
judge_plan "LUKS: "
reported memory | sed 's/^/# /'
judge_end "LUKS: "
total
