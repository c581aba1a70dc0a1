#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# dkms.sh install|remove: have dkms build both modules for every kernel whose
# headers are installed, and for those that will be; or undo it.
#
# $MODULES_DIR (/lib/modules), $SOURCE_DIR (/usr/src) and $DKMS_OPTIONS are for
# installing elsewhere.

set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
modules=${MODULES_DIR:-/lib/modules}
sources=${SOURCE_DIR:-/usr/src}
options=${DKMS_OPTIONS-}

setting() {
	sed -n "s/^$1=\"\(.*\)\"$/\1/p" "$top/dkms.conf"
}

die() {
	echo "dkms.sh: $*" >&2
	exit 1
}

# run ARGUMENT...: of dkms.
run() {
	# shellcheck disable=SC2086 # words
	dkms "$@" -m "$name" -v "$version" --installtree "$modules" $options
}

is_added() {
	run status 2>/dev/null | grep -q "^$name"
}

remove() {
	if is_added; then
		run remove --all
	fi
	rm -rf "$dir"
}

copy_sources() {
	mkdir -p "$dir"
	cp -r "$top"/*.c "$top"/*.h "$top/padata" "$top/pcrypt" "$top/Kbuild" \
		"$top/dkms.conf" "$dir/"
	# What a build in place has left here is no source.
	rm -f "$dir"/*.mod.c
}

install() {
	kernels=
	for build in "$modules"/*/build; do
		[ ! -e "$build/Makefile" ] || kernels="$kernels $build"
	done
	[ -n "$kernels" ] || die "no kernel in $modules has its headers installed"
	remove
	copy_sources
	run add
	for build in $kernels; do
		kernel=$(basename "$(dirname "$build")")
		run build -k "$kernel" --kernelsourcedir "$build"
		run install -k "$kernel" --kernelsourcedir "$build" --force
	done
	run status
}

name=$(setting PACKAGE_NAME)
version=$(setting PACKAGE_VERSION)
dir=$sources/$name-$version
command -v dkms >/dev/null || die "dkms is not installed; type: apt-get install dkms"
case ${1-} in
install|remove)	"$1" ;;
*)		die "usage: dkms.sh install|remove" ;;
esac
