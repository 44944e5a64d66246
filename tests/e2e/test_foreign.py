# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A connection or flow that only has a key's port number counts for no key: 0 bytes."""

import contextlib
import pathlib
import socket

import pytest

from support.container import BOX, container
from support.lab import wait_until
from support.traffic import figures_of, tcp, udp
from support.v2ray import Key

KEY = Key("vmess-tcp", 10001)
ENTRY = {**KEY.entry(), "transport": "both"}
SIZE = 100_000
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
ANY = "0.0.0.0"


@contextlib.contextmanager
def reachable_container(lab, masquerade):
    """A container that the client has a route to. With masquerade, the server translates what it sends."""
    with container(lab) as box:
        lab.client.ip("route", "add", "172.17.0.0/16", "via", lab.SERVER[4])
        if masquerade:
            made = lab.server.run("nft", """table ip nat {
                chain out { type nat hook postrouting priority 100; oifname up0 masquerade; }
            }""", check=False)
            if made.returncode:
                pytest.skip(f"no nft: {made.stderr.splitlines()[0]}")
        yield box


def open_stream(near, from_port, far, address, to_port):
    """A TCP connection from near, with that local port: both ends."""
    with far.entered():
        listener = socket.create_server((address, to_port))
    with near.entered():
        begun = socket.socket()
        begun.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        begun.bind((ANY, from_port))
        begun.settimeout(10)
        begun.connect((address, to_port))
    with listener:
        far_end = listener.accept()[0]
    far_end.settimeout(10)
    return begun, far_end


def carry(sender, receiver):
    sender.sendall(bytes(SIZE))
    got = 0
    while got < SIZE:
        got += len(receiver.recv(1 << 16))


def exchange(ends):
    begun, far = ends
    with begun, far:
        carry(begun, far)
        carry(far, begun)


def datagrams(near, near_end, far, far_end, count=50, size=1000):
    """An exchange that near begins; near_end with port 0: any port, which is returned."""
    with near.entered():
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with far.entered():
        two = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with one, two:
        if near_end:
            one.bind(near_end)
        two.bind(far_end)
        for end in (one, two):
            end.settimeout(10)
        for _ in range(count):
            one.sendto(bytes(size), far_end)
            data, source = two.recvfrom(2 * size)
            two.sendto(data, source)
            one.recv(2 * size)
        return source[1]


def table(daemon, way):
    return next(device for device in daemon.status()["devices"] if device["name"] == "up0")[way]


def assert_all_foreign(daemon, before, way="egress"):
    """Some bytes were seen, none of them the key's."""
    wait_until(lambda: table(daemon, way)["foreign"]["bytes"] > 50_000, what="the foreign bytes")
    assert figures_of(daemon.port_entry(KEY.port)) == before
    for each in ("ingress", "egress"):
        assert table(daemon, each)["residual_bytes"] == 0


def has_btf():
    return pathlib.Path("/sys/kernel/btf/vmlinux").exists()


def test_an_outgoing_connection_that_got_the_port_counts_for_no_key(lab, start_daemon):
    daemon = start_daemon([ENTRY])
    before = figures_of(daemon.port_entry(KEY.port))
    exchange(open_stream(lab.server, KEY.port, lab.client, lab.CLIENT[4], 443))
    assert_all_foreign(daemon, before)
    assert_all_foreign(daemon, before, "ingress")
    # The port itself goes on to count, for the same client too.
    tcp(lab.server, lab.client, lab.SERVER[4], KEY.port, SIZE, SIZE)
    wait_until(lambda: figures_of(daemon.port_entry(KEY.port))["payload_rx_bytes"] == SIZE,
               what="the key's own bytes")


@contextlib.contextmanager
def only_port(namespace, port):
    """The kernel gives this port to a socket that connects and did not ask for a port."""
    namespace.run("sysctl", "-qw", f"net.ipv4.ip_local_port_range={port} {port}")
    yield
    namespace.run("sysctl", "-qw", "net.ipv4.ip_local_port_range=32768 60999")


@pytest.mark.skipif(not has_btf(), reason="the kernel has no BTF")
@pytest.mark.parametrize("family", [4, 6])
def test_an_outgoing_connection_that_is_older_than_the_programs_counts_for_no_key(lab, start_daemon, family):
    client = lab.CLIENT[family]
    with lab.client.entered():
        listener = socket.create_server((client, 443), family=FAMILIES[family])
    with only_port(lab.server, KEY.port), lab.server.entered():
        begun = socket.create_connection((client, 443), timeout=10)
    with listener:
        ends = begun, listener.accept()[0]
    ends[1].settimeout(10)
    assert begun.getsockname()[:2] == (lab.SERVER[family], KEY.port)
    daemon = start_daemon([ENTRY])
    before = figures_of(daemon.port_entry(KEY.port))
    exchange(ends)
    assert_all_foreign(daemon, before)
    assert_all_foreign(daemon, before, "ingress")
    tcp(lab.server, lab.client, lab.SERVER[family], KEY.port, SIZE, SIZE)
    wait_until(lambda: figures_of(daemon.port_entry(KEY.port))["payload_rx_bytes"] == SIZE,
               what="the key's own bytes")


