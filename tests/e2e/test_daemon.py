# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""v2meterd as operators and scripts see it: signals, exit statuses, options, a second daemon beside it."""

import ctypes
import errno
import json
import os
import re
import signal
import socket
import stat
import struct
import subprocess
import time

import pytest

from conftest import bpf
from support.daemon import BINARY, Daemon
from support.lab import run, wait_until
from support.v2ray import Key

KEY = Key("vmess-tcp", 10001)
OTHER = Key("vless-tcp", 10002)


BPF_PROG_QUERY = 16


def query_programs(index, hook):
    """Returns the ids of the tcx programs of a hook. Kernels without tcx answer EINVAL."""
    ids = ctypes.create_string_buffer(4 * 64)
    attributes = struct.pack("<IIIIQIIQQQQ", index, hook, 0, 0, ctypes.addressof(ids), 64, 0, 0, 0,
                             0, 0)
    result, attributes = bpf(BPF_PROG_QUERY, attributes)
    if result < 0:
        assert ctypes.get_errno() == errno.EINVAL
        return []
    return struct.unpack_from("<64I", ids)[:struct.unpack_from("<I", attributes, 24)[0]]


def exchange(lab, port, size=5000, address=None):
    """Connects to the port of the server over the wire and sends size bytes."""
    with lab.server.entered():
        listener = socket.create_server(("0.0.0.0", port))
    with lab.client.socket() as client:
        client.settimeout(10)
        client.connect((address or lab.SERVER[4], port))
        client.sendall(bytes(size))
        accepted = listener.accept()[0]
        got = 0
        while got < size:
            got += len(accepted.recv(65536))
        accepted.close()
        client.recv(1)
    listener.close()


def payload(daemon, port):
    return daemon.port_entry(port)["payload_rx_bytes"]


def filters(lab):
    """The priorities of the tc filters on the wire's device, in both directions."""
    said = "".join(lab.server.run("tc", "filter", "show", "dev", "up0", way).stdout
                   for way in ("ingress", "egress"))
    return set(re.findall(r" pref (\d+) ", said))


def tcx_programs(lab):
    """The ids of the tcx programs on the wire's device, in both directions. It uses BPF_PROG_QUERY, because
    Debian's bpftool shows no tcx."""
    with lab.server.entered():
        index = socket.if_nametoindex("up0")
        return [number for hook in (46, 47) for number in query_programs(index, hook)]


