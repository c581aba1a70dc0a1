#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# dkms.sh install|remove: have dkms build the modules for every kernel that has its
# headers installed, and for kernels installed later; or undo it.
# dkms.sh sources DIRECTORY: copy what dkms builds from, as a package needs it.
#
# If a build fails, no module is installed.  $MODULES_DIR (/lib/modules), $SOURCE_DIR
# (/usr/src) and $DKMS_TREE (/var/lib/dkms) are for installing elsewhere.

set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/arch-lib.sh
. "$top/scripts/arch-lib.sh"
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

# copy_sources DIRECTORY
copy_sources() {
	mkdir -p "$1/scripts"
	cp -r "$top"/*.c "$top"/*.h "$top/padata" "$top/pcrypt" "$top/Kbuild" \
		"$top/dkms.conf" "$1/"
	cp "$top/scripts/keep-symvers.sh" "$1/scripts/"
	# These are products of a build in place.
	rm -f "$1"/*.mod.c
	find "$1/padata" "$1/pcrypt" -type f ! -name '*.[ch]' -exec rm -f {} +
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
	[ -n "$kernels" ] || die "no kernel in $modules has its headers installed; type: apt-get install linux-headers-$arch_kernel"
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
	find "$modules/" -path '*/updates/*' -name 'p*_m*.ko*' | while read -r ko; do
		[ -n "$(modinfo -F sig_id "$ko")" ] || echo "dkms.sh: $ko is not signed" >&2
	done
}

# build KERNEL DIRECTORY: and install.  77 is a kernel that dkms.conf excludes.  Without
# sign_file dkms may not find the program that signs, and goes on without a signature.
build() {
	status=0
	export sign_file="$2/scripts/sign-file"
	run build -k "$1" --kernelsourcedir "$2" || status=$?
	if [ $status = 77 ]; then
		echo "dkms.sh: $1 is passed over: it is older than 6.1, or lacks an option" >&2
		return
	fi
	[ $status = 0 ] || exit $status
	run install -k "$1" --kernelsourcedir "$2" --force
	built=yes
}

# Without openssl dkms has no key.
install() {
	need dkms openssl
	find_kernels
	trap undo EXIT
	remove
	copy_sources "$dir"
	run add
	built=
	for build in $kernels; do
		build "$(basename "$(dirname "$build")")" "$build"
	done
	[ -n "$built" ] || die "no kernel in $modules is one that dkms.conf allows"
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
sources)	copy_sources "${2:?which directory?}" ;;
*)		die "usage: dkms.sh install|remove|sources DIRECTORY" ;;
esac
