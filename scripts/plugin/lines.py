#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tables of the moves of lines that the plugin lines.c has counted.

lines.py object RUN OBJECT WINDOW
    "READS WRITES FAR" of the line at which the guest said OBJECT to be, or of an address,
    in that window, the first one being 0; of under:OBJECT all moves while that lock was
    held.

lines.py tables SYMBOLS LAYOUTS CSV NAMES LEAST RUN...
    A table of all runs.  CSV gets it, too, and NAMES, for each run, the fields and functions
    with at least LEAST moves per job.

RUN.moves is the plugin's file, RUN.verdict that of the guest.
"""

import bisect
import collections
import csv
import re
import sys

STATIC = 0xffffffff80000000
LINE = ~63

Move = collections.namedtuple("Move", "addr pc lock reads writes far")


def read_windows(name):
    """Return a list of (instructions, turns, rounds, quantum, moves)."""
    windows = []
    with open(name, encoding="ascii") as f:
        for line in f:
            kind, *words = line.split()
            if kind == "window":
                windows.append((*map(int, words), []))
            elif kind == "move":
                windows[-1][4].append(Move(*(int(w, 16) for w in words[:3]),
                                           *map(int, words[3:])))
    return windows


def values(line):
    return dict(word.split("=", 1) for word in line.split() if "=" in word)


class Symbols:
    """Names by address."""

    def __init__(self, pairs):
        pairs = sorted(pairs)
        self.addrs = [addr for addr, _ in pairs]
        self.names = [name for _, name in pairs]

    def name(self, addr, most=1 << 20):
        i = bisect.bisect_right(self.addrs, addr) - 1
        if i < 0 or addr - self.addrs[i] > most:
            return None
        return re.sub(r"\.(constprop|isra|part|cold).*", "", self.names[i])


class Load:
    """One load of a bench: its symbols, its objects of the last run, its result."""

    def __init__(self):
        self.symbols = []
        self.objects = []
        self.offsets = {}
        self.result = None

    def add(self, line):
        if line.startswith("symbol: "):
            addr, _, name = line.split()[1:4]
            self.symbols.append((int(addr, 16), name))
            return
        v = values(line)
        if v.get("test") == "object":
            self.add_object(v["name"], int(v["at"], 16), int(v.get("size", 0)))
        elif v.get("test") in ("cost", "load"):
            self.result = v

    def add_object(self, name, addr, size):
        if name == "run":
            self.objects = []
        elif name == "cpu":
            self.offsets[size] = addr
        else:
            self.objects.append((name, addr, size))


def read_loads(name):
    """Symbols come before the other lines of a load."""
    loads, was_symbol = [], False
    with open(name, encoding="ascii", errors="replace") as f:
        for line in f:
            is_symbol = line.startswith("symbol: ")
            if is_symbol and not was_symbol:
                loads.append(Load())
            if is_symbol or line.startswith("bench: "):
                if not loads:
                    loads.append(Load())
                loads[-1].add(line)
                was_symbol = is_symbol
    return loads


def show_object(run, name, window):
    at = {}
    if re.fullmatch("[0-9a-f]{4,}", name):
        at[name] = int(name, 16)
    else:
        at = {o[0]: o[1] for load in read_loads(run + ".verdict") for o in load.objects}
    moves = read_windows(run + ".moves")[window][4]
    if name.startswith("under:"):
        lock = at[name[6:]]
        mine = [m for m in moves if m.lock == lock]
    else:
        mine = [m for m in moves if m.addr & LINE == at[name] & LINE]
    print(*(sum(m[i] for m in mine) for i in (3, 4, 5)))


def read_layouts(name):
    """Return {structure: (size, [(offset, member)])}, of pahole's output."""
    layouts, struct, members = {}, None, []
    with open(name, encoding="ascii", errors="replace") as f:
        for line in f:
            if m := re.match(r"struct (\w+) \{", line):
                struct, members = m[1], []
            elif m := re.match(r"\t\S.*?(\w+)(?:\[\d+\])*(?:\s+__attribute__.*)?;"
                               r"\s*/\*\s*(\d+)(?::\d+)?\s+\d+", line):
                members.append((int(m[2]), m[1]))
            elif m := re.match(r"\t\}\s*(\w+)?.*;\s*/\*\s*(\d+)\s+\d+", line):
                members.append((int(m[2]), m[1] or "union"))
            elif (m := re.search(r"/\* size: (\d+)", line)) and struct:
                layouts.setdefault(struct, (int(m[1]), sorted(members)))
    return layouts


class Names:
    """Says which object an address of one load belongs to, and which field of it."""

    STRUCTS = {"instance": "instance", "pod": "pod", "shell": "padata_mod_shell",
               "percpu:pump": "padata_pump"}

    def __init__(self, load, kernel, layouts):
        ours = load.result["impl"] == "ours"
        self.kernel = kernel
        self.modules = Symbols(load.symbols)
        self.offsets = sorted((base, cpu) for cpu, base in load.offsets.items())
        self.places = []
        self.members = {}
        for name, addr, size in load.objects:
            layout = layouts.get(self.STRUCTS.get(name)) if ours else None
            if layout:
                size = layout[0]
                self.members[name] = layout[1]
            size = size or 512
            if name.startswith("percpu:"):
                for base, _ in self.offsets:
                    self.places.append((base + addr & (1 << 64) - 1, size, name))
            else:
                self.places.append((addr, size, name))
        self.places.sort()
        self.starts = [p[0] for p in self.places]

    def field(self, addr):
        """Return (object, field)."""
        i = bisect.bisect_right(self.starts, addr) - 1
        if i >= 0 and addr - self.places[i][0] < self.places[i][1]:
            start, _, name = self.places[i]
            return name.replace("percpu:", ""), self.member(name, addr - start)
        if addr >= STATIC:
            return "static", self.modules.name(addr) or self.kernel.name(addr) or "?"
        return self.percpu(addr) or ("other", "")

    def member(self, name, offset):
        found = [m for at, m in self.members.get(name, []) if at <= offset]
        return found[-1] if found else ""

    def percpu(self, addr):
        for base, _ in self.offsets:
            offset = addr - base & (1 << 64) - 1
            if offset < 1 << 18:
                return "percpu", self.kernel.name(offset, 1 << 15) or "?"
        return None

    def function(self, pc):
        return self.modules.name(pc) or self.kernel.name(pc) or "?"


