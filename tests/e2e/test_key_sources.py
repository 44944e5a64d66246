# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Where keys come from: the daemon follows changes by itself, and keeps the last good keys."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import stat

import pytest

from support import v2ray
from support.lab import wait_until
from support.v2ray import Key

KEY = Key("vmess-tcp", 10001)
OTHER = Key("vless-tcp", 10002)
DATA = pathlib.Path(__file__).resolve().parents[1] / "data"


@contextlib.contextmanager
def serving(lab, port):
    """A server that goes on listening. Yields a function that connects to it over the wire and sends it bytes."""
    with lab.server.entered():
        listener = socket.create_server(("0.0.0.0", port))

    def send(size):
        with lab.client.socket() as client:
            client.settimeout(10)
            client.connect((lab.SERVER[4], port))
            client.sendall(bytes(size))
            with listener.accept()[0] as accepted:
                got = 0
                while got < size:
                    got += len(accepted.recv(65536))

    with contextlib.closing(listener):
        yield send


def exchange(lab, port, size=5000):
    """Sends size bytes to a server that is gone afterwards."""
    with serving(lab, port) as send:
        send(size)


def payload(daemon, port):
    return daemon.port_entry(port)["payload_rx_bytes"]


def names(daemon):
    return sorted(key["name"] for key in daemon.get("/api/keys").json())


def health(daemon):
    return daemon.ask("GET", "/health", headers={}).json()


def replace(path, text):
    made = path.with_suffix(".new")
    made.write_text(text)
    made.rename(path)


def inbound_file(*keys):
    return json.dumps({"inbounds": [key.inbound() for key in keys]})


def check_soon(condition, what):
    wait_until(condition, timeout_s=2, what=what)


def test_a_changed_configuration_takes_effect_within_two_seconds(lab, start_daemon):
    source = lab.directory / "config.json"
    source.write_text(inbound_file(KEY))
    daemon = start_daemon([], key_sources=[str(source)])
    assert names(daemon) == [KEY.name]
    exchange(lab, KEY.port)
    replace(source, "// both\n" + inbound_file(KEY, OTHER))
    check_soon(lambda: len(names(daemon)) == 2, "a replaced file")
    exchange(lab, KEY.port)
    exchange(lab, OTHER.port, 700)
    assert payload(daemon, KEY.port) == 10000
    assert payload(daemon, OTHER.port) == 700
    source.write_text(inbound_file(OTHER))
    check_soon(lambda: names(daemon) == [OTHER.name], "a file written in place")


def test_a_directory_may_appear_later_and_its_files_one_by_one(lab, start_daemon):
    directory = lab.directory / "confdir"
    directory.mkdir()
    daemon = start_daemon([], key_sources=[str(directory)])
    assert names(daemon) == []
    (directory / "10.json").write_text(inbound_file(KEY))
    check_soon(lambda: names(daemon) == [KEY.name], "a first file")
    (directory / "20.json").write_text(inbound_file(OTHER))
    check_soon(lambda: len(names(daemon)) == 2, "a second file")
    (directory / "10.json").unlink()
    check_soon(lambda: names(daemon) == [OTHER.name], "a file removed")
    (directory / "20.json").unlink()
    directory.rmdir()
    wait_until(lambda: health(daemon)["status"] == "degraded", what="the directory gone")
    assert names(daemon) == [OTHER.name]
    directory.mkdir()
    (directory / "30.json").write_text(inbound_file(KEY))
    check_soon(lambda: names(daemon) == [KEY.name], "the directory made again")
    assert health(daemon) == {"status": "healthy"}


def test_a_broken_change_keeps_the_keys_and_is_taken_up_when_mended(lab, start_daemon):
    source = lab.directory / "config.json"
    source.write_text(inbound_file(KEY))
    daemon = start_daemon([], key_sources=[str(source)])
    exchange(lab, KEY.port)
    replace(source, "{\n  # broken\n  \"inbounds\": [\n")
    wait_until(lambda: health(daemon).get("reason") == "key_source_broken", what="the reason")
    assert re.search(r"config\.json:4:1: not JSON", daemon.said())
    exchange(lab, KEY.port)
    assert payload(daemon, KEY.port) == 10000
    replace(source, inbound_file(KEY, OTHER))
    check_soon(lambda: len(names(daemon)) == 2, "the mended file")
    assert health(daemon) == {"status": "healthy"}
    assert payload(daemon, KEY.port) == 10000


