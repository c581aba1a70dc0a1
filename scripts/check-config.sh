#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# check-config.sh KDIR: name each option that the kernel's configuration lacks,
# before the compiler fails for want of it.
#
# A user's `make` runs it: it writes no file and needs the shell alone.

set -eu

# shellcheck source=scripts/arch-lib.sh
. "$(dirname "$0")/arch-lib.sh"

needed="SMP HOTPLUG_CPU MODULES SYSFS CRYPTO CRYPTO_AEAD CRYPTO_MANAGER"

die() {
	echo "error: $*" >&2
	exit 1
}

kdir=${1-}
[ -n "$kdir" ] || die "no kernel headers found; install linux-headers-$arch_kernel or give KDIR="
[ -e "$kdir/.config" ] || die "$kdir is no configured kernel: it has no .config"
missing=
for sym in $needed; do
	grep -q "^CONFIG_$sym=[ym]" "$kdir/.config" || missing="$missing CONFIG_$sym"
done
! grep -q '^CONFIG_CRYPTO_PCRYPT=y' "$kdir/.config" ||
	echo "note: CONFIG_CRYPTO_PCRYPT=y: pcrypt_mod can't be loaded with it" >&2
[ -z "$missing" ] || die "the kernel in $kdir lacks$missing"
! grep -q "^CONFIG_CRYPTO_PCRYPT=y" "$kdir/.config" ||
	die "the kernel in $kdir has its own pcrypt built in (CONFIG_CRYPTO_PCRYPT=y), with which pcrypt_mod can't be loaded; build it with =m or without"
