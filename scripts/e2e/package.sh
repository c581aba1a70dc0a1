#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# package.sh [SUITE...]: the Debian packages, built here, installed in fresh chroots of
# Debian 12 and 13 (bookworm, trixie; 1.5 GB each, wants root), with Debian's own
# kernel; that system booted with systemd in QEMU, where scripts/guest/tour does a new
# user's tasks; the packages purged without a trace; and built there from the tarball.
# What was typed and printed goes to $PADATA_RESULTS (results), in tasks/.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"
# shellcheck source=scripts/chroot-lib.sh
. "$TOP/scripts/chroot-lib.sh"

# All that the packages use, and that a boot with an encrypted volume needs.
base="linux-image-$arch_kernel linux-headers-$arch_kernel initramfs-tools dkms openssl"
base+=" cryptsetup kcapi-tools make iproute2 iperf3 python3"
results=${PADATA_RESULTS:-$TOP/results}
packages="padata-dkms pcryptctl padata-dev"

install_base() {
	local more=
	[ "$suite" = bookworm ] || more=systemd-cryptsetup
	in_chroot "apt-get update &&
		apt-get install -y --no-install-recommends $base $more"
}

# list_files: of the chroot, but for the caches and logs of dpkg and apt, and the keys
# that dkms makes for itself.
list_files() {
	(cd "$chroot" && find . -xdev \( -path ./proc -o -path ./root -o -path ./tmp \
		-o -path ./run -o -path ./var/cache -o -path ./var/log -o -path ./var/lib/apt \) \
		-prune -o -print | grep -vE '^\./var/lib/dkms/mok\.|^\./var/lib/dpkg/.*-old$' | sort)
}

install_packages() {
	rm -rf "$chroot/root/debs"
	mkdir -p "$chroot/root/debs"
	cp "${debs[@]}" "$chroot/root/debs/"
	in_chroot "apt-get install -y --no-install-recommends /root/debs/*.deb"
}

