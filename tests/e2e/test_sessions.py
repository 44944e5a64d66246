# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every connection has its own figures while it is open, and its final figures are added when it ends."""

import socket
import struct
import time

import pytest

from support.lab import run, wait_until
from support.listener import ENDS, PORT, Listener, close_client_first
from support.two_keys import OTHER_UUID, UUID, give_port, key

KEY = {"id": "first", "uuid": "6d7e1c4a-0b1f-4b52-9d0e-0f2a4f6f3b11", "name": "first", "port": PORT}


@pytest.fixture
def listener(lab):
    return Listener(lab)


def sessions(daemon):
    return daemon.port_entry(PORT)["sessions"]


def agrees(daemon, listener, closed):
    """Waits until the sums are what both ends sent, because the kernel closes sockets with some delay."""
    now = sessions(daemon)
    return (now["opened"], now["closed"]) == (listener.opened, closed) and all(
        now[name] == size for name, size in listener.sent.items()) and now


@pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])
def test_sums_over_connections_are_what_both_ends_sent(lab, start_daemon, version):
    listener = Listener(lab, version)
    daemon = start_daemon([KEY])
    kept = [listener.open() for _ in range(3)]
    for number, end in enumerate(ENDS * 3, 1):
        pair = listener.open()
        listener.say(pair, 1000 * number + 1, 77777 * number)
        listener.say(kept[number % 3], 10 * number, 333)
        end(pair)
    wait_until(lambda: agrees(daemon, listener, 12), what=f"the sums {listener.sent}")
    details = daemon.port_entry(PORT)["connection_details"]
    assert sum(each["rx_bytes"] for each in details) == sum(10 * number for number in range(1, 13))
    assert sum(each["tx_bytes"] for each in details) == 333 * 12
    for each in details:
        assert each["rtt_ms"] > 0 and each["retransmits"] == 0 and 0 <= each["age_s"] < 30


def sent_less_retransmitted(end):
    """bytes_sent - bytes_retrans of struct tcp_info (linux/tcp.h)."""
    sent, again = struct.unpack_from("QQ", end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 216),
                                     200)
    return sent - again


@pytest.fixture
def short_queue(lab):
    """A queue of four frames in front of the server's device, which drops the others."""
    lab.offloads(False)
    lab.retransmit_soon()
    made = lab.server.run("tc", "qdisc", "add", "dev", "up0", "root", "tbf", "rate", "100mbit",
                          "burst", "5000", "limit", "6000", check=False)
    if "qdisc kind is unknown" in made.stderr:
        pytest.skip("this kernel has no tbf")
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("end", ENDS)
def test_segments_that_the_local_queue_drops_are_counted_once(lab, start_daemon, listener,
                                                              short_queue, end):
    daemon = start_daemon([KEY])
    pair = listener.open()
    for _ in range(20):
        listener.say(pair, 0, 200000)
        if sent_less_retransmitted(pair[1]) > listener.sent["tx_bytes"] + 50000:
            break
    else:
        pytest.fail("the queue dropped nothing: this test sees nothing")
    wait_until(lambda: agrees(daemon, listener, 0), what=f"the open connection: {listener.sent}")
    end(pair)
    wait_until(lambda: agrees(daemon, listener, 1), what=f"the closed one: {listener.sent}")


def ages(daemon):
    """The age of each connection in seconds, by the client's port."""
    return {each["remote"].rpartition(":")[2]: each["age_s"]
            for each in daemon.port_entry(PORT)["connection_details"]}


def test_a_connection_grows_old_beside_those_that_come_and_go(lab, start_daemon, listener):
    daemon = start_daemon([KEY])
    opened = {}
    passing = []
    for number in range(40):
        pair = listener.open()
        opened[str(pair[0].getsockname()[1])] = time.monotonic()
        passing.append(pair)
        if number % 3 == 2:
            gone = passing.pop(0)
            del opened[str(gone[0].getsockname()[1])]
            close_client_first(gone)
        if number % 10 == 9:
            wait_until(lambda: set(ages(daemon)) == set(opened), what="the connections")
            now = time.monotonic()
            for port, age in ages(daemon).items():
                assert abs(now - opened[port] - age) < 0.5, (port, age)


def test_a_connection_that_this_side_has_closed_still_counts(lab, start_daemon, listener):
    daemon = start_daemon([KEY])
    pair = listener.open()
    listener.say(pair, 5000, 6000)
    pair[1].shutdown(socket.SHUT_WR)
    wait_until(lambda: daemon.port_entry(PORT)["connections"] == 0, what="FIN-WAIT-2")
    assert agrees(daemon, listener, 0)
    pair[0].send(bytes(700))
    listener.sent["rx_bytes"] += 700
    wait_until(lambda: agrees(daemon, listener, 0), what="what came after the FIN")


def test_every_short_connection_is_a_session_of_the_day(lab, start_daemon, listener):
    daemon = start_daemon([KEY])
    for number in range(200):
        ENDS[number % 4](listener.open())
    wait_until(lambda: agrees(daemon, listener, 200), what="200 connections")
    history = daemon.get("/api/keys/first/traffic/history").json()["data"]
    assert [day["sessions"] for day in history["daily_stats"].values()] == [200]


