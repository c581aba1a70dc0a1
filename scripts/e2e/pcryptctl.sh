#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# pcryptctl.sh SERIES: pcryptctl, its masks on machines of any size, and all of
# it in Debian's own kernel.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"

# make_machine MASK [POSSIBLE [ISOLATED [NOHZ_FULL [CMDLINE]]]]: the files that
# pcryptctl reads and writes, in a directory of their own.
make_machine() {
	local dir
	rm -rf "$machine"/{sys,proc,run}
	for dir in pencrypt pdecrypt; do
		mkdir -p "$machine/sys/kernel/pcrypt/$dir"
		echo "$1" >"$machine/sys/kernel/pcrypt/$dir/parallel_cpumask"
		echo "$1" >"$machine/sys/kernel/pcrypt/$dir/serial_cpumask"
	done
	mkdir -p "$machine"/{etc,proc,sys/devices/system/cpu}
	mkdir -p "$machine"/sys/module/p{adata,crypt}_mod/parameters
	echo "${2-0-7}" >"$machine/sys/devices/system/cpu/possible"
	echo "${3-}" >"$machine/sys/devices/system/cpu/isolated"
	echo "${4-  (null)}" >"$machine/sys/devices/system/cpu/nohz_full"
	echo "${5-quiet}" >"$machine/proc/cmdline"
	: >"$machine/sys/module/pcrypt_mod/parameters/algs"
	mkdir -p "$machine/sys/kernel/pcrypt/algorithms"
}

# ctl ARGUMENT...: pcryptctl on that machine; its programs are found first.
ctl() {
	PATH=$machine/bin:$PATH PCRYPTCTL_ROOT=$machine "$TOP/scripts/pcryptctl" "$@"
}

# is TEXT GOT WANTED
is() {
	if [ "$2" = "$3" ]; then
		count 0 "$1: ${2//$'\n'/ | }"
	else
		count 1 "$1: ${2//$'\n'/ | }, not ${3//$'\n'/ | }"
	fi
}

# shows MASK CPUS: the mask that the kernel writes, and the CPUs that are shown.
shows() {
	local got
	make_machine "$1"
	got=$(ctl masks enc serial) || true
	count "$([ "$(awk '{ print $3 }' <<<"$got")" = "$2" ] && echo 0 || echo 1)" \
		"mask $1 is shown as CPUs $2 ($got)"
}

# writes CPUS MASK: the CPUs that are typed, and the mask that the kernel gets.
writes() {
	local got status=0
	make_machine 0
	ctl masks dec parallel "$1" || status=$?
	got=$(cat "$machine/sys/kernel/pcrypt/pdecrypt/parallel_cpumask")
	[ "$got" = "$2" ] || status=1
	count $status "CPUs $1 are written as $2 ($got)"
}

# refuses WORD ARGUMENT...: with a message that has the word.
refuses() {
	local word=$1 status=0
	shift
	ctl "$@" >"$machine/output" 2>&1 </dev/null || status=$?
	[ $status != 2 ] || grep -qF -e "'$word'" "$machine/output" || status=0
	count "$([ $status = 2 ] && echo 0 || echo 1)" \
		"refused: ${*@Q} ($(head -n 1 "$machine/output"))"
}

# masks_now: enc parallel, enc serial, dec parallel, dec serial.
masks_now() {
	cat "$machine"/sys/kernel/pcrypt/p{en,de}crypt/{parallel,serial}_cpumask | paste -s -d ' ' -
}

check_words() {
	make_machine 0
	refuses foo masks foo enc
	refuses 3 masks enc 3 parallel 5
	refuses 0x0 masks 0x0
	refuses 0x00,00000000 masks enc 0x00,00000000
	refuses "" add ""
	refuses , add ","
	refuses "gcm(aes);x" add "gcm(aes);x"
	refuses x watch x
	refuses "" watch ""
	refuses 1x watch 1 1x
	refuses 99999999999999999999 watch 99999999999999999999
	is "masks '': is no way to show them" "$(ctl masks '' >/dev/null 2>&1; echo $?)" 2
	is "watch 1 1 1: too many" "$(ctl watch 1 1 1 >/dev/null 2>&1; echo $?)" 2
	ctl masks 3 parallel serial
	is "masks 3 parallel serial: sets both" "$(masks_now)" "8 8 8 8"
	ctl masks enc 4 dec serial
	is "masks enc 4 dec serial: both directions" "$(masks_now)" "8 10 8 10"
}

