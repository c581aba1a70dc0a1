#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Show where each stream of padata stands, in the running kernel or in a dump of one.

For each instance: masks, its queues, and what the pump of each CPU does; for each of its
streams (shells): jobs in flight, mode, where the baton is, the first job, and why the
stream does not go on.  Needs drgn (python3-drgn), vmlinux and padata_mod.ko with their debug
information, and for the running kernel root.

The running kernel changes while it is read.  A line may then contradict another one, and
a part that can't be read is named in a line of its own.
"""

import argparse
import bisect
import collections
import functools
import itertools
import os
import re
import struct
import subprocess
import sys
import tempfile

try:
    import drgn
    from drgn import FaultError, Object, container_of
    from drgn.helpers.linux.list import hlist_for_each_entry, list_for_each_entry
    from drgn.helpers.linux.llist import llist_for_each_entry
    from drgn.helpers.linux.percpu import per_cpu, per_cpu_ptr
except ImportError as missing:
    sys.exit(f"padata_dump: {missing}; Debian's package is python3-drgn")

# A longer list has changed while it was read.
LONGEST = 1000000
# What a read raises of memory that has changed meanwhile: no such address, or a value that
# has no meaning.
CHANGED = (FaultError, LookupError, ValueError, struct.error)
# THREAD_SIZE of x86-64 without KASAN.
STACK_BYTES = 1 << 14
# So many functions of a task are shown.
FRAMES = 16
# padata/limits.h
CPU_NONE, CPU_MANY, CPU_UNKNOWN = -1, -2, -3
# WORK_STRUCT_PENDING of the kernel.
PENDING = 1
MODES = {0: "direct", 1: "parallel", 2: "returning"}
STAGES = ("waits for softirqs", "waits behind other work", "waits for a grace period")


class Failure(Exception):
    """What the user has to know, in one line."""


def cpu_name(cpu):
    """Return what one of the fields fence, from and direct.on says."""
    return {CPU_NONE: "none", CPU_MANY: "several CPUs",
            CPU_UNKNOWN: "not looked up"}.get(cpu, f"CPU {cpu}")


def cpu_list(cpus):
    """Return CPUs as "0-3,8"."""
    runs = []
    for cpu in cpus:
        if runs and runs[-1][1] == cpu - 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(f"{a}-{b}" if b > a else str(a) for a, b in runs) or "none"


def task_name(task):
    """Return the name and the number of a task."""
    return f"{task.comm.string_().decode()}, pid {task.pid.value_()}"


def plural(number, noun):
    """Return the number and the noun."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def print_unread(what, error):
    """Say that it can't be read."""
    print(f"{what} can't be read: {' '.join(str(error).split()) or type(error).__name__}")


def attempt(what, function, *arguments):
    """Return what the function does, or None, with a line, where it can't read something."""
    try:
        return function(*arguments)
    except CHANGED as error:
        print_unread(what, error)
        return None


def walk(what, found):
    """Return a list of the kernel's, up to where it can't be read, and say so."""
    entries = []
    try:
        entries.extend(itertools.islice(found, LONGEST))
    except CHANGED as error:
        print_unread(what, error)
    return entries