def test_the_last_good_keys_survive_a_restart_with_broken_sources(lab, start_daemon):
    source = lab.directory / "config.json"
    source.write_text(inbound_file(KEY, OTHER))
    daemon = start_daemon([], key_sources=[str(source)])
    before = daemon.get("/api/keys").json()
    exchange(lab, KEY.port)
    assert daemon.stop() == 0
    kept = daemon.state_dir / "keys.last.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    source.write_text("{")
    exchange(lab, KEY.port, 300)
    daemon.start()
    assert daemon.get("/api/keys").json() == before
    assert health(daemon)["reason"] == "key_source_broken"
    assert payload(daemon, KEY.port) == 5300
    source.write_text(inbound_file(OTHER))
    check_soon(lambda: names(daemon) == [OTHER.name], "the mended file")


def test_without_last_good_keys_a_broken_source_is_status_2(lab, start_daemon):
    source = lab.directory / "config.json"
    source.write_text("{")
    daemon = start_daemon([], running=False, key_sources=[str(source)])
    ended = daemon.run()
    assert ended.returncode == 2
    assert re.search(r"config\.json:1:2: not JSON", ended.stderr)
    source.write_text(inbound_file(KEY))
    daemon.start()
    assert daemon.stop() == 0
    source.write_text("{")
    (daemon.state_dir / "keys.last.json").write_text("[{}]")
    ended = daemon.run()
    assert ended.returncode == 2
    assert "the last good keys cannot be read" in ended.stderr


def test_without_last_good_keys_a_source_that_is_not_there_is_status_2(lab, start_daemon):
    ended = start_daemon([], running=False, key_sources=[str(lab.directory / "kyes.json")]).run()
    assert ended.returncode == 2 and "kyes.json" in ended.stderr


@pytest.fixture
def locked_panel(lab):
    """A panel's database with KEY, and a panel that locks it until COMMIT."""
    path = lab.directory / "vpn.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as panel:
        panel.execute("CREATE TABLE keys (uuid TEXT, port INTEGER)")
        panel.execute("INSERT INTO keys VALUES (?, ?)", (KEY.uuid, KEY.port))
        panel.execute("BEGIN EXCLUSIVE")
        yield path, panel


# systemd does not restart a service that ended with status 2.
def test_without_last_good_keys_a_source_that_cannot_be_read_now_is_status_1(start_daemon,
                                                                             locked_panel):
    path, panel = locked_panel
    daemon = start_daemon([], running=False, key_sources=[str(path)])
    ended = daemon.run()
    assert ended.returncode == 1 and "locked" in ended.stderr
    panel.execute("COMMIT")
    daemon.start()
    assert len(daemon.get("/api/keys").json()) == 1


def test_what_is_odd_in_the_sources_is_said_when_it_begins_and_to_who_asks(start_daemon):
    odd, usual = {**KEY.inbound(), "port": "env:V2M_NOT_SET"}, OTHER.inbound()
    daemon = start_daemon(json.dumps({"inbounds": [usual]}))

    def change(*inbounds, count):
        daemon.write_keys(json.dumps({"inbounds": inbounds}))
        wait_until(lambda: len(daemon.get("/api/keys").json()) == count, what="the keys")
        return daemon.said().count("V2M_NOT_SET is not set")

    another, third = Key("vmess-tcp", 10003).inbound(), Key("vmess-tcp", 10004).inbound()
    assert change(odd, usual, another, count=2) == 1
    assert change(odd, usual, another, third, count=3) == 1
    assert change(usual, another, count=2) == 1
    assert change(odd, usual, another, third, count=3) == 2
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: daemon.said().count("V2M_NOT_SET is not set") == 3, what="the warning")