# saves MASK WORD TEXT [MACHINE...]: the word that is kept of the mask on that machine.
saves() {
	local mask=$1 word=$2 text=$3
	shift 3
	make_machine "$mask" "$@"
	rm -f "$machine/etc/pcrypt.conf"
	ctl save 2>/dev/null || true
	is "save, $text" "$(sed -n 's/^dec_serial=//p' "$machine/etc/pcrypt.conf")" "$word"
}

# restores WORD MASK TEXT MACHINE...: the mask that results on that machine.
restores() {
	local word=$1 mask=$2 text=$3
	shift 3
	make_machine "$@"
	printf '%s\n' algs= "enc_parallel=$word" >"$machine/etc/pcrypt.conf"
	ctl restore 2>"$machine/output" || echo "status $?" >>"$machine/output"
	is "restore, $text" "$(cut -d' ' -f1 <<<"$(masks_now)")" "$mask"
}

# warned WORDS: by the command before.
warned() {
	is "... with a warning of $1" "$(grep -cF -e "$1" "$machine/output")" 1
}

quiet() {
	is "... without a word" "$(cat "$machine/output")" ""
}

# A mask is kept as a decision only if one was made.
check_save() {
	saves ff all "all of 8 CPUs"
	saves 3 all "all of 2 CPUs" 0-1
	saves 0000000f,ffffffff all "all of 36 CPUs" 0-35
	saves f 0xf "four of 8 CPUs"
	saves 7 all "all but an isolated one" 0-3 3
	saves f 0xf "an isolated one is in it" 0-3 3
	saves 3 all "all but one isolated and one without ticks" 0-3 3 2-3 "nohz_full=2-3"
	saves 7 0x7 "one without ticks is in it" 0-3 3 2-3 "nohz_full=2-3"
	saves 7 all "isolcpus=nohz, where it keeps no work away" 0-3 3 2-3 "isolcpus=nohz,2-3"
	saves 0 none "no CPU at all"
}

check_restore() {
	restores all f "all of 4 CPUs" 1 0-3
	quiet
	restores all 7 "all, where one is isolated" f 0-3 3
	quiet
	restores all 7 "all, what the module began with is left" 7 0-3 3 2-3 "isolcpus=nohz,2-3"
	restores 0xff f "8 CPUs on a machine of 4" 3 0-3
	warned "no CPUs 4-7"
	restores 0xf0 3 "CPUs 4 to 7 on a machine of 4" 3 0-3
	warned "no CPUs 4-7"
	warned "stays as it is: 0-1"
	restores 0xd d "three of 4 CPUs" f 0-3
	quiet
	restores 0-2 7 "a list" f 0-3
	restores none 0 "no CPU at all" f 0-3
	quiet
	restores x f "no list of CPUs" f 0-3
	warned "'x' names no CPU"
	restores 0x80000000,00000001 1 "CPUs 0 and 63" f 0-3
	warned "no CPUs 63"
}

# make_parameters: files as the kernel has them, and a modinfo that describes them.
make_parameters() {
	local p=$machine/sys/module
	make_machine ff
	echo 4096 >"$p/pcrypt_mod/parameters/max_requests"
	echo N >"$p/pcrypt_mod/parameters/open"
	echo 10000 >"$p/padata_mod/parameters/poll_ns"
	mkdir -p "$machine/bin"
	cat >"$machine/bin/modinfo" <<-'SCRIPT'
	#!/bin/sh
	cat <<EOF
	max_requests:requests in flight, for transforms made from now on (default: 4096)
	open:prefer all that is ever made (default: no) (bool)
	poll_ns:How long a worker looks, in nanoseconds; 0 is never (default 10000) (uint)
	EOF
	SCRIPT
	chmod 755 "$machine/bin/modinfo"
}

kept_parameters() {
	ctl save
	grep '_mod\.' "$machine/etc/pcrypt.conf" || true
}

check_parameters() {
	local p=$machine/sys/module
	make_parameters
	is "save: no parameter that has its default" "$(kept_parameters)" ""
	echo 512 >"$p/pcrypt_mod/parameters/max_requests"
	echo Y >"$p/pcrypt_mod/parameters/open"
	echo 0 >"$p/padata_mod/parameters/poll_ns"
	is "save: those that were changed" "$(kept_parameters)" \
		$'padata_mod.poll_ns=0\npcrypt_mod.max_requests=512\npcrypt_mod.open=Y'
	make_parameters
	echo pcrypt_mod.gone=1 >>"$machine/etc/pcrypt.conf"
	ctl restore 2>"$machine/output"
	is "restore: they are set" "$(cat "$p"/p*_mod/parameters/{max_requests,open,poll_ns} \
		2>/dev/null | sort | paste -s -d ' ' -)" "0 512 Y"
	warned "has no parameter gone"
	rm "$machine/bin/modinfo"
}

