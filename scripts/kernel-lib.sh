# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Configurations of kernels; included after lib.sh.

# check_config TREE FRAGMENT...: a symbol asked for and not obtained is an error.
check_config() {
	local tree=$1 line sym bad=0
	shift
	while read -r line; do
		case $line in
		CONFIG_*=n)	sym=${line%=n}; line="# $sym is not set" ;;
		CONFIG_*=*)	sym=${line%%=*} ;;
		"# CONFIG_"*)	sym=${line#\# }; sym=${sym%% *} ;;
		*)		continue ;;
		esac
		case $line in
		"# "*)	! grep -q "^$sym=" "$tree/.config" || { say "$sym is set but was not wanted"; bad=1; } ;;
		*)	grep -qxF "$line" "$tree/.config" || { say "not obtained: $line"; bad=1; } ;;
		esac
	done < <(merge "$@")
	[ $bad = 0 ] || die "the configuration differs from what was asked for"
}

# merge FRAGMENT...: the last word on each symbol wins.
merge() {
	cat "$@" | awk '
		/^CONFIG_/   { split($0, a, "="); sym = a[1] }
		/^# CONFIG_/ { sym = $2 }
		!/CONFIG_/   { next }
		{ if (!(sym in last)) order[++n] = sym; last[sym] = $0 }
		END { for (i = 1; i <= n; i++) print last[order[i]] }'
}
