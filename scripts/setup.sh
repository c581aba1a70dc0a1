#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# setup.sh [--only] [PACKAGE...]: install the Debian packages that everything here
# needs, and those named; or these alone.
#
# Asks dpkg for the installed packages and calls apt only for missing ones.  Without
# root's rights it installs nothing and prints the command to type.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# gcc-12 and pahole are what Debian's kernel headers call by name.
packages=(gcc gcc-12 make flex bison bc libelf-dev libssl-dev cpio lz4 kmod
	rsync patch xz-utils ccache python3 perl pahole
	${arch_package:+"$arch_package"} busybox-static iproute2 iperf3 kcapi-tools libkcapi-dev
	cryptsetup-bin dkms openssl debootstrap groff-base
	sparse shellcheck spin python3-sphinx "$@")
if [ "${1-}" = --only ]; then
	packages=("${@:2}")
# The source of a later suite's kernel comes another way: e2e/later.sh.
elif [ -z "$(ls -d "$CACHE/src/later-linux-source-$SERIES-"* 2>/dev/null)" ]; then
	packages+=("linux-source-$SERIES")
fi
[ -z "$arch_foreign" ] || packages+=("$arch_compiler")

# missing_packages: those of the list that dpkg does not call installed.
missing_packages() {
	dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "${packages[@]}" 2>/dev/null |
		sed -n 's/^ii //p' | sort -u |
		comm -13 - <(printf '%s\n' "${packages[@]}" | sort -u)
}

mapfile -t missing < <(missing_packages)
[ ${#missing[@]} -gt 0 ] || exit 0
install=(apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "${missing[@]}")
if [ "$(id -u)" != 0 ]; then
	die "packages are missing; type: sudo apt-get update && sudo ${install[*]}"
fi
say "installing ${missing[*]} (log: $LOGS/setup.log)"
export DEBIAN_FRONTEND=noninteractive
run_logged setup-update apt_update
run_logged setup "${install[@]}"
mapfile -t missing < <(missing_packages)
[ ${#missing[@]} = 0 ] || die "still missing: ${missing[*]}"
say "all packages are there"