# edited: a file that was written by hand.
edited() {
	cat <<-'EOF'
	# The gateway's ciphers.
	  algs = "rfc4106(gcm(aes)), xts(aes)"	# and the disks'

	enc_parallel=0-3   # not the CPUs of the network card
	enc_serial = all
	dec_parallel = 0-15
	# dec_serial = 0
	pcrypt_mod.open = 1
	pcrypt_mod.gone = 1
	padata_mod.poll_ns = 10000
	EOF
}

# edited_is TEXT SCRIPT: the file is what sed makes of the edited one.
edited_is() {
	local status=0
	diff <(edited | sed "$2") "$machine/etc/pcrypt.conf" >"$machine/output" || status=1
	count $status "save, edited: $1 ($(paste -s -d '|' "$machine/output"))"
}

# edit_machine: one on which all is in force that the edited file says.
edit_machine() {
	local p=$machine/sys/module f=$machine/sys/kernel/pcrypt
	make_parameters
	edited >"$machine/etc/pcrypt.conf"
	echo "xts(aes),rfc4106(gcm(aes))" >"$p/pcrypt_mod/parameters/algs"
	echo Y >"$p/pcrypt_mod/parameters/open"
	echo f >"$f/pencrypt/parallel_cpumask"
}

check_edited() {
	local p=$machine/sys/module f=$machine/sys/kernel/pcrypt
	edit_machine
	ctl save
	edited_is "nothing has changed" ""
	edit_machine
	echo "xts(aes)" >"$p/pcrypt_mod/parameters/algs"
	echo N >"$p/pcrypt_mod/parameters/open"
	echo 9 >"$f/pencrypt/parallel_cpumask"
	echo 2 >"$f/pdecrypt/serial_cpumask"
	echo 512 >"$p/pcrypt_mod/parameters/max_requests"
	ctl save
	edited_is "what has changed, and no other line" \
		's/= ".*"/= xts(aes)/; s/=0-3/=0x9/; /open/d'"; \$a dec_serial=0x2\npcrypt_mod.max_requests=512"
	chmod 660 "$machine/etc/pcrypt.conf"
	ctl save
	is "save: the mode of the file stays" "$(stat -c %a "$machine/etc/pcrypt.conf")" 660
	edit_machine
	make_machine 1
	{ edited; printf 'foo = 1\nenc_parallel 3\n'; } >"$machine/etc/pcrypt.conf"
	ctl restore 2>"$machine/output" || true
	is "restore, edited: the masks" "$(masks_now)" "f ff ff 1"
	is "restore, edited: the list" "$(cat "$p/pcrypt_mod/parameters/algs")" \
		"rfc4106(gcm(aes)),xts(aes)"
	warned "line 11: 'foo = 1' is no setting"
	warned "line 12: 'enc_parallel 3' is no setting"
	rm -f "$machine/bin/modinfo"
}

