#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# e2e.sh [SECONDS]: real clients of pcrypt in Debian's own kernels; with 10 as
# part of `make check`, with 60 as `make e2e`.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# part TEXT COMMAND...: the command's last lines are its plan and `N passed, N failed`.
part() {
	local text=$1 status=0 log=$LOGS/e2e-part.log
	shift
	"$@" >"$log" || status=$?
	judge_part "$text" $status "$log"
}

# judge_part TEXT STATUS LOG
judge_part() {
	local text=$1 status=$2 log=$3 p f
	echo "# $text"
	grep -vE '^(1\.\.[0-9]+|[0-9]+ passed, [0-9]+ failed)$' "$log" || true
	read -r p f < <(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log") || true
	if [ -n "${f-}" ] && fits_plan "$log"; then
		passed=$((passed + p))
		failed=$((failed + f))
		printed=$((printed + p + f))
		[ "$status" = 0 ] || [ "$f" != 0 ] || count 1 "$text: ended with $status"
	else
		printed=$((printed + $(grep -cE '^(ok|not ok) ' "$log" || true)))
		count 1 "$text: ended with $status and without the plan of its checks"
	fi
}

# older TEXT COMMAND...: a part in Debian's 6.1, where that is to be had.
older() {
	[ -z "$has_6_1" ] || part "$@"
}

seconds=${1:-60}
alone e2e
cd "$TOP/scripts/e2e"
has_6_1=
! has_kernel 6.1 || has_6_1=yes
if [ "$seconds" -lt 60 ]; then
	cases=check times=1
else
	cases=all times=$((seconds / 20))
fi
part "ESP and MACsec, Debian's 6.12" ./ipsec.sh 6.12 $times $cases
part "ESP, all of it parallel, Debian's 6.12" ./ipsec.sh 6.12 1 mode=parallel parallel
older "ESP and MACsec, Debian's 6.1" ./ipsec.sh 6.1 $times $cases
PATCH=$TOP/scripts/patches/decrypt-parallel.patch \
	part "TCP while decryption is parallel, Debian's 6.12" ./ipsec.sh 6.12 3 tcp
PATCH=$TOP/scripts/patches/encrypt-parallel.patch \
	part "TCP while acknowledgments are parallel, Debian's 6.12" ./ipsec.sh 6.12 3 tcp
# Its guest is a shell, on one CPU at a time: while the next four run.
in_background ./pcryptctl.sh 6.12 >"$LOGS/e2e-pcryptctl.log"
pcryptctl=$!
part "AF_ALG, Debian's 6.12" ./afalg.sh 6.12 $((seconds * 10))
part "disk encryption, Debian's 6.12" ./dmcrypt.sh 6.12
part "tcrypt, Debian's 6.12" ./tcrypt.sh 6.12
part "tcrypt of an skcipher, Debian's 6.12" ./tcrypt.sh 6.12 600 14
status=0
wait $pcryptctl || status=$?
judge_part "pcryptctl, Debian's 6.12" $status "$LOGS/e2e-pcryptctl.log"
part "installed files, sample, dkms; Debian's kernels" ./install.sh
if [ "$seconds" -ge 60 ]; then
	older "AF_ALG, Debian's 6.1" ./afalg.sh 6.1 $((seconds * 10))
	older "disk encryption, Debian's 6.1" ./dmcrypt.sh 6.1
	part "disk encryption, disturbed, Debian's 6.12" ./dmcrypt.sh 6.12 200 both max_requests=1
	part "kernel TLS, Debian's 6.12" ./ktls.sh 6.12
	part "tcrypt, all of GCM, Debian's 6.12" ./tcrypt.sh 6.12 215 96
	older "pcryptctl, Debian's 6.1" ./pcryptctl.sh 6.1
	part "how to use it" ./howto.sh
fi
total
