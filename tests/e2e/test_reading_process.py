# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Key sources are read in a process of their own: what it may do, and what a source can do to the daemon."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import threading
import time

import pytest

from support.daemon import children_of
from support.lab import wait_until
from support.two_keys import KEYS, Flood, tx

ENDLESS = ("CREATE VIEW keys AS WITH RECURSIVE c(uuid) AS (SELECT 1 UNION ALL SELECT uuid + 1 FROM c) "
           "SELECT uuid FROM c WHERE uuid < 0")
ROWS = ("CREATE VIEW keys AS WITH RECURSIVE c(uuid) AS (SELECT 1 UNION ALL SELECT uuid + 1 FROM c LIMIT 5000000) "
        "SELECT uuid FROM c")
CAP_DAC_READ_SEARCH = 1 << 2
READER = "v2meter-read"
# Longer than a reading may take, with a slow machine under it.
PATIENCE_S = 30


def reader_of(daemon):
    """The pid of the reading process. 0: there is none at this moment."""
    found = children_of(daemon, READER)
    assert len(found) < 2
    return found[0] if found else 0


def make_database(path, statement):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(statement)
        database.commit()
    return path


def health(daemon):
    return daemon.ask("GET", "/health", headers={}).json()


def is_broken(daemon):
    return health(daemon).get("reason") == "key_source_broken"


@pytest.fixture
def slow(lab, start_daemon):
    """A daemon whose keys come from a key file, and a directory that is empty. slow.hang() puts a source there that
    is read for two seconds."""
    directory = lab.directory / "sources"
    directory.mkdir()
    daemon = start_daemon(KEYS, running=False)
    daemon.config["key_sources"] = [str(daemon.key_file), str(directory)]
    daemon.write_config()
    daemon.start()
    daemon.sources = directory

    def hang():
        make_database(lab.directory / "endless", ENDLESS).rename(directory / "endless.db")
        return wait_until(is_reading, what="the reading process")

    def is_reading():
        pid = reader_of(daemon)
        with contextlib.suppress(OSError):
            if any(os.readlink(fd).endswith(".db") for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir()):
                return pid
        return 0

    daemon.hang = hang
    return daemon


class Samples:
    """Asks for fresh figures all the time. The counting thread answers each with a reading of its own."""

    def __init__(self, daemon):
        self.daemon, self.longest_s, self.count = daemon, 0, 0
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.ask)

    def ask(self):
        while not self.ending.wait(0.02):
            started = time.monotonic()
            assert self.daemon.get("/api/traffic/simple", fresh=True).status == 200
            self.longest_s = max(self.longest_s, time.monotonic() - started)
            self.count += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()


def test_the_reading_process_may_do_nothing_but_read(slow):
    os.chmod(slow.key_file, 0o600)
    os.chown(slow.key_file, 12345, 12345)
    process = pathlib.Path(f"/proc/{slow.hang()}")

    def confined():
        lines = (process / "status").read_text().splitlines()
        found = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        return found["Seccomp"] == "2" and found

    facts = wait_until(confined, what="the list of system calls")
    assert "0" not in facts["Uid"].split() + facts["Gid"].split()
    assert facts["Groups"].strip() == ""
    assert {int(facts[name], 16) for name in ("CapPrm", "CapEff")} == {CAP_DAC_READ_SEARCH}
    assert {int(facts[name], 16) for name in ("CapInh", "CapBnd", "CapAmb")} == {0}
    assert facts["NoNewPrivs"] == "1"
    assert (process / "oom_score_adj").read_text().strip() == "1000"
    limits = (process / "limits").read_text()
    assert "Max cpu time              10                   11" in limits
    kinds = {os.readlink(fd).partition(":")[0] for fd in (process / "fd").iterdir() if int(fd.name) > 2}
    assert kinds <= {"socket", "anon_inode", str(slow.sources / "endless.db")}
    assert b"V2METER" not in (process / "environ").read_bytes()
    # It has read the file that is closed to its user.
    wait_until(lambda: is_broken(slow), what="the view given up")
    assert {source["path"]: source["keys"] for source in slow.status()["key_sources"]}[str(slow.key_file)] == 2
    wait_until(lambda: not reader_of(slow), what="the end of the process")


def test_the_counting_process_opens_no_source(slow, lab):
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    trace = lab.directory / "files"
    tracer = lab.server.start("strace", "-o", trace, "-e", "trace=%file", "-p", slow.process.pid,
                              log=lab.directory / "strace.log")
    wait_until(lambda: "attached" in tracer.said() or not tracer.running(), what="strace")
    if "Operation not permitted" in tracer.said():
        pytest.skip("strace may not attach")
    assert tracer.running(), tracer.said()
    (slow.sources / "more.json").write_text(json.dumps([{**KEYS[0], "id": "third", "uuid": "u3", "port": 10003}]))
    wait_until(lambda: len(slow.get("/api/keys").json()) == 3, what="the new key")
    wait_until(lambda: "keys.last.json" in trace.read_text(), what="the trace")
    tracer.stop()
    assert str(slow.key_file) not in trace.read_text() and str(slow.sources) not in trace.read_text()


def many(start, item, count, end):
    return start + ",".join(item.replace("#", str(i)) for i in range(count)) + end