# put_files DIRECTORY [NAME VALUE]...
put_files() {
	local to=$1
	shift
	mkdir -p "$to"
	while [ $# -gt 0 ]; do
		echo "$2" >"$to/$1"
		shift 2
	done
}

# add_algorithm NUMBER NAME [TYPE [FILE VALUE]...]: as the kernel shows pcrypt(NAME).
add_algorithm() {
	local to=$machine/sys/kernel/pcrypt/algorithms/$1 name=$2 type=${3:-aead} way
	put_files "$to" driver "pcrypt($name)" name "$name" type "$type" child "$name-plain" \
		priority 500 promoted yes preferred yes selftest passed state live made 1764400000 \
		transforms 0 "${@:4}"
	for way in encrypt decrypt; do
		put_files "$to/$way" streams_direct 0 streams_parallel 0 in_flight 0 \
			requests_direct 0 requests_parallel 0 requests_refused 0
	done
}

# add_counters: the files of both directions.
add_counters() {
	local way
	for way in encrypt decrypt; do
		put_files "$machine/sys/kernel/pcrypt/p${way::2}crypt" jobs_completed 5 \
			jobs_submitted 7 jobs_inline 0 stalls 0 jobs_per_cpu "4 3 " requests_direct 9 \
			streams_parallel 1 to_parallel 2 to_direct 1 handover_ns 300
	done
}

# preferred WORD TEXT [FILE VALUE]...: of pcrypt(gcm(aes)), with these files.
preferred() {
	make_machine f
	add_counters
	add_algorithm 1 "gcm(aes)" aead "${@:3}"
	is "status, $2" "$(ctl status 2>&1 | awk '$1 == "pcrypt(gcm(aes))" { print $5 }')" "$1"
}

check_preferred() {
	local to=$machine/sys/kernel/pcrypt/algorithms
	preferred yes "the kernel prefers it"
	preferred no "the kernel prefers another" preferred no
	preferred untested "its own self-test has not passed" selftest unknown
	preferred gone "it has been unregistered" state dying preferred no
	# The old one of the same name is found first.
	add_algorithm 10 "gcm(aes)"
	is "add: one that is gone is not taken for the one of now" \
		"$(ctl add "gcm(aes)" >/dev/null 2>&1; echo $?)" 0
	is "status: the oldest first" "$(ctl status | awk '/^pcrypt/ { print $5 }' | paste -s -d ' ' -)" \
		"gone yes"
	put_files "$to/10/encrypt" streams_parallel 2 in_flight 17 requests_parallel 4294967296
	put_files "$to/10" transforms 3
	is "status: transforms" "$(ctl status | grep -c '^  transforms: 3$')" 1
	is "status: requests" "$(ctl status | grep -c '^  encrypt: streams 0 direct, 2 parallel; 17 in flight; requests 0 direct, 4294967296 parallel, 0 refused$')" 1
	mv "$to" "$to.away"
	is "status: without an algorithm" "$(ctl status | grep -c '^pcrypt')" 0
}

# Lists are read and written in one piece: 20 times six at once.
check_together() {
	local round i list lost=0
	for round in $(seq 20); do
		make_machine f
		for i in 1 2 3 4 5 6; do
			add_algorithm "$i" "cbc(a$i)" skcipher
		done
		for i in 1 2 3 4 5 6; do
			ctl add "cbc(a$i)" 2>/dev/null &
		done
		wait
		list=$(tr ',' '\n' <"$machine/sys/module/pcrypt_mod/parameters/algs")
		for i in 1 2 3 4 5 6; do
			grep -qxF "cbc(a$i)" <<<"$list" || lost=$((lost + 1))
		done
	done
	is "add: 120 names by six at once, in $round rounds, none lost" "$lost" 0
	ctl add "cbc(a1),cbc(a2)" 2>/dev/null || true
	is "add 'A,B': is a list" "$(ctl add "cbc(a1),cbc(a2)" >/dev/null 2>&1; echo $?)" 0
	ctl del "cbc(a1),cbc(a2)" 2>/dev/null || true
	is "del 'A,B': too" "$(grep -c 'cbc(a[12])' "$machine/sys/module/pcrypt_mod/parameters/algs")" 0
}

# make_users: dm-crypt devices, and IPsec that leaves the cipher to network devices.
make_users() {
	mkdir -p "$machine"/bin "$machine"/sys/block/dm-{0,1}/dm "$machine/sys/module/esp4_offload"
	cat >"$machine/bin/dmsetup" <<-'SCRIPT'
	#!/bin/sh
	[ "$*" = "table --target crypt" ] || exit 1
	echo "safe: 0 32768 crypt aes-xts-plain64 :64:logon:x 0 253:0 32768 1 no_read_workqueue"
	echo "quick: 0 99 crypt aes-xts-plain64 00 0 253:1 32768 2 no_read_workqueue no_write_workqueue"
	echo "quick: 99 99 crypt aes-xts-plain64 00 0 253:1 32867 1 no_write_workqueue"
	SCRIPT
	cat >"$machine/bin/ip" <<-'SCRIPT'
	#!/bin/sh
	echo '1: lo: <LOOPBACK,UP> mtu 65536 qdisc noqueue state UNKNOWN'
	echo '2: eth0: <UP> mtu 1500 qdisc fq_codel state UP'
	echo '3: eth0.5@eth0: <UP> mtu 1500 qdisc noqueue state UP'
	SCRIPT
	chmod 755 "$machine"/bin/*
	echo CRYPT-LUKS2-00-quick >"$machine/sys/block/dm-0/dm/uuid"
	echo quick >"$machine/sys/block/dm-0/dm/name"
	echo LVM-x >"$machine/sys/block/dm-1/dm/uuid"
	echo vg-lv >"$machine/sys/block/dm-1/dm/name"
	echo 4 >"$machine/sys/module/esp4_offload/refcnt"
}

# cautions COMMAND...: the cautions that it prints.
cautions() {
	ctl "$@" 2>&1 | sed -n 's/.*caution: //p' | sed 's/; see CAUTIONS.*//'
}

check_cautions() {
	local disk esp
	disk="dm-crypt device quick has no_write_workqueue"
	esp="esp4_offload is loaded; security associations that use it: 4; devices without a queue: eth0.5"
	make_machine f
	add_counters
	make_users
	is "status: no user where nothing is listed" "$(cautions status)" ""
	echo "xts(aes)" >"$machine/sys/module/pcrypt_mod/parameters/algs"
	is "status: a disk" "$(cautions status)" "$disk"
	echo "rfc4106(gcm(aes))" >"$machine/sys/module/pcrypt_mod/parameters/algs"
	is "status: IPsec" "$(cautions status)" "$esp"
	echo "authenc(hmac(sha256),cbc(aes))" >"$machine/sys/module/pcrypt_mod/parameters/algs"
	is "status: both" "$(cautions status)" "$disk"$'\n'"$esp"
	is "add: of a disk, and one that is there" "$(cautions add "xts(aes)" | cut -c 1-30)" \
		"$(printf '%.30s\n' "not for dm-crypt with no_write_workqueue" "$disk")"
	is "add: of IPsec, and one that is there" "$(cautions add "rfc4106(gcm(aes))" | cut -c 1-30)" \
		"$(printf '%.30s\n' "not for IPsec over a device without" "$esp")"
	: >"$machine/sys/module/pcrypt_mod/parameters/algs"
	add_algorithm 1 "xts(aes)" skcipher
	is "status: a disk, of what open=1 promoted" "$(cautions status)" "$disk"
	printf '#!/bin/sh\nexit 1\n' | tee "$machine/bin/dmsetup" >"$machine/bin/ip"
	echo "gcm(aes)" >"$machine/sys/module/pcrypt_mod/parameters/algs"
	is "status: without dmsetup and ip" "$(cautions status)" \
		"dm-crypt device quick: dmsetup, as root, would tell whether it has no_write_workqueue"$'\n'"${esp%: *}: (ip would tell which)"
	rm -r "${machine:?}/bin"
}

# make_associations: as `ip -s xfrm state list nokeys` shows them, at the time of made and
# around it; one of another cipher, and one whose packets a device has.
make_associations() {
	local now=1764400000
	mkdir -p "$machine/bin"
	cat >"$machine/bin/ip" <<-SCRIPT
	#!/bin/sh
	[ "\$*" = "-s xfrm state list nokeys" ] || exit 1
	sa() {
		printf 'src 10.0.0.1 dst 10.0.0.2\\n\\tproto esp spi 0x0000000%s(%s) reqid 0(0x00000000) mode tunnel\\n' \$1 \$1
		printf '\\treplay-window 0 seq 0x00000000 flag %s (0x00000000)\\n' "\$3"
		printf '%s\\n\\tlifetime current:\\n\\t  0(bytes), 0(packets)\\n' "\$4"
		printf '\\t  add %s use -\\n' "\$(date -d "@\$2" '+%Y-%m-%d %H:%M:%S')"
	}
	aead='	aead rfc4106(gcm(aes)) <<Keys hidden>> (160 bits) 128 '
	sa 1 $((now - 60)) "" "\$aead"
	sa 2 $((now + 60)) esn "\$aead"
	sa 3 $now "" "\$aead"
	sa 4 $((now - 9)) "" "\$aead
		crypto offload parameters: dev eth0 dir out mode packet"
	sa 5 $((now - 60)) "af-unspec esn" "	auth-trunc hmac(sha256) <<Keys hidden>> (256 bits) 128
		enc cbc(aes) <<Keys hidden>> (128 bits)"
	sa 6 $((now - 60)) "" "	aead rfc4309(ccm(aes)) <<Keys hidden>> (152 bits) 128 "
	SCRIPT
	chmod 755 "$machine/bin/ip"
}

# from_json EXPRESSION: of d, what the standard input holds, in Python.
from_json() {
	python3 -c 'import json, sys
d = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$1" 2>&1 | tail -n 1
}

# uses: each association that status shows, as SPI=WORD.
uses() {
	ctl status --json | from_json '" ".join(a["spi"][9:] + "=" + a["uses"] for a in d["associations"])'
}

check_associations() {
	make_machine f
	add_counters
	make_associations
	is "status: no association where nothing is preferred" "$(uses)" ""
	add_algorithm 1 "rfc4106(gcm(aes))"
	is "status: associations before and after" "$(uses)" "1=older 2=ours 3=unsure 4=device"
	is "status: they are counted" "$(ctl status | sed -n 's/^security associations: //p')" \
		"1 made since pcrypt, 1 before, with the cipher of then; 1 unsure; 1 by a device"
	is "status: those with another cipher are named" \
		"$(ctl status | awk '/^  10.0.0.1 > / { print $5, $6 }' | paste -s -d ' ' -)" \
		"0x00000001 rfc4106(gcm(aes)), 0x00000003 rfc4106(gcm(aes)),"
	add_algorithm 2 "authencesn(hmac(sha256),cbc(aes))" aead
	is "status: two ciphers that make an AEAD" "$(uses)" \
		"1=older 2=ours 3=unsure 4=device 5=older"
	rm -r "${machine:?}/bin"
}

check_json() {
	make_machine f
	add_counters
	echo "gcm(aes),cbc(aes)" >"$machine/sys/module/pcrypt_mod/parameters/algs"
	add_algorithm 1 "gcm(aes)" aead transforms 3
	add_algorithm 2 "cbc(aes)" skcipher state dying preferred no promoted no
	is "status --json: the list" "$(ctl status --json | from_json 'd["listed"]')" \
		"['gcm(aes)', 'cbc(aes)']"
	is "--json status: algorithms" "$(ctl --json status | from_json \
		'[list(a.values())[:9] for a in d["algorithms"]]')" \
		"[['pcrypt(gcm(aes))', 'gcm(aes)', 'aead', 'gcm(aes)-plain', 500, 'yes', True, 1764400000, 3], ['pcrypt(cbc(aes))', 'cbc(aes)', 'skcipher', 'cbc(aes)-plain', 500, 'gone', False, 1764400000, 0]]"
	is "status --json: a direction" "$(ctl status --json | from_json \
		'd["encrypt"]["jobs_submitted"], d["decrypt"]["jobs_per_cpu"]')" "(7, [4, 3])"
	is "masks --json" "$(ctl masks --json serial | from_json \
		'[m["direction"] + " " + m["kind"] + " " + m["cpus"] for m in d]')" \
		"['enc serial 0-3', 'dec serial 0-3']"
	put_files "$machine/sys/kernel/pcrypt/pencrypt" wakeups 0
	put_files "$machine/sys/kernel/pcrypt/pdecrypt" wakeups 0
	is "watch --json" "$(ctl watch 1 1 --json | from_json \
		'd["enc"]["in_flight"], d["dec"]["jobs_per_second"], d["stalls"]')" "(2, 0, 0)"
	is "add --json: is refused" "$(ctl add --json x >/dev/null 2>&1; echo $?)" 2
}

# verdict_of TYPE ROW...: what `measure` says of such rows.
verdict_of() {
	printf '%s\n' "${@:2}" | sh -c "$(sed -n '/^verdict() {/,/^}/p' "$TOP/scripts/pcryptctl")
		verdict $1"
}

check_verdict() {
	local slow="64 1 100 99 0.99 direct 1" fast="1420 256 50 150 3.00 parallel 4"
	is "measure: pays from a size on" \
		"$(verdict_of aead "$slow" "64 256 9 9 1.00 direct 1" "576 256 9 9 1.30 parallel 3" "$fast")" \
		"pays from 576 bytes on with 4 CPUs: up to 3.00 times the plain rate with 256 in flight"
	is "measure: parallel mode that gains less than a tenth does not pay" \
		"$(verdict_of aead "$slow" "1420 256 50 54 1.09 parallel 4")" \
		"does not pay here: use one SA per CPU, or RPS"
	is "measure: what is faster in direct mode does not pay" \
		"$(verdict_of aead "1420 256 50 60 1.20 direct 1")" \
		"does not pay here: use one SA per CPU, or RPS"
	is "measure: many in flight count" \
		"$(verdict_of aead "1420 1 50 150 3.00 parallel 4" "1420 256 50 50 1.00 direct 1")" \
		"does not pay here: use one SA per CPU, or RPS"
	is "measure: a disk" "$(verdict_of skcipher "$slow")" \
		"does not pay here: dm-crypt uses all CPUs by itself"
	is "measure: not with the largest size" "$(verdict_of aead "64 256 9 9 1.50 parallel 2" \
		"1420 256 9 9 1.00 direct 1")" \
		"pays with some sizes only (bytes: 64), not with the largest: measure again when the machine is idle"
	is "measure: where it is slower" "$(verdict_of aead "64 1 100 80 0.80 direct 1" "$fast")" \
		"pays from 1420 bytes on with 4 CPUs: up to 3.00 times the plain rate with 256 in flight; slower with 64 bytes and 1 in flight: 0.80 times the plain rate"
}

# unprivileged COMMAND...
unprivileged() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
	else
		"$@"
	fi
}

