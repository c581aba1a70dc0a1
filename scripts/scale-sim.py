#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Throughput and latency of padata on 2 to 256 CPUs, simulated by events.

Each job is appended to its stream and to a queue by its submitter, pulled and run by a
worker, and drained from its stream in order.  A queue and a stream are locks: a CPU has one
for a fixed time and, for each line that moves under it, the cost of a move from the CPU that
had it last.  The lines of a job itself move from the submitter to the worker.

Two designs: one queue for all CPUs, and pods, a queue for each last-level cache, where a
submitter uses that of its own, and a worker whose own is empty takes from the next one.

    near, far   nanoseconds of a move within a last-level cache, and between two
    moves       per job: under the queue's lock, under the stream's, of the job, others
    work        in CPUs: jobs that end in a time, times the length of a job; all submitters
                have as many jobs in flight as they may
    p99         from submission to the callback, in lengths of a job, at 70% of that work

With --lines FILE, the table of bench-lines.sh, the moves are those counted there of ours,
where there are many submitters with a stream each; the number of CPUs is the next one
there.  Two columns more are what QEMU has shown and what is simulated if moves are free.

What the model leaves out is in Documentation/scale.rst.
"""

import argparse
import collections
import csv
import heapq
import random
import sys

Moves = collections.namedtuple("Moves", "queue shell job other")

# Nanoseconds without moves: submission and completion outside of the locks, a hold of the
# lock of a queue and of a stream, and a worker that sleeps until it runs.
SUBMIT_NS, FINISH_NS, QUEUE_NS, SHELL_NS, WAKE_NS = 300, 200, 30, 30, 2000


class Lock:
    """Taken in the order of the events; keeps the CPU that had it last."""

    def __init__(self, machine, hold_ns, moves):
        self.machine, self.hold_ns, self.moves = machine, hold_ns, moves
        self.free_at, self.cpu = 0.0, None

    def take(self, now, cpu):
        """Return when the CPU releases it."""
        start = max(now, self.free_at)
        self.free_at = start + self.hold_ns + self.moves * self.machine.cost(self.cpu, cpu)
        self.cpu = cpu
        return self.free_at


class Queue:
    """The jobs that wait, and the workers that sleep."""

    def __init__(self, machine, cpus):
        self.lock = Lock(machine, QUEUE_NS, machine.moves.queue / 2)
        self.jobs = collections.deque()
        self.idle = []
        self.nr_cpus = cpus


class Stream:
    """A submitter and its jobs in order."""

    def __init__(self, machine, cpu, window, gap_ns):
        self.lock = Lock(machine, SHELL_NS, machine.moves.shell / 2)
        self.cpu, self.window, self.gap_ns = cpu, window, gap_ns
        self.done, self.starts = set(), {}
        self.seq = self.next_out = 0
        self.blocked = False
        self.due = 0.0


class Machine:
    """One run."""

    def __init__(self, args, nr_cpus, pods, moves, job_ns, costs, gap_ns=0):
        self.args, self.moves, self.job_ns, self.costs = args, moves, job_ns, costs
        self.per_cache = args.cache
        self.random = random.Random(args.seed)
        self.events, self.nr_events = [], 0
        self.latencies, self.ends = [], []
        caches = -(-nr_cpus // self.per_cache)
        per_queue = min(self.per_cache, nr_cpus) if pods else nr_cpus
        self.queues = [Queue(self, per_queue) for _ in range(caches if pods else 1)]
        nr = max(1, nr_cpus // args.share)
        self.streams = [Stream(self, i * nr_cpus // nr, max(16, 4 * nr_cpus // nr), gap_ns)
                        for i in range(nr)]
        submit_on = {s.cpu for s in self.streams} if nr_cpus > 1 else set()
        self.workers = [c for c in range(nr_cpus) if c not in submit_on]

    def cost(self, a, b):
        if a is None or a == b:
            return 0
        return self.costs[a // self.per_cache != b // self.per_cache]

    def queue_of(self, cpu):
        return (cpu // self.per_cache) % len(self.queues)

    def at(self, when, function, *args):
        self.nr_events += 1
        heapq.heappush(self.events, (when, self.nr_events, function, args))

    def run(self, nr_jobs):
        self.nr_jobs = nr_jobs
        for s in self.streams:
            s.due = self.gap(s)
            self.at(s.due, self.submit, s)
        for cpu in self.workers:
            self.at(0, self.look, cpu)
        while self.events and len(self.ends) < nr_jobs:
            when, _, function, args = heapq.heappop(self.events)
            function(when, *args)
        return self

    def gap(self, stream):
        return self.random.expovariate(1 / stream.gap_ns) if stream.gap_ns else 0

    def submit(self, now, s):
        if not s.gap_ns and s.seq - s.next_out >= s.window:
            s.blocked = True
            return
        start = min(now, s.due) if s.gap_ns else now
        s.starts[s.seq] = start
        self.at(now + SUBMIT_NS, self.append, s, s.seq)
        s.seq += 1

    def append(self, now, s, seq):
        self.at(s.lock.take(now, s.cpu), self.enqueue, s, seq)

    def enqueue(self, now, s, seq):
        queue = self.queues[self.queue_of(s.cpu)]
        self.at(queue.lock.take(now, s.cpu), self.queued, s, seq, queue)

    def queued(self, now, s, seq, queue):
        queue.jobs.append((s, seq))
        self.wake(now, queue)
        s.due += self.gap(s)
        self.at(max(now, s.due), self.submit, s)

    def wake(self, now, queue):
        """Prefer a worker of this queue, then the nearest queue's."""
        at = self.queues.index(queue)
        for i in range(len(self.queues)):
            other = self.queues[(at + i) % len(self.queues)]
            if other.idle:
                self.at(now + WAKE_NS, self.look, other.idle.pop())
                return

    def look(self, now, cpu):
        own = self.queue_of(cpu)
        for i in range(len(self.queues)):
            queue = self.queues[(own + i) % len(self.queues)]
            if queue.jobs:
                self.at(queue.lock.take(now, cpu), self.pull, cpu, queue)
                return
        self.queues[own].idle.append(cpu)

    def pull(self, now, cpu, queue):
        share = min(64, max(1, len(queue.jobs) // (2 * queue.nr_cpus)), len(queue.jobs))
        self.work(now, cpu, [queue.jobs.popleft() for _ in range(share)])

    def work(self, now, cpu, jobs):
        if not jobs:
            self.look(now, cpu)
            return
        s, seq = jobs.pop(0)
        moved = (self.moves.job + self.moves.other) * self.cost(s.cpu, cpu)
        length = self.job_ns * self.random.uniform(0.9, 1.1)
        self.at(now + moved + length + FINISH_NS, self.finish, cpu, s, seq, jobs)

    def finish(self, now, cpu, s, seq, jobs):
        self.at(s.lock.take(now, cpu), self.drain, cpu, s, seq, jobs)

    def drain(self, now, cpu, s, seq, jobs):
        s.done.add(seq)
        while s.next_out in s.done:
            s.done.remove(s.next_out)
            self.latencies.append(now - s.starts.pop(s.next_out))
            self.ends.append(now)
            s.next_out += 1
        if s.blocked and s.seq - s.next_out <= s.window // 2:
            s.blocked = False
            self.at(now, self.submit, s)
        self.work(now, cpu, jobs)

    def work_done(self):
        """In CPUs, without the first fifth, in which queues fill."""
        skip = len(self.ends) // 5
        return (len(self.ends) - skip) * self.job_ns / (self.ends[-1] - self.ends[skip])

    def p99(self):
        late = sorted(self.latencies[len(self.latencies) // 5:])
        return late[len(late) * 99 // 100] / self.job_ns


def counted(name):
    """Return {CPUs: row} of ours, one node, many submitters with a stream each."""
    with open(name, encoding="ascii", newline="") as f:
        return {int(r["cpus"]): r for r in csv.DictReader(f)
                if r["impl"] == "ours" and int(r["nodes"]) == 1 and
                int(r["submitters"]) > 1 and int(r["streams"]) == 1}


def moves_of(row):
    """Some lines of jobs move under a queue's lock.  A job takes the lock of one queue."""
    if row["lock_name"] != "pod.lock":
        sys.exit(f"error: most moves are under {row['lock_name']}, not a queue's lock")
    v = {k: float(row[k]) for k in ("lock_sum", "queue", "shells", "jobs", "pumps", "kernel",
                                    "bench")}
    return Moves(v["lock_sum"], v["shells"],
                 max(v["jobs"] - (v["lock_sum"] - v["queue"]), 0),
                 v["pumps"] + v["kernel"] + v["bench"])


def simulate(args, nr_cpus, pods, moves, job_ns, costs):
    """Return work and p99."""
    nr_jobs = args.jobs
    work = Machine(args, nr_cpus, pods, moves, job_ns, costs).run(nr_jobs).work_done()
    nr = max(1, nr_cpus // args.share)
    gap_ns = job_ns * nr / (0.7 * work)
    late = Machine(args, nr_cpus, pods, moves, job_ns, costs, gap_ns).run(nr_jobs).p99()
    return work, late


def table(args, job_ns, rows):
    out = []
    for nr_cpus in args.cpus:
        row = rows[min(rows, key=lambda c: abs(c - nr_cpus))] if rows else None
        moves = moves_of(row) if row else args.moves
        costs = (args.near, args.far)
        line = {"job_us": job_ns / 1000, "cpus": nr_cpus, "qemu": None, "free": None}
        if nr_cpus in rows and float(row["job_ns"]) == job_ns:
            line["qemu"] = float(row["work"])
        line["free"], _ = simulate(args, nr_cpus, False, moves, job_ns, (0, 0))
        line["one"], line["one_p99"] = simulate(args, nr_cpus, False, moves, job_ns, costs)
        line["pods"], line["pods_p99"] = simulate(args, nr_cpus, True, moves, job_ns, costs)
        out.append(line)
    return out


def show(lines):
    print("job us  CPUs | QEMU  moves free | one queue   p99 |   pods   p99")
    for v in lines:
        qemu = "   -" if v["qemu"] is None else f"{v['qemu']:4.1f}"
        print(f"{v['job_us']:6.0f} {v['cpus']:5} | {qemu:>5} {v['free']:10.1f} |"
              f" {v['one']:9.1f} {v['one_p99']:5.1f} | {v['pods']:6.1f} {v['pods_p99']:5.1f}")


def parse():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--lines", help="table of bench-lines.sh")
    p.add_argument("--moves", default="4,2,2,2", help="queue,shell,job,other (4,2,2,2)")
    p.add_argument("--near", type=float, default=40)
    p.add_argument("--far", type=float, default=150)
    p.add_argument("--cache", type=int, default=16, help="CPUs of a last-level cache (16)")
    p.add_argument("--share", type=int, default=4, help="CPUs for each submitter (4)")
    p.add_argument("--cpus", default="2,4,8,16,32,64,128,256")
    p.add_argument("--job-us", default="2,20,100")
    p.add_argument("--jobs", type=int, default=5000, help="of each run")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--csv")
    args = p.parse_args()
    args.cpus = [int(c) for c in args.cpus.split(",")]
    args.moves = Moves(*(float(m) for m in args.moves.split(",")))
    return args


def main():
    args = parse()
    rows = counted(args.lines) if args.lines else {}
    if args.lines and not rows:
        sys.exit(f"error: {args.lines} has no row of ours with many submitters")
    lines = [v for us in args.job_us.split(",") for v in table(args, 1000 * float(us), rows)]
    show(lines)
    if args.csv:
        with open(args.csv, "w", encoding="ascii", newline="") as f:
            out = csv.DictWriter(f, list(lines[0]))
            out.writeheader()
            out.writerows(lines)


main()