# All that was found to be too much for the counting process, with V2M_LONG_TESTS; else less of it.
PART = 1 if "V2M_LONG_TESTS" in os.environ else 5
HOSTILE = {
    "keys.json": lambda: many("[", '{"uuid":"#"}', 1600000, "]"),
    "variables.json": lambda: many('{"inbounds":[', '{"port":"env:V2M_NOT_SET","settings":{"clients":[{"id":"u#"}]}}',
                                   300000 // PART, "]}"),
    "tags.json": lambda: many('{"inbounds":[', '{"tag":"t#","port":1}', 200000 // PART, "]}"),
    "deep.json": lambda: "[" * 10000000,
    "bomb.yaml": lambda: "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n"
                                                  for i in range(1, 40)) + "inbounds: *a39\n",
}
LINKS = {"terminal.json": "/dev/ptmx", "kernel.json": "/proc/kmsg", "itself.json": "itself.json", "link.json": "../fifo"}


# Each of these stopped the daemon, or took gigabytes or minutes, when the counting process read it.
def test_no_source_stops_the_counting(slow, lab):
    flood = Flood(lab)
    made = lab.directory / "hostile"
    os.mkfifo(lab.directory / "fifo")

    def put(name):
        if name in HOSTILE:
            made.write_text(HOSTILE[name]())
        elif name in LINKS:
            made.symlink_to(LINKS[name])
        elif name == "fifo.json":
            os.mkfifo(made)
        else:
            make_database(made, ROWS if name == "rows.db" else ENDLESS)
        made.rename(slow.sources / name)

    def is_read(name):
        # These inbounds have no users, so nobody is missed.
        if name == "tags.json":
            return f"{200000 // PART - 100} more notes" in slow.said()
        return health(slow) != {"status": "healthy"}

    for name in [*HOSTILE, *LINKS, "fifo.json", "rows.db", "endless.db"]:
        with Samples(slow) as samples:
            put(name)
            # Some are refused, and some may be too much for the process that reads them.
            wait_until(lambda: is_read(name), PATIENCE_S, what=f"a word about {name}")
        assert samples.count and samples.longest_s < 1, f"{name}: {samples.longest_s} s"
        (slow.sources / name).unlink()
        wait_until(lambda: health(slow) == {"status": "healthy"}, PATIENCE_S, what=f"health after {name}")
    sent = flood.end()
    assert tx(slow) == sent["wire_bytes"]


def test_a_directory_that_became_empty_keeps_its_keys(slow):
    more = slow.sources / "more.json"
    more.write_text(json.dumps([{**KEYS[0], "id": "third", "uuid": "u3", "port": 10003}]))
    wait_until(lambda: len(slow.get("/api/keys").json()) == 3, what="the new key")
    more.unlink()
    wait_until(lambda: is_broken(slow), what="the empty directory")
    assert len(slow.get("/api/keys").json()) == 3


def test_a_reading_process_that_ends_is_followed_by_the_next_one(slow):
    first = slow.hang()
    os.kill(first, signal.SIGKILL)
    killed = time.monotonic()
    wait_until(lambda: reader_of(slow) not in (0, first), what="the next one")
    assert time.monotonic() - killed < 1
    assert is_broken(slow)
    said = wait_until(lambda: [line for line in slow.said().splitlines() if "(signal 9 (Killed))" in line],
                      what="the log")
    assert len(said) == 1 and f"while it read {slow.sources}" in said[0]
    assert tx(slow) == 0 and len(slow.get("/api/keys").json()) == 2
    # If it ends again and again, the pauses become longer.
    end, killed = time.monotonic() + 3, set()
    while time.monotonic() < end:
        pid = reader_of(slow)
        if pid and pid not in killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        time.sleep(0.01)
    assert 1 <= len(killed) <= 3
    (slow.sources / "endless.db").unlink()
    wait_until(lambda: health(slow) == {"status": "healthy"}, what="health")


def test_the_daemon_ends_at_once_while_a_source_is_read(slow):
    reader = slow.hang()
    started = time.monotonic()
    assert slow.stop() == 0
    assert time.monotonic() - started < 2
    assert not pathlib.Path(f"/proc/{reader}").exists()
    # A start waits for the sources, for a limited time.
    slow.process = slow.lab.server.start(*slow.words(), log=slow.log, env=slow.environment)
    wait_until(lambda: reader_of(slow), what="the reading process")
    started = time.monotonic()
    assert slow.stop() == 0
    assert time.monotonic() - started < 2


def test_a_start_goes_on_with_the_last_good_keys_if_reading_takes_long(slow, lab):
    slow.stop()
    for i in range(2):
        make_database(slow.sources / f"endless-{i}.db", ENDLESS)
    os.rename(slow.sources / "endless-0.db", lab.directory / "endless-0.db")
    second = lab.directory / "endless-0.db"
    slow.config["key_sources"] += [str(second), str(slow.key_file)]
    slow.write_config()
    slow.start()
    assert "the last good keys: the key sources take long to read" in slow.said()
    assert len(slow.get("/api/keys").json()) == 2
    wait_until(lambda: is_broken(slow), what="the end of the reading")


def test_a_check_has_the_same_limits(slow, lab):
    slow.stop()
    make_database(slow.sources / "endless.db", ENDLESS)
    checked = slow.run("--check")
    assert checked.returncode == 2
    assert "expected tables that can be read within 2 seconds" in checked.stderr
    assert "2 keys" in checked.stdout
