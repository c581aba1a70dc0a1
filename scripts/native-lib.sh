# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Guests of user-mode Linux, for bench-native.sh and profile-native.sh, which have
# included lib.sh.

# native_setup [PACKAGE...]: kernel and modules; sets $tree and, by costs, $modules.
native_setup() {
	local here=$TOP/scripts/native
	declare -gA modules
	"$TOP/scripts/setup.sh" "$@"
	tree=$("$here/um.sh")
	modules[um]=$("$TOP/scripts/build.sh" "$tree" um-7.3 ARCH=um TESTS=1 \
		"KCFLAGS=-include $here/um_cycles.h")
	modules[x86]=$("$TOP/scripts/build.sh" "$tree" um-7.3-x86 ARCH=um TESTS=1 \
		"KCFLAGS=-include $here/um_cycles.h -include $here/native-like.h")
}

# host_line: says which machine the figures are of.
host_line() {
	printf 'host: %s, %d CPUs, Linux %s, load average %s\n' \
		"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
		"$(uname -r)${WITHOUT:+, without $WITHOUT}" "$(cut -d' ' -f1 /proc/loadavg)"
}

# native_guest NAME IDLE COSTS SECONDS GUEST.SH'S ARGUMENTS...: two CPUs; the kernel's
# self-tests of ciphers run where SELFTESTS=1 is among the arguments.
native_guest() {
	local name=$1 dir=${modules[$3]} kernel=linux args="rcupdate.rcu_expedited=1" seconds=$4
	[ -z "${WITHOUT-}" ] || args+=" clearcpuid=$WITHOUT"
	[ "$2" = sleep ] || args+=" idlepoll=300"
	[ "$3" = um ] || kernel=linux.native-like
	shift 4
	[[ " $* " == *" SELFTESTS=1 "* ]] || args+=" cryptomgr.notests=1"
	alone "$name"
	"$TOP/scripts/guest.sh" -u -k "$tree/$kernel" -m "$tree/root" -c 2 -n "$name" -t "$seconds" \
		-a "$args" -f "$dir/padata_mod.ko" -f "$dir/pcrypt_mod.ko" \
		-f "$dir/kunit/load/padata_bench.ko" -f "$dir/kunit/load/padata_bench_kernel.ko" \
		-f "$dir/kunit/load/pcrypt_load.ko" -f "$TOP/scripts/guest/bench" \
		-f "$TOP/scripts/guest/bench-pcrypt" \
		-e "CIPHERS=aesni_intel authenc chacha20poly1305" "$@"
}
