# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Shared by the benchmarks: a v2meterd with many keys and real connections in network namespaces of
its own, and what processes cost."""

import contextlib
import os
import pathlib
import platform
import statistics
import sys
import tempfile
import threading
import time
import uuid

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "e2e"))
# Benchmarks measure the release build, tests run the debug build.
os.environ.setdefault("V2M_BUILD", str(ROOT / "build"))

from support import lab as lab_module  # noqa: E402
from support.daemon import BUILD, Daemon  # noqa: E402, F401
from support.lab import Lab, wait_until  # noqa: E402

lab_module.PREFIX = "v2m-bench"
FIRST_PORT = 10001
FIRST_OTHER_PORT = 20001
# Connections whose ends one process holds, so this stays below the usual limit of files.
PER_HOLDER = 16000


def number(name, default):
    return int(os.environ.get(name, default))


def make_keys(count):
    return [{"id": str(uuid.uuid4()), "uuid": str(uuid.uuid4()), "name": f"user{i}@example.com",
             "port": FIRST_PORT + i, "is_active": True, "transport": "both",
             "created_at": "2025-08-04T14:34:13.878594"} for i in range(count)]


@contextlib.contextmanager
def own_socket_tables():
    """Namespaces made within have a table of TCP sockets each, as large as this machine's. A dump
    walks the whole table: with one for all, the clients' ends would cost as much as the server's.
    From Linux 6.1 on (tcp_child_ehash_entries, ip-sysctl)."""
    size = pathlib.Path("/proc/sys/net/ipv4/tcp_ehash_entries")
    if not size.exists():
        print("The clients' ends are in the same table as the server's (before Linux 6.1).\n")
        yield
        return
    parent = lab_module.Namespace(f"{lab_module.PREFIX}-{os.getpid()}-parent")
    try:
        parent.run("sysctl", "-qw", f"net.ipv4.tcp_child_ehash_entries={size.read_text().strip()}")
        with parent.entered():
            yield
    finally:
        parent.close()


@contextlib.contextmanager
def make_lab():
    lab_module.clean_up_after_the_dead()
    with tempfile.TemporaryDirectory(prefix="v2m-bench-") as directory:
        with own_socket_tables():
            lab = Lab(directory)
        try:
            yield lab
        finally:
            lab.close()


@contextlib.contextmanager
def run_daemon(lab, keys, name, **members):
    """With the intervals of an installed daemon."""
    daemon = Daemon(lab, keys, name=name, sample_interval_ms=1000, **members)
    daemon.start()
    try:
        yield daemon
    except Exception:
        print(f"the last lines of v2meterd ({name}):", *daemon.said().splitlines()[-20:], sep="\n", file=sys.stderr)
        raise
    finally:
        daemon.stop()
        daemon.run("--detach")


def hold_connections(lab, count, n_ports, first_port=FIRST_PORT, busy=0):
    """Connections from the client to ports of the server, evenly; the processes that hold them.
    busy: so many connections carry a few bytes each second."""
    holders = []
    n_holders = min(n_ports, max(1, -(-count // PER_HOLDER)))
    for i in range(n_holders):
        ports = range(i * n_ports // n_holders, (i + 1) * n_ports // n_holders)
        share, sending = (n * (i + 1) // n_holders - n * i // n_holders for n in (count, busy))
        log = lab.directory / f"hold-{first_port}-{i}"
        # Output is appended, and what held connections before was ready, too.
        log.unlink(missing_ok=True)
        holders.append(lab_module.Process(
            [sys.executable, HERE / "hold.py", lab.server.path, lab.client.path,
             first_port + ports.start, len(ports), share, sending], log))
    for holder in holders:
        wait_until(lambda: "ready" in holder.said() or not holder.running(), 180,
                   "the connections")
        assert holder.running(), holder.said()
    return holders


@contextlib.contextmanager
def held(*arguments, **options):
    holders = hold_connections(*arguments, **options)
    try:
        yield
    finally:
        for holder in holders:
            holder.stop()


def repeat(work, pause_s, done):
    while not done.wait(pause_s):
        work()


@contextlib.contextmanager
def background(work, pause_s):
    """Does the work again and again; pause_s None: never."""
    done = threading.Event()
    thread = threading.Thread(target=repeat, args=(work, pause_s, done))
    if pause_s is not None:
        thread.start()
    try:
        yield
    finally:
        done.set()
        if pause_s is not None:
            thread.join()


def cpu_seconds(*pids):
    """Returns the CPU time of all threads of the processes, in seconds."""
    total = 0.0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                total += int((task / "schedstat").read_text().split()[0]) / 1e9
    return total


def ended_children_cpu_seconds(pid):
    """Returns the CPU time of the children that have ended and that the process has waited for, in seconds."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    # cutime and cstime of proc(5), behind the name, which may contain anything.
    return sum(map(int, text.rpartition(")")[2].split()[13:15])) / os.sysconf("SC_CLK_TCK")


def name_of(pid):
    return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()


def pss_mib(*pids):
    """Resident memory. What processes share is divided among them."""
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def children(pid):
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def family(pid):
    """A process and its children: of the daemon, the one that counts, the one that answers, and for a moment one that
    reads the key sources."""
    return [pid, *children(pid)]


def timed(call):
    """(milliseconds, what the call gave)"""
    start = time.monotonic()
    value = call()
    return (time.monotonic() - start) * 1000, value


def median(values):
    return statistics.median(values)


def describe_machine():
    model = next((line.partition(":")[2].strip()
                  for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    print(f"{os.cpu_count()} cores ({model}), Linux {platform.release()}, load average "
          f"{os.getloadavg()[0]:.1f} before the run.\n", flush=True)


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "|".join("---" if i == 0 else "---:" for i in range(len(head))) + "|")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


def verdict(name, value, limit, unit):
    """A line about a goal: at most that much."""
    said = "met" if value <= limit else "MISSED"
    print(f"- {name}: {value:.3g} {unit}, goal at most {limit:g} {unit}: {said}", flush=True)
