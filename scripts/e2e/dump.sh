#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dump.sh: padata_dump, by Debian's own drgn, in a guest whose streams stand still,
# each in another way, and on a dump of that guest.
#
# The dump's causes are compared with the kernel's own log, the rest with what
# kunit/load/padata_stall.c and guest/stall do.

# shellcheck source=scripts/driver.sh
. "$(dirname "$0")/../driver.sh"

# stalled: wait until the guest says so, or has ended.
stalled() {
	until grep -qx stalled "$LOGS/$name.verdict" 2>/dev/null; do
		kill -0 $guest 2>/dev/null || return
		sleep 0.5
	done
}

# part INSTANCE [SHELL]: what the dump says of one, or of all of its shells and pumps.
part() {
	awk -v instance="$1" -v shell="${2-}" '
		/^instance / { in_it = $2 == instance; in_shell = 0 }
		/^  [^ ]/ { in_shell = $1 == "shell" && $2 == shell }
		in_it && (shell == "" || in_shell)' "$dump"
}

# says REGEX INSTANCE [SHELL]
says() {
	part "${@:2}" | grep -qE "$1"
}

# as_logged LINE: a line of the stall detector, "stall: shell 3, allocated by X+0x1/0x2
# [M], has stalled for at least 4 s: CAUSE; N jobs behind it".
as_logged() {
	local re='^([a-z]+): shell ([0-9]+), allocated by ([a-z_]+)\+.*, '
	re+='has stalled .* s: (.*); ([0-9]+) jobs behind it$'
	[[ $1 =~ $re ]] || return
	local text instance=${BASH_REMATCH[1]} shell=${BASH_REMATCH[2]} owner=${BASH_REMATCH[3]} \
		cause=${BASH_REMATCH[4]} behind=${BASH_REMATCH[5]}
	text=$(part "$instance" "$shell")
	[[ $text == *": $((behind + 1)) job"*" in flight,"*" allocated by $owner+"* ]] &&
		[[ $text == *"    cause: $cause"* ]] &&
		[[ $text == *"the stall detector has reported it"* ]]
}

# judge_log: the causes are those of the log.
judge_log() {
	local line n=0
	while IFS= read -r line; do
		n=$((n + 1))
		check "as the kernel's log: $line" as_logged "$line"
	done < <(reported stall)
	check "the log has $STALLS stalls" [ "$n" = "$STALLS" ]
}

# judge_shells: those of padata_stall stand where it has left them.
judge_shells() {
	check "three instances" [ "$(grep -c '^instance ' "$dump")" = 3 ]
	check "idle: no job, at home" says '^    baton: at home' stall 1
	check "idle: 0 jobs in flight, mode jobs" says ': 0 jobs in flight, mode jobs$' stall 1
	check "direct: on the CPU of insmod" says ': 0 jobs in flight, mode direct on CPU 0$' stall 2
	check "held: the baton" says '^    baton: on the first job' stall 3
	check "held: two of three are done" says '^    order list: 3 jobs, 2 done' stall 3
	check "held: which function" says '^      functions: stall_parallel_hold, stall_serial$' stall 3
	check "held: where it is" \
		says '^      is not in .*: its parallel\(\) has returned, or waits for jobs on CPU 2$' stall 3
	check "spinning callback: two wait for it" says \
		'^    2 callbacks in the serial queue of CPU 3, owner the pump of CPU 3$' stall 4
	check "spinning callback: begun" says '^    1 callback begun' stall 4
	check "parked: the baton" says '^    baton: parked.* 2 callbacks before it$' stall 5
	check "parked: the fence" says 'JOB_DONE, callback CPU 0, fence CPU 3$' stall 5
	check "spinning job: its CPU" says \
		'^      is in parallel\(\): that of its shell runs on CPU 2$' stall 6
	check "queued: its place" says \
		'^      is in the shared queue: 1 of 3 of its shell, whose turn is 1 of 1$' stall 7
}

# judge_pumps: and so do its pumps.
judge_pumps() {
	check "queued: the sum" says '^  shared queue: 3 jobs, 1 pulling, ' stall
	check "pump of CPU 3: its task" says '^  pump of CPU 3: runs as kworker/3:' stall
	check "pump of CPU 2: in parallel() of shell 6" says \
		'^  pump of CPU 2: .*in parallel\(\) of shell 6' stall
}

judge_pcrypt() {
	check "pcrypt: the cipher" says \
		'^    cipher: pcrypt\(rfc4106\(gcm\(aes\)\)\), encrypt, mode parallel, [1-9]' pencrypt
	check "pcrypt: its callbacks" says '^    [1-9][0-9]* callbacks in the serial queue of CPU 3' \
		pencrypt
	check "pcrypt: which task keeps the pump of CPU 3 away" says \
		'^  pump of CPU 3: (has|waits for) .*, the CPU runs kworker/3:' pencrypt
	check "pcrypt: CPUs" says '^  CPUs for work 0-3, for callbacks 3, online 0-3$' pencrypt
	check "pcrypt: nothing to decrypt" [ "$(part pdecrypt | grep -c 'cause:')" = 0 ]
}

judge_dump() {
	judge_log
	judge_shells
	judge_pumps
	judge_pcrypt
}

# judge_stacks: of the dump alone, since a running kernel does not tell.
judge_stacks() {
	check "pump of CPU 3: where it is" says '^      stall_serial_spin\+' stall
	check "a stack with the spinning job" says '^      stall_parallel_spin\+' stall
	check "pcrypt: where that task is" says '^      stall_serial_spin\+' pencrypt
}

