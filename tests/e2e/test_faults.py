# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The daemon while the kernel refuses system calls or has no room left. strace makes the calls fail."""

import contextlib
import re
import shutil
import signal
import socket
import sys
import time

import pytest

from support.lab import Lab, run, wait_until
from support.unprivileged import NETLINK_SOCK_DIAG, REFUSE_SOCKET
from support.v2ray import Key

ONE, TWO = Key("vmess-tcp", 10001), Key("vless-tcp", 10002)
WIRE = 14 + 20 + 8 + 100  # the frame of a datagram of 100 bytes


def entries(port_of):
    return [{**key.entry(), "port": port_of[key.id], "transport": "both"} for key in (ONE, TWO)]


@pytest.fixture
def failing(lab, tmp_path):
    """Gives failing(daemon, "bpf:error=ENOMEM:when=3"), a context in which that call fails; with a path, only for
    that file."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")

    @contextlib.contextmanager
    def inject(daemon, what, path=None):
        only = ["-P", path] if path else []
        tracer = lab.server.start("strace", "-f", "-o", tmp_path / "trace", "-e", f"inject={what}", *only,
                                  "-p", daemon.process.pid, log=tmp_path / "strace.log")
        wait_until(lambda: "attached" in tracer.said() or not tracer.running(), what="strace")
        if "Operation not permitted" in tracer.said():
            pytest.skip("strace may not attach")
        assert tracer.running(), tracer.said()
        try:
            yield lambda: "(INJECTED)" in (tmp_path / "trace").read_text()
        finally:
            tracer.stop()
            (tmp_path / "strace.log").unlink()

    return inject


@pytest.fixture
def send(lab):
    def datagrams(port, count):
        with lab.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            for _ in range(count):
                client.sendto(bytes(100), (Lab.SERVER[4], port))

    return datagrams


def received(daemon, port):
    """Waits for a reading that succeeds, and returns the datagrams of the port's key since its last reset."""
    answer = wait_until(lambda: (lambda got: got if got.status == 200 else None)(
        daemon.get("/api/traffic/simple", fresh=True)), what="a reading")
    return answer.json()["data"]["ports"][str(port)]["rx_bytes"] / WIRE


# Each bpf(2) call that the change of ports makes fails once: when the counters are read, when the sessions'
# ports are set, and when the programs are checked. The new ports themselves are written to mapped memory.
def test_ports_that_change_hands_while_the_kernel_refuses_do_change_hands(lab, start_daemon, failing,
                                                                          send):
    lab.offloads(False)
    sent, port_of = {ONE.id: 0, TWO.id: 0}, {ONE.id: 10001, TWO.id: 10002}
    # Only the change itself calls the kernel.
    daemon = start_daemon(entries(port_of), sample_interval_ms=60000)
    refused = 0
    for call in range(1, 15):
        for key, port in port_of.items():
            send(port, 10)
            sent[key] += 10
        wait_until(lambda: {key: received(daemon, port) for key, port in port_of.items()} == sent,
                   what="the datagrams before")
        port_of = {ONE.id: port_of[TWO.id], TWO.id: 10003 + call}
        with failing(daemon, f"bpf:error=ENOMEM:when={call}") as happened:
            daemon.write_keys(entries(port_of))
            wait_until(happened, what="the refusal")
        refused += "the keys stay as they were" in daemon.said()
        wait_until(lambda: set(daemon.simple()["data"]["ports"]) ==
                   {str(port) for port in port_of.values()}, what="the new ports")
    for key, port in port_of.items():
        send(port, 10)
        sent[key] += 10
    wait_until(lambda: {key: received(daemon, port) for key, port in port_of.items()} == sent,
               what="the datagrams after")
    assert daemon.ask("GET", "/health", headers={}).json() == {"status": "healthy"}
    assert refused, daemon.said()


