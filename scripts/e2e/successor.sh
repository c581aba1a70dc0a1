#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# successor.sh: a kernel that has lost serialized padata and crypto/pcrypt.c.
#
# $PADATA_SERIES is the kernel's.  No such kernel exists yet, so it is made of the test
# kernel, which is built without both, and of headers that are laid over its own: what a
# build of modules can see of the removal, and no more.  The modules and the sample must
# build with them, load, and pass the demonstration's load.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"

# The kernel's boot still has multithreaded jobs, so these remain.
padata_header() {
	cat <<-'END'
	/* SPDX-License-Identifier: GPL-2.0-only */
	/* Multithreaded jobs alone: serialized padata was removed. */
	#ifndef PADATA_H
	#define PADATA_H

	#include <linux/init.h>
	#include <linux/types.h>

	struct padata_mt_job {
		void (*thread_fn)(unsigned long first, unsigned long end, void *arg);
		void *fn_arg;
		unsigned long start, size, align, min_chunk;
		int max_threads;
		bool numa_aware;
	};

	void __init padata_do_multithreaded(struct padata_mt_job *job);

	#endif
	END
}

# make_headers DIRECTORY: the numbers of the states of CPUs stay those of the kernel that
# the modules run in.
make_headers() {
	rm -rf "$1"
	mkdir -p "$1/linux" "$1/crypto"
	padata_header >"$1/linux/padata.h"
	echo '#error "pcrypt was removed from the kernel"' >"$1/crypto/pcrypt.h"
	sed 's/CPUHP_PADATA_DEAD/CPUHP_REMOVED_DEAD/' "$kdir/source/include/linux/cpuhotplug.h" \
		>"$1/linux/cpuhotplug.h"
}

# use_headers DIRECTORY: as a variable of make; they come before the kernel's own.
use_headers() {
	echo "NOSTDINC_FLAGS=-nostdinc -I$1"
}

# saw_headers: the modules were compiled with those that each includes.
saw_headers() {
	grep -q "$headers/linux/padata.h" "$dir/.padata_mod.o.cmd" &&
		grep -q "$headers/linux/cpuhotplug.h" "$dir/.padata_mod.o.cmd" &&
		grep -q "$headers/linux/padata.h" "$dir/.pcrypt_mod.o.cmd"
}

# kernel_has_none: neither in the kernel nor in the options that modules see.
kernel_has_none() {
	! grep -E ' (__)?padata_(alloc|do_parallel|do_serial|free_shell)$' "$kdir/System.map" &&
		! grep -E '^CONFIG_(PADATA|CRYPTO_PCRYPT)=' "$kdir/.config"
}

# sample: the one that includes the kernel's <linux/padata.h>, too.
sample() {
	rm -rf "$dir-sample"
	cp -r "$TOP/Documentation/samples/ordered" "$dir-sample"
	mkdir -p "$dir-sample/padata"
	cp "$TOP/padata.h" "$dir/Module.symvers" "$dir-sample/padata/"
	make -C "$kdir" M="$dir-sample" PADATA="$dir-sample/padata" W=1 \
		"$(use_headers "$headers")" modules >"$LOGS/successor-sample.log" 2>&1 &&
		! grep -iE '(warning|error):' "$LOGS/successor-sample.log"
}

demo_guest() {
	run_guest successor demo -t 300 -a cryptomgr.notests=1 -e REQUESTS=5000 \
		-f "$dir/kunit/load/pcrypt_load.ko" -f "$dir-sample/padata_ordered.ko"
}

begin successor
find_kernel kunit
headers=$BUILDS/successor-headers
make_headers "$headers"
say "the modules without serialized padata and pcrypt, $SERIES"
status=0
dir=$("$TOP/scripts/build.sh" "$kdir" successor TESTS=1 "$(use_headers "$headers")") || status=1
count $status "both modules and the tests build at W=1, without warnings"
[ $status = 0 ] || { total; exit; }
check "they were compiled with the headers of the removal" saw_headers
check "the kernel has neither padata nor pcrypt" kernel_has_none
check "the sample that includes <linux/padata.h>, too, builds" sample
demo_guest
check "all in order, none wrong or lost" demo_in_order
reported load | sed 's/^/# /'
judge_end "the demonstration's load: "
total
