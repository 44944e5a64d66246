# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Users of one inbound of a real V2Ray, told apart by its access log, compared with a capture."""

import concurrent.futures
import json
import os
import signal
import socket
import struct
import time

import pytest

from support.daemon import children_of
from support.lab import wait_until
from support.shared import NAMES, PORT, ByUser, Shared, User, assert_adds_up, reset, simple, traffic

SIZE = 2 * 1024 * 1024
# How long the short connections go on. More than 3 also tries all protocols with and without mux.
SECONDS = int(os.environ.get("V2M_SHARED_SECONDS", "3"))


class SharedWithMux(Shared):
    mux = True


@pytest.fixture
def serve(lab, start_daemon):
    """Gives serve(users, kind), which starts the server and the daemon. The daemon knows the users of known."""
    def start(users, kind=Shared, known=None, **options):
        path = lab.directory / "served.json"
        log = lab.directory / "access.log"
        log.touch()
        v2ray = kind.__new__(kind)
        v2ray.lab, v2ray.keys = lab, known or users
        path.write_text(json.dumps(v2ray.server_config()))
        daemon = start_daemon([], key_sources=[str(path)], **options)
        return daemon, kind(lab, keys=users)
    return start


WAYS = (("vless", SharedWithMux, "wire"), ("vmess", Shared, "delivered"))
if SECONDS > 3:
    WAYS += (("vless", Shared, "wire"), ("vmess", SharedWithMux, "wire"), ("vless", SharedWithMux, "delivered"))


