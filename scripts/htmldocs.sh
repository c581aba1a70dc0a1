#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# htmldocs.sh: render Documentation as HTML, and check the files of
# Documentation/ABI.  A warning is an error.
#
# Sphinx reads kernel-doc comments by the extension of the kernel's own source.
# Prints the path of the first page.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# kernel_source: the source tree of the test kernels, or, if none is unpacked,
# the tools that are needed here.
kernel_source() {
	local dir tools=$CACHE/src/doc-tools-$SERIES
	for dir in "$CACHE/src/"*"linux-source-$SERIES-"*; do
		[ ! -e "$dir/.complete" ] || { echo "$dir"; return; }
	done
	if [ ! -e "$tools/.complete" ]; then
		mkdir -p "$tools"
		tar -C "$tools" --strip-components=1 --wildcards \
			-xf "/usr/src/linux-source-$SERIES.tar.xz" \
			'*/Documentation/sphinx' '*/scripts/kernel-doc' '*/scripts/get_abi.pl'
		touch "$tools/.complete"
	fi
	echo "$tools"
}

# render SOURCE DIRECTORY: the source is shared and stays as it is.
render() {
	KERNEL_SOURCE=$1 KDOC_WERROR=1 PYTHONDONTWRITEBYTECODE=1 \
		/usr/bin/python3 -m sphinx -b html -E -q -W --keep-going \
		-d "$2/doctrees" "$TOP/Documentation" "$2/html"
}

# abi SOURCE: get_abi.pl complains and succeeds.
abi() {
	local said
	said=$(perl "$1/scripts/get_abi.pl" validate --dir "$TOP/Documentation/ABI" 2>&1)
	[ -z "$said" ] || { printf '%s\n' "$said" >&2; return 1; }
}

"$TOP/scripts/setup.sh"
source=$(kernel_source)
output=$BUILDS/htmldocs
mkdir -p "$output"
abi "$source"
render "$source" "$output"
echo "$output/html/index.html"
