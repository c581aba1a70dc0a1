#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Test that padata_dump says in one line what of a changing kernel it can't read.

Its memory is made of objects that count what is read of them.  One read after the other
fails, and then all from one on.  Prints a line for each check, the plan, and "N passed,
N failed".
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import sys
import types

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Two CPUs.
CPUS = 2


class FaultError(Exception):
    """As drgn's."""


class Memory:
    """Which reads fail, and how."""

    number = 0
    first = last = 0
    error = FaultError

    @classmethod
    def read(cls):
        """Count a read."""
        cls.number += 1
        if cls.first <= cls.number <= cls.last:
            raise cls.error("could not read\nmemory")


class Thing:
    """An object of drgn's: a value in memory, with members."""

    made = 0

    def __init__(self, value=None, entries=(), **members):
        Thing.made += 1
        self.address = Thing.made
        self.value = value
        self.entries = entries
        self.__dict__.update(members)

    def value_(self):
        """Read it.  Pointers to structures are known, as those in lists are."""
        if self.value is None:
            return self.address
        Memory.read()
        return self.value

    def string_(self):
        """Read a string."""
        Memory.read()
        return self.value.encode()

    def format_(self, type_name):
        """Read an enumerator."""
        assert not type_name
        Memory.read()
        return self.value

    def address_of_(self):
        """Return a pointer to it."""
        return self

    def __bool__(self):
        Memory.read()
        return bool(self.value)

    def __getitem__(self, index):
        return self.entries[index]

    def __eq__(self, other):
        Memory.read()
        return self is other

    def __hash__(self):
        return self.address


def walked(_type, head, _member):
    """Yield the entries of a list."""
    for entry in head.entries:
        Memory.read()
        yield entry
    Memory.read()


def drgn():
    """Return modules in place of drgn's."""
    names = {"": {"FaultError": FaultError, "Object": Thing, "Program": None,
                  "container_of": lambda link, _type, _member: link.job},
             ".helpers": {}, ".helpers.linux": {},
             ".helpers.linux.list": {"hlist_for_each_entry": walked,
                                     "list_for_each_entry": walked},
             ".helpers.linux.llist": {"llist_for_each_entry": walked},
             ".helpers.linux.percpu": {"per_cpu": lambda variable, cpu: variable[cpu],
                                       "per_cpu_ptr": lambda variable, cpu: variable[cpu]}}
    for name, members in names.items():
        module = types.ModuleType("drgn" + name)
        module.__dict__.update(members)
        yield "drgn" + name, module