check_unprivileged() {
	is "measure: without root" \
		"$(unprivileged sh -s -- measure "gcm(aes)" <"$TOP/scripts/pcryptctl" 2>&1)" \
		"pcryptctl: measure loads modules and measures in the kernel, which needs root"
}

# state_now: the list, the mode, and the masks.
state_now() {
	echo "$(cat "$machine/sys/module/pcrypt_mod/parameters/"{algs,mode} | paste -s -d ' ' -) $(masks_now)"
}

# make_switch: a machine on which two ciphers are listed.
make_switch() {
	make_machine f 0-3
	add_counters
	echo "gcm(aes),authenc(hmac(sha256),cbc(aes))" >"$machine/sys/module/pcrypt_mod/parameters/algs"
	echo auto >"$machine/sys/module/pcrypt_mod/parameters/mode"
	add_algorithm 1 "gcm(aes)"
	add_algorithm 2 "authenc(hmac(sha256),cbc(aes))"
	add_algorithm 3 "ccm(aes)"
}

check_off() {
	local before both
	make_switch
	before=$(state_now)
	ctl off --dry-run >"$machine/output"
	is "off --dry-run: changes nothing" "$(state_now)" "$before"
	is "off --dry-run: says what it would do" "$(sed 's, .*/, ,' "$machine/output" | paste -s -d ' ' -)" \
		"would pcryptctl.off would algs would mode"
	is "on: without off" "$(ctl on >/dev/null 2>&1; echo $?)" 1
	ctl off
	is "off: no list, and direct mode" "$(state_now)" " direct f f f f"
	ctl off
	ctl on --dry-run >/dev/null
	is "off again, on --dry-run: the same" "$(state_now)" " direct f f f f"
	ctl on 2>/dev/null
	is "on: as before" "$(state_now)" "$before"
	is "on: twice" "$(ctl on >/dev/null 2>&1; echo $?)" 1
	ctl off
	echo "ccm(aes)" >"$machine/sys/module/pcrypt_mod/parameters/algs"
	ctl on 2>/dev/null
	both="ccm(aes),gcm(aes),authenc(hmac(sha256),cbc(aes))"
	is "on: what was added meanwhile stays" \
		"$(cat "$machine/sys/module/pcrypt_mod/parameters/algs")" "$both"
	make_switch
	: >"$machine/sys/module/pcrypt_mod/parameters/algs"
	is "off: nothing is listed" "$(ctl off >/dev/null 2>&1; echo $?)" 1
	is "off --json: is refused" "$(ctl off --json >/dev/null 2>&1; echo $?)" 2
	is "status --dry-run: is refused" "$(ctl status --dry-run >/dev/null 2>&1; echo $?)" 2
}