def test_users_that_are_not_counted_are_named_by_check_the_status_and_the_health(lab, start_daemon):
    unix = {**KEY.inbound(), "listen": str(lab.directory / "v2ray.sock"), "tag": "hidden"}
    text = json.dumps({"inbounds": [OTHER.inbound(), unix]}, indent=1)
    daemon = start_daemon(text)
    line = text[:text.index(json.dumps(unix, indent=1).splitlines()[1].strip(), text.index("}"))].count("\n")
    assert health(daemon) == {"status": "degraded", "reason": "keys_incomplete"}
    note, = daemon.get("/api/meter/status").json()["key_notes"]
    assert note["file"] == str(daemon.key_file) and note["member"] == "inbounds[1]" and note["missing"]
    assert note["line"] == line
    sentence = f'{daemon.key_file}:{line}:{note["column"]}: inbounds[1]: tag "hidden": it listens on no port'
    ended = daemon.run("--check")
    assert ended.returncode == 3
    assert sentence in ended.stdout and sentence in daemon.said()
    daemon.write_keys(inbound_file(OTHER, KEY))
    check_soon(lambda: health(daemon) == {"status": "healthy"}, "the health")
    assert daemon.run("--check").returncode == 0


def test_a_fifo_in_place_of_a_key_file_stops_nothing(lab, start_daemon):
    daemon = start_daemon(inbound_file(KEY))
    daemon.key_file.unlink()
    os.mkfifo(daemon.key_file)
    check_soon(lambda: health(daemon).get("reason") == "key_source_broken", "the reason")
    assert "expected a regular file, got a FIFO" in daemon.said()
    assert names(daemon) == [KEY.name]
    daemon.stop()
    daemon.start()
    assert names(daemon) == [KEY.name]


def test_sources_are_joined_and_no_uuid_gets_into_the_log(lab, start_daemon):
    config = lab.directory / "config.json"
    config.write_text(inbound_file(KEY, OTHER))
    key_file = [{"uuid": KEY.uuid.upper(), "id": "k1", "name": "Alice", "port": 9}]
    daemon = start_daemon(key_file)
    daemon.stop()
    daemon.config["key_sources"] = [str(daemon.key_file), str(config)]
    daemon.write_config()
    daemon.start()
    keys = {key["name"]: key for key in daemon.get("/api/keys").json()}
    assert sorted(keys) == ["Alice", OTHER.name]
    assert keys["Alice"]["id"] == "k1"
    assert keys["Alice"]["port"] == KEY.port
    assert "key k1 has port 9 in " in daemon.said()
    for uuid in (KEY.uuid, OTHER.uuid):
        assert uuid not in daemon.said().lower()
        assert daemon.get(f"/api/keys/{uuid.upper()}").status == 200


# --- sockets that say something else than the file ---

