#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel.sh kunit|debug|kcsan|rt|dwarf: build a test kernel, or find it in the cache.
#
# Prints the build tree, which is a KDIR; the image ($arch_image) is below it, the installed
# modules in its directory root/.  A tree is kept per flavour, keyed by the
# source's version, the merged fragments, the compiler and the functions that
# build it.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/kernel-lib.sh
. "$TOP/scripts/kernel-lib.sh"

# fragments FLAVOUR: the files of scripts/configs that make it.
fragments() {
	case $1 in
	kunit)	echo base crypto "$arch" kunit nopadata ;;
	debug)	echo base crypto "$arch" kunit padata debug ;;
	kcsan)	echo base crypto "$arch" kunit padata kcsan ;;
	rt)	echo base crypto "$arch" kunit padata rt ;;
	dwarf)	echo base crypto "$arch" nopadata dwarf ;;
	*)	die "unknown kernel flavour '$1' (kunit, debug, kcsan, rt, dwarf)" ;;
	esac
	[ ! -e "$TOP/scripts/configs/only-$SERIES.config" ] || echo "only-$SERIES"
}

# source_tree: unpack the Debian source package once; prints the directory.  That of
# a later suite is not installed here: e2e/later.sh unpacks it.  All flavours have it in
# common.
source_tree() {
	local pkg=linux-source-$SERIES version dir
	for dir in "$CACHE/src/later-$pkg-"*; do
		[ ! -e "$dir/.complete" ] || { echo "$dir"; return; }
	done
	version=$(dpkg-query -W -f '${Version}' "$pkg" 2>/dev/null) ||
		die "$pkg is not installed; run scripts/setup.sh"
	dir=$CACHE/src/$pkg-$version
	exec 7>"$CACHE/src-$pkg.lock"
	flock 7
	if [ ! -e "$dir/.complete" ]; then
		say "unpacking $pkg $version"
		rm -rf "$CACHE/src/$pkg-"*
		mkdir -p "$dir"
		tar -C "$dir" --strip-components=1 -xf "/usr/src/$pkg.tar.xz"
		touch "$dir/.complete"
	fi
	exec 7>&-
	echo "$dir"
}

build() {
	local src=$1 tree=$2 options=("CC=ccache ${arch_cross}gcc" -j"$JOBS")
	shift 2
	export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 2026'
	export KBUILD_BUILD_USER=padata KBUILD_BUILD_HOST=padata
	export CCACHE_DIR=$CACHE/ccache CCACHE_MAXSIZE=2G
	mkdir -p "$tree"
	merge "$@" >"$tree/asked.config"
	make -C "$src" O="$tree" "${options[@]}" KCONFIG_ALLCONFIG="$tree/asked.config" allnoconfig
	check_config "$tree" "$@"
	make -C "$src" O="$tree" "${options[@]}" "${arch_image##*/}" modules
	make -C "$src" O="$tree" INSTALL_MOD_PATH="$tree/root" modules_install
	touch "$tree/.complete"
}

flavour=${1:?usage: kernel.sh kunit|debug|kcsan|rt|dwarf}
[ -e "$TOP/scripts/configs/$arch.config" ] || die "there is no test kernel for $arch"
files=()
names=$(fragments "$flavour")
for f in $names; do
	files+=("$TOP/scripts/configs/$f.config")
done
exec 9>"$CACHE/kernel-$arch-$SERIES-$flavour.lock"
flock 9
src=$(source_tree)
key=$( (echo "$src"; merge "${files[@]}"; "${arch_cross}gcc" -v 2>&1; declare -f build merge) | sha256sum | cut -c1-12)
tree=$CACHE/kernel-$arch-$SERIES-$flavour-$key
if [ ! -e "$tree/.complete" ]; then
	rm -rf "$CACHE/kernel-$arch-$SERIES-$flavour-"*
	say "building the $flavour kernel (about 8 minutes on two CPUs; log: $LOGS/kernel-$flavour.log)"
	run_logged "kernel-$flavour" build "$src" "$tree" "${files[@]}"
	say "built the $flavour kernel"
fi
echo "$tree"
