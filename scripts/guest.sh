#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh [OPTIONS] -- SCRIPT: boot a kernel in QEMU and run SCRIPT in it.
# With -u the kernel is user-mode Linux, a program of this machine.
#
#  -k FILE   the kernel's image           -m DIR    has lib/modules/VERSION
#  -M "..."  modules wanted of it, with all they depend on (default: all)
#  -c N      CPUs (4); 16 and more are    -r SIZE   memory (1G)
#            spread over four nodes
#  -t N      seconds until it is stopped  -a "..."  kernel arguments
#  -n NAME   of the logs                  -w REGEX  lines of the kernel log
#  -f FILE   into /t of the guest, and a            that are expected
#            module where modprobe finds it (repeat)
#  -e X=Y    environment of SCRIPT (repeat)
#  -b NAME   a program of this machine, with its libraries (repeat)
#  -o DIR    a tree that is laid over the guest's, with its programs' libraries
#  -q "..."  arguments of QEMU (repeat)
#  -A "..."  accelerator and CPU, where not the fastest that works is wanted
#  -N N      nodes, each with its own last-level cache, where that is another number
#  -u        FILE of -k is user-mode Linux; -q "..." is put before it (perf record)
#
# $PADATA_KVM (/dev/kvm) is for tests of the probe for an accelerator.
# SCRIPT runs in /t under dash, with busybox and the real kmod.  `report` writes
# a line, or its standard input, to the verdict channel: NAME.verdict; ./tap, which
# SCRIPT may include, writes checks there.  The console is NAME.console.
# Exit status, the gravest first:
#   2 the guest was lost: it panicked, hung or never started
#   3 the kernel's log has a warning (the list is below)
#   4 memory of our modules leaked
#   1 SCRIPT failed
#   0 passed

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/foreign-lib.sh
. "$TOP/scripts/foreign-lib.sh"

# No kernel log may contain these: mostly messages of lockdep, the sanitizers and the
# watchdogs.  "Tainted: G W" is a WARN that lost its own line.
bad='WARNING:|BUG:|BUG |Oops|general protection fault|unable to handle'
bad+='|KASAN:|KCSAN:|UBSAN:|ODEBUG|DEBUG_LOCKS_WARN|refcount_t:'
bad+='|scheduling while atomic|sleeping function called|suspicious RCU usage'
bad+='|possible (recursive|circular|irq lock)|inconsistent lock state'
bad+='|INFO: rcu|rcu: INFO|rcu_.* (self-)?detected|blocked for more than'
bad+='|soft lockup|hard LOCKUP|lockup detected|workqueue lockup'
bad+='|NOHZ tick-stop error|list_(add|del) corruption|Kernel panic'
bad+='|Tainted: [^ ]* *[A-Z ]*W|stack-protector|page allocation failure'

kernel='' modroot='' wanted='' cpus=4 mem=1G limit=300 args='' name=guest allow='' overlay=''
files=() env=() more=() accel=() binaries=() serials=() machine=qemu nodes=''

parse_options() {
	local o words
	while getopts k:m:M:c:r:t:a:n:f:w:e:b:o:q:A:N:u o; do
		case $o in
		k) kernel=$OPTARG ;;	m) modroot=$OPTARG ;;
		M) wanted=$OPTARG ;;	c) cpus=$OPTARG ;;
		r) mem=$OPTARG ;;	t) limit=$OPTARG ;;
		a) args=$OPTARG ;;	n) name=$OPTARG ;;
		w) allow=$OPTARG ;;	f) files+=("$OPTARG") ;;
		e) env+=("$OPTARG") ;;	b) binaries+=("$OPTARG") ;;
		A) read -ra accel <<<"$OPTARG" ;;
		o) overlay=$OPTARG ;;	u) machine=uml ;;
		N) nodes=$OPTARG ;;
		q) read -ra words <<<"$OPTARG"; more+=("${words[@]}") ;;
		*) die "see the head of $0" ;;
		esac
	done
}

# many_cpus: on $nodes nodes.  $arch_many replaces measurements of the guest's kernel,
# which would be wrong, since all its CPUs share a few real ones.
many_cpus() {
	local node per=$((cpus / nodes))
	smp=$cpus,sockets=$nodes,cores=$per,threads=1
	mem=4G
	args+=" $arch_many"
	[ "$nodes" != 1 ] || return 0
	for ((node = 0; node < nodes; node++)); do
		more+=(-object "memory-backend-ram,id=m$node,size=$((4096 / nodes))M" -numa
			"node,nodeid=$node,memdev=m$node,cpus=$((node * per))-$((node * per + per - 1))")
	done
}