def test_systemd_hears_of_every_state_and_of_a_loop_that_goes_round(lab, start_daemon):
    address = str(lab.directory / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(10)

        def wait_for(*wanted):
            for each in wanted:
                while each not in listener.recv(4096).decode().split("\n"):
                    pass

        daemon = start_daemon([KEY.entry()],
                              environment={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000"})
        wait_for("READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1")
        daemon.process.signal(signal.SIGHUP)
        wait_for("RELOADING=1", "READY=1", "WATCHDOG=1")
        assert daemon.stop() == 0
        wait_for("STOPPING=1")


def test_it_serves_on_every_address_that_it_logs(lab, start_daemon):
    daemon = start_daemon([KEY.entry()], listen=["127.0.0.1:9469", f"{lab.SERVER[4]}:9500"])
    # The answering process answers a moment before the other one logs that it does.
    places = wait_until(lambda: re.findall(r" serves on (http://\S+)$", daemon.said(), re.MULTILINE), what="the log")
    assert places == ["http://127.0.0.1:9469", f"http://{lab.SERVER[4]}:9500"]
    for end, place in zip((lab.server, lab.client), places):
        assert json.loads(end.run("curl", "-sf", f"{place}/healthz").stdout) == {"status": "ok"}


# --- signals ---

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_it_stops_within_five_seconds_with_status_0(start_daemon, number):
    daemon = start_daemon([KEY.entry()])
    # One client that has connected and sends nothing, and one in the middle of its request.
    silent, slow = daemon.connect(), daemon.connect()
    slow.sock.sendall(b"GET / HTTP/1.1\r\nHost:")
    began = time.monotonic()
    assert daemon.process.stop(number, timeout_s=10) == 0
    assert time.monotonic() - began < 5
    assert "stopping; the kernel goes on counting" in daemon.said()
    for connection in (silent, slow):
        connection.close()


def test_sighup_takes_new_keys(lab, start_daemon):
    daemon = start_daemon([KEY.entry()])
    exchange(lab, OTHER.port)
    daemon.write_keys([KEY.entry(), OTHER.entry()])
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: str(OTHER.port) in daemon.simple()["data"]["ports"], what="the new key")
    assert payload(daemon, OTHER.port) == 0, "bytes from before the key existed were counted"
    exchange(lab, OTHER.port, 7000)
    assert payload(daemon, OTHER.port) == 7000


def test_sighup_keeps_what_was_counted(lab, start_daemon):
    daemon = start_daemon([KEY.entry(), OTHER.entry()])
    exchange(lab, KEY.port, 3000)
    daemon.write_keys([KEY.entry(), Key("vmess-tcp", 10003).entry()])
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: "10003" in daemon.simple()["data"]["ports"], what="the new key")
    ports = daemon.simple()["data"]["ports"]
    assert set(ports) == {"10001", "10003"} and ports["10001"]["payload_rx_bytes"] == 3000
    assert daemon.get(f"/api/keys/{OTHER.id}").status == 404
    exchange(lab, KEY.port, 2000)
    assert payload(daemon, KEY.port) == 5000


def test_a_change_of_the_keys_starts_a_new_window(start_daemon):
    daemon = start_daemon([KEY.entry()])
    first = daemon.get("/api/traffic/simple").json()
    assert set(first["data"]["ports"]) == {"10001"}
    daemon.write_keys([KEY.entry(), OTHER.entry()])
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: set(daemon.get("/api/traffic/simple").json()["data"]["ports"]) ==
               {"10001", "10002"}, what="the new key in a cached answer")


def test_key_sources_that_tell_the_same_leave_the_window_as_it_is(start_daemon):
    daemon = start_daemon([KEY.entry()])
    first = daemon.get("/api/traffic/simple").body
    daemon.write_keys("nothing")
    wait_until(lambda: daemon.ask("GET", "/health", headers={}).json().get("reason") ==
               "key_source_broken", what="the broken file")
    daemon.write_keys([KEY.entry()])
    wait_until(lambda: daemon.ask("GET", "/health", headers={}).json()["status"] == "healthy",
               what="the file as it was")
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: "reading the key sources again" in daemon.said(), what="SIGHUP")
    assert daemon.simple()["data"]["ports"].keys() == {"10001"}
    assert daemon.get("/api/traffic/simple").body == first


@pytest.mark.parametrize("text, place", [
    ("[{]", r"keys\.json:1:3"), ("", r"keys\.json"),
    (json.dumps([KEY.entry(), {**OTHER.entry(), "port": KEY.port}]), r"keys\.json:1:\d+: .*port"),
    ("[7]", r"keys\.json:1:2")], ids=["no json", "empty", "same port", "no key"])
def test_sighup_with_a_broken_file_keeps_the_keys_and_says_so(lab, start_daemon, text, place):
    daemon = start_daemon([KEY.entry()])
    exchange(lab, KEY.port)
    daemon.write_keys(text)
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: re.search(place, daemon.said()), what="the place in the log")
    exchange(lab, KEY.port)
    assert payload(daemon, KEY.port) == 10000
    for path in ("/health", "/healthz"):
        wait_until(lambda: daemon.ask("GET", path, headers={}).json()["status"] == "degraded",
                   what="degraded")
        answer = daemon.ask("GET", path, headers={})
        assert answer.status == 200
        assert re.fullmatch("[a-z_]+", answer.json()["reason"])

    daemon.write_keys([KEY.entry(), OTHER.entry()])
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: daemon.ask("GET", "/healthz", headers={}).json() == {"status": "ok"},
               what="health again")
    assert payload(daemon, KEY.port) == 10000
    assert payload(daemon, OTHER.port) == 0


