# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The process that answers is not the one that counts: what it may do, and what its end costs."""

import concurrent.futures
import os
import pathlib
import signal
import stat
import time

from support.daemon import children_of
from support.lab import wait_until
from support.two_keys import KEYS, PORT, Flood, tx


def child_of(daemon):
    """The pid of the answering process. 0: there is none at this moment."""
    children = children_of(daemon, "v2meter-answer")
    assert len(children) < 2
    return children[0] if children else 0


def facts_of(task):
    lines = (task / "status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def memory_of(pid):
    """What the process can write to, as bytes."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            start, end = (int(part, 16) for part in span.split("-"))
            if rights.startswith("rw") and end - start < 1 << 28:
                memory.seek(start)
                found.append(memory.read(end - start))
    return b"".join(found)


def test_the_answering_process_may_do_nothing_but_answer(lab, start_daemon):
    daemon = start_daemon(KEYS)
    child = pathlib.Path(f"/proc/{child_of(daemon)}")
    tasks = list((child / "task").iterdir())
    assert len(tasks) > 100
    for task in tasks:
        facts = facts_of(task)
        assert "0" not in facts["Uid"].split() + facts["Gid"].split()
        assert facts["Groups"].strip() == ""
        assert {facts[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        assert facts["NoNewPrivs"] == "1" and facts["Seccomp"] == "2"
    assert list((child / "root").iterdir()) == []
    assert "(deleted)" in os.readlink(child / "root")
    for fd in (child / "fd").iterdir():
        target = os.readlink(fd)
        assert target.startswith(("socket:", "anon_inode:")) or int(fd.name) < 3, target
    environment = (child / "environ").read_bytes()
    assert b"PATH=" not in environment and b"V2METER" not in environment
    assert daemon.status()["unprotected"] is None
    assert not children_of(daemon, "v2meter-ask"), "no API, no process that asks it"
    assert not children_of(daemon, "v2meter-follow"), "no access log, no process that follows it"
    # The directory of its root is gone from the disk.
    assert not [path for path in daemon.state_dir.iterdir() if stat.S_ISDIR(path.stat().st_mode)]


def test_the_answering_process_does_not_hold_the_api_key(lab, start_daemon):
    daemon = start_daemon(KEYS)
    api_key = daemon.api_key().encode()
    assert api_key not in memory_of(child_of(daemon))
    connection = daemon.connect()
    connection.request("GET", "/api/keys", headers={"X-API-Key": api_key.decode()})
    assert connection.getresponse().read()
    # The connection is open: so the search would have found it.
    assert api_key in memory_of(child_of(daemon))
    connection.close()
    assert daemon.simple()["data"]
    assert daemon.reset(KEYS[0]["id"]).status == 200
    # It refuses its own totals, after it has checked the key.
    assert daemon.ask("POST", "/api/meter/import", body=daemon.get("/api/meter/export").body).status == 409
    wait_until(lambda: api_key not in memory_of(child_of(daemon)), 10, what="the ends of all connections")


def test_an_answering_process_that_is_killed_is_back_within_a_second(lab, start_daemon):
    daemon = start_daemon(KEYS)
    flood = Flood(lab)
    before = tx(daemon)
    took = []
    for _ in range(3):
        time.sleep(1.1)
        old = child_of(daemon)
        os.kill(old, signal.SIGKILL)
        killed = time.monotonic()
        wait_until(lambda: child_of(daemon) not in (0, old) and daemon.is_ready(), what="the next one")
        took.append(time.monotonic() - killed)
    # On a busy machine, some of them take longer.
    assert min(took) < 1, took
    sent = flood.end()
    assert before < tx(daemon) == sent["wire_bytes"]
    assert daemon.said().count("the answering process has ended (signal 9 (Killed))") == 3
    assert daemon.process.running()


def answers(daemon):
    try:
        return daemon.ask("GET", "/healthz", headers={}).status in (200, 503)
    except OSError:
        return False


def stop_before_it_hears_of_the_next(daemon):
    """Kills the answering process, stops the daemon when it has started the next one, and waits until that serves.
    Returns its pid."""
    for _ in range(10):
        time.sleep(1.1)
        old = wait_until(lambda: child_of(daemon), what="an answering process")
        said = daemon.said().count("serves on")
        os.kill(old, signal.SIGKILL)
        while child_of(daemon) in (0, old):
            time.sleep(0.001)
        os.kill(daemon.process.pid, signal.SIGSTOP)
        if daemon.said().count("serves on") == said and answers(daemon):
            return child_of(daemon)
        os.kill(daemon.process.pid, signal.SIGCONT)
        wait_until(daemon.is_ready, what="an answer")
    raise AssertionError("the daemon was quicker, or too slow, each time")


def test_a_daemon_that_was_busy_hears_that_the_answering_process_serves(lab, start_daemon):
    daemon = start_daemon(KEYS)
    child = stop_before_it_hears_of_the_next(daemon)
    # The time is up that the process has to begin.
    time.sleep(10.5)
    os.kill(daemon.process.pid, signal.SIGCONT)
    wait_until(daemon.is_ready, what="health")
    assert daemon.simple()["data"]
    assert child_of(daemon) == child and "hangs" not in daemon.said()


def test_one_that_ends_at_once_again_does_not_keep_the_daemon_busy(lab, start_daemon):
    daemon = start_daemon(KEYS)
    end = time.monotonic() + 2
    killed = set()
    while time.monotonic() < end:
        pid = child_of(daemon)
        if pid and pid not in killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        time.sleep(0.01)
    assert 2 <= len(killed) <= 6
    wait_until(daemon.is_ready, what="an answer")


def test_an_answering_process_that_hangs_does_not_hold_up_counting(lab, start_daemon):
    daemon = start_daemon(KEYS, flush_interval_s=1, cache_ttl_s=1)
    flood = Flood(lab)
    daemon.get("/api/traffic/simple")
    child = child_of(daemon)
    os.kill(child, signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor(8) as clients:
        waiting = [clients.submit(daemon.get, "/api/traffic/simple", True) for _ in range(8)]
        ledger = daemon.state_dir / "ledger.db-wal"
        stamps = set()
        end = time.monotonic() + 3
        while time.monotonic() < end:
            stamps.add(ledger.stat().st_mtime_ns)
            time.sleep(0.05)
        assert len(stamps) >= 3, "nothing was stored meanwhile"
        os.kill(child, signal.SIGCONT)
        assert {answer.result().status for answer in waiting} == {200}
    sent = flood.end()
    assert tx(daemon) == sent["wire_bytes"]
    assert child_of(daemon) == child


def test_the_answering_process_ends_with_the_counting_one(lab, start_daemon):
    daemon = start_daemon(KEYS)
    child = child_of(daemon)
    os.kill(child, signal.SIGTERM)
    os.kill(child, signal.SIGINT)
    assert daemon.is_ready() and child_of(daemon) == child, "signals are for the counting process"
    daemon.kill()
    wait_until(lambda: not pathlib.Path(f"/proc/{child}").exists(), 2, "the end of the child")
    daemon.start()
    child = child_of(daemon)
    started = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - started < 2
    assert not pathlib.Path(f"/proc/{child}").exists()


def test_a_stopped_child_does_not_keep_the_daemon_from_ending(lab, start_daemon):
    daemon = start_daemon(KEYS)
    child = child_of(daemon)
    os.kill(child, signal.SIGSTOP)
    assert daemon.stop() == 0
    assert not pathlib.Path(f"/proc/{child}").exists()


def test_resets_from_the_answering_process_need_the_key_of_the_client(lab, start_daemon):
    daemon = start_daemon(KEYS)
    for path in ("/api/keys/first/traffic/simple/reset", "/api/keys/first/traffic/history/reset",
                 "/api/traffic/history/cleanup"):
        assert daemon.ask("POST", path, {"X-API-Key": "wrong"}).status == 401
        assert daemon.ask("POST", path, {"X-API-Key": daemon.api_key() + "  "}).status == 200
    assert str(PORT) in daemon.simple()["data"]["ports"]


def test_if_counting_hangs_requests_end_in_time_and_health_says_so(lab, start_daemon):
    daemon = start_daemon(KEYS)
    sent = Flood(lab).end()
    assert tx(daemon) == sent["wire_bytes"]
    daemon.process.signal(signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor(3) as clients:
        started = time.monotonic()
        waiting = [clients.submit(daemon.reset, "first"), clients.submit(daemon.get, "/api/traffic/simple", True),
                   clients.submit(daemon.get, "/api/meter/status")]
        for answer in waiting:
            assert answer.result().status == 503 and answer.result().json()["code"] == "timeout"
        assert 7 < time.monotonic() - started < 9
    answer = wait_until(lambda: (lambda it: it if it.status == 503 else None)(daemon.get("/health")),
                        timeout_s=5, what="stalled")
    assert answer.json()["reason"] == "stalled" and answer.json()["status"] == "unavailable"
    daemon.process.signal(signal.SIGCONT)
    wait_until(lambda: daemon.get("/health").json()["status"] == "healthy", what="health")
    # Nobody waited for the reset any more.
    assert tx(daemon) == sent["wire_bytes"]