# is_installed: by dkms, and signed, for each kernel.
is_installed() {
	# shellcheck disable=SC2016 # of that shell
	in_chroot 'dkms status
		dkms status | grep -qE "^padata-mod/[^ ]+, .*: installed$"
		for build in /lib/modules/*/build; do
			kernel=$(basename "${build%/build}")
			for module in padata_mod pcrypt_mod pcrypt_measure; do
				modinfo -k "$kernel" -F filename "$module"
				[ -n "$(modinfo -k "$kernel" -F sig_id "$module")" ]
			done
		done'
}

# in_place: the files at the paths that `make install` uses, too.
in_place() {
	# shellcheck disable=SC2016 # of that shell
	in_chroot 'ls /usr/sbin/pcryptctl /usr/src/padata-mod/padata.h \
			/usr/sbin/padata_dump /usr/share/man/man8/padata_dump.8.gz \
			/usr/share/man/man8/pcryptctl.8.gz /usr/lib/systemd/system/pcrypt.service \
			/usr/lib/systemd/system/pcrypt-early.service \
			/usr/share/bash-completion/completions/pcryptctl
		[ "$(systemctl is-enabled pcrypt.service)" = enabled ]
		[ "$(systemctl is-enabled pcrypt-early.service)" = disabled ]
		modprobe -S "$(ls /lib/modules)" -c | grep -xF "alias pcrypt pcrypt_mod"
		[ "$(pcryptctl status 2>/dev/null || echo $?)" = 3 ]'
}

# units_are_fine: systemd-analyze complains of what it does not know or like.
units_are_fine() {
	local said
	said=$(in_chroot "systemd-analyze verify --man=no pcrypt.service pcrypt-early.service 2>&1") ||
		{ echo "it failed: $said"; return 1; }
	echo "$said"
	[[ $said != *pcrypt* ]]
}

# write_extras: what the image has and the chroot does not: a volume whose cipher the
# early unit brings, and the checks.
write_extras() {
	cat >"$extra/pcrypt.conf" <<-'EOF'
	# Kept by the test.
	algs = xts(aes)   # of the volume
	EOF
	echo "vol /dev/vdb /etc/vol.key plain,cipher=aes-xts-plain64,size=512,hash=plain" \
		>"$extra/crypttab"
	head -c 64 /dev/urandom >"$extra/vol.key"
	chmod 600 "$extra/vol.key"
	cat >"$extra/verify.service" <<-'EOF'
	[Unit]
	After=pcrypt.service cryptsetup.target
	SuccessAction=poweroff-force
	FailureAction=poweroff-force
	[Service]
	Type=oneshot
	WorkingDirectory=/checks
	Environment=PATH=/checks:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
	StandardOutput=journal+console
	StandardError=journal+console
	ExecStart=/bin/sh /checks/package
	EOF
	cp "$TOP"/scripts/guest/{package,tap,report,tour,tunnel} "$TOP/debian/tests/smoke" \
		"$extra/"
	chmod 755 "$extra/report" "$extra/smoke"
}

# make_image: of the chroot and the extras.
make_image() {
	local f
	write_extras
	in_chroot "systemctl enable pcrypt-early.service" || return
	truncate -s 4G "$work/root.img"
	mke2fs -q -t ext4 -d "$chroot" "$work/root.img"
	{
		printf '%s\n' "rm /etc/crypttab" "mkdir /checks" "cd /etc"
		for f in pcrypt.conf crypttab vol.key; do
			echo "write $extra/$f $f"
		done
		echo "cd /checks"
		for f in package tap report tour tunnel smoke; do
			echo "write $extra/$f $f"
		done
		echo "cd /etc/systemd/system"
		echo "write $extra/verify.service verify.service"
		echo "cd multi-user.target.wants"
		echo "symlink verify.service /etc/systemd/system/verify.service"
	} >"$work/commands"
	truncate -s 16M "$work/vol.img"
	# It complains and succeeds.
	debugfs -w -f "$work/commands" "$work/root.img" 2>&1 | tee "$work/debugfs"
	! grep -qE '^[a-z_]+: ' <(grep -v '^debugfs: ' "$work/debugfs")
}

# accelerator: the one that guest.sh has found to work.
accelerator() {
	cat "$CACHE/accel-$arch-$(cat /proc/sys/kernel/random/boot_id)" 2>/dev/null ||
		echo "-accel tcg,thread=multi -cpu max"
}

# boot: with the kernel, the initramfs and the systemd of that Debian.
boot() {
	local accel console=$LOGS/$name.console patience=systemd.default_timeout_start_sec=600
	read -ra accel < <(accelerator)
	rm -f "$console" "$LOGS/$name.verdict"
	touch "$LOGS/$name.verdict"
	timeout -k 5 1500 qemu-system-x86_64 -nodefaults -no-reboot -display none -monitor none \
		"${accel[@]}" -smp 2 -m 2G -kernel "$(echo "$chroot"/boot/vmlinuz-*)" \
		-initrd "$(echo "$chroot"/boot/initrd.img-*)" \
		-drive "file=$work/root.img,if=virtio,format=raw" \
		-drive "file=$work/vol.img,if=virtio,format=raw" \
		-serial "file:$console" -serial "file:$LOGS/$name.verdict" \
		-append "root=/dev/vda rw console=ttyS0 loglevel=5 panic=-1 $patience" \
		</dev/null || return
	grep -q '^1\.\.' "$LOGS/$name.verdict" || { tail -n 30 "$console"; return 1; }
}

# write_tasks: what was typed and printed, one file each.
write_tasks() {
	local task
	mkdir -p "$results/tasks"
	{
		echo "# apt-get install ./padata-dkms_*.deb ./pcryptctl_*.deb ./padata-dev_*.deb"
		# Without what is the chroot's.
		grep -vE '^(E: )?Can not write log|^debconf: delaying|^It is likely that' \
			"$LOGS/$run-install.log" | sed 's/.*\r//'
		echo "# dkms status"
		grep '^padata-mod/' "$LOGS/$run-dkms.log"
	} >"$results/tasks/install-$suite.txt"
	for task in decide watch remove; do
		sed -n "s/^tour: $task //p" "$LOGS/$name.verdict" >"$results/tasks/$task-$suite.txt"
	done
}

# purge: with a configuration file that pcryptctl wrote.
purge() {
	echo "algs=" >"$chroot/etc/pcrypt.conf"
	in_chroot "apt-get purge -y $packages" &&
		list_files | diff "$work/before" -
}

# autopkgtests: as Debian runs them.  The smoke test is skipped, since no kernel of
# the chroot runs, and the test of all dkms packages wants a testbed that can be reset.
autopkgtests() {
	local status=0
	cp "$(dirname "${debs[0]}")"/padata_*.{dsc,tar.xz} "$chroot/root/debs/"
	in_chroot "apt-get install -y --no-install-recommends autopkgtest autodep8 dpkg-dev" || return
	in_chroot "autopkgtest --no-built-binaries --summary-file /root/summary \
		/root/debs/*.deb /root/debs/*.dsc -- null" || status=$?
	cat "$chroot/root/summary"
	[ $status = 0 ] || [ $status = 2 ] || return
	grep -q '^sample  *PASS' "$chroot/root/summary" && ! grep ' FAIL' "$chroot/root/summary"
}

# build_there: by the tarball, which has no .git, and with that Debian's own tools.
build_there() {
	rm -rf "$chroot/root/padata"
	mkdir "$chroot/root/padata"
	tar -C "$chroot/root/padata" --strip-components=1 -xf "$tarball"
	in_chroot "apt-get install -y --no-install-recommends build-essential && make && ls *.ko &&
		make deb OUT=/root/out && make dist OUT=/root/out" &&
		cmp <(xz -dc "$tarball") <(xz -dc "$chroot/root/out/$(basename "$tarball")")
}

# test_suite SUITE
test_suite() {
	suite=$1 run=e2e-package-$1 name=e2e-package-$1
	work=$BUILDS/package-$suite chroot=$work/chroot extra=$work/extra
	clean_up "$work"
	mkdir -p "$extra"
	try chroot "$suite: a chroot" make_chroot "$suite" \
		--include=systemd-sysv,udev,kmod || return 0
	try base "$suite: Debian's kernel, its headers, dkms" install_base || return 0
	list_files >"$work/before"
	try install "$suite: apt-get install ./*.deb" install_packages || return 0
	try dkms "$suite: dkms has built, signed and installed all modules" is_installed || :
	try files "$suite: all files are in their places" in_place || :
	try units "$suite: systemd-analyze verify" units_are_fine || :
	try sample "$suite: a module outside builds" in_chroot "sh debian/tests/sample" || :
	if try image "$suite: an image of it" make_image && try boot "$suite: it boots" boot; then
		judge_plan "$suite: "
		write_tasks
	fi
	try purge "$suite: purged, and nothing is left" purge || :
	try autopkgtest "$suite: autopkgtest" autopkgtests || :
	try build "$suite: the tarball builds the modules, itself and the packages there" \
		build_there || :
	no_mount_left "$chroot"
	rm -rf --one-file-system "$work"
}

[ $# != 0 ] || set -- bookworm trixie
begin e2e-package
is_root "packages in a fresh Debian" || { total; exit; }
run=e2e-package
try deb "the packages build, and lintian says nothing" "$TOP/scripts/deb.sh" || { total; exit; }
mapfile -t debs < <(grep '\.deb$' "$LOGS/e2e-package-deb.log")
tarball=$("$TOP/scripts/dist.sh")
for suite; do
	test_suite "$suite"
done
total
