#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# trixie.sh [check]: README's first commands, `make` and `make demo`, on a fresh Debian 13,
# in a chroot that is made from the mirror of this machine's apt (2.5 GB, wants
# root) and removed at the end; with `check` also `make check`, which builds its kernels
# there, and whose logs go to $LOGS/trixie.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=scripts/chroot-lib.sh
. "$TOP/scripts/chroot-lib.sh"

# The packages that a build of the modules needs, and no others.
install_compiler() {
	in_chroot "apt-get update &&
		apt-get install -y --no-install-recommends gcc make linux-headers-$arch_kernel"
}

make_all() {
	in_chroot "make && ls padata_mod.ko pcrypt_mod.ko"
}

make_demo() {
	in_chroot "make demo" &&
		grep -qE '^[1-9][0-9]* passed, 0 failed$' "$LOGS/e2e-trixie-demo.log"
}

make_check() {
	local status=0
	in_chroot "make check" || status=$?
	rm -rf "$LOGS/trixie"
	cp -r "$chroot/root/.cache/padata/logs" "$LOGS/trixie"
	return $status
}

# Debian 13 has no 6.1, and 6.12 is its own.
skips_6_1() {
	# shellcheck disable=SC2016 # of that shell
	in_chroot 'bash -c "
		. scripts/lib.sh
		! has_kernel 6.1 && has_kernel 6.12 && use_stock 6.12 && echo \$VERSION"' |
		tee /dev/stderr | grep -A1 "^skip   Debian's 6.1" | grep -q '^6\.12\.'
}

# Its iperf3 cancels threads.
run_iperf3() {
	cat >"$chroot/root/guest-iperf3" <<-'SCRIPT'
	iperf3 -s -1 -D
	sleep 1
	iperf3 -c 127.0.0.1 -t 1 | report
	SCRIPT
	# shellcheck disable=SC2016 # of that shell
	in_chroot 'bash -c "
		. scripts/lib.sh
		use_stock 6.12
		scripts/guest.sh -k \$KERNEL -c 2 -n iperf3 -t 120 -b iperf3 -- /root/guest-iperf3
		grep receiver \$LOGS/iperf3.verdict"'
}

"$TOP/scripts/setup.sh"
alone e2e-trixie
is_root "a fresh Debian 13" || { total; exit; }
run=e2e-trixie chroot=$BUILDS/trixie
clean_up "$chroot"
if try chroot "a chroot of Debian 13" make_chroot trixie &&
	try compiler "gcc, make and the kernel's headers" install_compiler; then
	try make "make, with nothing else installed" make_all || true
	if try demo "make demo" make_demo; then
		sed -n '/^bytes direction/,/^$/s/^./# &/p' "$LOGS/e2e-trixie-demo.log"
		try skip "6.1 is left out, with a line" skips_6_1 || true
		try iperf3 "iperf3 in a guest" run_iperf3 || true
		if [ "${1-}" = check ]; then
			try check "make check" make_check || true
			grep -E '^(ok|not ok|[0-9]+ passed)' "$LOGS/e2e-trixie-check.log" |
				sed 's/^/# /'
		fi
	fi
fi
no_mount_left "$chroot"
total
