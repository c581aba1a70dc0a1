#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# dkms.sh install|remove: have dkms build both modules for every kernel that has its
# headers installed, and for kernels installed later; or undo it.
#
# If a build fails, no module is installed.  $MODULES_DIR (/lib/modules), $SOURCE_DIR
# (/usr/src) and $DKMS_TREE (/var/lib/dkms) are for installing elsewhere.

set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
modules=${MODULES_DIR:-/lib/modules}
sources=${SOURCE_DIR:-/usr/src}
tree=${DKMS_TREE:-/var/lib/dkms}

setting() {
	sed -n "s/^$1=\"\(.*\)\"$/\1/p" "$top/dkms.conf"
}

die() {
	echo "dkms.sh: $*" >&2
	exit 1
}

# run ARGUMENT...: of dkms.  depmod knows no other place than /lib/modules.
run() {
	[ "$modules" = /lib/modules ] || set -- "$@" --no-depmod
	dkms "$@" -m "$name" -v "$version" --installtree "$modules" --dkmstree "$tree" \
		--sourcetree "$sources"
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
	# These are products of a build in place.
	rm -f "$dir"/*.mod.c
}

# need PROGRAM...: each is in the Debian package of its name.
need() {
	missing=
	for program; do
		command -v "$program" >/dev/null || missing="$missing $program"
	done
	[ -z "$missing" ] || die "programs are missing; type: apt-get install$missing"
}

find_kernels() {
	kernels=
	for build in "$modules"/*/build; do
		[ ! -e "$build/Makefile" ] || kernels="$kernels $build"
	done
	[ -n "$kernels" ] || die "no kernel in $modules has its headers installed; type: apt-get install linux-headers-amd64"
}

# undo: when the script ends; the compiler's last words go with the rest.
undo() {
	status=$?
	[ $status != 0 ] || return 0
	find "$tree/$name" -name make.log -exec tail -n 30 {} + >&2 || :
	remove >/dev/null
	die "nothing is installed"
}

# A module that is not signed does not load under Secure Boot.
check_signed() {
	find "$modules/" -path '*/updates/*' -name 'p*_mod.ko*' | while read -r ko; do
		[ -n "$(modinfo -F sig_id "$ko")" ] || echo "dkms.sh: $ko is not signed" >&2
	done
}

# Without openssl dkms has no key, and without sign_file it may not find the program
# that signs; it goes on without a signature then.
install() {
	need dkms openssl
	find_kernels
	trap undo EXIT
	remove
	copy_sources
	run add
	for build in $kernels; do
		kernel=$(basename "$(dirname "$build")")
		export sign_file="$build/scripts/sign-file"
		run build -k "$kernel" --kernelsourcedir "$build"
		run install -k "$kernel" --kernelsourcedir "$build" --force
	done
	run status
	check_signed
}

name=$(setting PACKAGE_NAME)
version=$(setting PACKAGE_VERSION)
dir=$sources/$name-$version
case ${1-} in
install)	install ;;
remove)		need dkms
		remove ;;
*)		die "usage: dkms.sh install|remove" ;;
esac
