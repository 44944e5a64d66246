# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Delivered bytes are what the applications at both ends sent and received, whatever the network does."""

import contextlib
import pathlib
import random
import socket
import threading

import pytest

from conftest import kernel_version
from support.forge import send_forged
from support.lab import Lab, run, wait_until
from support.listener import ENDS, PORT, Listener, close_client_first

KEY = {"id": "first", "uuid": "6d7e1c4a-0b1f-4b52-9d0e-0f2a4f6f3b11", "name": "first", "port": PORT}
IPPROTO_MPTCP = 262
SECOND_ADDRESS = "10.77.0.77"  # of the client


@pytest.fixture
def listener(lab):
    return Listener(lab)


def delivered(daemon):
    entry = daemon.port_entry(PORT)
    return {"rx_bytes": entry["delivered_rx_bytes"], "tx_bytes": entry["delivered_tx_bytes"]}


def wait_for(daemon, expected):
    """The kernel closes sockets with some delay."""
    seen = {}

    def arrived():
        seen.update(delivered(daemon))
        return seen == expected

    try:
        wait_until(arrived)
    except AssertionError:
        assert seen == expected


def pump(pair, up, down):
    """Sends up bytes one way and down bytes the other way at once, whatever is lost on the way."""
    def send(end, size):
        end.sendall(bytes(size))

    def receive(end, size):
        while size:
            part = len(end.recv(min(size, 65536)))
            assert part, "the connection has ended"
            size -= part

    client, server = pair
    threads = [threading.Thread(target=work, args=words, daemon=True) for work, words in (
        (send, (client, up)), (send, (server, down)), (receive, (server, up)), (receive, (client, down)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "the bytes do not arrive"


def qdisc(namespace, device, *words):
    made = namespace.run("tc", "qdisc", "replace", "dev", device, "root", *words, check=False)
    if "qdisc kind is unknown" in made.stderr:
        pytest.skip(f"this kernel has no {words[0]}")
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("end", ENDS)
def test_lost_and_repeated_segments_are_delivered_once(lab, start_daemon, listener, end):
    daemon = start_daemon([KEY], api_bytes="delivered")
    lab.offloads(False)
    lab.retransmit_soon()
    # The server's own queue drops what is more than four frames. The client's loses and repeats.
    qdisc(lab.server, "up0", "tbf", "rate", "100mbit", "burst", "5000", "limit", "6000")
    lab.client.run("tc", "qdisc", "replace", "dev", "up0", "root", "netem", "loss", "2%", "duplicate", "2%",
                   "delay", "1ms", check=False)  # where the kernel has it
    pair = listener.open()
    expected = {"rx_bytes": 0, "tx_bytes": 0}
    for _ in range(10):
        pump(pair, 30_000, 200_000)
        expected = {"rx_bytes": expected["rx_bytes"] + 30_000, "tx_bytes": expected["tx_bytes"] + 200_000}
        wait_for(daemon, expected)
        entry = daemon.port_entry(PORT)
        if entry["payload_tx_bytes"] > expected["tx_bytes"] + 20_000:
            break
    else:
        pytest.fail("the queue dropped nothing: this test sees nothing")
    assert entry["accounting"]["unit"] == "delivered"
    assert {name: entry[name] for name in expected} == expected
    assert entry["total_bytes"] == sum(expected.values())
    end(pair)
    wait_until(lambda: daemon.port_entry(PORT)["sessions"]["closed"] == 1, what="the end")
    assert delivered(daemon) == expected


def test_readings_never_fall_and_resets_close_every_byte(lab, start_daemon, listener):
    """Many connections come and go beside a long download, while a client reads and resets and the daemon is
    killed."""
    daemon = start_daemon([KEY], api_bytes="delivered", flush_interval_s=1)
    kept = listener.open()
    closed = last = 0
    chance = random.Random(1)
    for number in range(300):
        listener.say(kept, 100, 20_000)
        pair = listener.open()
        listener.say(pair, chance.randrange(5000), chance.randrange(50_000))
        ENDS[number % 4](pair)
        if number % 10 == 0:
            now = daemon.port_entry(PORT)["total_bytes"]
            assert now >= last
            last = now
        if number % 60 == 30:
            closed += daemon.reset("first").json()["previous_total"]
            last = 0
        if number in (100, 200):
            daemon.kill()
            listener.say(kept, 1, 30_000)
            close_client_first(listener.open())
            daemon.start()
    total = sum(listener.sent.values())
    wait_until(lambda: closed + daemon.port_entry(PORT)["total_bytes"] == total, what=f"{total} bytes")
    kept[1].close()
    wait_until(lambda: closed + daemon.port_entry(PORT)["total_bytes"] == total, what=f"still {total} bytes")
    history = daemon.get("/api/keys/first/traffic/history", fresh=True).json()["data"]
    assert history["total_traffic"]["total_bytes"] == total


def test_a_connection_that_was_open_before_brings_nothing_of_its_past(lab, start_daemon, listener):
    pair = listener.open()
    listener.say(pair, 5000, 60_000)
    gone = listener.open()
    listener.say(gone, 500, 6000)
    daemon = start_daemon([KEY])
    assert delivered(daemon) == {"rx_bytes": 0, "tx_bytes": 0}
    close_client_first(gone)
    listener.say(pair, 70, 800)
    wait_for(daemon, {"rx_bytes": 70, "tx_bytes": 800})
    # The port goes to another key and comes back. What passed in between is the other one's.
    other = dict(KEY, id="other", uuid="00000000-0000-4000-8000-0000000000ff")
    daemon.write_keys([other])
    wait_until(lambda: daemon.port_entry(PORT)["key_id"] == "other", what="the other key")
    assert delivered(daemon) == {"rx_bytes": 0, "tx_bytes": 0}
    listener.say(pair, 1, 2)
    wait_for(daemon, {"rx_bytes": 1, "tx_bytes": 2})
    daemon.write_keys([KEY])
    wait_until(lambda: daemon.port_entry(PORT)["key_id"] == "first", what="the first key")
    assert delivered(daemon) == {"rx_bytes": 70, "tx_bytes": 800}
    close_client_first(pair)
    wait_until(lambda: daemon.port_entry(PORT)["connections"] == 0, what="the end")
    assert delivered(daemon) == {"rx_bytes": 70, "tx_bytes": 800}


def test_forged_segments_change_nothing(lab, start_daemon, listener):
    daemon = start_daemon([KEY])
    pair = listener.open()
    listener.say(pair, 1000, 2000)
    send_forged(lab, PORT, pair[0].getsockname()[1], 1000)
    wait_until(lambda: daemon.port_entry(PORT)["payload_rx_bytes"] >= 1_000_000, what="the forged segments")
    assert delivered(daemon) == {"rx_bytes": 1000, "tx_bytes": 2000}
    listener.say(pair, 10, 20)
    close_client_first(pair)
    wait_for(daemon, {"rx_bytes": 1010, "tx_bytes": 2020})


def prepare_mptcp(lab, subflows):
    """The client gets as many addresses as subflows."""
    if not pathlib.Path("/proc/sys/net/mptcp").is_dir():
        pytest.skip("this kernel has no MPTCP")
    for namespace in (lab.server, lab.client):
        namespace.run("sysctl", "-qw", "net.mptcp.enabled=1")
        namespace.run("ip", "mptcp", "limits", "set", "subflow", "2", "add_addr_accepted", "2")
    if subflows > 1:
        lab.client.run("ip", "address", "add", f"{SECOND_ADDRESS}/24", "dev", "up0")
        lab.client.run("ip", "mptcp", "endpoint", "add", SECOND_ADDRESS, "dev", "up0", "subflow")


@contextlib.contextmanager
def mptcp_pair(lab):
    """Both ends of a connection. The second path needs the listening socket, too."""
    server = lab.server.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    server.bind(("0.0.0.0", PORT))
    server.listen()
    client = lab.client.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    client.connect((Lab.SERVER[4], PORT))
    yield client, server.accept()[0]
    server.close()


def assert_delivered_once(daemon, sizes):
    """Where the kernel does not know what MPTCP sent again, the answer has to say so. (Linux before 6.5)"""
    if daemon.port_entry(PORT)["accounting"]["exact"]:
        wait_for(daemon, sizes)
    else:
        assert kernel_version() < (6, 5), "this kernel counts the bytes of MPTCP connections"
        wait_until(lambda: all(delivered(daemon)[name] >= sizes[name] for name in sizes), what=f"{sizes} bytes")


@pytest.mark.parametrize("subflows", [1, 2])
def test_a_connection_of_several_paths_is_one(lab, start_daemon, subflows):
    """MPTCP, as Go's programs listen by default. It sends again what is not acknowledged in time. The second path
    loses what it gets for a while, so that its data is sent again on the first one."""
    prepare_mptcp(lab, subflows)
    daemon = start_daemon([KEY], api_bytes="delivered")
    with mptcp_pair(lab) as pair:
        pump(pair, 1000, 1000)
        wait_until(lambda: daemon.port_entry(PORT)["connections"] == subflows, what="the subflows")
        if subflows > 1:
            lab.client.run("nft", "add table ip hole; add chain ip hole in { type filter hook input priority 0; };"
                           f" add rule ip hole in ip daddr {SECOND_ADDRESS} tcp sport {PORT} drop")
        pump(pair, 300_000, 4_000_000)
        if subflows > 1:
            lab.client.run("nft", "delete", "table", "ip", "hole")
        sizes = {"rx_bytes": 301_000, "tx_bytes": 4_001_000}
        assert_delivered_once(daemon, sizes)
        sessions = daemon.port_entry(PORT)["sessions"]
        assert sessions["opened"] == 1
        assert subflows == 1 or sessions["tx_bytes"] >= sizes["tx_bytes"] + 1000, "nothing was sent again"
        close_client_first(pair)
    wait_until(lambda: daemon.port_entry(PORT)["sessions"]["closed"] == 1, what="the end")
    assert_delivered_once(daemon, sizes)


def test_an_outgoing_connection_from_the_port_delivers_nothing(lab, start_daemon):
    daemon = start_daemon([KEY])
    server = lab.client.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.bind((Lab.CLIENT[4], 80))
    server.listen()
    out = lab.server.socket(socket.AF_INET, socket.SOCK_STREAM)
    out.bind((Lab.SERVER[4], PORT))
    out.connect((Lab.CLIENT[4], 80))
    accepted, _ = server.accept()
    pump((out, accepted), 50_000, 60_000)
    assert delivered(daemon) == {"rx_bytes": 0, "tx_bytes": 0}
    close_client_first((out, accepted))
    assert daemon.port_entry(PORT)["sessions"]["closed"] == 0
    assert delivered(daemon) == {"rx_bytes": 0, "tx_bytes": 0}


def test_where_it_is_not_measured_it_is_refused(lab, start_unprivileged):
    """Without the kernel programs, and nothing else is refused."""
    daemon = start_unprivileged([KEY], running=False, api_bytes="delivered")
    result = run(*lab.server.words(*daemon.prefix, *daemon.words()), check=False, env=daemon.environment)
    assert result.returncode == 2, result.stderr
    assert 'api_bytes: "delivered" is not measured here' in result.stderr