def test_a_port_that_was_foreign_is_the_keys_again(lab, start_daemon):
    """The same four numbers, begun from the other side."""
    daemon = start_daemon([ENTRY])
    before = figures_of(daemon.port_entry(KEY.port))
    with lab.server.socket() as refused:
        refused.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        refused.bind((ANY, KEY.port))
        with pytest.raises(ConnectionRefusedError):
            refused.connect((lab.CLIENT[4], 4000))
    assert figures_of(daemon.port_entry(KEY.port)) == before
    exchange(open_stream(lab.client, 4000, lab.server, lab.SERVER[4], KEY.port))
    wait_until(lambda: figures_of(daemon.port_entry(KEY.port))["payload_tx_bytes"] == SIZE,
               what="the key's bytes")
    assert figures_of(daemon.port_entry(KEY.port))["payload_rx_bytes"] == SIZE


@pytest.mark.skipif(not has_btf(), reason="the kernel has no BTF")
def test_an_outgoing_flow_that_got_the_port_counts_for_no_key(lab, start_daemon):
    """A socket that did not ask for its port, as that of a resolver or of QUIC."""
    daemon = start_daemon([ENTRY])
    before = figures_of(daemon.port_entry(KEY.port))
    with only_port(lab.server, KEY.port):
        assert datagrams(lab.server, None, lab.client, (lab.CLIENT[4], 4000)) == KEY.port
    assert_all_foreign(daemon, before)
    udp(lab.server, lab.client, lab.SERVER[4], KEY.port, [100, 1400])
    wait_until(lambda: figures_of(daemon.port_entry(KEY.port))["payload_rx_bytes"] == 1500,
               what="the key's own datagrams")


def test_a_masqueraded_connection_with_the_port_counts_for_no_key(lab, start_daemon):
    with reachable_container(lab, masquerade=True) as box:
        early = open_stream(box, KEY.port, lab.client, lab.CLIENT[4], 444)
        daemon = start_daemon([ENTRY])
        before = figures_of(daemon.port_entry(KEY.port))
        exchange(open_stream(box, KEY.port, lab.client, lab.CLIENT[4], 443))
        assert_all_foreign(daemon, before)
        assert_all_foreign(daemon, before, "ingress")
        # Connection tracking knows one that is older than the programs. A whole segment arrives first.
        carry(*reversed(early))
        carry(*early)
        assert figures_of(daemon.port_entry(KEY.port)) == before
        if not has_btf():
            return
        datagrams(box, (ANY, KEY.port), lab.client, (lab.CLIENT[4], 4000))
        assert figures_of(daemon.port_entry(KEY.port))["payload_tx_bytes"] == 0
        assert figures_of(daemon.port_entry(KEY.port))["payload_rx_bytes"] == 0


def test_a_routed_container_with_the_same_port_counts_for_no_key(lab, start_daemon):
    with reachable_container(lab, masquerade=False) as box:
        daemon = start_daemon([ENTRY])
        before = figures_of(daemon.port_entry(KEY.port))
        exchange(open_stream(lab.client, 4000, box, BOX, KEY.port))
        datagrams(lab.client, (ANY, 4000), box, (BOX, KEY.port))
        wait_until(lambda: table(daemon, "egress")["everything_else"]["bytes"] > SIZE,
                   what="the container's bytes")
        assert figures_of(daemon.port_entry(KEY.port)) == before
        # The host's own port counts as ever.
        tcp(lab.server, lab.client, lab.SERVER[4], KEY.port, SIZE, SIZE)
        wait_until(lambda: figures_of(daemon.port_entry(KEY.port))["payload_rx_bytes"] == SIZE,
                   what="the key's own bytes")


def test_a_routed_container_of_netns_counts_with_its_own_address(lab, start_daemon):
    with reachable_container(lab, masquerade=False) as box:
        daemon = start_daemon([ENTRY], netns=f"/run/netns/{box.name}")
        exchange(open_stream(lab.client, 4000, box, BOX, KEY.port))
        wait_until(lambda: figures_of(daemon.port_entry(KEY.port))["payload_rx_bytes"] == SIZE,
                   what="the container's bytes")


def test_forwarding_that_begins_later_is_noticed(lab, start_daemon):
    daemon = start_daemon([ENTRY])
    with reachable_container(lab, masquerade=False) as box:
        def counts_nothing():
            before = figures_of(daemon.port_entry(KEY.port))
            exchange(open_stream(lab.client, 4000, box, BOX, KEY.port))
            return figures_of(daemon.port_entry(KEY.port)) == before

        wait_until(counts_nothing, what="the programs to look at addresses")
