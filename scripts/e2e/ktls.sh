#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# ktls.sh SERIES [PLANT=n] [WAY...]: kernel TLS over pcrypt in Debian's own kernel, pcrypt
# at the sender, at the receiver, at both.
#
# SERIES is 6.12 or 6.1, or the name of another kernel, as for ipsec.sh.  WAYs are 12-gcm,
# 13-gcm, 12-chacha and 13-chacha, or all four where none is named.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"

modules="tls $arch_aes gcm ctr xts chacha20poly1305 chacha $arch_chacha"
series=${1:?usage: ktls.sh SERIES [PLANT=n] [WAY...]}
shift
plant=()
[[ ${1-} != PLANT=* ]] || { plant=("$1"); shift; }
ways=${*:-12-gcm 13-gcm 12-chacha 13-chacha}
name=e2e-ktls-$series
begin "$name"
named_kernel "$series" "${plant[@]}"
# shellcheck disable=SC2086 # words
modules=$(present $modules | xargs)
build_program tlsseq -static
build_program disturb -static
say "kernel TLS in $title: $ways"
# Each promotion would have a self-test, whose requests count.
run_guest "$name" ktls -c 4 -t 900 -a cryptomgr.notests=1 -M "$modules" \
	-e "MODULES=$modules" -e BYTES=1048576 -e "WAYS=$ways" \
	-f "$BUILDS/tlsseq" -f "$BUILDS/disturb" -f "$TOP/scripts/guest/stages"
judge_plan "kTLS: "
judge_end "kTLS: "
total
