#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# ipsec.sh SERIES TIMES [PLANT=n] [PARAMETER=VALUE...] CASE...: ESP, MACsec and
# ovpn over pcrypt in Debian's own kernel: the order that the far end sees.
#
# SERIES is 6.12 or 6.1, or the name of another kernel, of which $VERSION, $KERNEL, $ROOT
# (it has lib/modules) and $DIR (with our modules) are in the environment.
# CASEs are names of the table ipsec-cases, `all` for all of them, or `check` or `parallel`
# for the cases that `make check` runs so.  TIMES multiplies the table's numbers of packets.
# PARAMETERs are parameters of pcrypt_mod; PLANT plants a bug of scripts/planted, and
# $PATCH, an absolute path, is a patch to apply.
#
# Numbered packets at rest, while masks are written, while CPUs are switched, and both:
# with the plain cipher and with pcrypt's, in one boot and under the same schedule.
# Nothing is bound to a CPU.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"

# Modules that no dependency names.  6.1's seqiv wants a random number generator.
modules="veth ovpn esp4 esp6 xfrm_user macsec $arch_aes gcm ctr cbc authenc authencesn seqiv
	echainiv $arch_sha256 hmac chacha20poly1305 chacha $arch_chacha
	sha512_generic drbg"
table=$TOP/scripts/e2e/ipsec-cases
stages="rest masks cpus both"
# Of these pcrypt may have no more than the plain cipher.
keys="reordered lost refused doubled wrong late errors"

# select_cases NAME...: prints their names, in the order of the table.
select_cases() {
	awk -v names=" $* " -v series="$series" '
		function has(kind) { return index("," $12 ",", "," kind ",") }
		/^#/ || !NF { next }
		has("later") && series ~ /^6/ { next }
		names == " all " || (names == " check " && (has(series) || has("both"))) ||
			(names == " parallel " && has("parallel")) || index(names, " " $1 " ") {
				print $1
				n++
			}
		END { exit !n }' "$table"
}

# read_figures: value[KIND CASE STAGE KEY] of all lines of the guest's report.
declare -A value
read_figures() {
	local kind case stage words word
	while read -r _ kind case stage words; do
		for word in $words; do
			value[$kind $case $stage ${word%%=*}]=${word#*=}
		done
		value[$kind $case $stage lost]=$((${value[$kind $case $stage sent]:-0} -
			${value[$kind $case $stage received]:-0}))
	done < <(grep '^ipsec: ' "$LOGS/$name.verdict")
}

# of KIND KEY: a figure of the case and stage that is judged, -1 where there is none.
of() {
	echo "${value[$1 $case $stage $2]--1}"
}

# bar KEY: the most that pcrypt may have of it.  While no CPU is switched the plain
# cipher has none of anything.
bar() {
	case $stage in
	rest|masks)	echo 0 ;;
	*)		of plain "$1" ;;
	esac
}

# show KIND: the figures of a stage that are not 0.
show() {
	local key text=
	for key in $keys distance again unsettled_enc unsettled_dec; do
		[ "$(of "$1" "$key")" = 0 ] || text+=" $key=$(of "$1" "$key")"
	done
	echo "${text:- nothing}"
}