def test_many_sighups_during_traffic_lose_nothing(lab, start_daemon):
    daemon = start_daemon([KEY.entry(), OTHER.entry()])
    for number in range(20):
        daemon.write_keys([KEY.entry()] + ([OTHER.entry()] if number % 2 else []))
        daemon.process.signal(signal.SIGHUP)
        exchange(lab, KEY.port, 1000)
    assert payload(daemon, KEY.port) == 20000


def test_a_port_handed_to_another_key_gives_each_its_own(lab, start_daemon):
    daemon = start_daemon([KEY.entry()])
    exchange(lab, KEY.port, 4000)
    heir = Key("vmess-tcp", KEY.port)
    daemon.write_keys([heir.entry()])
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: daemon.port_entry(KEY.port)["uuid"] == heir.uuid, what="the next owner of the port")
    assert payload(daemon, KEY.port) == 0
    exchange(lab, KEY.port, 600)
    assert payload(daemon, KEY.port) == 600
    daemon.write_keys([{**KEY.entry(), "port": 10005}, heir.entry()])
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: "10005" in daemon.simple()["data"]["ports"], what="the first key again")
    assert payload(daemon, 10005) == 4000, "the totals of the key are gone"


# --- statuses ---

def test_a_port_that_is_taken_is_status_2_and_says_by_whom(lab, start_daemon):
    with lab.server.entered():
        holder = socket.create_server(("127.0.0.1", Daemon.PORT))
    daemon = start_daemon([KEY.entry()], running=False)
    made = daemon.run()
    holder.close()
    assert made.returncode == 2
    assert f"127.0.0.1:{Daemon.PORT}" in made.stderr and f"pid {os.getpid()}" in made.stderr
    assert not lab.pin_dir.exists()


def test_a_second_daemon_on_the_same_state_is_refused_and_the_first_goes_on(lab, start_daemon):
    first = start_daemon([KEY.entry()])
    second = start_daemon([KEY.entry()], running=False, name="second", listen="127.0.0.1:9470",
                          state_dir=str(first.state_dir))
    made = second.run()
    assert made.returncode == 2 and str(first.process.pid) in made.stderr
    exchange(lab, KEY.port)
    assert payload(first, KEY.port) == 5000


def test_two_daemons_count_the_same_traffic_beside_each_other(lab, start_daemon):
    first = start_daemon([KEY.entry()])
    pins = lab.pin_dir.with_name(lab.pin_dir.name + "-second")
    second = start_daemon([KEY.entry(), OTHER.entry()], name="second", listen="127.0.0.1:9470",
                          pin_dir=str(pins))
    try:
        exchange(lab, KEY.port, 1000)
        assert payload(first, KEY.port) == payload(second, KEY.port) == 1000
        assert second.stop() == 0
        assert second.run("--detach").returncode == 0
        assert not pins.exists()
        exchange(lab, KEY.port, 500)
        assert payload(first, KEY.port) == 1500
    finally:
        run("rm", "-rf", pins)


@pytest.mark.parametrize("attach", ["auto", "clsact"])
def test_detach_takes_everything_away_and_nothing_else(lab, start_daemon, attach):
    lab.server.run("tc", "qdisc", "add", "dev", "up0", "clsact")
    # Classic BPF's `ret 0` is TC_ACT_OK, which ends the chain of filters.
    lab.server.run("tc", "filter", "add", "dev", "up0", "ingress", "prio", "7", "handle", "7",
                   "bpf", "da", "bytecode", "1,6 0 0 0")
    daemon = start_daemon([KEY.entry()], attach=attach)
    exchange(lab, KEY.port)
    assert payload(daemon, KEY.port) == 5000, "a foreign filter before ours ended the chain"
    assert daemon.stop() == 0
    assert (lab.pin_dir / "v4" / "port_counters").exists(), "a stop removed the pins"
    # Our attachments before the removal: (tc filters, tcx programs). Older kernels have filters only.
    seen = (filters(lab) > {"7"}, len(tcx_programs(lab)))
    assert seen == (True, 0) or (attach == "auto" and seen == (False, 2))
    made = daemon.run("--detach")
    assert made.returncode == 0, made.stderr
    assert not lab.pin_dir.exists()
    assert filters(lab) == {"7"} and not tcx_programs(lab)


