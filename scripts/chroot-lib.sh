# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# A fresh Debian in the directory $chroot, made from the mirror of this machine's apt
# (wants root); included after lib.sh.  $run is the first part of the logs' names.
#
# All that mounts anything runs in a mount namespace and a process namespace of its
# own: when it ends, however it does, the mounts and processes are gone.

apart=(unshare --mount --pid --fork --kill-child)

# in_chroot COMMAND: in a shell in ~/padata, with the environment of a fresh root login.
# shellcheck disable=SC2154 # chroot is the script's
in_chroot() {
	# shellcheck disable=SC2016 # of that shell
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C \
		DEBIAN_FRONTEND=noninteractive "${apart[@]}" sh -c \
		'mount -t proc proc "$0/proc" && exec chroot "$0" sh -ec "cd /root/padata; $1"' \
		"$chroot" "$1"
}

# try LOGNAME TEXT COMMAND...: with the log's end where it fails.
# shellcheck disable=SC2154 # run is the script's
try() {
	local log=$LOGS/$run-$1.log text=$2 status=0
	shift 2
	say "$text"
	"$@" >"$log" 2>&1 || status=1
	count $status "$text"
	[ $status = 0 ] || tail -n 30 "$log" | sed 's/^/       /'
	return $status
}

# make_chroot SUITE [OPTIONS OF debootstrap]: with the sources in ~/padata.
make_chroot() {
	"${apart[@]}" debootstrap --variant=minbase "${@:2}" "$1" "$chroot" "$(mirror)" &&
		copy_tree "$chroot/root/padata"
}

# is_root TEXT: or say that TEXT is left out.
is_root() {
	[ "$(id -u)" = 0 ] || { echo "skip   $1: only root can make a chroot"; return 1; }
}

# clean_up DIRECTORY: when the script ends, however it does.
clean_up() {
	rm -rf --one-file-system "$1"
	# shellcheck disable=SC2064 # the directory's name now
	trap "rm -rf --one-file-system '$1'" EXIT
	trap 'exit 130' INT TERM HUP
}

# no_mount_left DIRECTORY
no_mount_left() {
	count "$(grep -qF "$1" /proc/self/mounts && echo 1 || echo 0)" "no mount is left"
}
