#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# deb.sh [DIRECTORY]: the Debian packages and their source, checked by lintian; in
# DIRECTORY, or in the cache.  Prints their paths.
#
# They are built from the tarball of dist.sh.  Whatever lintian says is an error.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

build() (
	cd "$work/source"
	env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc
)

# lint: the tags that are left out say how old lintian is: which tags, of those that the
# packages override, and which policy it knows.
lint() {
	local said
	said=$(lintian --allow-root --display-info --pedantic --tag-display-limit 0 \
		--suppress-tags alien-tag,out-of-date-standards-version,newer-standards-version \
		"$work"/padata_*.changes) || { printf '%s\n' "$said"; return 1; }
	[ -z "$said" ] || { printf '%s\n' "$said"; return 1; }
}

"$TOP/scripts/setup.sh" --only build-essential debhelper dh-dkms lintian rsync xz-utils
alone deb
work=$BUILDS/deb
directory=$(realpath -m "${1:-$work}")
rm -rf "$work"
mkdir -p "$work/source" "$directory"
tar -C "$work/source" --strip-components=1 -xf "$("$TOP/scripts/dist.sh" "$work")"
run_logged deb-build build
run_logged deb-lintian lint
[ "$directory" = "$work" ] ||
	cp "$work"/*.{deb,dsc,buildinfo,changes} "$work"/padata_*.tar.xz "$directory/"
ls "$directory"/*.{deb,dsc,changes}