def test_detach_without_anything_to_take_away_is_no_error(start_daemon):
    daemon = start_daemon([KEY.entry()], running=False)
    assert daemon.run("--detach").returncode == 0


def test_after_detach_a_start_counts_on(lab, start_daemon):
    daemon = start_daemon([KEY.entry()])
    exchange(lab, KEY.port, 1000)
    assert payload(daemon, KEY.port) == 1000
    daemon.stop()
    daemon.run("--detach")
    exchange(lab, KEY.port, 1 << 16)
    daemon.start()
    exchange(lab, KEY.port, 300)
    assert payload(daemon, KEY.port) == 1300, "the totals of the ledger are lost"


# --- options ---

def sessions(daemon):
    stats = daemon.get(f"/api/keys/{KEY.id}/traffic/history", fresh=True).json()["data"]
    return sum(day["sessions"] for day in stats["daily_stats"].values())


def test_pins_that_are_removed_under_it_are_made_again(lab, start_daemon):
    daemon = start_daemon([KEY.entry()])
    exchange(lab, KEY.port, 1000)
    wait_until(lambda: sessions(daemon) == 1, what="the first connection")
    pinned = {path.relative_to(lab.pin_dir) for path in lab.pin_dir.rglob("*")}
    # The daemon may make one again while the others are removed: then a directory is not empty.
    run("rm", "-r", lab.pin_dir, check=False)

    def are_back():
        daemon.simple()
        return pinned == {path.relative_to(lab.pin_dir) for path in lab.pin_dir.rglob("*")}

    wait_until(are_back, what="the pins")
    exchange(lab, KEY.port, 500)
    assert payload(daemon, KEY.port) == 1500
    wait_until(lambda: sessions(daemon) == 2, what="the second connection")
    # With its pin, a tcx link is gone, and the program with it. A filter stays.
    removed = any(device["repairs"] for device in daemon.status()["devices"])
    assert daemon.ask("GET", "/health", headers={}).json() == (
        {"status": "degraded", "reason": "programs_removed"} if removed else {"status": "healthy"})
    assert daemon.stop() == 0
    exchange(lab, KEY.port, 300)
    daemon.start()
    assert payload(daemon, KEY.port) == 1800
    wait_until(lambda: sessions(daemon) == 3, what="the third connection")


def test_the_version_is_told(tmp_path):
    made = run(BINARY, "--version")
    assert re.fullmatch(r"v2meterd \d+\.\d+\.\d+\n", made.stdout)


def test_check_says_what_it_would_do_and_does_nothing(lab, start_daemon):
    portless = {"id": "p", "uuid": "99999999-4444-4444-8444-444444444444", "name": "portless"}
    daemon = start_daemon([KEY.entry(), portless], running=False)
    made = daemon.run("--check")
    assert made.returncode == 0, made.stderr
    assert re.search(r"^ +-  both active +no port portless \(p\)", made.stdout, re.MULTILINE)
    for shown in ("10001", KEY.name, "keys.json", "up0", '"cache_ttl_s"'):
        assert shown in made.stdout
    assert not lab.pin_dir.exists() and not daemon.state_dir.exists()


def test_check_names_an_interface_that_no_device_has(lab, start_daemon):
    daemon = start_daemon([KEY.entry()], running=False, interfaces=["up0", "up9", "pp*"])
    made = daemon.run("--check")
    assert made.returncode == 0, made.stderr
    missing = re.findall(r"^  (\S+) +not there ", made.stdout, re.MULTILINE)
    assert missing == ["up9", "pp*"]


