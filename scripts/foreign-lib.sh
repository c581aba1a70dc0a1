# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Packages of another architecture than this machine's; included after lib.sh.
#
# apt has lists of its own for it, so that nothing is installed here and this
# machine's lists and architectures stay as they are; root is not needed.

# shellcheck disable=SC2154 # the table of arch-lib.sh sets arch_debian
foreign_dir=$CACHE/apt-$arch_debian

# foreign_config: this machine's sources of Debian, for both architectures, since the
# kernel's build runs programs of this one.
foreign_config() {
	local host
	host=$(dpkg --print-architecture)
	mkdir -p "$foreign_dir"/{lists,cache/archives}/partial
	: >"$foreign_dir/status"
	# shellcheck disable=SC2016 # of apt, not of the shell
	apt-get indextargets --format '$(ORIGIN)|deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' | sed -n 's/^Debian|//p' >"$foreign_dir/sources.list"
	cat >"$foreign_dir/conf" <<-CONF
	APT::Architecture "$arch_debian";
	APT::Architectures { "$arch_debian"; "$host"; };
	APT::Sandbox::User "root";
	Dir::State::lists "$foreign_dir/lists";
	Dir::State::status "$foreign_dir/status";
	Dir::Cache "$foreign_dir/cache";
	Dir::Etc::sourcelist "$foreign_dir/sources.list";
	Dir::Etc::sourceparts "-";
	CONF
}

# foreign_update: once a day, and again after a failure.
foreign_update() {
	exec 7>"$foreign_dir.lock"
	flock 7
	if [ -z "$(find "$foreign_dir/updated" -mtime -1 2>/dev/null)" ]; then
		foreign_config
		if APT_CONFIG=$foreign_dir/conf apt-get update >"$LOGS/foreign-update.log" 2>&1; then
			touch "$foreign_dir/updated"
		else
			say "apt-get update for $arch_debian failed (log: $LOGS/foreign-update.log)"
		fi
	fi
	exec 7>&-
}

# any_apt COMMAND...: apt-get or apt-cache for the architecture of the guests.
any_apt() {
	if [ -z "$arch_foreign" ]; then
		"$@"
	else
		foreign_update
		APT_CONFIG=$foreign_dir/conf "$@"
	fi
}

# foreign_unpack DIR PACKAGE...: with all that they depend on; of these the programs and
# libraries are kept, in bin/ and lib/.
foreign_unpack() {
	local dir=$1 deb
	shift
	mkdir -p "$dir"/{archives/partial,all,bin,lib}
	any_apt apt-get install -y --no-install-recommends --download-only \
		-o "Dir::Cache::archives=$dir/archives" "$@"
	for deb in "$dir"/archives/*.deb; do
		dpkg-deb -x "$deb" "$dir/all"
	done
	find "$dir/all" -path '*bin/*' \( -name busybox -o -name dash -o -name kmod \) \
		-type f -exec cp {} "$dir/bin/" \;
	# A Debian has one of the two directories.
	find -L "$dir/all"/{,usr/}lib -maxdepth 2 -name '*.so*' -type f \
		-exec cp -L {} "$dir/lib/" \; || :
	rm -rf "$dir/all" "$dir/archives"
	ls "$dir/bin/busybox" "$dir/bin/dash" "$dir/bin/kmod" "$dir/lib/"libc.so*
}

# foreign_userland: prints the directory with the programs of a guest, unpacked once.
foreign_userland() {
	local dir=$CACHE/userland-$arch_debian
	# Not that of foreign_update().
	exec 6>"$dir.lock"
	flock 6
	if [ ! -e "$dir/.complete" ]; then
		say "downloading programs for guests of $arch_debian"
		rm -rf "$dir"
		run_logged foreign-userland foreign_unpack "$dir" busybox-static dash kmod
		touch "$dir/.complete"
	fi
	exec 6>&-
	echo "$dir"
}
