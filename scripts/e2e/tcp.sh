#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tcp.sh [CPUS [ROUNDS]]: TCP and ping through ESP in Debian's own 6.12, by turns with the plain
# ciphers in one boot: the medians of the rates and round trips, and their ratios.
#
# Rates are those of this host, which has to be quiet, with a CPU for each of the guest's.
# What is checked does not depend on that: once a load of TCP is over, single packets are
# not handed to other CPUs.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"

modules="veth esp4 xfrm_user $arch_aes gcm ctr seqiv authenc cbc $arch_sha256 $arch_chacha
	chacha20poly1305 echainiv"
cpus=${1:-2}
rounds=${2:-5}
ciphers=${CIPHERS:-rfc4106 rfc7539esp authenc}

# table: the medians of each cipher, and pcrypt's in relation to the plain ones.
table() {
	reported tcp | sort -k1,1 | awk '
		function median(kind, column,   n, i, j, v, list) {
			n = rounds[kind]
			for (i = 1; i <= n; i++) {
				v = value[kind, column, i]
				for (j = i; j > 1 && list[j - 1] > v; j--)
					list[j] = list[j - 1]
				list[j] = v
			}
			return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
		}
		function row(   column, a, b) {
			printf "%-10s", cipher
			for (column = 1; column <= 3; column++) {
				a = median("plain", column)
				b = median("pcrypt", column)
				printf "   %6.2f %6.2f %5.2f", a, b, a ? b / a : 0
			}
			print ""
			delete rounds
			delete value
		}
		$1 != cipher { if (cipher) row(); cipher = $1 }
		{ n = ++rounds[$2]; for (i = 1; i <= 3; i++) value[$2, i, n] = $(3 + i) + 0 }
		END { if (cipher) row() }'
}

# each_round CIPHER KIND CONDITION: of awk, on the fields of the guest's line, in all rounds.
each_round() {
	reported tcp | awk -v cipher="$1" -v kind="$2" -v rounds="$rounds" '
		$1 == cipher && $2 == kind { n += '"$3"' } END { exit n != rounds }'
}

begin e2e-tcp
use_kernel 6.12
# shellcheck disable=SC2086 # words
modules=$(present $modules)
run_guest e2e-tcp tcp -M "$modules" -c "$cpus" -t $((60 + $(wc -w <<<"$ciphers") * rounds * 60)) \
	-b ip -b iperf3 -b flock -b "$TOP/scripts/pcryptctl" -e "MODULES=${modules//[$'\n\t']/ }" \
	-e "CIPHERS=$ciphers" -e "ROUNDS=$rounds" -e DURATION=3 -f "$TOP/scripts/guest/tunnel"
echo "# $cpus CPUs, $rounds rounds: plain, pcrypt, ratio of one connection and of four in Mbit/s, and of ping in ms"
table | sed 's/^/# /'
# shellcheck disable=SC2016 # of awk
for cipher in $ciphers; do
	check "$cipher: the plain one used the plain cipher" each_round "$cipher" plain '$8 + $9 == 0'
	check "$cipher: TCP was a load for several CPUs" each_round "$cipher" pcrypt '$9 > 100'
	check "$cipher: single packets are direct once that is over: $(reported tcp |
		awk -v cipher="$cipher" '$1 == cipher && $2 == "pcrypt" { print $7 " of " $8 }' |
		paste -s -d , | sed 's/,/, /g') requests were jobs" \
		each_round "$cipher" pcrypt '$8 > 700 && $7 * 10 <= $8'
done
while IFS= read -r line; do
	count 1 "$line"
done < <(reported failed)
judge_end ''
total