check_add() {
	local before
	make_switch
	before=$(state_now)
	ctl add --dry-run --now --masks 0-1 "ccm(aes)" >"$machine/output" 2>/dev/null
	is "add --dry-run: changes nothing" "$(state_now)" "$before"
	is "add --dry-run: four masks, a list and a file" \
		"$(grep -c '^would write 3 \|^would write '"'3'" "$machine/output")$(grep -c "^would write 'gcm(aes),.*,ccm(aes)' to \|^would write .*pcrypt.conf, and" "$machine/output")" 42
	ctl del --dry-run "gcm(aes)" >/dev/null
	ctl masks --dry-run 1 >/dev/null
	is "del, masks --dry-run: change nothing" "$(state_now)" "$before"
	mkdir -p "$machine/bin"
	printf '#!/bin/sh\necho "$@" >"%s/systemctl"\n' "$machine" >"$machine/bin/systemctl"
	chmod 755 "$machine/bin/systemctl"
	rm -f "$machine/etc/pcrypt.conf" "$machine/systemctl"
	ctl add --masks 0-1 "ccm(aes)" 2>/dev/null
	is "add --masks: the masks" "$(masks_now)" "3 3 3 3"
	is "add --masks: nothing is saved" "$(ls "$machine/etc/pcrypt.conf" "$machine/systemctl" 2>/dev/null)" ""
	ctl add --now --masks=0-2 "ccm(aes)" 2>/dev/null
	is "add --now --masks: is saved" "$(grep -e algs -e enc_parallel "$machine/etc/pcrypt.conf")" \
		$'algs=gcm(aes),authenc(hmac(sha256),cbc(aes)),ccm(aes)\nenc_parallel=0x7'
	is "add --now: the unit" "$(cat "$machine/systemctl")" "enable pcrypt.service"
	rm -f "$machine/etc/pcrypt.conf"
	is "add --now: a cipher that could not be made" "$(ctl add --now "lrw(aes)" >/dev/null 2>&1; echo $?)" 1
	is "add --now: and nothing is saved" "$(ls "$machine/etc/pcrypt.conf" 2>/dev/null)" ""
	is "add --masks: no CPUs" "$(ctl add --masks x "ccm(aes)" >/dev/null 2>&1; echo $?)" 2
	is "add --masks: no word" "$(ctl add --masks >/dev/null 2>&1; echo $?)" 2
	rm -r "${machine:?}/bin"
}

