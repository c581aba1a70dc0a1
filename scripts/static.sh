#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# static.sh: checks of the sources that run no kernel.
#
# checkpatch, sparse, kernel-doc, shellcheck, Sphinx, and builds for the kernels
# that Debian ships.  One line per check, the output of those that fail, a count.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# log_of LABEL: where the output of a check goes.
log_of() {
	echo "$LOGS/static-${1//[^A-Za-z0-9.]/-}.log"
}

# judge LABEL STATUS
judge() {
	count "$2" "$1"
	[ "$2" = 0 ] || head -n 40 "$(log_of "$1")" | sed 's/^/       /'
}

# check LABEL COMMAND...
check() {
	local label=$1 status=0
	shift
	"$@" >"$(log_of "$label")" 2>&1 || status=1
	judge "$label" $status
}

# check_each COMMAND FILE...: of each file, as many at a time as there are CPUs.
check_each() {
	local command=$1 file
	shift
	for file; do
		while [ "$(jobs -pr | wc -l)" -ge "$JOBS" ]; do
			wait -n || true
		done
		status_of "$command" "$file" >"$(log_of "status $command $file")" &
	done
	wait
	for file; do
		judge "$command $file" "$(cat "$(log_of "status $command $file")")"
	done
}

# status_of COMMAND FILE
status_of() {
	if "$1" "$2" >"$(log_of "$1 $2")" 2>&1; then echo 0; else echo 1; fi
}

# ignored FILE: types of checkpatch that do not hold outside the kernel's tree, with
# the reason.  Nothing else is ignored, and nothing in any other file.
ignored() {
	case $1 in
	# The one place that asks for the kernel's version, which checkpatch considers
	# a constant, and names a type that differs between kernels.
	*compat.h) echo LINUX_VERSION_CODE,CONSTANT_COMPARISON,NEW_TYPEDEFS ;;
	# Where a pump yields it has nothing to wait for, and does so at most once.
	padata/sleep.c) echo YIELD ;;
	# It includes the kernel's header of the same name.
	padata.h) echo EMBEDDED_FILENAME ;;
	# Programs of the test guests, and a plugin of QEMU.
	scripts/guest/*|scripts/plugin/*) echo PREFER_KERNEL_TYPES ;;
	# TRACE_EVENT() has a layout of its own.
	padata/trace.h) echo OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT ;;
	*)	echo NONE ;;
	esac
}

checkpatch() {
	perl "$source/scripts/checkpatch.pl" --strict --no-tree --quiet --show-types \
		--ignore "$(ignored "$1")" -f "$1"
}

kernel_doc() {
	perl "$source/scripts/kernel-doc" -Werror -Wall -none "$@"
}

# stock_build SERIES [MAKE VARIABLES...]: the directory of the headers comes from stock.sh.
stock_build() {
	local settings
	settings=$("$TOP/scripts/stock.sh" --headers "$1") || return
	eval "$settings"
	"$TOP/scripts/build.sh" "$HEADERS" "debian-$(cut -d. -f1,2 <<<"$VERSION")" TESTS=1 "${@:2}"
}

# foreign_build ARCH [MAKE VARIABLES...]: the same for another architecture.
foreign_build() {
	local -x ARCH=$1
	"$TOP/scripts/setup.sh" && stock_build debian "${@:2}"
}

# groff complains and succeeds.
man_page() {
	[ -z "$(groff -man -ww -z "$1" 2>&1 | tee /dev/stderr)" ]
}

# python FILE...: each compiles, without a warning, and has lines of at most 100 columns.
python() {
	/usr/bin/python3 -W error -c 'import sys
for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as file:
        text = file.read()
    compile(text, name, "exec")
    long = [n for n, line in enumerate(text.split("\n"), 1) if len(line) > 100]
    if long:
        sys.exit(f"{name}: more than 100 columns in lines {long}")' "$@"
}

# patches: each still fits the sources, without fuzz.
patches() {
	local f
	for f in scripts/patches/*.patch; do
		patch --dry-run -F 0 -p1 -i "$f" || return
	done
}

# versions: each place has the same, and dkms asks for the options of check-config.sh.
versions() {
	local dkms=() needed=()
	[ "$(printf '%s\n' "$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)" \
		"$(sed -n '1s/^padata (\(.*\)) .*/\1/p' debian/changelog)" \
		"$(sed -n '1s/^padata //p' NEWS)" | sort -u | wc -l)" = 1 ] || return
	read -ra dkms < <(sed -n 's/^BUILD_EXCLUSIVE_CONFIG="\(.*\)"/\1/p' dkms.conf)
	read -ra needed < <(sed -n 's/^needed="\(.*\)"/\1/p' scripts/check-config.sh)
	echo "${dkms[*]}, ${needed[*]}"
	[ "${dkms[*]}" = "${needed[*]/#/CONFIG_}" ]
}

