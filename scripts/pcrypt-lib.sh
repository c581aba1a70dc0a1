# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# For the scripts that have pcrypt_user in a guest: sourced after lib.sh.

wanted="crypto_user algif_aead algif_skcipher aesni_intel ecb xts gcm ccm ctr authenc hmac sha256_generic cbc
	cryptomgr cryptd seqiv echainiv ghash_generic chacha20poly1305 chacha_generic
	poly1305_generic"

build_user() {
	run_logged pcrypt_user gcc -static -O2 -Wall -Wextra -Werror -o "$BUILDS/pcrypt_user" \
		"$TOP/scripts/guest/pcrypt_user.c"
}

# prepare KERNEL: a flavour of kernel.sh, or 6.12 or 6.1 for Debian's own.  Sets
# image, modroot, dir and options.
prepare() {
	local KERNEL ROOT HEADERS
	case $1 in
	6.*)	use_stock "$1"
		image=$KERNEL modroot=$ROOT
		dir=$("$TOP/scripts/build.sh" "$HEADERS" "debian-$1" TESTS=1)
		options=(-r 1G -M "${wanted//[$'\n\t']/ }") ;;
	*)	modroot=$("$TOP/scripts/kernel.sh" "$1")
		image=$modroot/arch/x86/boot/bzImage
		dir=$("$TOP/scripts/build.sh" "$modroot" "$1" TESTS=1)
		modroot=$modroot/root
		options=(-r 2G) ;;
	esac
}

# run_guest NAME SECONDS SCRIPT [OPTIONS OF guest.sh...]
run_guest() {
	local name=$1 limit=$2 script=$3
	shift 3
	"$TOP/scripts/guest.sh" "${options[@]}" -k "$image" -m "$modroot" -n "$name" -t "$limit" \
		-a cryptomgr.notests=1 -f "$dir/padata_mod.ko" -f "$dir/pcrypt_mod.ko" \
		-f "$BUILDS/pcrypt_user" -f "$TOP/pcrypt_mod.conf" "$@" -- "$TOP/scripts/guest/$script"
}

# judge WHAT LOGNAME EXIT_STATUS: what the guest reported, and how it ended.
judge() {
	echo "$1:"
	count_reported "$2"
	count "$3" "$1: the guest ended well, its log has no warning, nothing leaked"
}