# same_each_time: without what differs from run to run.
same_each_time() {
	sed -E 's/0x[0-9a-f]+/0x/g; s,kworker/[^,]*,kworker,; s/pid [0-9]+/pid/; s/[0-9]+ ns/ns/
		s/at least [0-9]+ s/at least s/'
}

# block WORDS: the page's lines below the comment `.. WORDS`, as they would be printed.
block() {
	sed -n "/^\.\. $1$/,/^[^ .:]/ s/^  //p" "$TOP/Documentation/tracing.rst" | same_each_time
}

# log_fits_page: the line of the kernel's log is shown in several.
log_fits_page() {
	local line
	line=$(block "log of dump.sh" | tr '\n' ' ')
	[ -n "$line" ] &&
		reported stall | sed 's/^/padata_mod: /' | same_each_time | grep -qxF "${line% }"
}

# dump_fits_page: "..." stands for any number of lines.
dump_fits_page() {
	awk 'NR == FNR { dump[++n] = $0; next }
		$0 == "..." { gap = 1; next }
		{
			do i++; while (gap && i <= n && dump[i] != $0)
			if (i > n || dump[i] != $0) {
				print "not in the dump: " $0
				bad = 1
				exit
			}
			gap = 0
			found++
		}
		END { exit bad || found < 10 }' <(part stall | same_each_time) <(block "dump of dump.sh")
}

# guest_with_channels: the dump is asked for over one, the guest waits for the other.
guest_with_channels() {
	run_guest "$name" stall -t 600 -c 4 -M "$arch_aes gcm seqiv" -o "$work/tree" -b ld -b nm \
		-e "SYMBOLS=$symbols" -f "$kdir/vmlinux" -f "$TOP/scripts/padata_dump.py" \
		-a "cryptomgr.notests=1 rcupdate.rcu_cpu_stall_timeout=300" -e "STALLS=$STALLS" \
		-f "$dir/kunit/load/pcrypt_load.ko" -f "$dir/kunit/load/padata_stall.ko" \
		-q "-device vmcoreinfo -qmp unix:$work/qmp,server=on,wait=off" \
		-q "-serial unix:$work/go,server=on,wait=off"
	exit "$ended"
}

# let_go: the guest reads a line, and its terminal echoes it.
let_go() {
	/usr/bin/python3 -c 'import socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(60)
client.connect(sys.argv[1])
client.sendall(b"go\n")
said = b""
while b"\n" not in said:
    part = client.recv(64)
    said += part or sys.exit("no echo")' "$work/go"
}

# dump_it: by drgn, with the types of vmlinux and of our modules.
dump_it() (
	cd "$work/symbols"
	# shellcheck disable=SC2086 # words
	"$TOP/scripts/padata_dump.py" -c "$vmcore" $symbols "$@"
)

# without_types: what is missing is named, in one line.
without_types() {
	! "$TOP/scripts/padata_dump.py" -c "$vmcore" -s "$kdir/vmlinux" >"$dump.bad" 2>&1 &&
		[ "$(wc -l <"$dump.bad")" = 1 ] && grep -q 'padata_mod\.ko' "$dump.bad"
}

# drgn_tree DIRECTORY: Python with drgn.
drgn_tree() {
	local packages
	packages=$(/usr/bin/python3 -c 'import drgn, os
print(os.path.dirname(os.path.dirname(drgn.__file__)))')
	add_python "$1"
	mkdir -p "$1$packages"
	rsync -a --exclude=__pycache__ "$packages/drgn" "$packages"/_drgn.*.so "$1$packages/"
}

STALLS=6
"$TOP/scripts/setup.sh" python3-drgn
begin e2e-dump
# No suite is called none: KUnit is not needed here.
use_kernel dwarf SUITE=none
work=$(mktemp -d) vmcore=$BUILDS/e2e-dump.vmcore
# end: the guest, in a process group of its own, and the files.
end() {
	[ -z "$guest" ] || kill -- "-$guest" 2>/dev/null || :
	rm -rf "$work" "$vmcore"
}

guest=
trap end EXIT
trap 'exit 130' INT TERM HUP
symbols="-s vmlinux -s padata_mod.ko -s pcrypt_mod.ko -s padata_stall.ko"
mkdir "$work/symbols"
ln -s "$kdir/vmlinux" "$dir"/p*_mod.ko "$dir/kunit/load/padata_stall.ko" "$work/symbols/"
drgn_tree "$work/tree"
memory=2G name=e2e-dump ended=0
say "streams that stand still in $title"
rm -f "$LOGS/$name.verdict" "$vmcore"
set -m
guest_with_channels &
guest=$!
set +m
stalled || true
check "QEMU writes the guest's memory" "$TOP/scripts/qmp-dump" "$work/qmp" "$vmcore"
check "the guest goes on" let_go
wait $guest || ended=$?
guest=
judge_plan "dump: "
judge_end "dump: "
echo "# in the guest"
dump=$LOGS/e2e-dump-live.log
reported live >"$dump"
judge_dump
echo "# of the dump"
dump=$LOGS/e2e-dump.log status=0
dump_it -a >"$dump" || status=1
count $status "drgn reads the dump"
judge_dump
judge_stacks
check "the example of the page: the log" log_fits_page
check "the example of the page: the dump" dump_fits_page
dump_it '^stall$' >"$dump.one" || true
check "of one instance alone" \
	[ "$(grep '^instance ' "$dump.one")" = "$(grep '^instance stall' "$dump")" ]
check "without -a shells with no job are counted" \
	grep -qxF '  2 shells with no job in flight (-a shows them)' "$dump.one"
check "without our module's types" without_types
total
