#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build.sh KDIR NAME [PLANT=NUMBER] [MAKE VARIABLES...]: build the modules in a copy
# of the source, with a planted bug.
#
# The sources are copied to the cache.  A second build is incremental, and different NAMEs
# (kernels, planted bugs) never mix.  $PATCH, a file, is applied to the copy.  Prints the
# directory with the modules.  A warning is an error.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

kdir=${1:?usage: build.sh KDIR NAME [MAKE VARIABLES...]}
name=${2:?usage: build.sh KDIR NAME [MAKE VARIABLES...]}
shift 2
[ -d "$kdir" ] || die "no kernel build directory $kdir"
dir=$BUILDS/$name
log=$LOGS/build-$name.log
mkdir -p "$dir"
exec 9>"$dir.lock"
flock 9
# Patched apart, so that a file that was patched alike before keeps its time.
sync_sources "$TOP" "$dir.sources"
for arg; do
	[ "${arg#PLANT=}" = "$arg" ] ||
		run_logged "plant-$name" patch -d "$dir.sources" -p1 -F0 -i "$(plant_file "${arg#PLANT=}")"
done
[ -z "${PATCH-}" ] || run_logged "patch-$name" patch -d "$dir.sources" -p1 -i "$PATCH"
sync_sources "$dir.sources" "$dir"
# e: a file with a warning leaves no object, which would be up to date next time.
run_logged "build-$name" make -C "$kdir" M="$dir" -j"$JOBS" W=1e "$@" modules
if grep -iE '(warning|error):' "$log" >&2; then
	# A file that compiled with a warning would be up to date and silent next time.
	rm -rf "$dir"
	die "warnings in the build for $name (log: $log)"
fi
# kernel.release of Debian's headers of 6.1 has another version than that of the kernel.
note_run "$(sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' "$kdir/include/generated/utsrelease.h")" build
echo "$dir"