# libraries FILE: none for a script.  libc loads libgcc_s by itself when a thread is
# cancelled or exits, so ldd does not list it.
libraries() {
	local libs libc
	mapfile -t libs < <(ldd "$1" 2>/dev/null | grep -o '/[^ ]*')
	[ ${#libs[@]} -gt 0 ] || return 0
	printf '%s\n' "${libs[@]}"
	libc=$(printf '%s\n' "${libs[@]}" | grep -m1 '/libc\.so') || return 0
	if grep -lE 'pthread_(cancel|exit)' "$1" "${libs[@]}" | grep -qvF "$libc"; then
		echo "$(dirname "$libc")/libgcc_s.so.1"
	fi
}

# add_binary FILE [TO]: with the libraries that it needs, at the same places.
add_binary() {
	local f
	for f in $(libraries "$1"); do
		mkdir -p "$stage$(dirname "$f")"
		cp -L "$f" "$stage$f"
	done
	f=$stage${2:-$1}
	mkdir -p "$(dirname "$f")"
	cp -L "$1" "$f"
}

# add_tool NAME: where the guest looks before it looks for busybox's.
add_tool() {
	local path
	[ -z "$arch_foreign" ] || die "no program $1 of $arch_debian for the guest"
	path=$(PATH=$PATH:/usr/sbin:/sbin command -v "$1") || die "no program $1 here"
	add_binary "$path" "/sbin/$(basename "$1")"
}

# add_overlay: the tree, and the libraries that are not in it.
add_overlay() {
	local f own
	rsync -a "$overlay/" "$stage/"
	own=$(find "$overlay" -name "*.so*" -printf "%h\n" | sort -u | paste -s -d :)
	find "$overlay" -type f -perm -100 -o -name '*.so*' -type f | while read -r f; do
		LD_LIBRARY_PATH=$own libraries "$f"
	done | sort -u | grep -vF "$overlay/" >"$tmp/overlay"
	while read -r f; do
		mkdir -p "$stage$(dirname "$f")"
		cp -L "$f" "$stage$f"
	done <"$tmp/overlay"
}

# wanted_modules VERSION: relative paths of the modules that go into the guest.
wanted_modules() {
	local m
	if [ -z "$wanted" ]; then
		(cd "$modroot/lib/modules/$1" && find kernel -name '*.ko*')
		return
	fi
	for m in $wanted $arch_modules; do
		modprobe -d "$modroot" -S "$1" --show-depends "$m" |
			sed -n "s,^insmod .*/lib/modules/$1/\([^ ]*\).*,\1,p"
	done | sort -u
}

# The guest's modprobe gets plain files: not every kernel unpacks its modules.
add_modules() {
	local version from to f
	version=$(basename "$(echo "$modroot"/lib/modules/*)")
	from=$modroot/lib/modules/$version
	to=$stage/lib/modules/$version
	mkdir -p "$to/updates"
	wanted_modules "$version" >"$tmp/modules"
	rsync -a --files-from="$tmp/modules" "$from/" "$to/"
	cp "$from"/modules.{order,builtin,builtin.modinfo} "$to/"
	find "$to" -name '*.ko.xz' -exec xz -d {} +
	for f in ${files[@]+"${files[@]}"}; do
		[ "${f%.ko}" = "$f" ] || ln "$stage/t/$(basename "$f")" "$to/updates/"
	done
	depmod -b "$stage" "$version"
}

# quoted ASSIGNMENT...: lines that a shell can read back.
quoted() {
	local v value
	for v; do
		value=${v#*=}
		echo "export ${v%%=*}=${value@Q}"
	done
}

# add_programs: busybox, dash and kmod.  busybox's own shell prefers its own modprobe,
# whatever PATH says.
add_programs() {
	local dash kmod t userland
	if [ -n "$arch_foreign" ]; then
		userland=$(foreign_userland)
		cp -r "$userland/bin" "$userland/lib" "$stage/"
		dash=/bin/dash kmod=/bin/kmod
	else
		dash=$(command -v dash) kmod=$(readlink -f "$(command -v modprobe)")
		cp "$(command -v busybox)" "$stage/bin/busybox"
		add_binary "$dash"
		add_binary "$kmod"
	fi
	ln -s "$dash" "$stage/bin/sh"
	for t in modprobe insmod rmmod lsmod depmod modinfo; do
		ln -s "$kmod" "$stage/sbin/$t"
	done
}

make_initramfs() {
	local b
	mkdir -p "$stage"/{bin,sbin,t,lib,tmp}
	add_programs
	for b in ${binaries[@]+"${binaries[@]}"}; do
		add_tool "$b"
	done
	[ -z "$overlay" ] || add_overlay
	install -m 755 "$TOP/scripts/guest/init" "$stage/init"
	install -m 755 "$TOP/scripts/guest/report" "$stage/bin/report"
	cp "$script" "$TOP/scripts/guest/tap" ${files[@]+"${files[@]}"} "$stage/t/"
	[ -z "$modroot" ] || add_modules
	quoted "SCRIPT=$(basename "$script")" "CONSOLE=$arch_console" "CHANNEL=$arch_channel" \
		"MODULES=$arch_modules" "AES=$arch_aes" "SHA256=$arch_sha256" ${env[@]+"${env[@]}"} >"$stage/t/guest.env"
	(cd "$stage" && find . | cpio -o -H newc -R 0:0 --quiet) >"$tmp/initramfs"
}

# qemu SECONDS ARGUMENTS...: in the background, so that a trap can end it.
qemu() {
	local seconds=$1
	shift
	# shellcheck disable=SC2086 # words
	timeout -k 5 "$seconds" $arch_qemu -nodefaults -no-reboot \
		-display none -monitor none "$@" </dev/null >"$tmp/qemu" 2>&1 &
	child=$!
	# The shell's own line about a process that died goes to the same log.
	{ wait $child; } 2>>"$tmp/qemu" || status=$?
	child=
}

# accel: kvm where a kernel gets as far as to panic for want of a root file
# system; some machines have a /dev/kvm that dies on the first instructions.
accel() {
	local cached kvm=${PADATA_KVM:-/dev/kvm}
	cached=$CACHE/accel-$arch-$(cat /proc/sys/kernel/random/boot_id)
	if [ ! -e "$cached" ]; then
		rm -f "$CACHE/accel-$arch"-*
		if [ -z "$arch_foreign" ] && [ -w "$kvm" ]; then
			qemu 15 -accel kvm -cpu host -m 512M -kernel "$kernel" \
				-serial "file:$tmp/probe" -append "console=$arch_console panic=-1"
		fi
		if grep -qs 'Kernel panic' "$tmp/probe"; then
			echo "-accel kvm -cpu host" >"$cached"
		else
			echo "-accel tcg,thread=$arch_threads -cpu $arch_cpu" >"$cached"
		fi
	fi
	read -ra accel <"$cached"
}

# uml: its channels are pipes, which it wants.  Memory is a file, so one in memory.
uml() {
	local channel readers=() words
	read -ra words <<<"$args"
	for channel in console verdict; do
		mkfifo "$tmp/$channel"
		cat "$tmp/$channel" >"${!channel}" &
		readers+=($!)
	done
	TMPDIR=/dev/shm timeout -k 5 "$limit" ${more[@]+"${more[@]}"} "$kernel" mem="$mem" ncpus="$cpus" \
		seccomp=on initrd="$tmp/initramfs" noreboot con=null con0=null,fd:4 ssl=null \
		ssl1=null,fd:3 console=tty0 loglevel=7 panic=-1 "${words[@]}" \
		3>"$tmp/verdict" 4>"$tmp/console" </dev/null >"$tmp/qemu" 2>&1 &
	child=$!
	wait $child || status=$?
	child=
	wait "${readers[@]}"
	rm "$tmp/console" "$tmp/verdict"
}

boot() {
	status=0
	rm -f "$console" "$verdict"
	touch "$console" "$verdict"
	if [ $machine = uml ]; then
		uml
		return
	fi
	read -ra serials <<<"$arch_serials"
	serials=("${serials[@]/CONSOLE/"$console"}")
	qemu "$limit" "${accel[@]}" -smp "$smp" -m "$mem" -kernel "$kernel" \
		-initrd "$tmp/initramfs" "${serials[@]/VERDICT/"$verdict"}" \
		${more[@]+"${more[@]}"} \
		-append "console=$arch_console loglevel=7 panic=-1 $args"
}

# stale_breakpoint: with several threads QEMU before 8.1 lets a CPU run a breakpoint by which
# the kernel has patched its code, and which is gone: the kernel dies of int3, and the byte
# before that at which the CPU stands is not 0xcc.
stale_breakpoint() {
	awk '/int3: 0000 \[#1\]/ { died = 1 }
	     died && / Code: / { gone = / <[0-9a-f]+>/ && !/ cc </; exit }
	     END { exit !gone }' "$console"
}

# Emulators lose a kernel before PID 1 now and then; that is not our failure: once.
# A stale breakpoint ends 1 of 60 boots, more where the host is busy, and later now and
# then a kernel that patches itself, as for a tracer; so up to three times.  Counted and
# shown.
boot_again_if_lost() {
	local times=0
	boot
	while [ $times -lt 3 ]; do
		stale_breakpoint || { [ $times = 0 ] && ! grep -qx 'guest: up' "$verdict"; } ||
			return 0
		times=$((times + 1))
		say "guest $name: lost by its emulator; started again ($times)"
		cp "$console" "$LOGS/$name.lost"
		boot
	done
}

# Data races of the kernel alone that KCSAN reports although a task of ours is in the
# trace, since it sleeps there.
kernels_races='hrtimer_wakeup / schedule_hrtimeout_range_clock'

# console_lines: the kernel has data races of its own; of KCSAN's reports, which
# are enclosed in double lines, only those are kept that name a module of ours.
console_lines() {
	awk '/==========/ { if (text ~ /BUG: KCSAN:/ && (text !~ ours || text ~ theirs)) text = ""
			   printf "%s", text; text = "" }
			 { text = text $0 "\n" }
	     END         { printf "%s", text }' \
		ours='\\[(padata|pcrypt)_[a-z_]*\\]' theirs="KCSAN: data-race in ($kernels_races)" \
		"$console"
}

# not_fair_server: from 6.12 on the scheduler's fair server counts as a running task.
# While it is armed, which takes a task that has waited for its CPU for long, the kernel
# warns of a CPU that goes offline ("Dying CPU not properly vacated!").  The list of tasks
# below then has one less than it says.  That warning is left out, no other one; and with it
# the lines of its report that say what there was before, such as the first such warning.
not_fair_server() {
	awk 'function leave_out(from, to) {
		delete line[from]
		for (; from < to; from++)
			if (line[from] ~ /Tainted: /)
				delete line[from]
	}
	{ line[NR] = $0 }
	/WARNING: .* sched_cpu_dying(\.cold)?\+/ { at = NR }
	at && / enqueued tasks \(2 total\):/ { listed = NR }
	listed && /pid: [0-9]+, name: / { pids[at]++ }
	listed && NR > listed + 2 { if (pids[at] == 1) leave_out(at, listed); at = listed = 0 }
	END { for (i = 1; i <= NR; i++) if (i in line) print line[i] }'
}

# bad_lines: of the kernel's log, without the expected ones.
bad_lines() {
	console_lines | not_fair_server | grep -aE "$bad" | grep -avE "${allow:-^$}"
}

# Bits of the taint mask: 5 bad page, 7 died, 9 warned, 14 soft lockup.
tainted() {
	[ -z "$allow" ] || return 1
	# A warning that is left out has left its bit.
	! cmp -s <(console_lines) <(console_lines | not_fair_server) && return 1
	[ $(($(sed -n 's/^taint: //p' "$verdict") & (1 << 5 | 1 << 7 | 1 << 9 | 1 << 14))) != 0 ]
}

# kernel_release: as the guest's kernel has said.
kernel_release() {
	sed -n 's/.*Linux version \([^ ]*\) .*/\1/p;T;q' "$console"
}

# finish CODE MESSAGE: $RAN are the words for what ran, if not the name of SCRIPT.
finish() {
	local what
	read -ra what <<<"${RAN:-$(basename "$script")}"
	[ "$1" != 0 ] || note_run "$(kernel_release)" "${what[@]}"
	say "guest $name: $2 (logs: $console, $verdict)"
	exit "$1"
}

# Lost, bad log, leak, failed, passed: everything found is shown.
judge() {
	local code
	if bad_lines >"$tmp/bad"; then
		head -n 20 "$tmp/bad" >&2
	fi
	if ! grep -q '^verdict: ' "$verdict"; then
		tail -n 25 "$console" "$tmp/qemu" >&2
		[ $status != 124 ] || finish 2 "stopped after $limit s"
		finish 2 "lost"
	fi
	code=$(sed -n 's/^verdict: //p' "$verdict")
	[ ! -s "$tmp/bad" ] || finish 3 "the kernel's log has warnings; exit status $code"
	! tainted || finish 3 "the kernel is tainted by a warning; exit status $code"
	if grep '^leak: ' "$verdict" >&2; then
		finish 4 "memory leaked; exit status $code"
	fi
	[ "$code" = 0 ] || finish 1 "exit status $code"
	finish 0 "passed"
}

# shellcheck disable=SC2317 # called by the trap
cleanup() {
	[ -z "$child" ] || kill "$child" 2>/dev/null || true
	rm -rf "$tmp"
}

parse_options "$@"
shift $((OPTIND - 1))
script=${1:?see the head of $0}
smp=$cpus
[ "$cpus" -lt 16 ] || nodes=${nodes:-4}
[ -z "$nodes" ] || [ $machine = uml ] || many_cpus
[ -e "$kernel" ] || die "no kernel $kernel"
[ -n "$arch_qemu" ] || die "no guests of $arch"
child='' status=0
tmp=$(mktemp -d)
stage=$tmp/stage
console=$LOGS/$name.console
verdict=$LOGS/$name.verdict
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
# Results of an earlier guest must not be read as this one's.
rm -f "$console" "$verdict"
touch "$console" "$verdict"
make_initramfs
[ ${#accel[@]} != 0 ] || [ $machine = uml ] || accel
boot_again_if_lost
judge
