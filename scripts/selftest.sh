#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# selftest.sh: the kernel's own crypto self-tests over pcrypt(...), while its masks
# are written.
#
# Each must pass; "No test for" is a failure.  Then the same with a build that
# flips a byte (scripts/planted/20), in which each must fail: the tests do test.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

names=("rfc4106(gcm(aes))" "gcm(aes)" "ccm(aes)"
	"authenc(hmac(sha256),cbc(aes))" "rfc7539(chacha20,poly1305)"
	"cbc(aes)" "ctr(aes)" "xts(aes)" "ecb(aes)" "chacha20" "cbc(aes-generic)")

# No suite is wanted, only the load generator.  The kernel's default of 100 random
# requests per test takes minutes in emulation.
#
# run NAME ALLOWED [MAKE VARIABLES...]: the exit status is the guest's.
run() {
	local name=$1 allow=$2 dir
	shift 2
	dir=$("$TOP/scripts/build.sh" "$tree" "$name" TESTS=1 SUITE=none "$@")
	"$TOP/scripts/guest.sh" -k "$tree/arch/x86/boot/bzImage" -m "$tree/root" -n "$name" \
		-t 600 -a cryptomgr.fuzz_iterations=20 -w "$allow" -e "NAMES=${names[*]}" \
		-f "$dir/padata_mod.ko" -f "$dir/pcrypt_mod.ko" \
		-f "$dir/kunit/load/pcrypt_load.ko" -- "$TOP/scripts/guest/selftest"
}

# demand NAME RESULT: of every algorithm.
demand() {
	local alg got
	for alg in "${names[@]}"; do
		got=$(awk -v alg="$alg" '$1 == "selftest:" && $2 == alg { print $3 }' "$LOGS/$1.verdict")
		count "$([ "$got" = "$2" ] && echo 0 || echo 1)" "$1: pcrypt($alg): ${got:-not reached}"
	done
}

# demand_listed NAME ANSWER: twice.
demand_listed() {
	count "$([ "$(sed -n 's/^listed: //p' "$LOGS/$1.verdict" | xargs)" = "$2 $2" ] &&
		echo 0 || echo 1)" "$1: gcm(aes) in algs is $2, and again"
}

"$TOP/scripts/setup.sh"
tree=$("$TOP/scripts/kernel.sh" kunit)
alone selftest
ended=0
run selftest '' || ended=$?
demand selftest passed
demand_listed selftest accepted
writes=$(sed -n 's/^writes: //p' "$LOGS/selftest.verdict")
count "$([ "${writes:-0}" -ge 100 ] && echo 0 || echo 1)" "selftest: ${writes:-no} mask writes meanwhile"
count $ended "selftest: guest ended with $ended"
# The kernel warns of a failed self-test, which is what is wanted here.
ended=0
run selftest-wrong 'WARNING: .* alg_test\+|Tainted: ' PLANT=20 || ended=$?
demand selftest-wrong failed
demand_listed selftest-wrong refused
count $ended "selftest-wrong: guest ended with $ended"
total
