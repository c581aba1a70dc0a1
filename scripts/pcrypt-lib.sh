# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# For the cases with pcrypt_user in the guest: included after driver.sh.

# shellcheck disable=SC2154 # the table of arch-lib.sh sets arch_aes
wanted="crypto_user algif_aead algif_skcipher $arch_aes ecb xts gcm ccm ctr authenc hmac sha256_generic cbc
	cryptomgr cryptd seqiv echainiv ghash_generic chacha20poly1305 chacha_generic
	poly1305_generic"

build_user() {
	build_program pcrypt_user -static
}

# run_user_guest NAME SECONDS PROGRAM [OPTIONS OF guest.sh...]: as run_guest.  Of
# Debian's kernels only the modules in $wanted are in the guest.
# shellcheck disable=SC2154 # use_kernel sets title
run_user_guest() {
	local seconds=$2 program=$3 options=()
	name=$1
	shift 3
	[[ $title != Debian* ]] || options=(-M "${wanted//[$'\n\t']/ }")
	run_guest "$name" "$program" "${options[@]}" -t "$seconds" -a cryptomgr.notests=1 \
		-f "$BUILDS/pcrypt_user" -f "$TOP/pcrypt_mod.conf" "$@"
}

# for_kernels FUNCTION KERNEL...: with each of those that can be had here, in $kernel.
for_kernels() {
	local function=$1 kernel
	shift
	for kernel; do
		has_kernel "$kernel" || continue
		use_kernel "$kernel"
		"$function"
	done
}
