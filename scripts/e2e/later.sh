#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# later.sh [SUITE [MINUTES [STEP...]]]: Debian's kernel of a later suite
# (trixie-backports), from the mirror that this machine's apt uses.
#
# Its headers hold programs that need a later C library and name a later
# compiler, so the modules are built in a chroot of that suite, kept in the
# cache (900 MB; wants root).  Then the named steps, or all of them: `demo`
# the demonstration's load in that kernel, `ipsec` a case of ESP in either mode and of
# MACsec, `torture` padata_torture for MINUTES (1), `kunit` all suites in a test kernel,
# `successor` successor.sh with that kernel.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"
# shellcheck source=scripts/later-lib.sh
. "$TOP/scripts/later-lib.sh"

suite=${1:-trixie-backports}
minutes=${2:-1}
steps=("${@:3}")
[ ${#steps[@]} != 0 ] || steps=(demo ipsec torture kunit successor)
chroot=$CACHE/later-${suite%-backports}

# in_chroot COMMAND...: objtool reads its limits from /proc, which is mounted for
# this command alone.
in_chroot() {
	# shellcheck disable=SC2016 # of that shell
	LC_ALL=C DEBIAN_FRONTEND=noninteractive unshare --mount sh -c \
		'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$chroot" "$@"
}

# The stamp is written when all has succeeded.
make_chroot() {
	[ ! -e "$chroot/.complete" ] || return 0
	[ "$(id -u)" = 0 ] || die "only root can make a chroot"
	rm -rf "$chroot"
	say "a chroot of ${suite%-backports} (log: $LOGS/later-chroot.log)"
	run_logged later-chroot debootstrap --variant=minbase --include=gcc,make \
		"${suite%-backports}" "$chroot" "$(mirror)"
	echo "deb $(mirror) $suite main" >"$chroot/etc/apt/sources.list.d/later.list"
	touch "$chroot/.complete"
}

# headers: the newest; prints their version.
headers() {
	run_logged later-update in_chroot apt-get update
	run_logged later-headers in_chroot apt-get install -y --no-install-recommends \
		-t "$suite" "linux-headers-$arch_kernel"
	# shellcheck disable=SC2016 # of dpkg-query
	in_chroot dpkg-query -W -f '${Depends}' "linux-headers-$arch_kernel" |
		sed "s/.*linux-headers-\\([^ ]*-$arch_kernel\\).*/\\1/"
}

# image: unpacked next to the headers, not installed.
image() {
	local dir=$chroot/image-$version deb
	if [ ! -e "$dir/.complete" ]; then
		rm -rf "$chroot"/image-*
		mkdir -p "$dir"
		chmod 777 "$dir"
		run_logged later-image in_chroot sh -c "cd /image-$version &&
			apt-get download linux-base-$version linux-binary-$version linux-modules-$version"
		for deb in "$dir"/*.deb; do
			dpkg-deb -x "$deb" "$dir"
			rm "$deb"
		done
		[ -e "$dir/lib" ] || ln -s usr/lib "$dir/lib"
		depmod -b "$dir" "$version"
		touch "$dir/.complete"
	fi
	echo "$dir"
}

# with_source COMMAND...: with a test kernel of that version, built here.
with_source() {
	local found
	found=$(later_found "$series") || true
	[[ "$found" == *"-${version%%+*}-"* ]] || rm -rf "$CACHE/src/later-linux-source-$series-"*
	later_source "$suite" "$series" >/dev/null
	PADATA_SERIES=$series PADATA_BUILDS=$BUILDS/later PADATA_LOGS=$LOGS/later "$@"
}

build() {
	sync_sources "$chroot/build"
	in_chroot make -C "/usr/src/linux-headers-$version" M=/build -j"$JOBS" W=1 TESTS=1 SUITE=none modules
}

# no_warnings LOG
no_warnings() {
	! grep -iE '(warning|error):' "$1"
}

# try TEXT COMMAND...
try() {
	local text=$1 status=0
	shift
	"$@" >"$LOGS/later-step.log" 2>&1 || status=$?
	[ $status = 0 ] || tail -n 20 "$LOGS/later-step.log" >&2
	count $status "$text"
}

demo_guest() {
	run_guest e2e-later demo -M "$arch_aes gcm seqiv" -t 300 -e REQUESTS=5000 \
		-f "$dir/kunit/load/pcrypt_load.ko"
	return "$ended"
}

ipsec() {
	VERSION=$version KERNEL=$image ROOT=$modroot DIR=$dir \
		"$TOP/scripts/e2e/ipsec.sh" later 1 window transport macsec
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
	check "all in order, none wrong or lost" \
		grep -q 'result=passed.* out_of_order=0 wrong=0 lost=0 doubled=0' \
		"$LOGS/$name.verdict"
}

run_ipsec() {
	try "ESP and MACsec in $version" ipsec
	sed 's/^/# /' "$LOGS/later-step.log"
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
version=$(headers)
series=$(cut -d. -f1,2 <<<"$version")
modroot=$(image)
image=$modroot/lib/modules/$version/vmlinuz dir=$chroot/build memory=1G
say "building for $version"
status=0
build >"$LOGS/later-build.log" 2>&1 || status=$?
[ $status = 0 ] || tail -n 40 "$LOGS/later-build.log" >&2
count $status "the modules build for $version"
try "without warnings" no_warnings "$LOGS/later-build.log"
for step in "${steps[@]}"; do
	[ $status != 0 ] || "run_$step"
done
total