# completes WANTED WORD...: the last word, which the user has begun.
completes() {
	local wanted=$1
	shift
	is "completion: ${*@Q}" "$(PCRYPTCTL_ROOT=$machine bash -c '. "$1"; shift
		COMP_WORDS=(pcryptctl "$@") COMP_CWORD=$#; _pcryptctl
		echo "${COMPREPLY[*]}"' sh "$TOP/scripts/pcryptctl.bash" "$@")" "$wanted"
}

check_completion() {
	make_switch
	printf '%s\n' "name : gcm(aes)" "type : aead" "name : gcm(aria)" "type : aead" \
		"name : ghash" "type : shash" "name : gcm(aes)" "type : aead" >"$machine/proc/crypto"
	completes "measure" me
	completes "status save" s
	completes "--json" status --
	completes 'gcm\(aes\) gcm\(aria\)' add g
	completes 'gcm\(aes\) gcm\(aria\)' --dry-run add 'gcm\(a'
	completes 'gcm(aes) gcm(aria)' measure '"gcm('
	completes 'authenc\(hmac\(sha256\)\,cbc\(aes\)\)' del a
	completes "parallel" masks enc p
}

check_masks() {
	shows f 0-3
	shows 5 0,2
	shows 0 none
	shows 80000000,00000001 0,63
	shows ff,ffffffff,fffffff0 4-71
	writes 0 1
	writes 0-3 f
	writes 1,3,5-6 6a
	writes 0,63 80000000,00000001
	writes 4-71 ff,ffffffff,fffffff0
	writes 0x17 17
	writes all ff
	writes 0x123456789 1,23456789
	writes 0xff,00000000 ff,00000000
	for bad in "" x 1- 1,,2 3-1 0x 0xg 1.5 -1 99999; do
		[ -z "$bad" ] || refuses "$bad" masks dec parallel "$bad"
	done
}