def test_ports_that_the_kernel_refused_arrive_by_themselves(start_daemon, failing, tmp_path):
    daemon = start_daemon(entries({ONE.id: 10001, TWO.id: 10002}))
    with failing(daemon, "bpf:error=ENOMEM"):
        daemon.write_keys(entries({ONE.id: 10002, TWO.id: 10003}))
        wait_until(lambda: "the keys stay as they were" in daemon.said(), what="the refusal")
        assert daemon.ask("GET", "/health", headers={}).status == 503
        wait_until(lambda: (tmp_path / "trace").read_text().count("(INJECTED)") > 50, what="more")
        # The daemon retries at every reading of the counters, and logs the failure only once.
        assert daemon.said().count("the keys stay as they were") == 1
        assert "cannot change the ports whose sessions are counted" not in daemon.said()
    wait_until(lambda: daemon.ask("GET", "/health", headers={}).json() == {"status": "healthy"},
               what="the new ports")
    assert {key["id"]: key["port"] for key in daemon.get("/api/keys").json()} == {
        ONE.id: 10002, TWO.id: 10003}


def test_keys_that_could_not_be_read_arrive_by_themselves(start_daemon, failing):
    daemon = start_daemon(entries({ONE.id: 10001, TWO.id: 10002}))
    with failing(daemon, "openat:error=EMFILE", daemon.key_file):
        daemon.write_keys(entries({ONE.id: 10003, TWO.id: 10002}))
        wait_until(lambda: "Too many open files" in daemon.said(), what="the refusal")
        assert daemon.ask("GET", "/health", headers={}).json() == {
            "status": "degraded", "reason": "key_source_broken"}
    wait_until(lambda: set(daemon.simple()["data"]["ports"]) == {"10002", "10003"}, timeout_s=15,
               what="the new port")
    assert daemon.ask("GET", "/health", headers={}).json() == {"status": "healthy"}


def test_a_source_that_stays_unreadable_is_read_less_and_less_often(start_daemon, failing, tmp_path):
    daemon = start_daemon(entries({ONE.id: 10001, TWO.id: 10002}))
    daemon.key_file.unlink()
    wait_until(lambda: "No such file" in daemon.said(), what="the first refusal")

    def readings():
        return (tmp_path / "trace").read_text().count(f'"{daemon.key_file}"')

    with failing(daemon, "?newfstatat,?stat:error=EMFILE", daemon.key_file):
        wait_until(lambda: "Too many open files" in daemon.said(), what="what is wrong now")
        before, at = readings(), time.monotonic()
        wait_until(lambda: readings() > before, timeout_s=15, what="a third reading")
    assert time.monotonic() - at > 8
    assert daemon.said().count("Too many open files") == 1
    daemon.write_keys(entries({ONE.id: 10003, TWO.id: 10002}))
    wait_until(lambda: set(daemon.simple()["data"]["ports"]) == {"10002", "10003"}, timeout_s=5,
               what="the new port")


# Traffic while the daemon is away belongs to the keys that it remembers.
@pytest.mark.parametrize("stopped", [False, True], ids=["by-themselves", "at-a-stop"])
def test_keys_that_could_not_be_remembered_are_as_soon_as_that_is_possible(lab, start_daemon, failing,
                                                                           send, stopped):
    lab.offloads(False)
    daemon = start_daemon(entries({ONE.id: 10001, TWO.id: 10002}),
                          flush_interval_s=3600 if stopped else 1)
    with failing(daemon, "?rename,?renameat,?renameat2:error=ENOSPC"):
        daemon.write_keys(entries({ONE.id: 10002, TWO.id: 10001}))
        wait_until(lambda: "the last good keys cannot be stored" in daemon.said(), what="the refusal")
    if stopped:
        daemon.stop()
    wait_until(lambda: "the last good keys can be stored again" in daemon.said(), what="the file")
    daemon.kill()
    send(10001, 10)
    daemon.start()
    assert received(daemon, 10001) == 10
    assert daemon.port_entry(10001)["key_id"] == TWO.id