# What the columns of the table sum up; the rest is the kernel's: scheduler, workqueue, ticks.
GROUPS = {
    "instance": "queue", "pod": "queue", "pump": "pumps", "shell": "shells",
    "parallel_data": "shells", "reorder_list": "pumps", "squeue": "pumps", "jobs": "jobs",
    "feeder": "bench", "streams": "bench",
}
COLUMNS = ["queue", "pumps", "shells", "jobs", "bench", "kernel"]


def per_job(load, window, names, jobs):
    """Return the figures of one load, and the moves by name."""
    sums, locks, by_name = collections.Counter(), collections.Counter(), {}
    lock_names = collections.Counter()
    for m in window[4]:
        n = m.reads + m.writes
        what, field = names.field(m.addr)
        if what == "static" and names.modules.name(m.addr, 1 << 16):
            what = "jobs"
        sums[GROUPS.get(what, "kernel")] += n
        sums["all"] += n
        sums["far"] += m.far
        locks[m.lock] += n
        lock = ".".join(names.field(m.lock)) if m.lock else ""
        lock_names[lock] += n
        key = (f"{what}.{field}", names.function(m.pc), lock)
        entry = by_name.setdefault(key, [0, 0])
        entry[0] += n
        entry[1] += m.far
    locks.pop(0, None)
    worst = max(locks, key=lambda a: locks[a], default=0)
    figures = {k: sums[k] / jobs for k in ["all", "far"] + COLUMNS}
    figures["lock"] = locks[worst] / jobs
    figures["lock_name"] = ".".join(names.field(worst)) if worst else "-"
    figures["lock_sum"] = lock_names[figures["lock_name"]] / jobs
    return figures, {k: (n / jobs, far / jobs) for k, (n, far) in by_name.items()}


def rows_of(run, kernel, layouts, least, names_file):
    cpus, nodes = run.rsplit("-", 2)[1:]
    loads, windows = read_loads(run + ".verdict"), read_windows(run + ".moves")
    if len(windows) != 4 * len(loads):
        sys.exit(f"error: {run}: {len(windows)} windows of {len(loads)} loads")
    for i, load in enumerate(loads):
        v = load.result
        floor, window = windows[4 * i + 2], windows[4 * i + 3]
        jobs = int(v["shells"]) * int(v["jobs"])
        figures, by_name = per_job(load, window, Names(load, kernel, layouts), jobs)
        job_ns = int(v["job_ns"])
        row = {"cpus": cpus, "nodes": nodes, "submitters": v["shells"],
               "streams": v.get("streams", "1"), "impl": v["impl"], **figures,
               "instructions": (window[0] - floor[0]) / jobs,
               "busy": window[1] / max(window[2], 1), "job_ns": job_ns,
               "work": jobs * job_ns / max(window[2] * window[3], 1)}
        print(*(f"{k}={row[k]}" for k in list(row)[:5]), file=names_file)
        for (field, function, lock), (n, far) in sorted(by_name.items(),
                                                        key=lambda e: -e[1][0]):
            if n >= least:
                print(f"  {n:7.2f} {far:7.2f}  {field:32} {function:32} {lock}",
                      file=names_file)
        yield row


def show_tables(symbols, layouts, csv_name, names_name, least, runs):
    with open(symbols, encoding="ascii") as f:
        kernel = Symbols((int(a, 16), n) for a, n in (line.split()[:2] for line in f))
    layouts, rows = read_layouts(layouts), []
    with open(names_name, "w", encoding="ascii") as f:
        for run in runs:
            rows += rows_of(run, kernel, layouts, float(least), f)
    with open(csv_name, "w", encoding="ascii", newline="") as f:
        out = csv.DictWriter(f, list(rows[0]))
        out.writeheader()
        out.writerows({k: round(x, 3) if isinstance(x, float) else x
                       for k, x in row.items()} for row in rows)
    print("CPUs nodes subm. streams impl     moves  far | under one lock"
          "                  in all | queue pumps shells  jobs bench kernel | instr. busy work")
    for r in sorted(rows, key=lambda r: (int(r["nodes"]) > 1, int(r["submitters"]) > 1,
                                         int(r["streams"]), r["impl"], int(r["cpus"]))):
        print(f"{r['cpus']:>4} {r['nodes']:>5} {r['submitters']:>5} {r['streams']:>7} "
              f"{r['impl']:7} {r['all']:6.2f} {r['far']:5.2f} |"
              f"{r['lock']:6.2f} {r['lock_name']:24} {r['lock_sum']:6.2f} |"
              f"{r['queue']:6.2f} {r['pumps']:5.2f} {r['shells']:6.2f}"
              f" {r['jobs']:5.2f} {r['bench']:5.2f} {r['kernel']:6.2f} |"
              f"{r['instructions']:7.0f} {r['busy']:4.1f} {r['work']:4.1f}")


if sys.argv[1] == "object":
    show_object(sys.argv[2], sys.argv[3], int(sys.argv[4]))
else:
    show_tables(*sys.argv[2:7], sys.argv[7:])