@pytest.mark.parametrize("protocol, kind, unit", WAYS)
def test_each_user_of_an_inbound_has_the_bytes_of_its_own_connections(lab, serve, capture, protocol, kind, unit):
    users = alice, bob, carol = [User(name, protocol) for name in NAMES]
    daemon, v2ray = serve(users, kind, api_bytes=unit)
    v2ray.download(alice, SIZE)
    long = v2ray.start_download(carol, 3 * SIZE, 3 * SIZE // 4)
    v2ray.download(bob, SIZE // 2)
    # A scanner. The server says nothing to it.
    lab.client.run("curl", "-s", "--max-time", "1", f"http://{lab.SERVER[4]}:{PORT}/", check=False)
    wait_until(lambda: traffic(daemon, carol)["total_bytes"] > SIZE, what="the long download, while it runs")
    assert_adds_up(daemon.port_entry(PORT))
    assert traffic(daemon, carol)["connections"] >= 1
    closed = reset(daemon, carol)
    long.wait()
    v2ray.stop()
    capture.settle()
    wait_until(lambda: all(key["connections"] == 0 for key in daemon.port_entry(PORT)["keys"]), what="the end")
    truth = ByUser(lab, capture)
    entry = daemon.port_entry(PORT)
    assert_adds_up(entry)
    assert entry["owners"] == "shared" and entry["uuid"] is None
    counted = {user.name: traffic(daemon, user)["total_bytes"] for user in users}
    counted[carol.name] += closed
    assert counted == {user.name: truth.total(user.name, unit) for user in users}
    assert counted[alice.name] > SIZE and counted[carol.name] > 3 * SIZE > closed > SIZE
    assert entry["unattributed"]["total_bytes"] == truth.total(None, unit) > 0
    for user in users:
        sessions = traffic(daemon, user)["sessions"]
        assert sessions["opened"] == sessions["closed"] == truth.connections(user.name) > 0
        assert sessions["rx_bytes"] + sessions["tx_bytes"] == truth.total(user.name, "delivered")
    attribution = traffic(daemon, carol)["accounting"]["attribution"]
    assert attribution["method"] == "access_log" and attribution["complete"] is True
    history = daemon.get(f"/api/keys/{carol.uuid}/traffic/history", fresh=True).json()["data"]
    assert history["total_traffic"]["total_bytes"] == counted[carol.name]


def test_a_second_user_of_a_port_takes_nothing_twice(lab, serve, capture):
    """Alice has the port alone while her download begins. Its line is older than the shared port."""
    users = alice, bob = [User(name) for name in NAMES[:2]]
    daemon, v2ray = serve(users, known=[alice])
    long = v2ray.start_download(alice, 2 * SIZE, SIZE // 2)
    wait_until(lambda: traffic(daemon, alice)["total_bytes"] > SIZE // 2, what="the download")
    (lab.directory / "served.json").write_text(json.dumps(v2ray.server_config()))
    wait_until(lambda: len(daemon.port_entry(PORT).get("keys", ())) == 2, what="the second key")
    v2ray.download(bob, SIZE // 8)
    wait_until(lambda: simple(daemon, bob).status == 200, what="bob in the log")
    long.wait()
    v2ray.stop()
    capture.settle()
    wait_until(lambda: all(key["connections"] == 0 for key in daemon.port_entry(PORT)["keys"]), what="the end")
    truth = ByUser(lab, capture)
    entry = daemon.port_entry(PORT)
    assert_adds_up(entry)
    assert entry["total_bytes"] == sum(truth.total(name) for name in truth.of)
    assert traffic(daemon, bob)["total_bytes"] == truth.total(bob.name) > SIZE // 8
    # All but what passed in the moment of the change.
    most = truth.total(alice.name) + truth.total(None)
    wait_until(lambda: most - SIZE // 8 < traffic(daemon, alice)["total_bytes"] <= most, what="alice's line")
    attribution = traffic(daemon, alice)["accounting"]["attribution"]
    assert attribution["complete"] is False and "before" in attribution["reason"]


def follower_of(daemon):
    """The pid of the process that follows the log. 0: there is none at this moment."""
    return next(iter(children_of(daemon, "v2meter-follow")), 0)


def name_and_reset(daemon, v2ray, users):
    """Has each user named in the log, and resets it. Returns what was closed."""
    for user in users:
        v2ray.download(user, 1000)
    wait_until(lambda: all(simple(daemon, user).status == 200 for user in users), what="the users in the log")
    return {user.name: reset(daemon, user) for user in users}


def assert_bills(lab, daemon, capture, users, closed):
    """Each user has the bytes of its connections, and the port the rest. Returns the bytes that nobody owns."""
    capture.settle()
    wait_until(lambda: all(key["connections"] == 0 for key in daemon.port_entry(PORT)["keys"]), what="the end")
    truth = ByUser(lab, capture)
    counted = {user.name: closed[user.name] + traffic(daemon, user)["total_bytes"] for user in users}
    assert counted == {user.name: truth.total(user.name) for user in users}
    entry = daemon.port_entry(PORT)
    assert_adds_up(entry)
    assert entry["unattributed"]["total_bytes"] == truth.total(None)
    return truth.total(None)


def test_no_crash_no_rotation_and_no_restart_of_the_proxy_changes_a_bill(lab, serve, capture):
    """Everything happens while a download runs. The path of the log is the one in the proxy's configuration."""
    users = alice, bob, carol = [User(name, "vmess") for name in NAMES]
    daemon, v2ray = serve(users)
    log = lab.directory / "access.log"
    assert [(row["path"], row["kind"], row["followed"]) for row in daemon.status()["access_logs"]] == [
        (str(log), "file", True)]
    assert f"served.json: {log}\n" in daemon.run("--check").stdout
    closed = name_and_reset(daemon, v2ray, users)
    long = v2ray.start_download(carol, 3 * SIZE, SIZE)
    wait_until(lambda: traffic(daemon, carol)["total_bytes"] > SIZE // 2, what="the long download")
    daemon.kill()
    v2ray.download(alice, SIZE // 4)
    log.rename(lab.directory / "access.log.1")
    log.touch()
    # The proxy goes on writing to the renamed file.
    v2ray.download(bob, SIZE // 4)
    daemon.start()
    v2ray.download(alice, SIZE // 8)
    # The process that follows the log, before and after it has read alice's line.
    for _ in range(2):
        wait_until(lambda: follower_of(daemon), what="the following process")
        os.kill(follower_of(daemon), signal.SIGKILL)
        v2ray.download(bob, SIZE // 8)
    long.wait()
    v2ray.server.stop()
    v2ray.server = v2ray.start(lab.server, "server", v2ray.server_config())
    wait_until(lambda: v2ray.listens(lab.server, PORT), what="v2ray's server")
    v2ray.download(bob, SIZE // 8)
    v2ray.stop()
    assert_bills(lab, daemon, capture, users, closed)
    assert traffic(daemon, carol)["total_bytes"] > 3 * SIZE
    assert "the process that follows access logs has ended (signal 9 (Killed))" in daemon.said()
    for user in users:
        assert traffic(daemon, user)["accounting"]["attribution"]["complete"] is True
    # What the ledger has is what the answers have.
    before = {user.name: traffic(daemon, user)["total_bytes"] for user in users}
    daemon.kill()
    daemon.start()
    assert {user.name: traffic(daemon, user)["total_bytes"] for user in users} == before


def fetch(lab, v2ray, user):
    """One short connection through the proxy."""
    with lab.client.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(10)
        client.connect(("127.0.0.1", v2ray.socks(user)))
        client.sendall(b"\5\1\0")
        assert client.recv(2) == b"\5\0"
        client.sendall(b"\5\1\0\1" + socket.inet_aton("127.0.0.2") + struct.pack("!H", 8080))
        assert client.recv(10)[1] == 0
        client.sendall(b"GET /100 HTTP/1.0\r\n\r\n")
        answer = b""
        # V2Ray ends the connection two seconds after the web server.
        while len(answer.partition(b"\r\n\r\n")[2]) < 100:
            part = client.recv(4096)
            assert part, "the connection ended before its answer"
            answer += part


def forge(lab, count):
    """SYN packets of sources that do not exist."""
    target = socket.inet_aton(lab.SERVER[4])
    with lab.client.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for number in range(count):
            source = socket.inet_aton(f"203.0.{113 + number // 62500}.{number % 250 + 1}")
            ports = struct.pack("!HH", 1024 + number // 250, PORT)
            tcp = ports + struct.pack("!IIBBHHH", number, 0, 5 << 4, 2, 65535, 0, 0)
            words = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp)) + tcp
            total = sum(struct.unpack(f"!{len(words) // 2}H", words))
            total = (total & 0xffff) + (total >> 16)
            checksum = ~((total & 0xffff) + (total >> 16)) & 0xffff
            header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0, source, target)
            raw.sendto(header + tcp[:16] + struct.pack("!H", checksum) + tcp[18:], (lab.SERVER[4], 0))


def test_short_connections_and_forged_sources_fill_the_right_bills(lab, serve, capture):
    """A hundred connections a second, and a flood of sources that no user has."""
    users = [User(name, "vless") for name in NAMES]
    # Otherwise the server goes on answering the forged sources for a minute.
    lab.server.run("sysctl", "-qw", "net.ipv4.tcp_synack_retries=0")
    daemon, v2ray = serve(users)
    closed = name_and_reset(daemon, v2ray, users)
    start, made = time.monotonic(), []
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        for number in range(100 * SECONDS):
            time.sleep(max(0, start + number / 100 - time.monotonic()))
            made.append(pool.submit(fetch, lab, v2ray, users[number % len(users)]))
            if number == 50:
                forge(lab, 5000)
        for one in made:
            one.result()
    print(f"{len(made)} connections in {time.monotonic() - start:.1f} s")
    v2ray.stop()
    assert assert_bills(lab, daemon, capture, users, closed) >= 5000 * 54
    for user in users:
        assert traffic(daemon, user)["accounting"]["attribution"]["complete"] is True


def test_what_cannot_be_told_apart_is_said_and_not_guessed(lab, serve):
    users = alice, bob, carol = [User(name, "vmess") for name in NAMES]
    daemon, v2ray = serve(users)
    log = lab.directory / "access.log"

    def attribution(user):
        return traffic(daemon, user)["accounting"]["attribution"]

    # Nobody knows yet whether this log is the one of the port, which is new.
    assert simple(daemon, alice).status == 409
    v2ray.download(alice, 1000)
    wait_until(lambda: simple(daemon, alice).status == 200, what="the first user in the log")
    assert attribution(alice)["complete"] is True
    name_and_reset(daemon, v2ray, users)
    long = v2ray.start_download(carol, SIZE, SIZE // 4)
    wait_until(lambda: traffic(daemon, carol)["total_bytes"] > SIZE // 8, what="the download")
    # A proxy in front that keeps its connections would make the proxy write this.
    line = [text for text in log.read_text().splitlines() if text.endswith(carol.name)][-1]
    with log.open("a") as file:
        file.write(line.replace(carol.name, bob.name) + "\n")
    wait_until(lambda: attribution(carol)["complete"] is False, what="two users of one connection")
    known = traffic(daemon, carol)["total_bytes"]
    assert "several users" in attribution(carol)["reason"]
    long.wait()
    wait_until(lambda: attribution(carol)["unattributed_bytes"] > SIZE // 4, what="the rest of the download")
    assert traffic(daemon, carol)["total_bytes"] - known < SIZE // 8 and traffic(daemon, bob)["total_bytes"] == 0
    for user in users:
        reset(daemon, user)
    assert attribution(alice)["complete"] is True
    log.unlink()
    wait_until(lambda: attribution(alice)["complete"] is False, what="the log that is lost")
    assert "missing" in attribution(alice)["reason"]
    v2ray.stop()
    assert_adds_up(daemon.port_entry(PORT))