# security_tests: each suite, case and script that a paragraph "Tests:" of SECURITY.md
# names exists.
security_tests() {
	local word n=0
	while read -r word; do
		n=$((n + 1))
		if [ -e "$word" ] || [ -e "kunit/${word}_kunit.c" ]; then
			continue
		fi
		grep -qE "CASE[A-Z_]*\\(${word//\*/[a-z0-9_]*}[,)]" kunit/*.[ch] ||
			{ echo "no test $word"; return 1; }
	done < <(awk -v RS= -F'`' '/^Tests:/ {
			gsub(/\n/, " ")
			for (i = 2; i <= NF; i += 2) print $i
		}' SECURITY.md | sort -u)
	[ $n -gt 10 ]
}

# dump_names: against the build for Debian's 6.12, which has debug information.
dump_names() {
	scripts/dump-names.py "$BUILDS/debian-6.12"/p*_mod.ko
}

# builtin_pcrypt: check-config.sh names it in a kernel that has all else.
builtin_pcrypt() {
	local dir said
	dir=$(mktemp -d)
	{ cat "$tree/.config"; echo CONFIG_CRYPTO_PCRYPT=y; } >"$dir/.config"
	said=$(scripts/check-config.sh "$dir" 2>&1)
	rm -rf "$dir"
	[[ $said == *CONFIG_CRYPTO_PCRYPT=y* ]] &&
		[ -z "$(scripts/check-config.sh "$tree" 2>&1)" ]
}

# names_of_machines: the table has those of images, consoles, packages and modules.  Left
# are user-mode Linux and programs for x86 alone, and texts that are data.
names_of_machines() {
	! grep -nE 'bzImage|ttyS[01]|aesni_intel|_(x86_64|ssse3)\>|-amd64|qemu-system-' Makefile \
		.ci/run scripts/*.sh scripts/e2e/*.sh "${programs[@]}" |
		grep -vE -e '^scripts/(arch-lib|native-lib|static|bench-lines|e2e/package)\.sh:' \
			-e '^scripts/guest/package:|add_entry "gcm|:# newest SERIES:'
}

cd "$TOP"
"$TOP/scripts/setup.sh"
tree=$(scripts/kernel.sh kunit)
source=$tree/source
# Without the products of a build in place.
mapfile -t c_files < <(find . padata pcrypt kunit kunit/load kunit/load/torture Documentation/samples scripts/guest scripts/native scripts/plugin -maxdepth 1 -name '*.[ch]' \
	! -name '*.mod.c' | sort -u)
c_files=("${c_files[@]#./}")
check_each checkpatch "${c_files[@]}" Documentation/samples/ordered/*.[ch]
check kernel-doc kernel_doc "${c_files[@]}"
# C=2: of objects that are compiled already, too.  kunit.sh has the same directory.
check sparse scripts/build.sh "$tree" kunit TESTS=1 C=2
check "build for Debian's 6.12" stock_build 6.12
! has_kernel 6.1 || check "build for Debian's 6.1" stock_build 6.1
# The kernel's own per-CPU operations cut constants there.
check "build and sparse for arm64" foreign_build arm64 C=2 CHECK="sparse -Wno-cast-truncate"
! ARCH=s390 has_kernel debian || check "build for s390x, big-endian" foreign_build s390
# Debian 13 has no kernel for it.
! ARCH=i386 has_kernel debian || check "build for i386, 32 bits" foreign_build i386
mapfile -t programs < <(find scripts/guest -type f ! -name '*.c' \
	-exec grep -LE '^#!/usr/bin/python3$' {} + | sort)
check shellcheck xargs -0 -n 12 -P "$JOBS" shellcheck -x < <(printf '%s\0' scripts/*.sh \
	"${programs[@]}" scripts/native/*.sh scripts/e2e/*.sh scripts/pcryptctl \
	scripts/pcryptctl.bash .ci/run debian/tests/s* debian/*.postrm)
check "Debian packages, lintian" scripts/deb.sh
check "versions agree" versions
check "the tests that SECURITY.md names exist" security_tests
for f in Documentation/*.8; do
	check "man page $(basename "$f")" man_page "$f"
done
mapfile -t python_files < <(grep -lE '^#!/usr/bin/python3$' -r scripts | sort)
check "Python" python Documentation/conf.py "${python_files[@]}"
check "padata_dump knows the modules' names" dump_names
check htmldocs scripts/htmldocs.sh
check "words and width of lines" scripts/words.sh
check "planted bugs fit the code" scripts/planted.sh check
check "patches fit the code" patches
check "a built-in pcrypt is named" builtin_pcrypt
check "names of machines are in their table" names_of_machines
total
