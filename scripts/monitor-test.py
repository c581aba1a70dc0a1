#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Test padata_monitor on trees of plain files, which change while it sleeps.

Prints a line for each check, the plan, and "N passed, N failed".
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import shutil
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCRIPT = os.path.join(TOP, "scripts", "padata_monitor")
ZERO = ("jobs_completed", "jobs_submitted", "jobs_inline", "wakeups", "unsettled",
        "late_starts", "reorder_depth_max", "softirq_off_max_ns", "mask_changes", "stalls")


def load():
    """Return the script as a module."""
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("padata_monitor", SCRIPT)
    spec = importlib.util.spec_from_loader("padata_monitor", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


monitor = load()
trees = tempfile.mkdtemp()


class Tree:
    """A sysfs of plain files."""

    def __init__(self, possible="0-3", online="0-3"):
        self.top = tempfile.mkdtemp(dir=trees)
        self.cpu(possible=possible, online=online)

    def write(self, path, text):
        """Write a file, with its directories."""
        path = os.path.join(self.top, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(f"{text}\n")

    def cpu(self, **lists):
        """Write lists of CPUs."""
        for name, text in lists.items():
            self.write(f"devices/system/cpu/{name}", text)

    def instance(self, where, per_cpu="0 0 0 0", masks=("f", "f"), **values):
        """Write the files of an instance; those not named are 0."""
        for name in ZERO:
            self.write(f"{where}/{name}", values.pop(name, 0))
        for name, value in values.items():
            self.write(f"{where}/{name}", value)
        self.write(f"{where}/jobs_per_cpu", per_cpu)
        self.write(f"{where}/parallel_cpumask", masks[0])
        self.write(f"{where}/serial_cpumask", masks[1])

    def remove(self, where):
        """Remove a directory."""
        shutil.rmtree(os.path.join(self.top, where))


class Clock:
    """A time of our own: a sleep takes exactly as long as it is asked to, and runs a step."""

    def __init__(self, steps):
        self.now = 1000.0
        self.steps = list(steps)

    def monotonic(self):
        """Return the time."""
        return self.now

    def sleep(self, seconds):
        """Sleep; the end of the steps is the user's ^C."""
        if not self.steps:
            raise KeyboardInterrupt
        self.now += seconds
        self.steps.pop(0)()


def run(tree, *arguments, steps=()):
    """Return the exit status and the two outputs of the script."""
    clock = Clock(steps)
    out, err = io.StringIO(), io.StringIO()
    real = monitor.time.monotonic, monitor.time.sleep
    monitor.time.monotonic, monitor.time.sleep = clock.monotonic, clock.sleep
    os.environ["COLUMNS"] = "100"
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = monitor.main(["--sysfs", tree.top, *arguments])
    except SystemExit as end:
        status = end.code
    except KeyboardInterrupt:
        status = "^C"
    finally:
        monitor.time.monotonic, monitor.time.sleep = real
    return status, out.getvalue(), err.getvalue()


def json_of(tree, *arguments, steps=()):
    """Return the objects of its lines."""
    status, out, err = run(tree, "-j", *arguments, steps=steps)
    assert status in (0, "^C"), err
    return [json.loads(line) for line in out.splitlines()]


def table(out, header):
    """Return the rows below each line that begins so, as lists of words."""
    rows, on = [], False
    for line in out.splitlines():
        if line.startswith(header):
            on = True
        elif not line.strip():
            on = False
        if on:
            rows.append(line.split())
    return rows


def nothing_there():
    """Without an instance it says so and fails, and names no table."""
    tree = Tree()
    tree.write("kernel/other/file", 1)
    status, out, err = run(tree)
    assert status == 1 and not out and "no instance of padata in" in err, (status, out, err)


def bad_arguments():
    """Wrong arguments are refused."""
    tree = Tree()
    tree.instance("kernel/pcrypt/pencrypt")
    for arguments in (["("], ["-i", "-1"], ["-i", "x"], ["-n", "-2"], ["-i", "1e99"]):
        status, out, err = run(tree, *arguments)
        assert status == 2 and not out and err, (arguments, status, out)


def totals():
    """An interval of 0 shows the counters once."""
    tree = Tree()
    tree.instance("kernel/a/one", "4 3 2 1", jobs_submitted=12, jobs_completed=10,
                  softirq_off_max_ns=7000, reorder_depth_max=9, stalls=2, requests_direct=77)
    status, out, _ = run(tree, "-i", "0")
    assert status == 0 and "totals" in out, out
    rows = table(out, "instance")
    assert dict(zip(*rows)) == {
        "instance": "one", "jobs": "10", "flight": "2", "inline": "0", "wakeups": "0",
        "direct": "77", "par": "-", "dir>par": "-", "par>dir": "-", "masks": "0",
        "unsettled": "0", "late": "0", "depth": "9", "off-us": "7", "stalls": "2"}, rows
    assert table(out, "CPU")[1] == ["jobs", "4", "3", "2", "1"], out


def rates():
    """Rates are differences by the time that has passed; others stay as they are."""
    tree = Tree()
    tree.instance("kernel/a/one", "0 0 0 0", jobs_submitted=100, jobs_completed=100, wakeups=5)

    def step():
        tree.instance("kernel/a/one", "100 0 300 0", jobs_submitted=520, jobs_completed=500,
                      wakeups=9, jobs_inline=8, unsettled=3, to_parallel=4)
    status, out, _ = run(tree, "-i", "2", "-n", "1", steps=[step])
    row = dict(zip(*table(out, "instance")))
    assert status == 0 and "rates over 2.0 s" in out, out
    assert [row[name] for name in ("jobs", "flight", "inline", "wakeups", "unsettled", "dir>par")
            ] == ["200", "20", "4", "2", "3", "2"], row
    assert table(out, "CPU")[1] == ["jobs", "50", "0", "150", "0"], out


def rounds():
    """Each round counts from the one before; without -n it goes on until ^C."""
    tree = Tree()
    tree.instance("kernel/a/one")
    steps = [lambda n=n: tree.instance("kernel/a/one", f"{n} 0 0 0", jobs_completed=n,
                                       jobs_submitted=n) for n in (10, 30, 30)]
    got = [line["instances"]["one"]["per_second"]["jobs_completed"]
           for line in json_of(tree, "-n", "3", steps=steps + steps)]
    assert got == [10, 20, 0], got
    assert len(json_of(tree, steps=steps)) == 3
    assert run(tree, steps=steps)[0] == "^C"


def wraps():
    """A counter wraps as unsigned long does, or begins anew with its module."""
    tree = Tree()
    long = monitor.LONG
    tree.instance("kernel/a/one", f"{long - 4} 50 0 0", jobs_completed=long - 10,
                  jobs_submitted=long - 4, wakeups=900, to_direct=long // 2 - 1)
    # Files of type long show the upper half as negative numbers.
    def step():
        tree.instance("kernel/a/one", "6 7 0 0", jobs_completed=20, jobs_submitted=26,
                      wakeups=30, to_direct=-(long // 2) + 3)
    one = json_of(tree, "-n", "1", steps=[step])[0]["instances"]["one"]
    assert one["per_second"]["jobs_completed"] == 30, one
    assert one["per_second"]["wakeups"] == 30, one
    assert one["per_second"]["to_direct"] == 4, one
    assert one["counters"]["in_flight"] == 6, one
    assert one["cpus"]["0"]["per_second"] == 10 and one["cpus"]["1"]["per_second"] == 7, one


def machine():
    """CPUs are those that are possible, with holes; 600 numbers do not fit into the file."""
    tree = Tree("0-1,8-605", "0,8-605")
    mask = "3fff," + ",".join(["ffffffff"] * 18)
    tree.instance("kernel/a/one", " ".join(str(n) for n in range(400)), (mask, "100"))
    one = json_of(tree, "-i", "0")[0]["instances"]["one"]["cpus"]
    assert len(one) == 600
    assert one["1"] == {"jobs": 1, "parallel": True, "serial": False, "online": False,
                        "per_second": None}
    assert one["8"] == {"jobs": 2, "parallel": True, "serial": True, "online": True,
                        "per_second": None}
    assert one["605"]["jobs"] is None and not one["605"]["serial"] and one["589"]["parallel"]
    assert not one["590"]["parallel"]
    _, out, _ = run(tree, "-i", "0")
    assert max(map(len, out.splitlines())) < 160, out
    rows = table(out, "CPU")
    assert rows[2][:3] == ["p-", "off", "ps"] and rows[-2][-1] == "?" and rows[-1][-1] == "--"


def choice():
    """A regular expression chooses; equal names are told apart by their path."""
    tree = Tree()
    for where in ("kernel/pcrypt/pencrypt", "kernel/pcrypt/pdecrypt", "module/m/x", "kernel/y/x"):
        tree.instance(where)
    tree.instance("devices/elsewhere")
    names = lambda *a: sorted(json_of(tree, "-i", "0", *a)[0]["instances"])
    assert names() == ["kernel/y/x", "module/m/x", "pdecrypt", "pencrypt"], names()
    assert names("^pe", "m/x") == ["module/m/x", "pencrypt"], names("^pe", "m/x")
    status, _, err = run(tree, "nothing")
    assert status == 1 and "that matches" in err, err


def come_and_go():
    """An instance that goes is left out, one that comes begins at no rate."""
    tree = Tree()
    tree.instance("kernel/a/one", jobs_completed=5)
    def step():
        tree.remove("kernel/a")
        tree.instance("kernel/b/two", "9 0 0 0", jobs_completed=9, jobs_submitted=9)
    lines = json_of(tree, "-n", "2", steps=[step, lambda: tree.remove("kernel/b")])
    two = lines[0]["instances"]["two"]
    assert list(lines[0]["instances"]) == ["two"] and lines[1]["instances"] == {}, lines
    assert two["per_second"]["jobs_completed"] == 0 and two["counters"]["jobs_completed"] == 9
    tree.instance("kernel/a/one")
    # It may go between two reads.
    half = lambda: os.remove(os.path.join(tree.top, "kernel/a/one/jobs_submitted"))
    out = run(tree, "-n", "1", steps=[half])[1]
    assert "no instance any more" in out, out


def closed_pipe():
    """A reader that has seen enough ends it without a traceback."""
    tree = Tree()
    tree.instance("kernel/a/one")
    status = os.system(f"{sys.executable} {SCRIPT} --sysfs {tree.top} -i 0.01 -n 300 "
                       f"2>{tree.top}/err | head -n 1 >{tree.top}/out")
    with open(f"{tree.top}/err", encoding="ascii") as file:
        err = file.read()
    assert status == 0 and not err, (status, err)


def main():
    """Run all checks."""
    checks = (nothing_there, bad_arguments, totals, rates, rounds, wraps, machine, choice,
              come_and_go, closed_pipe)
    failed = 0
    for check in checks:
        try:
            check()
            print("ok    ", check.__doc__)
        except Exception as error:  # each is one failure
            failed += 1
            print("not ok", check.__doc__)
            print("      ", f"{type(error).__name__}: {error}".replace("\n", "\n       "))
    print(f"1..{len(checks)}")
    print(f"{len(checks) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(trees)
