#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dist.sh [DIRECTORY]: padata-VERSION.tar.xz, all that is needed to build, test and
# package without git; in DIRECTORY, or in the cache.  Prints its path.
#
# In a clone it has the files that git knows, as they are now, elsewhere, or without git,
# all files but products of a build.  The same files give the same tarball.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# sources: each with a NUL behind it.
sources() {
	local products pattern unwanted=()
	if [ -e .git ] && command -v git >/dev/null; then
		git ls-files -z --cached --exclude-standard
	else
		mapfile -t products < <(sed -n 's/^\*\./*./p' .gitignore)
		for pattern in "${products[@]}"; do
			unwanted+=(! -name "$pattern")
		done
		find . -type f "${unwanted[@]}" ! -path './.git/*' ! -path ./.git ! -path './.tmp_*' \
			! -path '*/__pycache__/*' ! -path './results/*' -printf '%P\0'
	fi
}

cd "$TOP"
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' dkms.conf)
directory=$(realpath -m "${1:-$BUILDS/dist}")
name=padata-$version
mkdir -p "$directory"
# The time of the newest entry in the changelog.
time=$(sed -n 's/^ -- .*>  //p' debian/changelog | head -n 1)
sources | LC_ALL=C sort -z |
	tar -c --no-recursion --null --mtime="$time" --owner=0 --group=0 --numeric-owner \
		--mode=u=rwX,go=rX --transform="flags=r;s,^,$name/," -T - |
	xz -T1 -6 >"$directory/$name.tar.xz.new"
mv "$directory/$name.tar.xz.new" "$directory/$name.tar.xz"
echo "$directory/$name.tar.xz"