# If two things are wrong, health names one of them, and the sentence is about that one.
def test_the_sentence_is_about_the_reason_that_is_told(start_daemon, failing, send):
    daemon = start_daemon(entries({ONE.id: 10001, TWO.id: 10002}), flush_interval_s=1)

    def told():
        status = daemon.status()
        return status["reason"], status["detail"]

    assert told() == (None, None)
    daemon.write_keys("[{]")
    wait_until(lambda: told()[0] == "key_source_broken", what="the broken keys")
    assert re.search(r"keys\.json:1:3", told()[1])
    with failing(daemon, "fsync,fdatasync:error=EIO"):
        send(10001, 10)
        wait_until(lambda: told()[0] == "ledger_unwritable", what="the disk")
        assert told()[1].startswith("ledger: ")
    wait_until(lambda: told()[0] == "key_source_broken", what="the disk again")
    assert re.search(r"keys\.json:1:3", told()[1])


# The daemon must not start with the sockets' counters, because it would keep them until a reload.
def test_a_start_without_descriptors_for_the_programs_is_refused(lab, start_daemon):
    if not shutil.which("prlimit"):
        pytest.skip("prlimit is not installed")
    daemon = start_daemon(entries({ONE.id: 10001, TWO.id: 10002}), running=False)
    ended = lab.server.run("prlimit", "--nofile=24:24", *daemon.words(), check=False)
    assert ended.returncode and "the kernel programs: Too many open files" in ended.stderr
    daemon.start()
    assert daemon.ask("GET", "/health", headers={}).json() == {"status": "healthy"}


def test_a_reload_while_the_kernel_has_no_memory_leaves_counting_exact(lab, start_daemon, failing,
                                                                      send):
    lab.offloads(False)
    daemon = start_daemon(entries({ONE.id: 10001, TWO.id: 10002}))
    with failing(daemon, "bpf:error=ENOMEM"):
        daemon.process.signal(signal.SIGHUP)
        wait_until(lambda: "cannot count on up0" in daemon.said(), what="the refusal")
        send(10001, 10)
    wait_until(lambda: daemon.ask("GET", "/health", headers={}).json() == {"status": "healthy"},
               what="exact counting")
    assert daemon.port_entry(10001)["accounting"] == {"mode": "ebpf", "exact": True, "unit": "wire"}
    assert received(daemon, 10001) == 10


@pytest.fixture
def start_inexact(lab, start_daemon):
    """Gives start(name), which starts a daemon that has no place to pin. The next reload finds the place free."""
    taken = lab.pin_dir.with_name(lab.pin_dir.name + "-taken")

    def start(name, prefix=()):
        run("bpftool", "map", "create", taken, "type", "array", "key", "4", "value", "4", "entries",
            "1", "name", "v2m_e2e")
        daemon = start_daemon(entries({ONE.id: 10001, TWO.id: 10002}), name=name,
                              pin_dir=str(taken), sample_interval_ms=60000, running=False)
        daemon.prefix = list(prefix)
        daemon.is_ready = lambda: "serves on" in daemon.said()
        daemon.start()
        assert "cannot be counted exactly" in daemon.said()
        taken.unlink()
        return daemon

    yield start
    if taken.is_file():
        taken.unlink()


# The programs of the device are loaded last. Without them nothing would be counted, neither exactly nor
# otherwise.
def test_a_return_to_exact_counting_waits_for_programs_on_the_device(lab, start_inexact, failing, send,
                                                                     tmp_path):
    lab.offloads(False)
    daemon = start_inexact("model")
    with failing(daemon, "bpf:error=ENOMEM:when=60000+"):
        daemon.process.signal(signal.SIGHUP)
        wait_until(lambda: "counting is exact again" in daemon.said(), what="exact counting")
    calls = [line for line in (tmp_path / "trace").read_text().splitlines() if " bpf(" in line]
    loaded = max(i for i, call in enumerate(calls, 1) if 'prog_name="v2m_ingress"' in call)
    daemon.stop()
    daemon.run("--detach")
    daemon = start_inexact("refused")
    with failing(daemon, f"bpf:error=ENOMEM:when={loaded}+"):
        daemon.process.signal(signal.SIGHUP)
        wait_until(lambda: "counted exactly" in daemon.said().partition("cannot count on up0")[2],
                   what="the decision")
        # strace does not end while it holds a child that the daemon has just made.
        wait_until(lambda: "+++ exited" in (tmp_path / "trace").read_text(), what="the end of the reading process")
    assert "counting is exact again" not in daemon.said()
    accounting = daemon.port_entry(10001)["accounting"]
    assert accounting["mode"] == "socket_stats"
    assert "Cannot allocate memory" in accounting["reason"]
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: daemon.port_entry(10001)["accounting"]["exact"], what="exact counting")
    send(10001, 10)
    assert received(daemon, 10001) == 10