# guest NAME OPTION...: all commands, or those for a CPU that the boot isolates.
guest() {
	local log=$1
	shift
	run_guest "$log" pcryptctl -c 4 -t 600 -M "$modules" -b "$TOP/scripts/pcryptctl" -b flock \
		-b dmsetup -b ip -f "$BUILDS/pcrypt_user" -f "$dir/pcrypt_measure.ko" \
		-f "$dir/kunit/load/pcrypt_load.ko" "$@"
	judge_plan "$log: "
	judge_end "$log: "
}

modules="$arch_aes gcm ctr xts authenc cbc $arch_sha256 hmac brd dm_mod dm_crypt veth esp4
	esp4_offload xfrm_user crypto_user seqiv drbg sha512_generic"
modules=${modules//[$'\n\t']/ }
series=${1:?usage: pcryptctl.sh SERIES}
begin "e2e-pcryptctl-$series"
use_kernel "$series"
build_program pcrypt_user -static
machine=$dir/machine
rm -rf "$machine"
check_masks
check_words
check_save
check_restore
check_parameters
check_edited
check_preferred
check_together
check_cautions
check_associations
check_json
check_verdict
check_unprivileged
check_off
check_add
check_completion
say "pcryptctl in $title"
guest "e2e-pcryptctl-$series"
# A CPU that the boot isolates is not in the default, and the file keeps `all`.
guest "e2e-pcryptctl-$series-isolated" -a isolcpus=3 -e ISOLATED=yes
total