def load():
    """Return the script as a module."""
    sys.dont_write_bytecode = True
    sys.modules.update(drgn())
    loader = importlib.machinery.SourceFileLoader(
        "padata_dump", os.path.join(TOP, "scripts", "padata_dump.py"))
    spec = importlib.util.spec_from_loader("padata_dump", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


# What the kernel has


def mask(bits):
    """Return a cpumask_var_t."""
    return Thing(entries=[Thing(bits=[Thing(bits)])])


def counter(value):
    """Return an atomic_t."""
    return Thing(counter=Thing(value))


def chain(jobs):
    """Return a pointer to the first link of a list of jobs."""
    link = Thing(0)
    for job in reversed(jobs):
        link = Thing(1, job=job, next=link)
    return link


def make_job(state, cpu=0):
    """Return a job."""
    return Thing(state=counter(state), cb_cpu=Thing(cpu), fence=Thing(-1),
                 parallel=Thing(0x10), serial=Thing(0x20))


def make_shell(number, jobs, baton="BATON_ORDER"):
    """Return a stream."""
    ps = Thing(id=Thing(number), order=Thing(first=chain(jobs)), orphan=Thing(0),
               refs=counter(1 + len(jobs)), pending=counter(0), settle_idle=Thing(0),
               baton=Thing(baton), direct=Thing(on=Thing(-1)), direct_here=Thing(0),
               owner=Thing(0x30), seen=Thing(said=Thing(1)), nr_queued=Thing(len(jobs)),
               queue=Thing(first=chain(jobs)), turn=Thing())
    for job in jobs:
        job.ps = ps
    return ps


def make_pump(cpu, running, serial, deferred):
    """Return the worker of one CPU."""
    queue = Thing(cpu=Thing(cpu), owned=Thing(1), at=Thing(cpu), batch=chain(serial),
                  incoming=Thing(first=chain([])))
    empty = {name: Thing(first=Thing()) for name in
             ("ready", "leaving_queues", "settle_queues", "leaving", "settle_shells")}
    return Thing(sq=queue, awake=counter(1), work=Thing(data=counter(1)), pulling=Thing(1),
                 running=running, inline_depth=Thing(1), settling=Thing(1),
                 settle_stage=Thing(2), idle_shell=Thing(), settle_idle=Thing(),
                 undrained_shell=Thing(), serving=Thing(entries=[queue]),
                 deferred=Thing(first=Thing(entries=[deferred])), **empty)


def make_instance(name):
    """Return an instance with a stream that waits, one whose callback waits, one idle."""
    waits, given = make_job(0), make_job(1, 1)
    shells = [make_shell(1, [waits, make_job(1)]), make_shell(2, []), make_shell(3, [])]
    given.ps = shells[1]
    shells[1].refs = counter(2)
    shells[1].pending = counter(1)
    shells[0].turn = Thing(7)
    shells[0].running = True
    pumps = [make_pump(cpu, shells[0] if cpu else Thing(0), [given] if cpu else [], shells[0])
             for cpu in range(CPUS)]
    for ps in shells:
        ps.value = None
        ps.__class__ = Pointer
    pod = Thing(cpus=mask(3), usable=mask(3), nr_queued=Thing(2), nr_pulling=Thing(1),
                service_ns=Thing(100), turns=Thing(first=Thing(0)))
    for ps in shells:
        ps.pod = pod
    return Thing(name=Thing(name), online=mask(3), running=Thing(1), stalls=Thing(0),
                 masks=Thing(parallel=mask(3), serial=mask(3)), pumps=pumps,
                 nr_pods=Thing(1), pods=[pod], shells=Thing(entries=shells))


class Pointer(Thing):
    """A pointer that is not NULL."""

    def __bool__(self):
        Memory.read()
        return True


class Program(dict):
    """The running kernel."""

    def __init__(self):
        tasks = [Thing(curr=Thing(comm=Thing("task"), pid=Thing(cpu))) for cpu in range(CPUS)]
        super().__init__(nr_cpu_ids=Thing(CPUS), runqueues=tasks,
                         __cpu_possible_mask=Thing(bits=[Thing(3)]),
                         cpu_worker_pools=[[], []])
        self.instances = Thing(entries=[make_instance("first"), make_instance("second")])

    def variable(self, _name, _file):
        """Return the list of instances, the only one that is asked for."""
        return self.instances

    @staticmethod
    def type(_name):
        """Return the only type of which more than the name is used."""
        return Thing(enumerators=[("JOB_QUEUED", 0), ("JOB_DONE", 1)])

    @staticmethod
    def symbol(address):
        """Return a function."""
        return types.SimpleNamespace(address=address, name="function")


# The checks


def run(first, last, error=FaultError):
    """Return what it prints, on both streams, and its exit status."""
    Memory.number, Memory.first, Memory.last, Memory.error = 0, first, last, error
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = dump.main(["-a"])
    return out.getvalue(), err.getvalue(), status


def blocks(text):
    """Return the lines of each instance."""
    return ["instance " + part for part in ("\n" + text).split("\ninstance ")[1:]]


def one_fails(number, error):
    """Return what is wrong where one read fails."""
    out, err, status = run(number, number, error)
    if out == whole:
        return None
    lines = [line for line in (out + err).split("\n") if " can't be read: " in line or
             line.startswith("padata_dump: could")]
    if status and not err.startswith("padata_dump: "):
        return f"status {status} without a reason"
    if len(lines) != 1 and not set(out.split("\n")) < set(whole.split("\n")):
        return f"{len(lines)} lines of what can't be read"
    # The other instance is as it would be.
    if not status and not {part.strip() for part in blocks(out)} & \
            {part.strip() for part in blocks(whole)}:
        return "no instance is whole"
    return None


def all_fail(number):
    """Return what is wrong where all reads fail from one on."""
    out, err, status = run(number, sys.maxsize)
    if bool(status) != ("accepts jobs" not in out):
        return f"status {status} and {len(out)} bytes of output"
    if status and not err.startswith("padata_dump: ") and "can't be read" not in out:
        return "no reason"
    return None


def check(text, wrong):
    """Print a line of the result, from what is wrong."""
    wrong = next((f"{number}: {what}" for number, what in enumerate(wrong, 1) if what), None)
    print(("not ok " if wrong else "ok     ") + text + (f", read {wrong}" if wrong else ""))
    return not wrong


def tracebacks(function, *arguments):
    """Return what the function does, or the exception that comes out."""
    try:
        return function(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


dump = load()
prog = Program()
dump.open_program = lambda core, paths, directory: (prog, [])
whole, _, ended = run(0, -1)
reads = range(1, Memory.number + 1)
print(f"# {len(reads)} reads, {len(whole.splitlines())} lines")
results = [check("nothing changes: two instances, six shells, all is read",
                 [ended or whole.count("instance ") != 2 or whole.count("\n  shell ") != 6 or
                  "can't" in whole])]
for kind in FaultError, LookupError, ValueError:
    results.append(check(f"one read fails, {kind.__name__}: the rest is shown",
                         (tracebacks(one_fails, number, kind) for number in reads)))
results.append(check("all reads fail from one on: no traceback, status by what was read",
                     (tracebacks(all_fail, number) for number in reads)))
print(f"1..{len(results)}")
print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
sys.exit(not all(results))
