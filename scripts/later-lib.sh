# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Debian's kernel source of a later suite; included after lib.sh.

# mirror: of this machine's apt, for Debian itself.
mirror() {
	# shellcheck disable=SC2016 # of apt, not of the shell
	apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk '$1 == "Debian" && $2 == "main" && $3 !~ /security/ { print $3; exit }'
}

# later_apt SUITE COMMAND...: apt-get with lists of its own, which hold SUITE alone.
# The machine's own lists do not change, and root is not needed.
later_apt() {
	local dir=$CACHE/apt-$1
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	echo "deb $(mirror) $1 main" >"$dir/sources.list"
	shift
	apt-get -o "Dir::State::lists=$dir/lists" -o "Dir::Cache=$dir/cache" \
		-o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=- \
		-o APT::Sandbox::User=root "$@"
}

# later_unpack SUITE SERIES: the stamp is written when all has succeeded.
later_unpack() {
	local pkg=linux-source-$2 debs dir
	debs=$(mktemp -d "$CACHE/debs.XXXXXX")
	dir=$debs/unpacked
	mkdir "$dir" &&
		later_apt "$1" update &&
		(cd "$debs" && later_apt "$1" download "$pkg") &&
		dpkg-deb --fsys-tarfile "$debs/$pkg"_*.deb | tar -xO "./usr/src/$pkg.tar.xz" |
		tar -C "$dir" --strip-components=1 -xJ &&
		rm -rf "$CACHE/src/later-$pkg-"* &&
		mv "$dir" "$CACHE/src/later-$pkg-$(dpkg-deb -f "$debs/$pkg"_*.deb Version)" &&
		touch "$CACHE/src/later-$pkg-"*/.complete &&
		rm -rf "$debs"
}

# later_found SERIES: prints the directory where the source lies, if it does.
later_found() {
	local dir
	for dir in "$CACHE/src/later-linux-source-$1-"*; do
		[ ! -e "$dir/.complete" ] || { echo "$dir"; return; }
	done
	return 1
}

# later_source SUITE SERIES: linux-source-SERIES, downloaded and unpacked once, where
# kernel.sh finds it, too; prints the directory.
later_source() {
	exec 7>"$CACHE/later-$2.lock"
	flock 7
	if ! later_found "$2" >/dev/null; then
		say "downloading linux-source-$2 of $1 (log: $LOGS/later-source.log)"
		run_logged later-source later_unpack "$1" "$2"
	fi
	exec 7>&-
	later_found "$2"
}