# Now at the latest the kernel gets the ports; until now there were no maps to write them to.
def test_a_return_to_exact_counting_from_none_at_all_counts_every_port(lab, start_inexact, send):
    lab.offloads(False)
    daemon = start_inexact("blind", [sys.executable, REFUSE_SOCKET, NETLINK_SOCK_DIAG, "EPROTONOSUPPORT"])
    assert daemon.get("/api/traffic/simple", fresh=True).status == 503
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: "counting is exact again" in daemon.said(), what="exact counting")
    wait_until(lambda: daemon.get("/api/traffic/simple", fresh=True).status == 200, what="a reading")
    send(10001, 10)
    assert received(daemon, 10001) == 10


# Only the answer of the disk fails, not the write. So the file has a whole transaction, which counts for the
# process that opens it next.
@pytest.mark.parametrize("path", ["traffic/simple/reset", "traffic/history/reset"])
def test_a_reset_that_was_refused_is_not_there_after_a_crash(lab, start_daemon, failing, send, path):
    lab.offloads(False)
    daemon = start_daemon(entries({ONE.id: 10001, TWO.id: 10002}), flush_interval_s=60)
    send(10001, 10)
    wait_until(lambda: received(daemon, 10001) == 10, what="the datagrams")
    with failing(daemon, "fsync,fdatasync:error=EIO"):
        answer = daemon.ask("POST", f"/api/keys/{ONE.id}/{path}")
        assert (answer.status, answer.json()["code"]) == (503, "not_stored")
        daemon.kill()
    daemon.start()
    assert received(daemon, 10001) == 10
    history = daemon.get(f"/api/keys/{ONE.id}/traffic/history").json()["data"]
    assert history["total_traffic"]["rx_bytes"] == 10 * WIRE
    assert sum(day["rx_bytes"] for day in history["daily_stats"].values()) == 10 * WIRE


# All ports that the kernel's table holds are replaced by as many others, so each place is reused at once.
def test_all_ports_change_and_none_loses_its_last_bytes(lab, start_daemon, failing, send):
    lab.offloads(False)
    keys = [Key("vmess-tcp", 10000 + i) for i in range(4096)]

    def moved(by):
        return [{**key.entry(), "port": key.port + by, "transport": "both"} for key in keys]

    daemon = start_daemon(moved(0), sample_interval_ms=60000)
    send(10000, 10)
    send(12000, 7)
    # The new ports are written to mapped memory. Two calls look for foreign flows, and the third one reads the last
    # bytes of the ports that leave.
    with failing(daemon, "bpf:error=ENOMEM:when=3+"):
        daemon.write_keys(moved(10000))
        wait_until(lambda: "the keys stay as they were" in daemon.said(), what="the refusal")
        assert re.search("the keys stay.*last bytes.*: Cannot allocate memory", daemon.said())
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: daemon.said().count("4096 keys on 4096 ports") == 2, what="the new ports")
    send(20000, 5)
    assert [received(daemon, port) for port in (20000, 22000)] == [15, 7]

    def reasons():
        return [row["reason"] for row in daemon.status()["reasons"]]

    assert "too_many_ports" not in reasons()
    last = Key("vmess-tcp", 9999).entry()
    daemon.write_keys([*moved(10000), last])
    wait_until(lambda: "too_many_ports" in reasons(), what="one port too many")
    answer = daemon.get(f"/api/keys/{last['id']}/traffic/simple")
    assert (answer.status, answer.json()["code"]) == (503, "not_counted")
    assert "1 ports or ranges are not counted, because at most 4096 can be" in daemon.said()
    daemon.write_keys(moved(10000))
    wait_until(lambda: "too_many_ports" not in reasons(), what="the end of the reason")
