# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The meter compares what it counts with what connections deliver, and says when the two disagree."""

import socket

import pytest

from support.forge import send_forged
from support.lab import wait_until
from support.listener import PORT, Listener

KEY = {"id": "first", "uuid": "6d7e1c4a-0b1f-4b52-9d0e-0f2a4f6f3b11", "name": "first", "port": PORT}
OTHER = dict(KEY, id="second", uuid="6d7e1c4a-0b1f-4b52-9d0e-0f2a4f6f3b12", port=PORT + 1)


@pytest.fixture
def listener(lab):
    return Listener(lab)


def reasons(daemon):
    return {reason["reason"]: reason["detail"] for reason in daemon.status()["reasons"]}


def repeat_until(daemon, word, work):
    """Repeats the work until the status has this reason. Returns the sentence about it."""
    def has_reason():
        work()
        return reasons(daemon).get(word)

    return wait_until(has_reason, 20, what=word)


def test_honest_traffic_agrees(start_daemon, listener):
    daemon = start_daemon([KEY, OTHER], cross_check_s=4)
    pair = listener.open()
    repeats = iter(range(25))

    def exchange():
        listener.say(pair, 200_000, 2_000_000)
        return next(repeats, None) is None

    wait_until(exchange, 20)
    assert "reason" not in daemon.ask("GET", "/health", key=False).json()


def test_a_path_that_nothing_counts_is_found(lab, start_daemon, listener):
    """A tunnel on the host itself connects over the loopback device."""
    daemon = start_daemon([KEY, OTHER], cross_check_s=4)
    client = lab.server.socket(listener.family)
    client.connect(("127.0.0.1", PORT))
    pair = client, listener.socket.accept()[0]
    said = repeat_until(daemon, "traffic_uncounted", lambda: listener.say(pair, 0, 3_000_000))
    assert f"port {PORT}: of the bytes that were sent" in said and " 0 were counted" in said
    assert daemon.ask("GET", "/health", key=False).json() == {"status": "degraded", "reason": "traffic_uncounted"}
    wait_until(lambda: not reasons(daemon), 30, what="the end of the condition")


def test_a_path_over_lo_is_found_by_its_connections(lab, start_daemon, listener):
    """A front on the host itself. What passes is too little for the comparison, and is named all the same."""
    daemon = start_daemon([KEY, OTHER], cross_check_s=4)
    client = lab.server.socket(listener.family)
    client.connect(("127.0.0.1", PORT))
    pair = client, listener.socket.accept()[0]
    listener.say(pair, 60_000, 40_000)
    said = wait_until(lambda: reasons(daemon).get("path_uncounted"), 20, what="path_uncounted")
    assert f"port {PORT}: 1 connections" in said and "100000 bytes" in said
    assert daemon.ask("GET", "/health", key=False).json() == {"status": "degraded", "reason": "path_uncounted"}
    accounting = daemon.port_entry(PORT)["accounting"]
    assert accounting["exact"] is False and "lo" in accounting["reason"]
    assert accounting["uncounted_local"] == {"connections": 1, "payload_bytes": 100_000}
    assert daemon.port_entry(PORT + 1)["accounting"]["exact"] is True
    checked = daemon.run("--check").stdout
    assert f"{PORT}  1 connections from this host itself, over lo" in checked and "100000 bytes" in checked
    wait_until(lambda: not reasons(daemon), 30, what="the end of the condition")


def test_datagrams_over_lo_are_named(lab, start_daemon):
    """A front on the host itself that hands datagrams over to a key's port."""
    daemon = start_daemon([dict(KEY, transport="udp"), OTHER])
    with lab.server.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, \
            lab.server.socket(socket.AF_INET, socket.SOCK_DGRAM) as front:
        server.bind(("0.0.0.0", PORT))
        front.connect(("127.0.0.1", PORT))
        front.send(bytes(1000))
        said = wait_until(lambda: reasons(daemon).get("path_uncounted"), 30, what="path_uncounted")
        assert f"port {PORT}: 1 UDP socket of this host itself sends" in said
        accounting = daemon.port_entry(PORT)["accounting"]
        assert accounting["exact"] is False and "UDP sockets" in accounting["reason"]
        assert accounting["uncounted_local"] == {"connections": 0, "payload_bytes": 0, "udp_sockets": 1}
        assert daemon.port_entry(PORT + 1)["accounting"]["exact"] is True
        assert f"{PORT}  1 UDP socket of this host itself sends to it" in daemon.run("--check").stdout
    wait_until(lambda: not reasons(daemon), 30, what="the end of the condition")
    assert daemon.port_entry(PORT)["accounting"]["exact"] is True


def test_datagrams_over_lo_from_a_socket_without_a_peer_are_named(lab, start_daemon):
    """A program of the kernel sees them. There is no connection tracking here."""
    daemon = start_daemon([dict(KEY, transport="udp"), OTHER])
    with lab.server.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, \
            lab.server.socket(socket.AF_INET, socket.SOCK_DGRAM) as front:
        server.bind(("0.0.0.0", PORT))
        for end in (server, front):
            end.settimeout(10)

        def find_reason():
            front.sendto(bytes(1000), ("127.0.0.1", PORT))
            data, source = server.recvfrom(2000)
            server.sendto(data, source)
            front.recv(2000)
            return reasons(daemon).get("path_uncounted")

        said = wait_until(find_reason, 40, what="path_uncounted")
        assert f"port {PORT}: 1 UDP socket of this host itself sends" in said
        assert daemon.port_entry(PORT + 1)["accounting"]["exact"] is True
        # Both sockets are still there, but nothing is sent any more.
        wait_until(lambda: "path_uncounted" not in reasons(daemon), 40, what="the end of path_uncounted")


def test_a_device_that_is_left_out_is_named(lab, start_daemon, listener):
    """A second device without a default route."""
    lab.server.ip("link", "add", "side0", "type", "veth", "peer", "name", "side1")
    lab.server.ip("link", "set", "side1", "netns", lab.client.name)
    for end, name, address in ((lab.server, "side0", "192.168.77.1/24"), (lab.client, "side1", "192.168.77.2/24")):
        end.ip("address", "add", address, "dev", name)
        end.ip("link", "set", name, "up")
    daemon = start_daemon([KEY, OTHER], cross_check_s=20)
    client = lab.client.socket(listener.family)
    client.connect(("192.168.77.1", PORT))
    pair = client, listener.socket.accept()[0]
    repeat_until(daemon, "traffic_uncounted", lambda: listener.say(pair, 0, 3_000_000))
    # The next dump of the connections knows it.
    said = wait_until(lambda: "address of side0" in (said := reasons(daemon)["traffic_uncounted"]) and said, 10,
                      what="the name of the device")
    assert " 0 were counted" in said
    accounting = daemon.port_entry(PORT)["accounting"]
    assert accounting["exact"] is False and accounting["uncounted"]["counted_bytes"] == 0


def test_what_no_connection_takes_is_found(lab, start_daemon, listener):
    daemon = start_daemon([KEY, OTHER], cross_check_s=20)
    pair = listener.open()
    listener.say(pair, 1000, 1000)
    said = repeat_until(daemon, "traffic_undelivered",
                        lambda: send_forged(lab, PORT, pair[0].getsockname()[1], 4000))
    assert f"port {PORT}: of the bytes that were received" in said
    assert "traffic_uncounted" not in reasons(daemon)
