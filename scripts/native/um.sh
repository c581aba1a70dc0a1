#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# um.sh [--cached]: build user-mode Linux, or find it in the cache.
#
# Prints the build tree (what KDIR wants, with ARCH=um).  In it: `linux`, the kernel;
# `linux.native-like`, the same with its own padata compiled as the modules are with
# native-like.h; and the installed modules in root/.  The source is linux-source of a
# later suite with the patches of this directory.  The tree is keyed by the source's
# version, patches, configuration, headers, compiler and the functions that build it.
# --cached fails where it would have to download or build anything.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=scripts/kernel-lib.sh
. "$TOP/scripts/kernel-lib.sh"
# shellcheck source=scripts/later-lib.sh
. "$TOP/scripts/later-lib.sh"

suite=${LATER:-trixie-backports}
series=7.3
here=$TOP/scripts/native
config=$here/um.config

# The copy has hard links to the source; patch(1) replaces files and writes to none.
patched() {
	local patch
	cp -al "$1" "$2"
	for patch in "$here"/*.patch; do
		patch -d "$2" -p1 --fuzz=0 <"$patch" || return
	done
}

# um_make TREE ARGUMENTS...
um_make() {
	local tree=$1
	shift
	make -C "$tree/source" O="$tree/build" ARCH=um CC="ccache gcc" -j"$JOBS" "$@"
}

# build SOURCE TREE: stops at the first error, also where errors are asked for.
build() {
	local tree=$2
	export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 2026'
	export KBUILD_BUILD_USER=padata KBUILD_BUILD_HOST=padata
	export CCACHE_DIR=$CACHE/ccache CCACHE_MAXSIZE=2G CCACHE_BASEDIR=$tree
	mkdir -p "$tree/build" &&
		patched "$1" "$tree/source" &&
		merge "$config" >"$tree/build/asked.config" &&
		um_make "$tree" KCONFIG_ALLCONFIG="$tree/build/asked.config" allnoconfig &&
		check_config "$tree/build" "$config" &&
		um_make "$tree" all modules &&
		cp "$tree/build/linux" "$tree/linux" &&
		um_make "$tree" "CFLAGS_padata.o=-include $here/native-like.h" linux &&
		cp "$tree/build/linux" "$tree/build/linux.native-like" &&
		mv "$tree/linux" "$tree/build/linux" &&
		um_make "$tree" INSTALL_MOD_PATH="$tree/build/root" modules_install &&
		touch "$tree/build/.complete"
}

# locate SOURCE: the tree's path.
locate() {
	local key
	key=$( (echo "$1"; cat "$here"/*.patch "$here/native-like.h"; merge "$config"
		gcc -v 2>&1; declare -f build patched um_make) | sha256sum | cut -c1-12)
	echo "$CACHE/um-$series-$key"
}

if [ "${1-}" = --cached ]; then
	src=$(later_found $series) || exit 1
	tree=$(locate "$src")
	[ -e "$tree/build/.complete" ] || exit 1
	echo "$tree/build"
	exit
fi
src=$(later_source "$suite" $series)
tree=$(locate "$src")
exec 9>"$CACHE/um-$series.lock"
flock 9
if [ ! -e "$tree/build/.complete" ]; then
	rm -rf "$CACHE/um-$series-"*
	say "building user-mode Linux (five minutes on two CPUs; log: $LOGS/kernel-um.log)"
	run_logged kernel-um build "$src" "$tree"
	say "built user-mode Linux"
fi
echo "$tree/build"