def bits(mask, limit):
    """Return the bits that are set in a cpumask_var_t, which is an array or a pointer."""
    words = mask[0].bits
    return [bit for bit in range(limit) if words[bit // 64].value_() >> bit % 64 & 1]


# Debug information


def sections(prog):
    """Return the addresses of the sections of each loaded module, as the kernel keeps them."""
    found = {}
    try:
        for mod in list_for_each_entry("struct module", prog["modules"].address_of_(), "list"):
            attrs = mod.sect_attrs
            found[mod.name.string_().decode()] = {
                attrs.attrs[i].battr.attr.name.string_().decode(): attrs.attrs[i].address.value_()
                for i in range(attrs.nsections.value_())}
    except (LookupError, AttributeError, FaultError) as error:
        raise Failure("the list of modules can't be read, is vmlinux that of this kernel? "
                      f"({error})") from error
    if "padata_mod" not in found:
        raise Failure("padata_mod is not loaded in that kernel")
    return found


def linked(path, addresses, directory):
    """Link a module to where it is loaded, for a drgn that can't do that by itself.

    Calls into the kernel stay unresolved: only types, variables and names of functions
    are wanted.
    """
    script = os.path.join(directory, "script")
    output = os.path.join(directory, os.path.basename(path) + ".linked")
    with open(script, "w", encoding="ascii") as file:
        file.write("SECTIONS {\n")
        for i, (name, address) in enumerate(addresses.items()):
            # Under another name: this is no module any more.
            file.write(f" .at{i} {address:#x} : {{ *({name}) }}\n")
        file.write("}\n")
    try:
        subprocess.run(["ld", "--noinhibit-exec", "--no-check-sections", "-T", script,
                        "--unresolved-symbols=ignore-all", "-o", output, path],
                       stderr=subprocess.DEVNULL, check=False)
    except FileNotFoundError as error:
        raise Failure("drgn does not find the modules; ld, of binutils, can help") from error
    if not os.path.exists(output):
        raise Failure(f"ld can't link {path}")
    return output


def functions(path):
    """Return address, end and name of the functions of a linked module."""
    lines = subprocess.run(["nm", "-S", "--defined-only", path], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.split("\n")
    words = [line.split() for line in lines]
    return [(int(word[0], 16), int(word[0], 16) + int(word[1], 16), word[3])
            for word in words if len(word) == 4 and word[2] in "tTwW"]


def running_registers(path):
    """Return the instruction and stack pointers of each CPU, of an ELF dump of x86-64.

    They are in its notes NT_PRSTATUS, one for each CPU.  QEMU writes no task's number into
    them, without which drgn does not use them.
    """
    found = []
    with open(path, "rb") as file:
        head = file.read(64)
        if head[:5] != b"\x7fELF\x02" or struct.unpack_from("<H", head, 18)[0] != 62:
            return found
        file.seek(struct.unpack_from("<Q", head, 32)[0])
        kind, _, offset, _, _, size = struct.unpack("<IIQQQQ", file.read(40))
        file.seek(offset)
        notes = file.read(size) if kind == 4 else b""
    at = 0
    while at + 12 <= len(notes):
        namesz, size, kind = struct.unpack_from("<III", notes, at)
        begin = at + 12 + (namesz + 3 & ~3)
        if kind == 1 and notes[at + 12:at + 16] == b"CORE":
            # User registers begin at 112; rip is the 17th, rsp the 20th.
            found.append(struct.unpack_from("<16xQ16xQ", notes, begin + 112 + 8 * 14))
        at = begin + (size + 3 & ~3)
    return found


def module_name(path):
    """Return the name of a module's file, or None for another file."""
    base = os.path.basename(path)
    return base[:-3].replace("-", "_") if base.endswith(".ko") else None


def try_to_load(prog, paths, **which):
    """Load files, or the default ones.  Return what is missing, in one line."""
    try:
        prog.load_debug_info(paths, **which)
    except (drgn.MissingDebugInfoError, LookupError, OSError, ValueError) as error:
        return " ".join(str(error).split())
    return "it has none"


def has_padata(prog):
    """Return true if our variables are there, and at their places."""
    try:
        return prog.variable("pinsts", "padata_mod.c").address_ >= 1 << 63
    except LookupError:
        return False


def opened(core):
    """Return the program without debug information."""
    prog = drgn.Program()
    try:
        if core:
            prog.set_core_dump(core)
        else:
            prog.set_kernel()
    except (OSError, ValueError) as error:
        raise Failure(f"{core or '/proc/kcore'}: {error}") from error
    return prog


def open_program(core, paths, directory):
    """Return the program, and the functions of modules that had to be linked."""
    modules = [path for path in paths if module_name(path)]
    others = [path for path in paths if not module_name(path)]
    prog, own = opened(core), []
    missing = try_to_load(prog, paths, default=not modules, main=not others)
    if not has_padata(prog) and modules:
        # What drgn has loaded without a place for it is in the way.
        prog = opened(core)
        try_to_load(prog, others, main=not others)
        loaded = sections(prog)
        outputs = [linked(path, loaded[module_name(path)], directory)
                   for path in modules if module_name(path) in loaded]
        try_to_load(prog, outputs)
        own = sorted(function for path in outputs for function in functions(path))
    if not has_padata(prog):
        raise Failure("no debug information of padata_mod; name vmlinux and an unstripped "
                      f"padata_mod.ko by -s ({missing})")
    return prog, own


# What padata has


class Kernel:
    """The types of padata, and what helps to read its lists."""

    def __init__(self, prog, own, core):
        self.prog = prog
        self.own = own
        self.registers = running_registers(core) if core else []
        self.job = prog.type("struct padata_mod_priv")
        self.nr_cpu_ids = prog["nr_cpu_ids"].value_()
        self.possible = [cpu for cpu in range(self.nr_cpu_ids)
                         if prog["__cpu_possible_mask"].bits[cpu // 64].value_() >> cpu % 64 & 1]

    def instances(self):
        """Return all instances."""
        head = self.prog.variable("pinsts", "padata_mod.c").address_of_()
        return walk("the list of instances", list_for_each_entry("struct instance", head, "list"))

    @staticmethod
    def links(link):
        """Yield the links of a list."""
        for _ in range(LONGEST):
            if not link:
                return
            yield link
            link = link.next

    def jobs(self, link, member):
        """Yield the jobs of a list of links."""
        for one in self.links(link):
            yield container_of(one, self.job, member)

    def symbol(self, address):
        """Return the name of a function, with the offset in it."""
        address = address.value_() if isinstance(address, Object) else address
        try:
            symbol = self.prog.symbol(address)
            begin, name = symbol.address, symbol.name
        except LookupError:
            place = bisect.bisect(self.own, (address + 1,)) - 1
            if place < 0 or address >= self.own[place][1]:
                return f"{address:#x}"
            begin, _, name = self.own[place]
        return name + (f"+{address - begin:#x}" if address != begin else "")

    def words(self, begin, end):
        """Return the words of that memory."""
        return struct.unpack(f"<{(end - begin) // 8}Q", self.prog.read(begin, end - begin))

    def irq_stack_top(self, cpu):
        """Return where the last word of a CPU's stack for interrupts is."""
        if "pcpu_hot" in self.prog:
            return per_cpu(self.prog["pcpu_hot"], cpu).hardirq_stack_ptr.value_()
        return per_cpu(self.prog["hardirq_stack_ptr"], cpu).value_()

    def stack_words(self, cpu):
        """Return the words of the stack that a CPU uses.

        The last word of an interrupt's stack says where that of the task goes on.
        """
        sp, irq = self.registers[cpu][1], ()
        begin = self.running_on(cpu).stack.value_()
        end = begin + STACK_BYTES
        if not begin <= sp < end:
            irq = self.words(sp, self.irq_stack_top(cpu) + 8)
            sp = irq[-1]
        return irq + (self.words(sp, end) if begin <= sp < end else ())

    def is_return(self, word, following):
        """Return true if it seems to be a return address, or where an interrupt came."""
        if word >> 48 != 0xffff or self.symbol(word).startswith("0x"):
            return False
        before = self.prog.read(word - 5, 5)
        # call of x86: direct, by a register, by memory.  An interrupt saves cs behind.
        return before[0] == 0xe8 or 0xff in (before[2], before[3]) or following == 0x10

    def calls_on_stack(self, cpu):
        """Yield the functions in which the task that a CPU runs is.

        The first is certain; others may be left over from earlier calls.
        """
        words = self.stack_words(cpu)
        # Without a stack of the task or of an interrupt the registers are another CPU's.
        if words:
            yield self.symbol(self.registers[cpu][0])
        for word, following in zip(words, words[1:]):
            if self.is_return(word, following):
                yield self.symbol(word)

    def worker_of(self, work, cpu):
        """Return the task that runs a work item on a CPU now, or None."""
        try:
            pools = per_cpu(self.prog["cpu_worker_pools"], cpu)
            for pool in pools:
                for bucket in pool.busy_hash:
                    for worker in hlist_for_each_entry("struct worker", bucket.address_of_(),
                                                       "hentry"):
                        if worker.current_work == work:
                            return worker.task
        except (AttributeError, *CHANGED):
            pass
        return None

    def running_on(self, cpu):
        """Return the task that a CPU runs now."""
        return per_cpu(self.prog["runqueues"], cpu).curr


class Pump:
    """The worker of one CPU."""

    def __init__(self, kernel, pinst, cpu):
        self.kernel = kernel
        self.cpu = cpu
        self.pump = per_cpu_ptr(pinst.pumps, cpu)
        self.queue = self.pump.sq

    @functools.lru_cache(maxsize=None)
    def shells(self, name):
        """Return the shells in one of its lock-free lists."""
        found = llist_for_each_entry("struct padata_mod_shell",
                                     getattr(self.pump, name).first, "deferred")
        return [shell.value_() for shell in itertools.islice(found, LONGEST)]

    @functools.lru_cache(maxsize=None)
    def queues(self, name):
        """Return the CPUs of the serial queues in one of its lists."""
        head = getattr(self.pump, name)
        if name == "serving":
            found = list_for_each_entry("struct serial_queue", head.address_of_(), "serving")
        else:
            found = llist_for_each_entry("struct serial_queue", head.first, "ready")
        # Each CPU has one.
        return [queue.cpu.value_() for queue in itertools.islice(found, self.kernel.nr_cpu_ids)]

    @functools.cached_property
    def serial_jobs(self):
        """The jobs in the serial queue of this CPU, in order."""
        return list(self.kernel.jobs(self.queue.batch, "order")) + \
            list(self.kernel.jobs(self.queue.incoming.first, "order"))

    @functools.cached_property
    def serial_shells(self):
        """How many of them each shell has, by its address."""
        return collections.Counter(job.ps.value_() for job in self.serial_jobs)

    def owner(self, pumps):
        """Return which pump has the serial queue of this CPU."""
        if not self.queue.owned:
            return "no pump"
        for pump in pumps:
            if self.cpu in pump.queues("serving"):
                return f"the pump of CPU {pump.cpu}"
            if self.cpu in pump.queues("ready"):
                return f"the pump of CPU {pump.cpu}, on its way there"
            if self.cpu in pump.queues("leaving_queues") + pump.queues("settle_queues"):
                return f"the pump of CPU {pump.cpu}, until that CPU has settled"
        return "a pump, on its way there"

    def state(self):
        """Return whether it sleeps, waits for its turn or runs, and the task to look at."""
        if not self.pump.awake.counter:
            return "sleeps", None
        task = self.kernel.worker_of(self.pump.work.address_of_(), self.cpu)
        current = self.kernel.running_on(self.cpu)
        if task and task == current:
            return f"runs as {task_name(task)}", task
        if task:
            return f"has {task_name(task)}, the CPU runs {task_name(current)}", current
        if self.pump.work.data.counter.value_() & PENDING:
            return f"waits for a worker, the CPU runs {task_name(current)}", current
        return "awake", None

    def duties(self):
        """Return what it has to do, in words."""
        words = []
        if self.pump.pulling:
            words.append("pulls jobs")
        if self.pump.running:
            words.append(f"in parallel() of shell {self.pump.running.id.value_()}")
        if self.pump.inline_depth:
            words.append(f"{plural(self.pump.inline_depth.value_(), 'job')} run by submitters")
        for name, text in (("serving", "serves the queues of CPUs"),
                           ("ready", "is given the queues of CPUs"),
                           ("leaving_queues", "is to settle for the queues of CPUs"),
                           ("settle_queues", "settles for the queues of CPUs")):
            cpus = self.queues(name)
            if cpus:
                words.append(f"{text} {cpu_list(sorted(cpus))}")
        for name, text in (("deferred", "is to drain"), ("leaving", "is to settle for"),
                           ("settle_shells", "settles for")):
            number = len(self.shells(name))
            if number:
                words.append(f"{text} {plural(number, 'shell')}")
        if self.pump.settling:
            words.append(STAGES[self.pump.settle_stage.value_()])
        return words


class Shell:
    """One stream."""

    def __init__(self, kernel, pinst, pumps, ps):
        self.kernel = kernel
        self.pinst = pinst
        self.pumps = pumps
        self.ps = ps
        self.jobs = list(kernel.jobs(ps.order.first, "order"))
        self.flight = ps.refs.counter.value_() - (not ps.orphan.value_())
        # One that a pump keeps is no job.
        self.flight -= sum(1 for pump in pumps for kept in ("idle_shell", "settle_idle")
                           if getattr(pump.pump, kept) == ps)
        self.flight -= ps.settle_idle.value_()
        self.states = [self.state_of(job) for job in self.jobs]

    def state_of(self, job):
        """Return the name of a job's state."""
        enum = self.kernel.prog.type("enum job_state")
        names = {value: name for name, value in enum.enumerators}
        return names.get(job.state.counter.value_(), "?")

    def baton(self):
        """Return where the baton is."""
        place = self.ps.baton.format_(type_name=False)
        if place == "BATON_HOME":
            return "at home: no job is in the order list"
        if place == "BATON_PARKED":
            return ("parked: the first job is done and waits for "
                    f"{plural(self.ps.pending.counter.value_(), 'callback')} before it")
        if self.states and self.states[0] == "JOB_BATON":
            return "on the first job, which is not done: its end drains"
        me = self.ps.value_()
        for pump in self.pumps:
            where = f"with the pump of CPU {pump.cpu}"
            if pump.pump.undrained_shell == self.ps:
                return f"{where}, which drains after its job"
            if me in pump.shells("deferred"):
                return f"{where}, which is to drain"
            if me in pump.shells("leaving") + pump.shells("settle_shells"):
                return f"{where}, until that CPU has settled"
        return "with a drainer"

    def mode(self):
        """Return whether submitters do the work, and where."""
        cpu = self.ps.direct.on.value_()
        if cpu == CPU_NONE:
            return "jobs"
        return "direct on " + cpu_name(cpu) + (" alone" if self.ps.direct_here else "")

    def cause(self):
        """Return why it does not go on, in the words of the stall detector."""
        if not self.flight:
            return None
        if not self.jobs:
            return "its callbacks do not run"
        if self.states[0] != "JOB_DONE":
            return "its first job is not completed"
        if self.ps.baton.format_(type_name=False) == "BATON_PARKED":
            return "its first job waits for earlier callbacks, which do not run"
        if self.jobs[0].fence.value_() != CPU_NONE:
            return "its first job waits for softirqs and work items of another CPU"
        return "its first job is done and not handed over"

    def where_first_is(self):
        """Return where a first job that is not done is."""
        queued = [job.value_() for job in self.kernel.jobs(self.ps.queue.first, "queue")]
        if self.jobs[0].value_() in queued:
            return (f"is in the shared queue: {queued.index(self.jobs[0].value_()) + 1} of "
                    f"{len(queued)} of its shell, whose turn is {self.turn()}")
        cpus = [pump.cpu for pump in self.pumps if pump.pump.running == self.ps]
        if cpus:
            return f"is in parallel(): that of its shell runs on CPU {cpu_list(cpus)}"
        text = "is not in the shared queue: its parallel() has returned"
        # A pump has the jobs that it has pulled in a list on its stack.
        cpus = [pump.cpu for pump in self.pumps
                if pump.pump.running or pump.pump.inline_depth]
        return text + (f", or waits for jobs on CPU {cpu_list(cpus)}" if cpus else "")

    def turn(self):
        """Return the place of the shell among those with jobs in its pod, as "2 of 7"."""
        turns = [link.value_() for link in self.kernel.links(self.ps.pod.turns.first)]
        turn = self.ps.turn.address_of_().value_()
        return f"{turns.index(turn) + 1} of {len(turns)}" if turn in turns else "not known"

    def callbacks(self):
        """Yield where callbacks that were handed over wait."""
        left = self.ps.pending.counter.value_()
        for pump in self.pumps:
            number = pump.serial_shells[self.ps.value_()]
            left -= number
            if number:
                yield (f"{plural(number, 'callback')} in the serial queue of CPU {pump.cpu}, "
                       f"owner {pump.owner(self.pumps)}")
        if left > 0:
            yield f"{plural(left, 'callback')} begun, or being handed over"

    def sample(self):
        """Return a job of it, the first if there is one."""
        if self.jobs:
            return self.jobs[0]
        for pump in self.pumps:
            if pump.serial_shells[self.ps.value_()]:
                return next((job for job in pump.serial_jobs if job.ps == self.ps), None)
        return None


def pcrypt_text(kernel, job):
    """Return which cipher a job of pcrypt is for, or None for another user's job."""
    try:
        request = container_of(job, kernel.prog.type("struct pcrypt_request"), "padata")
        if not kernel.symbol(job.serial).startswith("pcrypt_"):
            return None
        tfm = request.req.tfm
        ctx = Object(kernel.prog, kernel.prog.pointer_type(kernel.prog.type("struct pcrypt_tfm")),
                     value=tfm.member_("__crt_ctx").address_of_().value_())
        stream = ctx.stream[request.dir.value_()]
        way = "decrypt" if request.dir.value_() else "encrypt"
        driver = tfm.member_("__crt_alg").cra_driver_name.string_().decode()
    except (AttributeError, *CHANGED):
        return None
    return (f"{driver}, {way}, mode {MODES[stream.mode.value_()]}, "
            f"{plural(stream.in_flight.value_(), 'request')} in flight")


# Output


def print_stack(kernel, cpu):
    """Print where the task that a CPU runs is, as far as the dump has that."""
    if cpu >= len(kernel.registers):
        return
    try:
        for name, _ in zip(kernel.calls_on_stack(cpu), range(FRAMES)):
            print(f"      {name}")
            if name.startswith("process_one_work"):
                break
    except CHANGED:
        return


def print_pump(kernel, pump, pumps, online):
    """Print one pump, unless it sleeps with nothing to do."""
    state, task = pump.state()
    duties = pump.duties()
    jobs = len(pump.serial_jobs)
    offline = "" if pump.cpu in online else " (offline)"
    print(f"  pump of CPU {pump.cpu}{offline}: {'; '.join([state] + duties)}")
    if jobs:
        at = pump.queue.at.value_()
        print(f"    its serial queue: {plural(jobs, 'job')}, owner {pump.owner(pumps)}, "
              f"ran last on {cpu_name(at)}")
    if task:
        print_stack(kernel, pump.cpu)


def print_first(shell):
    """Print the first job of the order list."""
    job = shell.jobs[0]
    kernel = shell.kernel
    done = sum(1 for state in shell.states if state == "JOB_DONE")
    print(f"    order list: {plural(len(shell.jobs), 'job')}, {done} done, "
          f"{shell.ps.nr_queued.value_()} in the shared queue")
    print(f"    first job {job.value_():#x}: {shell.states[0]}, "
          f"callback CPU {job.cb_cpu.value_()}, fence {cpu_name(job.fence.value_())}")
    print(f"      functions: {kernel.symbol(job.parallel)}, {kernel.symbol(job.serial)}")
    if shell.states[0] != "JOB_DONE":
        print(f"      {shell.where_first_is()}")


def print_shell(shell):
    """Print one stream."""
    ps = shell.ps
    orphan = ", put by its owner" if ps.orphan else ""
    print(f"  shell {ps.id.value_()} at {ps.value_():#x}: "
          f"{plural(shell.flight, 'job')} in flight, mode {shell.mode()}")
    print(f"    allocated by {shell.kernel.symbol(ps.owner)}{orphan}")
    print(f"    baton: {shell.baton()}")
    if shell.jobs:
        print_first(shell)
    for text in shell.callbacks():
        print(f"    {text}")
    job = shell.sample()
    text = job is not None and pcrypt_text(shell.kernel, job)
    if text:
        print(f"    cipher: {text}")
    if ps.seen.said:
        print("    the stall detector has reported it")
    cause = shell.cause()
    if cause:
        print(f"    cause: {cause}")


def print_unless_idle(kernel, pinst, pumps, ps, idle):
    """Print one stream, or return true if it has no job in flight and is left out."""
    if not idle and ps.refs.counter.value_() == (not ps.orphan):
        return True
    print_shell(Shell(kernel, pinst, pumps, ps))
    return False


def print_shells(kernel, pinst, pumps, idle):
    """Print all streams of an instance."""
    nr_idle = 0
    found = list_for_each_entry("struct padata_mod_shell", pinst.shells.address_of_(), "list")
    for ps in walk("  the list of shells", found):
        nr_idle += attempt(f"    shell at {ps.value_():#x}: the rest", print_unless_idle,
                           kernel, pinst, pumps, ps, idle) or 0
    if nr_idle:
        print(f"  {plural(nr_idle, 'shell')} with no job in flight (-a shows them)")


def print_title(pinst):
    """Print the first line of an instance."""
    print(f"instance {pinst.name.string_().decode()} at {pinst.value_():#x}: "
          f"{'accepts jobs' if pinst.running else 'stopped'}, "
          f"{plural(pinst.stalls.value_(), 'stall')} reported")
    return True


def print_masks(kernel, pinst):
    """Print the CPUs of an instance, and return those that are online."""
    parallel, serial, online = (bits(mask, kernel.nr_cpu_ids) for mask in (
        pinst.masks.parallel, pinst.masks.serial, pinst.online))
    print(f"  CPUs for work {cpu_list(parallel)}, for callbacks {cpu_list(serial)}, "
          f"online {cpu_list(online)}")
    return online


def print_pod(kernel, pod, named):
    """Print a queue; of several each says whose it is."""
    usable = cpu_list(bits(pod.usable, kernel.nr_cpu_ids))
    cpus = f" of CPUs {cpu_list(bits(pod.cpus, kernel.nr_cpu_ids))} (in use {usable})"
    print(f"  shared queue{cpus if named else ''}: {plural(pod.nr_queued.value_(), 'job')}, "
          f"{pod.nr_pulling.value_()} pulling, mean time of a job "
          f"{pod.service_ns.value_()} ns")


def print_queues(kernel, pinst):
    """Print the queues of an instance, one for each pod."""
    nr_pods = pinst.nr_pods.value_()
    for i in range(nr_pods):
        print_pod(kernel, pinst.pods[i], nr_pods > 1)


def print_pumps(kernel, pinst, online):
    """Print all pumps of an instance, and return them."""
    pumps = [Pump(kernel, pinst, cpu) for cpu in kernel.possible]
    for pump in pumps:
        attempt(f"  pump of CPU {pump.cpu}: the rest", print_pump, kernel, pump, pumps, online)
    return pumps


def print_instance(kernel, pinst, idle):
    """Print one instance.  Return true if there was something to read."""
    if not attempt(f"instance at {pinst.value_():#x}", print_title, pinst):
        return False
    online = attempt("  the masks", print_masks, kernel, pinst)
    attempt("  the shared queue", print_queues, kernel, pinst)
    pumps = attempt("  the list of pumps", print_pumps, kernel, pinst, online or kernel.possible)
    print_shells(kernel, pinst, pumps or [], idle)
    return True


def is_named(pinst, regex):
    """Return true if the instance has such a name."""
    name = attempt(f"instance at {pinst.value_():#x}: the name", pinst.name.string_)
    return name is not None and regex.search(name.decode(errors="replace"))


def parse(arguments):
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, prog="padata_dump",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("regex", nargs="?", default="", help="instances by name (all)")
    parser.add_argument("-c", "--core", metavar="FILE",
                        help="a dump: kdump's vmcore, or QEMU's (the running kernel)")
    parser.add_argument("-s", "--symbols", action="append", default=[], metavar="FILE",
                        help="vmlinux, padata_mod.ko, pcrypt_mod.ko (what is installed)")
    parser.add_argument("-a", "--all", action="store_true",
                        help="also shells with no job in flight")
    options = parser.parse_args(arguments)
    try:
        options.regex = re.compile(options.regex)
    except re.error as error:
        parser.error(f"{options.regex!r} is no regular expression: {error}")
    return options


def main(arguments):
    """Return the exit status."""
    options = parse(arguments)
    with tempfile.TemporaryDirectory() as directory:
        try:
            kernel = Kernel(*open_program(options.core, options.symbols, directory), options.core)
        except (Failure, *CHANGED) as failure:
            print(f"padata_dump: {failure}", file=sys.stderr)
            return 1
        found = [pinst for pinst in kernel.instances() if is_named(pinst, options.regex)]
        shown = [print_instance(kernel, pinst, options.all) for pinst in found]
        if not found:
            print("padata_dump: no such instance", file=sys.stderr)
    return 0 if any(shown) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