def test_connections_are_counted_while_the_daemon_is_away_and_once(lab, start_daemon, listener):
    daemon = start_daemon([KEY], flush_interval_s=1)
    for kill in (True, False):
        pair = listener.open()
        listener.say(pair, 100, 200)
        wait_until(lambda: sessions(daemon)["opened"] == listener.opened, what="the connection")
        daemon.kill() if kill else daemon.stop()
        for end in ENDS:
            listener.say(pair, 300, 400)
            end(pair)
            pair = listener.open()
        close_client_first(pair)
        daemon.start()
        wait_until(lambda: agrees(daemon, listener, listener.opened), what="all connections")
    assert sessions_of(daemon, "first") == listener.opened


def sessions_of(daemon, key_id):
    history = daemon.get(f"/api/keys/{key_id}/traffic/history").json()["data"]
    return sum(day["sessions"] for day in history["daily_stats"].values())


def test_sessions_before_a_change_of_keys_are_those_of_the_key_of_then(lab, start_daemon, listener):
    daemon = start_daemon([key("first", UUID, PORT), key("second", OTHER_UUID, None)])
    # This answer lists the connections, and nobody does so again before the change: the next tick that does is 5 s away.
    assert sessions(daemon)["opened"] == 0
    close_client_first(listener.open())
    give_port(daemon, "second")
    assert (sessions_of(daemon, "first"), sessions_of(daemon, "second")) == (1, 0)


def test_sockets_of_other_namespaces_and_other_ports_do_not_count(lab, start_daemon, listener):
    daemon = start_daemon([KEY])
    other = lab.client.socket(socket.AF_INET, socket.SOCK_STREAM)
    other.bind(("127.0.0.1", PORT))
    other.listen()
    with lab.client.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.connect(("127.0.0.1", PORT))
        other.accept()[0].close()
    pair = listener.open()
    close_client_first(pair)
    wait_until(lambda: agrees(daemon, listener, 1), what="one connection")


def test_a_port_that_comes_back_begins_at_zero(lab, start_daemon, listener):
    daemon = start_daemon([KEY])
    close_client_first(listener.open())
    wait_until(lambda: agrees(daemon, listener, 1), what="the connection")
    since = sessions(daemon)["since"]
    # As long as the server listens, the port stays counted; and a source that loses all its keys keeps them.
    listener.socket.close()
    other = dict(KEY, id="other", uuid="00000000-0000-4000-8000-0000000000ff", port=PORT + 1)
    for entries in ([other], [KEY, other]):
        daemon.write_keys(entries)
        wait_until(lambda: set(daemon.simple()["data"]["ports"]) == {str(each["port"]) for each in entries},
                   what="the keys")
    assert sessions(daemon)["since"] > since
    assert sessions(daemon)["opened"] == 0


@pytest.mark.parametrize("replaced", [0, 1], ids=["missing", "of_another_layout"])
def test_a_pinned_map_that_does_not_fit_is_replaced_and_counted_in(lab, start_daemon, listener,
                                                                   replaced):
    daemon = start_daemon([KEY])
    close_client_first(listener.open())
    wait_until(lambda: agrees(daemon, listener, 1), what="the connection before")
    daemon.stop()
    path = lab.pin_dir / "sessions_v1" / "session_counters"
    path.unlink()
    if replaced:
        run("bpftool", "map", "create", path, "type", "hash", "key", "2", "value", "16", "entries",
            "1024", "name", "v2m_e2e")
    daemon.start()
    assert sessions(daemon)["opened"] == 0
    assert daemon.said().count("session_counters has another layout and is replaced") == replaced
    listener.opened = 0
    pair = listener.open()
    listener.say(pair, 100, 200)
    close_client_first(pair)
    wait_until(lambda: agrees(daemon, listener, 1), what="the connection after")


def test_nothing_of_it_is_left_behind(lab, start_daemon):
    daemon = start_daemon([KEY])
    assert sessions(daemon)["opened"] == 0
    assert (lab.pin_dir / "sessions_v1" / "link").exists()
    daemon.stop()
    assert daemon.run("--detach").returncode == 0
    assert not lab.pin_dir.exists()


def test_where_that_cannot_be_had_everything_else_works(lab, start_daemon, listener):
    """The name of the directory of its pins is taken."""
    lab.pin_dir.mkdir()
    taken = lab.pin_dir / "sessions_v1"
    run("bpftool", "map", "create", taken, "type", "array", "key", "4", "value", "4", "entries", "1",
        "name", "v2m_e2e")
    try:
        daemon = start_daemon([KEY])
        pair = listener.open()
        listener.say(pair, 300, 400)
        wait_until(lambda: daemon.port_entry(PORT)["connections"] == 1, what="the connection")
        entry = daemon.port_entry(PORT)
        assert entry["accounting"]["exact"] and "sessions" not in entry
        assert entry["connection_details"][0]["rx_bytes"] == 300
        assert "age_s" not in entry["connection_details"][0]
        assert daemon.said().count("sessions shorter than 5 s may be missed") == 1
    finally:
        taken.unlink()
