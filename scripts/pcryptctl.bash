# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion of pcryptctl(8) for bash.  $PCRYPTCTL_ROOT is in place of /, for tests.

# _pcryptctl_ciphers: the generic names of AEADs and skciphers that are registered.
_pcryptctl_ciphers() {
	awk '$1 == "name" { name = $3 }
		$1 == "type" && $3 ~ /^(aead|l?skcipher)$/ && name !~ /pcrypt/ && !seen[name]++ {
			print name
		}' "${PCRYPTCTL_ROOT-}/proc/crypto" 2>/dev/null
}

# _pcryptctl_listed: the names of the list, of which commas in brackets separate nothing.
_pcryptctl_listed() {
	awk '{
		for (i = 1; i <= length($0); i++) {
			c = substr($0, i, 1)
			depth += (c == "(") - (c == ")")
			printf "%s", c == "," && !depth ? "\n" : c
		}
		print ""
	}' "${PCRYPTCTL_ROOT-}/sys/module/pcrypt_mod/parameters/algs" 2>/dev/null |
		grep -v '^(null)$'
}

# _pcryptctl_words COMMAND: what may follow it, a line for each.
_pcryptctl_words() {
	case $1 in
	'')	printf '%s\n' status add del masks on off measure watch save restore --help ;;
	status|watch) echo --json ;;
	add)	printf '%s\n' --now --masks --dry-run
		_pcryptctl_ciphers ;;
	del)	echo --dry-run
		_pcryptctl_listed ;;
	masks)	printf '%s\n' enc dec parallel serial all --json --dry-run ;;
	measure) echo --json
		_pcryptctl_ciphers ;;
	on|off)	echo --dry-run ;;
	esac
}

# Names have brackets: they are quoted, unless the user has begun with a quote.
_pcryptctl() {
	local current=${COMP_WORDS[COMP_CWORD]} command='' word i quote=''
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -* ]] || { command=${COMP_WORDS[i]}; break; }
	done
	case $current in
	[\"\']*)	quote=${current:0:1} ;;
	esac
	current=${current#"$quote"}
	current=${current//\\/}
	COMPREPLY=()
	while IFS= read -r word; do
		[[ $word == "$current"* ]] || continue
		[ -n "$quote" ] || word=$(printf %q "$word")
		COMPREPLY+=("$word")
	done < <(_pcryptctl_words "$command")
}

complete -F _pcryptctl pcryptctl