def test_check_finds_what_a_start_would_refuse(start_daemon):
    daemon = start_daemon([KEY.entry()], running=False)
    daemon.write_keys("[{]")
    made = daemon.run("--check")
    assert made.returncode == 2 and re.search(r"keys\.json:1:3", made.stderr)


# --- the key of the API ---

def test_the_api_key_is_made_once_and_is_the_owners_alone(start_daemon):
    daemon = start_daemon([KEY.entry()])
    path = daemon.state_dir / "api_key"
    key = daemon.api_key()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and len(key) >= 32
    assert str(path) in daemon.said() and key not in daemon.said()
    daemon.stop()
    daemon.start()
    assert daemon.api_key() == key
    assert daemon.get("/api/keys").status == 200
    assert "can be read by others" not in daemon.said()


def test_an_api_key_that_others_can_read_is_warned_of(start_daemon):
    daemon = start_daemon([KEY.entry()], running=False)
    daemon.state_dir.mkdir()
    path = daemon.state_dir / "api_key"
    path.write_text("of-the-operators-own\n")
    path.chmod(0o644)
    daemon.start()
    assert daemon.get("/api/keys").status == 200
    assert f"{path} can be read by others (mode 0644)" in daemon.said()


def test_a_short_api_key_in_a_configuration_that_others_can_read_is_warned_of(start_daemon):
    daemon = start_daemon([KEY.entry()], running=False, api_key="short")
    daemon.config_file.chmod(0o644)
    warnings = (f"{daemon.config_file} can be read by others (mode 0644)", "the API key has 5 characters")
    checked = daemon.run("--check")
    assert checked.returncode == 0 and all(warning in checked.stderr for warning in warnings)
    daemon.start()
    assert all(warning in daemon.said() for warning in warnings)


def test_the_environments_key_is_taken_and_the_files_goes_before(lab, start_daemon):
    daemon = start_daemon([KEY.entry()], running=False)
    daemon.environment["V2METER_API_KEY"] = "key-of-the-environment"
    daemon.start()
    headers = {"X-API-Key": "key-of-the-environment"}
    assert daemon.ask("GET", "/api/keys", headers).status == 200
    assert not (daemon.state_dir / "api_key").exists()
    daemon.stop()
    daemon.config["api_key"] = "key-of-the-configuration"
    daemon.write_config()
    daemon.start()
    assert daemon.ask("GET", "/api/keys", headers).status == 401
    headers = {"X-API-Key": "key-of-the-configuration"}
    assert daemon.ask("GET", "/api/keys", headers).status == 200


def test_systemd_is_told_when_it_is_ready(lab, start_daemon, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(20)
        daemon = start_daemon([KEY.entry()], running=False)
        daemon.environment["NOTIFY_SOCKET"] = str(path)
        daemon.start()
        assert b"READY=1" in notify.recv(4096)


def test_no_other_program_is_ever_started(lab, start_daemon, tmp_path):
    if subprocess.run(["strace", "-V"], capture_output=True, check=False).returncode:
        pytest.skip("strace is not installed")
    daemon = start_daemon([KEY.entry()])
    trace = tmp_path / "strace"
    tracer = lab.server.start("strace", "-f", "-e", "trace=execve,execveat,fork,vfork", "-o", trace,
                              "-p", str(daemon.process.pid), log=tmp_path / "strace.log")
    wait_until(lambda: "attached" in tracer.said(), what="strace")
    exchange(lab, KEY.port)
    daemon.simple()
    daemon.reset(KEY.id)
    daemon.process.signal(signal.SIGHUP)
    daemon.simple()
    tracer.stop(signal.SIGINT)
    calls = [line for line in trace.read_text().splitlines() if "(" in line]
    ours = 'execve("/proc/self/exe", ["v2meterd", "--reading-process"]'
    assert not [line for line in calls if ("exec" in line or "fork" in line) and ours not in line], calls
