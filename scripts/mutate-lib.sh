# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Changes of one line of the modules' sources, and the ordered accesses in them, for
# planted.sh and litmus.sh; included after lib.sh, used in $TOP.

# All sources of the modules, from $TOP.
mapfile -t sources < <(cd "$TOP" &&
	printf '%s\n' padata.h padata_mod.c padata/*.[ch] pcrypt_mod.c pcrypt_measure.c pcrypt/*.[ch])

# trim FIELD: without the blank on each side.
trim() {
	local s=${1# }
	printf '%s' "${s% }"
}

# mutate FUNCTION OLD NEW: standard input to output.
mutate() {
	FUNCTION=$1 OLD=$2 NEW=$3 awk '
		BEGIN { f = ENVIRON["FUNCTION"]; old = ENVIRON["OLD"]; new = ENVIRON["NEW"] }
		# The name at the start of its definition; a declaration ends in ";".
		/^[a-z]/ && !/;$/ && index($0, f "(") && !/^#/ { inside = 1 }
		f == "-" || inside {
			if ((at = index($0, old))) {
				found++
				$0 = substr($0, 1, at - 1) new substr($0, at + length(old))
			}
		}
		/^}/ { inside = 0 }
		{ print }
		END { exit found != 1 }'
}

# file_of FUNCTION OLD NEW: the one source in which OLD is found, exactly once.
file_of() {
	local f found=()
	while read -r f; do
		! mutate "$@" <"$f" >/dev/null || found+=("$f")
	done < <(grep -lF -- "$2" "${sources[@]}")
	[ ${#found[@]} = 1 ] || return
	echo "${found[0]}"
}

# changed_line FILE FUNCTION OLD NEW: its number.
changed_line() {
	{ diff "$1" <(mutate "${@:2}" <"$1") || :; } | sed -n '1s/[acd].*//p'
}

# change_patch FILE FUNCTION OLD NEW: the change, for `patch -p1`.
change_patch() {
	diff -u --label "a/$1" --label "b/$1" "$1" <(mutate "${@:2}" <"$1") || [ $? = 1 ]
}

# relaxed_lines: all of scripts/planted/relaxed.
relaxed_lines() {
	grep -v '^#' "$TOP/scripts/planted/relaxed"
}

# split_relaxed LINE: sets label, function, old, new and catcher.
# shellcheck disable=SC2034 # for the script that includes this
split_relaxed() {
	IFS=@ read -r label function old new catcher <<<"$1"
	label=$(trim "$label") function=$(trim "$function") old=$(trim "$old")
	new=$(trim "$new") catcher=$(trim "$catcher")
}

# accesses FILE...: prints "LABEL PRIMITIVE FILE LINE" for each label in a comment of one
# line.  The access is before the comment or in one of the next four lines.
accesses() {
	awk -v label='[a-z]+:[AB]' '
		BEGIN { primitive = "((smp|atomic)_[a-z_]+|(READ|WRITE)_ONCE|xchg)[(]" }
		function found(code,   i) {
			if (!match(code, primitive))
				return 0
			for (i = 1; i <= n; i++)
				print labels[i], substr(code, RSTART, RLENGTH - 1), FILENAME, FNR
			return 1
		}
		FNR == 1 { n = 0 }
		n && (found($0) || FNR > last) { n = 0 }
		(at = index($0, "/*")) {
			rest = substr($0, at)
			for (m = 0; match(rest, label); rest = substr(rest, RSTART + RLENGTH))
				labels[++m] = substr(rest, RSTART, RLENGTH)
			if (m) {
				n = m
				last = FNR + 4
				if (found(substr($0, 1, at - 1)))
					n = 0
			}
		}' "$@" | sort -u
}

# ordered FILE...: prints "FILE LINE" for each line with an access that is more than an
# atomic one: read-modify-writes that return something and are not relaxed, acquire and
# release, barriers, sequence counts, and the writers of RCU.  Locks are left out.
ordered() {
	awk '
		BEGIN {
			weak = "(^|[^a-z_])atomic(64|_long)?_(read|set|add|sub|inc|dec|or|and)[(]"
			smp = "smp_(mb|rmb|wmb|store|load)[a-z_]*[(]"
			rmw = "atomic(64)?_[a-z_]+[(]|(^|[^a-z_])(try_)?(cmp)?xchg[a-z0-9_]*[(]"
			rmw = rmw "|refcount_[a-z_]+[(]|test_and_[a-z]+_bit[a-z_]*[(]|_bit_(un)?lock[(]"
			rcu = "synchronize_[a-z]*rcu[a-z_]*[(]|rcu_(assign|replace)_pointer[(]"
			rcu = rcu "|list_(add|replace)[a-z_]*_rcu[(]|(kfree|call)_rcu[(]|seqcount_[a-z]+[(]"
		}
		/^[ \t]*[*]([ \/]|$)/ { next }
		{
			sub(/\/\*.*/, "")
			gsub(weak, "(")
			gsub(/[a-z_0-9]+_relaxed[(]/, "(")
		}
		$0 ~ smp "|" rmw "|" rcu { print FILENAME, FNR }' "$@"
}
