# SPDX-License-Identifier: GPL-2.0-only
# The commands.  Kbuild has the object lists, scripts/ the tests.

# The running kernel's headers, or the newest that are installed.  ARCH=arm64, by the
# kernel's name of it, is for another machine than this one.
installed := $(shell . scripts/arch-lib.sh; ls -d $$arch_kdirs 2>/dev/null | sort -rV)
foreign := $(shell . scripts/arch-lib.sh; echo $$arch_foreign)
running := $(if $(foreign),,$(wildcard /lib/modules/$(shell uname -r)/build))
KDIR   ?= $(firstword $(running) $(installed))
PREFIX ?= /usr
headers = $(DESTDIR)$(PREFIX)/src/padata-mod
# As modules_install names the directory; include/config/kernel.release of Debian's
# headers of 6.1 has another version.
release = sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' "$(KDIR)/include/generated/utsrelease.h"
units = $(DESTDIR)$(PREFIX)/lib/systemd/system

# For the tests: SUITE="padata_order ..." runs only these.
FLAVOUR ?= kunit
CPUS    ?= 4
GUESTS  ?= 3
# For `make torture`: KARGS="preempt=none" are kernel arguments, TORTURE="seed=1"
# parameters of the module.
CONFIG  ?= $(FLAVOUR)
MINUTES ?= 2
SECONDS ?= 60
LATER ?= trixie-backports
export SUITE KARGS TORTURE

all: ## build the modules for the kernel of KDIR
	@scripts/check-config.sh "$(KDIR)"
	@$(MAKE) -C "$(KDIR)" M="$(CURDIR)" modules

demo: ## IPsec's cipher on four CPUs of Debian's own kernel, in QEMU
	@scripts/demo.sh

check: ## all that must pass: static checks, KUnit, self-tests, planted bugs
	@scripts/check.sh

check-full: ## check, other kernels and numbers of CPUs, long runs, the model (hours)
	@scripts/check.sh --full

kunit: ## the KUnit suites in QEMU (FLAVOUR=kunit|debug CPUS=4 GUESTS=3 SUITE="...")
	@GUESTS=$(GUESTS) scripts/kunit.sh $(FLAVOUR) $(CPUS)

e2e: ## real clients in Debian's own kernels, in QEMU: IPsec, AF_ALG (SECONDS=60)
	@scripts/e2e.sh $(SECONDS)

later: ## build and run with Debian's kernel 7.x of a later suite (LATER=trixie-backports)
	@scripts/e2e/later.sh $(LATER)

torture: ## everything at once and at random, in QEMU (MINUTES=2 CONFIG=kunit CPUS=4)
	@scripts/torture.sh $(CONFIG) $(MINUTES) $(CPUS)

bench: ## costs, speed-up, latency, pcrypt; ours and the kernel's own (PARTS="cost ...")
	@scripts/bench.sh full $(PARTS)

bench-quick: ## instructions per job, ours and the kernel's own, in QEMU
	@scripts/bench.sh quick

bench-check: ## the same; fails when a ratio is worse by over 10% than committed
	@scripts/bench.sh check

bench-native: ## the same at this machine's own speed, in user-mode Linux 7.3 (PARTS="cost ...")
	@scripts/bench-native.sh full $(PARTS)

bench-native-check: ## the same; fails when a ratio is worse by over 15% than committed
	@scripts/bench-native.sh check

profile-native: ## ns per job by function, submitter and pump apart (PROFILES="padata:256 ...")
	@scripts/profile-native.sh $(PROFILES)

bench-mt: ## multithreaded jobs, loops, threads and work items, in QEMU
	@scripts/bench-mt.sh

bench-lines: ## cache lines that a job moves between 2 to 64 CPUs, in QEMU (LINES_CPUS="2 64")
	@scripts/bench-lines.sh $(LINES_CPUS)

faults: ## each allocation of both modules fails once, on the debug kernel in QEMU
	@scripts/faults.sh

