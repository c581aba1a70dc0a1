#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# install.sh: the files of `make install` and `make dkms-install`, in directories
# other than /; a module built against them; and all modules in Debian's own kernels.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"

# try LOGNAME TEXT COMMAND...
try() {
	local log=$LOGS/e2e-install-$1.log text=$2 status=0
	shift 2
	"$@" >"$log" 2>&1 || status=$?
	[ $status = 0 ] || tail -n 20 "$log" >&2
	count $status "$text"
}

# expected_files: the files that are installed for a kernel.
expected_files() {
	cat <<-EOF
	/lib/modules/$VERSION/updates/padata_mod.ko
	/lib/modules/$VERSION/updates/pcrypt_measure.ko
	/lib/modules/$VERSION/updates/pcrypt_mod.ko
	/usr/lib/systemd/system/pcrypt-early.service
	/usr/lib/systemd/system/pcrypt.service
	/usr/sbin/padata_dump
	/usr/sbin/padata_monitor
	/usr/sbin/pcryptctl
	/usr/share/bash-completion/completions/pcryptctl
	/usr/share/man/man8/padata_dump.8
	/usr/share/man/man8/padata_monitor.8
	/usr/share/man/man8/pcryptctl.8
	/usr/src/padata-mod/Module.symvers
	/usr/src/padata-mod/padata.h
	EOF
}

# installed_files: some kernels have their modules compressed.
installed_files() {
	(cd "$dest" && find . ! -type d | sed 's,^\.,,; s,\.ko\.xz$,.ko,' | sort)
}

# same_files: without depmod's files, which make install may have written, and
# modprobe's configuration.
same_files() {
	diff <(expected_files) <(installed_files | grep -v -e '/modules\.' -e '^/etc/modprobe.d/')
}

# depmod_fits: without DESTDIR `make install` calls depmod for the directory that has the
# modules.  Only the line is taken from there and run: nothing is installed here.
depmod_fits() {
	local line version
	line=$(make -n -o all -C "$work/tree" MAKE=: KDIR="$HEADERS" DESTDIR= install |
		grep -F "|| depmod ")
	version=$(bash -c 'depmod() { echo "$1"; }; eval "$0"' "$line")
	echo "depmod $version"
	[ -n "$version" ] && [ -d "$dest/lib/modules/$version/updates" ]
}

build_sample() {
	rm -rf "$dest-sample"
	cp -r "$TOP/Documentation/samples/ordered" "$dest-sample"
	make -C "$HEADERS" M="$dest-sample" PADATA="$dest/usr/src/padata-mod" W=1 modules 2>&1 |
		tee "$dest-sample/log"
	! grep -iE '(warning|error):' "$dest-sample/log"
}

# guest KIND DIRECTORY: with the modules found below it.
guest() {
	local kind=$1 ko
	dir=$work/$1-$series
	rm -rf "$dir"
	mkdir -p "$dir"
	find "$2" -name 'p*_m*.ko*' -exec cp {} "$dir/" \;
	find "$dir" -name '*.xz' -exec xz -d {} +
	for ko in "$dir"/*.ko; do
		check "$kind: $(basename "$ko") is for $VERSION" \
			[ "$(modinfo -F vermagic "$ko" | cut -d' ' -f1)" = "$VERSION" ]
	done
	run_guest "e2e-install-$kind-$series" install -M crc32_generic -t 120 \
		-e "KIND=$kind, $series" -f "$dir/pcrypt_measure.ko" \
		-f "$dest-sample/padata_ordered.ko"
	judge_guest "$kind, $series: "
}

dkms_install() {
	mkdir -p "$work/dkms" "$work/src"
	# Keys of its own, where it signs.
	mok_signing_key=$work/mok.key mok_certificate=$work/mok.pub MODULES_DIR=$work/modules SOURCE_DIR=$work/src \
		DKMS_TREE=$work/dkms \
		"$work/tree/scripts/dkms.sh" "$1"
}

# kept_symvers: where the documents say; dkms 3.2 keeps another copy itself.
kept_symvers() {
	find "$work/dkms" -name Module.symvers -size +0 -not -path '*/module/*'
}

begin e2e-install
work=$BUILDS/install
rm -rf "$work"
mkdir -p "$work"
copy_tree "$work/tree"
all_series=()
for series in 6.1 6.12; do
	! has_kernel "$series" || all_series+=("$series")
done
for series in "${all_series[@]}"; do
	find_kernel "$series"
	dest=$work/root-$series
	try "make-$series" "make install, for $series" make -C "$work/tree" KDIR="$HEADERS" \
		DESTDIR="$dest" install
	try "files-$series" "make install: these files, for $series" same_files
	try "depmod-$series" "make install: depmod for the modules' directory, for $series" depmod_fits
	try "sample-$series" "the sample builds against what is installed, for $series" build_sample
	guest install "$dest/lib/modules"
	mkdir -p "$work/modules/$VERSION"
	ln -s "$HEADERS" "$work/modules/$VERSION/build"
done
# A kernel that dkms.conf excludes, and that would break the build.
mkdir -p "$work/modules/5.10.0-0-other/build"
cp "$HEADERS/.config" "$work/modules/5.10.0-0-other/build/"
echo "\$(error planted)" >"$work/modules/5.10.0-0-other/build/Makefile"
try dkms "dkms builds and installs for both kernels" dkms_install install
check "dkms passes over a kernel that is excluded" \
	grep -q '^dkms.sh: 5.10.0-0-other is passed over' "$LOGS/e2e-install-dkms.log"
check "dkms keeps the symbol versions of each kernel" \
	[ "$(kept_symvers | wc -l)" = ${#all_series[@]} ]
for series in "${all_series[@]}"; do
	find_kernel "$series"
	dest=$work/root-$series
	guest dkms "$work/modules/$VERSION"
done
unsigned=$(find "$work/modules/" -name 'p*_m*.ko*' -exec sh -c \
	'[ -n "$(modinfo -F sig_id "$1")" ] || echo "$1"' sh {} \;)
check "dkms signs all modules${unsigned:+ ($unsigned)}" [ -z "$unsigned" ]
try dkms-remove "dkms removes it again" dkms_install remove
check "dkms has left no module" [ -z "$(find "$work/modules" -name 'p*_m*.ko*')" ]
total