# judge_stage: one line for each stage of a case.
judge_stage() {
	local key ours bad=
	if [ "$(of plain sent)" -le 0 ] || [ "$(of pcrypt sent)" -le 0 ]; then
		count 1 "$case, $stage: no figures"
		return
	fi
	for key in $keys; do
		ours=$(of pcrypt "$key")
		((ours >= 0 && ours <= $(bar "$key"))) || bad+=" $key"
	done
	count $((${#bad} > 0)) "$case, $stage: $(of pcrypt sent) sent:$(show pcrypt); plain:$(show plain)${bad:+; too much is:$bad}"
}

# most KEY: the highest figure of pcrypt's stages.
most() {
	local n=0 stage
	for stage in $stages; do
		(($(of pcrypt "$1") > n)) && n=$(of pcrypt "$1")
	done
	echo "$n"
}

# kinds: of the cases.
kinds() {
	awk -v names=" ${cases[*]} " 'index(names, " " $1 " ") {
		print $2 == "macsec" ? "MACsec" : $2 == "ovpn" ? "ovpn" : "ESP" }' "$table" | sort -u
}

# sum KEY: over pcrypt's stages.
sum() {
	local n=0 stage
	for stage in $stages; do
		n=$((n + ${value[pcrypt $case $stage $1]:-0}))
	done
	echo "$n"
}

# plain_jobs: that pcrypt has done while the plain cipher was to be used.
plain_jobs() {
	local n=0 stage
	for stage in $stages; do
		n=$((n + $(of plain jobs_enc) + $(of plain jobs_dec) +
			$(of plain direct_enc) + $(of plain direct_dec)))
	done
	echo "$n"
}

# all_parallel: pcrypt has no choice.
all_parallel() {
	[[ " ${parameters[*]-} " == *" mode=parallel "* ]]
}

# judge_case: the load was the intended one, and pcrypt did it.
judge_case() {
	local status=0
	check "$case: the plain one used the plain cipher" [ "$(plain_jobs)" = 0 ]
	# Direct requests are counted when one is timed, of both directions together: up to 95
	# of each of the four CPUs are not counted yet.
	(($(sum jobs_enc) + $(sum direct_enc) + $(sum jobs_dec) + $(sum direct_dec) >=
		2 * $(sum segments) - $(sum lost) - 4 * 95)) || status=1
	! all_parallel || (($(sum jobs_enc) >= $(sum segments) &&
		$(sum jobs_dec) >= $(sum segments) - $(sum lost) &&
		$(most workers_enc) > 1 && $(most workers_dec) > 1)) || status=1
	# The patch has its effect.
	[[ ${PATCH-} != */decrypt-parallel.patch ]] ||
		(($(sum jobs_dec) >= $(sum segments) - $(sum lost))) || status=1
	# An acknowledgment is for some segments.
	[[ ${PATCH-} != */encrypt-parallel.patch ]] ||
		(($(sum jobs_enc) >= $(sum segments) / 2)) || status=1
	count $status "$case: $(sum segments) packets, encrypted in parallel $(sum jobs_enc), on up to $(most workers_enc) CPUs, direct $(sum direct_enc), trials $(sum trials_enc); decrypted $(sum jobs_dec), on up to $(most workers_dec), direct $(sum direct_dec), trials $(sum trials_dec)"
	status=0
	(($(sum masks) > 9 && $(sum cpus) > 4)) || status=1
	count $status "$case: $(sum masks) masks written, $(sum cpus) CPUs switched meanwhile"
}

usage="usage: ipsec.sh SERIES TIMES [PLANT=n] [PARAMETER=VALUE...] CASE..."
series=${1:?$usage}
times=${2:?$usage}
shift 2
plant=() parameters=()
while [[ ${1-} == *=* ]]; do
	case $1 in
	PLANT=*)	plant=("$1") ;;
	*)		parameters+=("$1") ;;
	esac
	shift
done
mapfile -t cases < <(select_cases "${@:?$usage}")
[ ${#cases[@]} != 0 ] || die "no such case: $*"
name=e2e-ipsec-$series${PATCH:+-$(basename "$PATCH" .patch)}${parameters:+-$(name_of "${parameters[@]}")}
begin "$name"
named_kernel "$series" "${plant[@]}"
# shellcheck disable=SC2086 # words
modules=$(present $modules)
build_program netseq -static
build_program disturb -static
build_program ovpn -static
# The senders do not change CPUs on 6.1: see the head of the table.
stay=
[ "$series" != 6.1 ] || stay=0
RAN=$(kinds | xargs)
export RAN
say "$RAN in $title: ${cases[*]}; $times times the packets of the table"
# An emulated CPU needs 10 ms for a few hundred of the packets that xfrm has a work item
# take in.  After that time no other work waits for it, nor does a fence.  A real one would
# have to need 10 us for each of all that may queue, 1000.
run_guest "$name" ipsec -a workqueue.cpu_intensive_thresh_us=1000000 -M "$modules" -c 4 -b ip \
	-t $((120 + ${#cases[@]} * (120 + times * 60))) -e "CASES=${cases[*]}" -e "TIMES=$times" \
	-e "STAY=$stay" -e "PARAMS=${parameters[*]-}" -e "MODULES=${modules//[$'\n\t']/ }" \
	-f "$BUILDS/netseq" -f "$BUILDS/disturb" -f "$table" -f "$TOP/scripts/guest/tunnel" \
	-f "$TOP/scripts/guest/stages" -f "$BUILDS/ovpn"
read_figures
for case in "${cases[@]}"; do
	for stage in $stages; do
		judge_stage
	done
	judge_case
done
while IFS= read -r line; do
	count 1 "$line"
done < <(reported failed)
judge_end "ipsec: "
total
