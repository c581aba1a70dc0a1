#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# later.sh [SUITE [MINUTES [STEP...]]]: Debian's kernel of a later suite
# (trixie-backports), from the mirror that this machine's apt uses.
#
# The modules are built in a chroot, see later-lib.sh.  Then the named steps, or all of
# them: `demo` the demonstration's load in that kernel, `ipsec` a case of ESP in either
# mode and of MACsec, `ovpn` its cases, `ktls` kernel TLS, `dmcrypt` disk encryption,
# `torture` padata_torture for MINUTES (1), `kunit` all suites in a test kernel,
# `successor` successor.sh with that kernel.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"
# shellcheck source=scripts/later-lib.sh
. "$TOP/scripts/later-lib.sh"

use_suite "${1:-trixie-backports}"
minutes=${2:-1}
steps=("${@:3}")
[ ${#steps[@]} != 0 ] || steps=(demo ipsec ovpn ktls dmcrypt torture kunit successor)

# version_of PACKAGE: that of the headers which it stands for.
version_of() {
	# shellcheck disable=SC2016 # of dpkg-query
	in_chroot dpkg-query -W -f '${Depends}' "$1" |
		sed "s/.*linux-headers-\\([^ ]*-$arch_kernel\\).*/\\1/"
}

# with_source COMMAND...: with a test kernel of that version, built here.
with_source() (
	set -e
	local found
	found=$(later_found "$series") || true
	[[ "$found" == *"-${version%%+*}-"* ]] || rm -rf "$CACHE/src/later-linux-source-$series-"*
	later_source "$suite" "$series" >/dev/null
	PADATA_SERIES=$series PADATA_BUILDS=$BUILDS/later PADATA_LOGS=$LOGS/later "$@"
)

# try TEXT COMMAND...
try() {
	local text=$1 status=0
	shift
	# Not as a condition, in which a subshell would go on after a command that fails.
	set +e
	"$@" >"$LOGS/later-step.log" 2>&1
	status=$?
	set -e
	[ $status = 0 ] || tail -n 20 "$LOGS/later-step.log" >&2
	count $status "$text"
}

demo_guest() {
	run_guest e2e-later demo -M "$arch_aes gcm seqiv" -t 300 -e REQUESTS=5000 \
		-f "$dir/kunit/load/pcrypt_load.ko"
	return "$ended"
}

# as_later SCRIPT ARGUMENTS...: a case of scripts/e2e in that kernel.
as_later() {
	VERSION=$version KERNEL=$image ROOT=$modroot DIR=$dir "$TOP/scripts/e2e/$1" "${@:2}"
}

# try_later TEXT SCRIPT ARGUMENTS...: its lines are shown.
try_later() {
	try "$1 in $version" as_later "${@:2}"
	sed 's/^/# /' "$LOGS/later-step.log"
}

torture_guest() {
	padata_guest e2e-later-torture torture -r 2G -t $((60 * minutes * 2 + 700)) \
		-e "PARAMS=minutes=$minutes" -e "LIMIT=$((60 * minutes * 2 + 400))" \
		-f "$dir/kunit/load/padata_torture.ko"
	return "$ended"
}

run_demo() {
	try "the demonstration's load in $version" demo_guest
	reported load | sed 's/^/# /'
	check "every result right, none lost, all in order" demo_in_order
}

run_ipsec() {
	try_later "ESP and MACsec" ipsec.sh later 1 window transport macsec
}

run_ovpn() {
	try_later "ovpn, limited, promoted, deleted" ovpn.sh later
	try_later "ovpn" ipsec.sh later-ovpn 1 ovpn ovpn-paced ovpn-full ovpn-chacha
	try_later "ovpn, mode=parallel," ipsec.sh later-ovpn-parallel 1 mode=parallel ovpn-full ovpn-chacha
}

run_ktls() {
	try_later "kernel TLS" ktls.sh later
}

run_dmcrypt() {
	try_later "disk encryption" dmcrypt.sh later
	try_later "disk encryption, disturbed, few requests," dmcrypt.sh later 200 both max_requests=3
}

run_torture() {
	try "padata_torture in $version, $minutes minutes" torture_guest
	reported torture | sed 's/^/# /'
}

run_kunit() {
	try "the KUnit suites in a test kernel $version" with_source "$TOP/scripts/kunit.sh" kunit
	sed -n 's/^ok  /#  /p' "$LOGS/later-step.log"
}

run_successor() {
	try "without serialized padata and pcrypt" with_source "$TOP/scripts/e2e/successor.sh"
	sed 's/^/# /' "$LOGS/later-step.log"
}

for step in "${steps[@]}"; do
	declare -F "run_$step" >/dev/null || die "no such step: $step"
done
begin e2e-later
make_chroot
later_headers "linux-headers-$arch_kernel"
version=$(version_of "linux-headers-$arch_kernel")
series=$(cut -d. -f1,2 <<<"$version")
modroot=$(later_image "$version")
image=$(later_kernel "$version") dir=$chroot/build memory=1G
say "building for $version"
status=0
later_build "$version" /build >"$LOGS/later-build.log" 2>&1 || status=$?
[ $status = 0 ] || tail -n 40 "$LOGS/later-build.log" >&2
count $status "the modules build for $version"
try "without warnings" no_warnings "$LOGS/later-build.log"
for step in "${steps[@]}"; do
	[ $status != 0 ] || "run_$step"
done
total
