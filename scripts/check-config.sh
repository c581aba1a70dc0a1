#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check-config.sh KDIR: name what the kernel's configuration lacks, before the
# compiler says so in its own words.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

needed="SMP HOTPLUG_CPU MODULES SYSFS CRYPTO CRYPTO_AEAD CRYPTO_MANAGER"

kdir=${1-}
[ -n "$kdir" ] || die "no kernel headers found; install linux-headers-amd64 or give KDIR="
[ -e "$kdir/.config" ] || die "$kdir is no configured kernel: it has no .config"
missing=
for sym in $needed; do
	grep -q "^CONFIG_$sym=[ym]" "$kdir/.config" || missing+=" CONFIG_$sym"
done
[ -z "$missing" ] || die "the kernel in $kdir lacks$missing"
