#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# selftest.sh: the kernel's own crypto self-tests over pcrypt(...), while its masks
# are written.
#
# Each must pass; "No test for" is a failure.  Then the same with a build that
# flips a byte (scripts/planted/20), in which each must fail: the tests do test.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/driver.sh"

names=("rfc4106(gcm(aes))" "gcm(aes)" "ccm(aes)"
	"authenc(hmac(sha256),cbc(aes))" "rfc7539(chacha20,poly1305)"
	"cbc(aes)" "ctr(aes)" "xts(aes)" "ecb(aes)" "chacha20" "cbc(aes-generic)")

# test_all NAME ALLOWED [PLANT=NUMBER]: no suite is wanted, only the load generator.  The
# kernel's default of 100 random requests per test takes minutes in emulation.
test_all() {
	local allow=$2
	name=$1
	shift 2
	use_kernel kunit SUITE=none "$@"
	run_guest "$name" selftest -t 600 -a cryptomgr.fuzz_iterations=20 -w "$allow" \
		-e "NAMES=${names[*]}" -f "$dir/kunit/load/pcrypt_load.ko"
}

# demand RESULT: of every algorithm.
demand() {
	local alg got
	for alg in "${names[@]}"; do
		got=$(reported selftest | awk -v alg="$alg" '$1 == alg { print $2 }')
		check "$name: pcrypt($alg): ${got:-not reached}" test "$got" = "$1"
	done
}

# demand_listed ANSWER: twice.
demand_listed() {
	check "$name: gcm(aes) in algs is $1, and again" \
		test "$(reported listed | xargs)" = "$1 $1"
}

begin selftest
test_all selftest ''
demand passed
demand_listed accepted
writes=$(reported writes)
check "selftest: ${writes:-no} mask writes meanwhile" test "${writes:-0}" -ge 100
count $ended "selftest: guest ended with $ended"
# The kernel warns of a failed self-test, which is expected here.
test_all selftest-wrong 'WARNING: .* alg_test(\.cold)?\+|Tainted: ' PLANT=20
demand failed
demand_listed refused
count $ended "selftest-wrong: guest ended with $ended"
total
