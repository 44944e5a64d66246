# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The process that follows access logs: what it may do, and that nobody waits for it or for a log. What its end costs
is in test_shared_port.py."""

import contextlib
import json
import os
import pathlib
import re
import signal
import time

from support.daemon import children_of
from support.lab import run, wait_until
from support.shared import NAMES, PORT, Shared, User, assert_adds_up, reset, simple, traffic
from support.standins import CTL

CAP_DAC_READ_SEARCH = 1 << 2
# The counting process waits for lines 250 ms before a sample, and 2 s before a reset. The machine may be busy.
SAMPLE_S, RESET_S = 2, 5
SIZE = 200_000


def follower_of(daemon):
    """The pid of the following process. 0: there is none at this moment."""
    found = children_of(daemon, "v2meter-follow")
    assert len(found) < 2
    return found[0] if found else 0


def serve(lab, start_daemon):
    """A daemon, a real V2Ray, and its users, who are named in the access log. Only root may read the log."""
    users = [User(name, "vmess") for name in NAMES]
    log, source = lab.directory / "access.log", lab.directory / "served.json"
    log.touch(0o600)
    v2ray = Shared(lab, keys=users)
    source.write_text(json.dumps(v2ray.server_config()))
    daemon = start_daemon([], key_sources=[str(source)])
    for user in users:
        v2ray.download(user, 1000)
    wait_until(lambda: all(simple(daemon, user).status == 200 for user in users), what="the users in the log")
    return daemon, v2ray, users, log


def reasons(daemon):
    """What is wrong: the sentences by their words."""
    return {row["reason"]: row["detail"] for row in daemon.status()["reasons"]}


def files_of(pid):
    found = set()
    for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(os.readlink(fd))
        except FileNotFoundError:
            pass
    return found


def test_the_following_process_may_do_nothing_but_read(lab, start_daemon):
    daemon, v2ray, _, log = serve(lab, start_daemon)
    child = pathlib.Path(f"/proc/{follower_of(daemon)}")
    assert len(list((child / "task").iterdir())) == 1
    lines = (child / "status").read_text().splitlines()
    facts = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert "0" not in facts["Uid"].split() + facts["Gid"].split() and facts["Groups"].strip() == ""
    assert {int(facts[name], 16) for name in ("CapPrm", "CapEff")} == {CAP_DAC_READ_SEARCH}
    assert {int(facts[name], 16) for name in ("CapInh", "CapBnd", "CapAmb")} == {0}
    assert facts["NoNewPrivs"] == "1" and facts["Seccomp"] == "2"
    assert (child / "oom_score_adj").read_text().strip() == "1000"
    for fd in (child / "fd").iterdir():
        assert int(fd.name) < 3 or os.readlink(fd) == str(log) or os.readlink(fd).startswith("socket:")
    environment = (child / "environ").read_bytes()
    assert b"PATH=" not in environment and b"V2METER" not in environment
    # The log is open there, and not in the process that counts.
    assert str(log) in files_of(child.name) and str(log) not in files_of(daemon.process.pid)
    assert "runs without" not in daemon.said()
    v2ray.stop()
    daemon.stop()
    assert not child.exists()


def test_a_process_that_ends_again_and_again_is_seen_everywhere(lab, start_daemon):
    daemon, v2ray, _, log = serve(lab, start_daemon)

    def seen():
        """The error of the log, the figures of the metrics, and what the doctor says of the health."""
        row, = daemon.status()["access_logs"]
        text = daemon.ask("GET", "/metrics").body.decode()
        doctor = run(*lab.server.words(CTL, "--api-key-file", daemon.state_dir / "api_key", "doctor",
                                       daemon.config_file), check=False).stdout
        assert row["followed"] is (row["error"] is None)
        return (row["error"], "v2meter_access_logs{state=\"unread\"} 1\n" in text,
                "v2meter_degraded{reason=\"access_log_unread\"} 1\n" in text,
                f"access_log_unread: the access log {log} cannot be read: " in doctor)

    assert seen() == (None, False, False, False)
    for _ in range(3):
        wait_until(lambda: follower_of(daemon), what="a following process")
        pid = follower_of(daemon)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: follower_of(daemon) != pid, what="its end")  # noqa: B023 it is called before it changes
    wait_until(lambda: follower_of(daemon), what="the next process")
    # It does not get far, so that there is time to look.
    pid = follower_of(daemon)
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: "access_log_unread" in reasons(daemon), what="the reason")
    error, *others = seen()
    assert re.search(r" has ended \(.*\), and so have \d processes before it$", error) and all(others)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: "access_log_unread" not in reasons(daemon), timeout_s=30, what="the end of the reason")
    assert seen() == (None, False, False, False)
    v2ray.stop()


def test_neither_a_process_that_hangs_nor_a_fifo_delays_the_counting(lab, start_daemon):
    daemon, v2ray, (alice, bob, carol), log = serve(lab, start_daemon)

    def attribution(user):
        return traffic(daemon, user)["accounting"]["attribution"]

    def quickly(work, most_s):
        start = time.monotonic()
        result = work()
        assert time.monotonic() - start < most_s
        return result

    def total():
        return quickly(lambda: daemon.port_entry(PORT), SAMPLE_S)["total_bytes"]

    assert attribution(bob)["complete"] is True
    before, bobs = total(), traffic(daemon, bob)["total_bytes"]
    os.kill(follower_of(daemon), signal.SIGSTOP)
    v2ray.download(bob, SIZE)
    wait_until(lambda: total() > before + SIZE, what="the port's bytes")
    quickly(lambda: reset(daemon, alice), RESET_S)
    assert attribution(bob)["complete"] is False and "not read in time" in attribution(bob)["reason"]
    os.kill(follower_of(daemon), signal.SIGCONT)
    reset(daemon, carol)
    # What had no owner at the first reset has none.
    assert bobs <= traffic(daemon, bob)["total_bytes"] < bobs + SIZE
    v2ray.download(bob, SIZE)
    wait_until(lambda: bobs + SIZE < traffic(daemon, bob)["total_bytes"] < bobs + 2 * SIZE, what="bob's bytes")
    reset(daemon, bob)
    assert attribution(bob)["complete"] is True
    log.rename(lab.directory / "access.log.1")
    os.mkfifo(log)
    wait_until(lambda: attribution(bob)["complete"] is False, what="the FIFO")
    assert "could not be read" in attribution(bob)["reason"] and "a FIFO" in daemon.said()
    row, = daemon.status()["access_logs"]
    assert row["followed"] is False and "a FIFO" in row["error"]
    wait_until(lambda: "a FIFO" in reasons(daemon).get("access_log_unread", ""), what="the reason")
    before = total()
    v2ray.download(bob, SIZE)
    wait_until(lambda: total() > before + SIZE, what="the bytes beside the FIFO")
    quickly(lambda: reset(daemon, alice), SAMPLE_S)
    assert_adds_up(daemon.port_entry(PORT))
    v2ray.stop()