def test_the_sockets_are_believed_if_the_file_says_another_transport(lab, start_daemon):
    source = lab.directory / "config.json"
    wrong = {**KEY.inbound(), "streamSettings": {"network": "kcp"}}
    source.write_text(json.dumps({"inbounds": [wrong, OTHER.inbound()]}))
    daemon = start_daemon([], key_sources=[str(source)])

    def believed():
        return [note["reason"] for note in daemon.get("/api/meter/status").json()["key_notes"]]

    with serving(lab, OTHER.port):
        with serving(lab, KEY.port) as send:
            wait_until(believed, what="the sockets are believed")
            assert believed()[0].startswith(f"port {KEY.port} is udp in the file, but tcp in the sockets")
            send(5000)
            assert payload(daemon, KEY.port) == 5000
            assert "The sockets are believed" in daemon.said()
        # The proxy is down for longer than three looks: its keys stay as they were.
        with pytest.raises(AssertionError):
            wait_until(lambda: not believed(), timeout_s=3.5, what="another transport")
        with serving(lab, KEY.port) as send:
            send(300)
            assert payload(daemon, KEY.port) == 5300
        with lab.server.entered(), contextlib.closing(
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as datagrams:
            datagrams.bind(("0.0.0.0", KEY.port))
            check_soon(lambda: not believed(), "the file is right after all")


# --- a port whose key is gone ---

def unattributed(daemon, port):
    entry = daemon.port_entry(port)
    assert entry["owners"] == "shared" and entry["orphaned"] and entry["keys"] == []
    assert entry["unattributed"]["total_bytes"] == entry["total_bytes"]
    return entry["payload_rx_bytes"]


def test_a_port_that_lost_its_key_is_counted_as_long_as_its_server_runs(lab, start_daemon):
    source = lab.directory / "config.json"
    source.write_text(inbound_file(KEY, OTHER))
    daemon = start_daemon([], key_sources=[str(source)])
    with serving(lab, KEY.port) as send:
        send(1000)
        replace(source, inbound_file(OTHER))
        check_soon(lambda: health(daemon).get("reason") == "port_orphaned", "the reason")
        send(5000)
        assert unattributed(daemon, KEY.port) == 5000
        assert KEY.name in daemon.said() and KEY.uuid not in daemon.said()
        daemon.kill()
        send(300)
        daemon.start()
        assert health(daemon)["reason"] == "port_orphaned"
        wait_until(lambda: unattributed(daemon, KEY.port) == 5300, what="what was sent meanwhile")
        replace(source, inbound_file(KEY, OTHER))
        check_soon(lambda: health(daemon) == {"status": "healthy"}, "the key is back")
        send(70)
        assert payload(daemon, KEY.port) == 1070
        replace(source, inbound_file(OTHER))
        check_soon(lambda: health(daemon).get("reason") == "port_orphaned", "the reason again")
    wait_until(lambda: health(daemon) == {"status": "healthy"}, what="the server is gone")
    assert str(KEY.port) not in daemon.get("/api/traffic/simple", fresh=True).json()["data"]["ports"]


def test_a_port_that_another_key_got_is_no_orphan(lab, start_daemon):
    source = lab.directory / "config.json"
    source.write_text(inbound_file(KEY))
    daemon = start_daemon([], key_sources=[str(source)])
    heir = Key("vless-tcp", KEY.port)
    with serving(lab, KEY.port) as send:
        send(1000)
        replace(source, inbound_file(heir))
        check_soon(lambda: names(daemon) == [heir.name], "the other key")
        send(200)
        assert health(daemon) == {"status": "healthy"}
        assert payload(daemon, KEY.port) == 200


# --- against a real V2Ray ---

ENVIRONMENT = {"V2M_TEST_PORT": "10015"}
# Inbounds without clients: a local SOCKS proxy and the API.
WITHOUT_KEYS = {("tcp", 1080, True), ("udp", 1080, True), ("tcp", 10085, True)}
# HTTP/2 needs TLS, and these files have no certificate. V2Ray opens the port and fails. The port stays open
# until its garbage collection closes it, so it may be open or closed.
NOT_SERVED = {("tcp", 20002, False)}


def sockets(lab):
    """Returns (transport, port, on loopback) for everything that listens in the server's namespace."""
    lines = lab.server.run("ss", "-Hlntu").stdout.splitlines()
    fields = [(line.split()[0], *line.split()[4].rsplit(":", 1)) for line in lines]
    return {(transport, int(port), address.startswith("127.")) for transport, address, port in fields}


def counted(daemon):
    """Returns the same for the keys that --check lists."""
    ended = daemon.run("--check")
    # Some of the files have inbounds on unix sockets, which are not counted.
    assert ended.returncode in (0, 3), ended.stderr
    lines = re.findall(r"^ +(\d+)(?:-(\d+))?  (tcp|udp|both) +active +(lo |shared |)", ended.stdout, re.M)
    return {(transport, port, place == "lo ") for first, last, spoken, place in lines
            for port in range(int(first), int(last or first) + 1)
            for transport in (("tcp", "udp") if spoken == "both" else (spoken,))}


@pytest.mark.parametrize("name", ["written_by_hand.json", "transports.json", "old_style.json",
                                  "confdir"])
def test_a_real_v2ray_listens_where_its_configuration_is_counted(lab, start_daemon, v2ray_version,
                                                                 name):
    source = DATA / "v2ray" / name
    if source.is_file():
        copy = lab.directory / name
        copy.write_text(source.read_text().replace("/run/", f"{lab.directory}/"))
        source, option = copy, "-config"
    else:
        option = "-confdir"
    daemon = start_daemon([], running=False, key_sources=[str(source)], environment=ENVIRONMENT)
    expected = counted(daemon)
    assert len(expected) >= 3
    lab.server.start(v2ray.BINARY, option, source, log=lab.directory / "v2ray.log",
                     env=dict(os.environ, **ENVIRONMENT))
    wait_until(lambda: sockets(lab) - WITHOUT_KEYS - NOT_SERVED == expected - NOT_SERVED,
               what=f"the sockets {sorted(expected)}")