cycles: ## both modules loaded and unloaded 300 times, with a busy user, in QEMU
	@scripts/cycles.sh $(FLAVOUR) $(CPUS)

planted: ## plant known bugs, which the tests must catch (PLANTED="01 02 ...")
	@scripts/planted.sh $(PLANTED)

mutants: ## do the suites notice one changed line?  Two hours (MUTANTS="1 2 ...")
	@scripts/planted.sh lines $(MUTANTS)

relaxed: ## build with one ordered access weakened at a time (RELAXED="done:A ...")
	@scripts/planted.sh relaxed $(RELAXED)

matrix: ## for which kernels the modules were built, and what ran there, by the logs
	@scripts/matrix.sh

tracing: ## the commands of Documentation/tracing.rst, and padata_monitor, in Debian's 6.12
	@scripts/e2e/tracing.sh 6.12

dump: ## padata_dump on a guest whose streams stand still, and on a dump of its memory
	@scripts/e2e/dump.sh

htmldocs: ## Documentation as HTML, by Sphinx; a warning is an error
	@scripts/htmldocs.sh

# Only Debian has the key that the kernel's build would sign with, and without
# System.map, which headers lack, that build leaves out depmod.
install: all ## modules, tools, modprobe's file; header and symbol versions
	@$(MAKE) -C "$(KDIR)" M="$(CURDIR)" INSTALL_MOD_PATH="$(DESTDIR)" \
		INSTALL_MOD_DIR=updates CONFIG_MODULE_SIG_ALL= modules_install
	[ -n "$(DESTDIR)" ] || depmod "$$($(release))"
	install -d "$(headers)"
	install -m 644 padata.h Module.symvers "$(headers)"
	@$(MAKE) --no-print-directory install-tools

install-tools:
	install -d "$(DESTDIR)/etc/modprobe.d"
	install -m 644 pcrypt_mod.conf "$(DESTDIR)/etc/modprobe.d"
	install -d "$(DESTDIR)$(PREFIX)/sbin" "$(DESTDIR)$(PREFIX)/share/man/man8" "$(units)"
	install -m 755 scripts/pcryptctl scripts/padata_monitor "$(DESTDIR)$(PREFIX)/sbin"
	install -m 755 scripts/padata_dump.py "$(DESTDIR)$(PREFIX)/sbin/padata_dump"
	install -m 644 Documentation/pcryptctl.8 Documentation/padata_monitor.8 \
		Documentation/padata_dump.8 "$(DESTDIR)$(PREFIX)/share/man/man8"
	install -d "$(DESTDIR)$(PREFIX)/share/bash-completion/completions"
	install -m 644 scripts/pcryptctl.bash \
		"$(DESTDIR)$(PREFIX)/share/bash-completion/completions/pcryptctl"
	for unit in pcrypt pcrypt-early; do \
		sed 's,/usr/sbin/,$(PREFIX)/sbin/,' scripts/$$unit.service \
			>"$(units)/$$unit.service" || exit; done

dkms-install: ## by dkms, for every kernel whose headers are installed
	@scripts/dkms.sh install
	@$(MAKE) --no-print-directory install-tools

deb: ## Debian packages, by dkms for any kernel (OUT=directory)
	@scripts/deb.sh $(OUT)

dist: ## a tarball that needs no git (OUT=directory)
	@scripts/dist.sh $(OUT)

dkms-remove: ## undo the changes of dkms-install to kernels
	@scripts/dkms.sh remove

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

clean: ## remove the products of `make` (the cache of the tests stays)
	@$(MAKE) -C "$(KDIR)" M="$(CURDIR)" TESTS=1 clean

.PHONY: all demo check check-full kunit e2e torture faults cycles planted mutants relaxed later bench bench-quick \
	bench-check bench-native bench-native-check profile-native bench-mt bench-lines dkms-install \
	dkms-remove deb dist install install-tools dump tracing matrix htmldocs help clean
