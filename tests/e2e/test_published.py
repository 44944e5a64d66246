# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Ports that NAT rules send on to a key's port count for the key, to the byte, with what passed the wire."""

import contextlib
import shutil
import socket

import pytest

from support.lab import Namespace, add_veth, wait_until
from support.traffic import figures_of
from support.v2ray import Key

KEY = Key("vmess-tcp", 10001)
ENTRY = {**KEY.entry(), "transport": "both"}
SIZE = 100_000
BOX, BOX_SIDE = "172.17.0.2", "172.17.0.1"


def rules(namespace, text):
    if not shutil.which("nft"):
        pytest.skip("nft is not installed")
    namespace.run("nft", text)


def nat(namespace, rule):
    rules(namespace, "table inet published { chain in { type nat hook prerouting priority -100; %s }; }" % rule)


def exchange_tcp(lab, port, server=None, address="0.0.0.0", listens=KEY.port):
    """SIZE bytes each way over a connection that begins at the published port."""
    with (server or lab.server).entered():
        listener = socket.create_server((address, listens))
    with lab.client.socket() as client, listener:
        client.settimeout(10)
        client.connect((lab.SERVER[4], port))
        far = listener.accept()[0]
        with far:
            for sender, receiver in ((client, far), (far, client)):
                sender.sendall(bytes(SIZE))
                got = 0
                while got < SIZE:
                    got += len(receiver.recv(1 << 16))


def exchange_udp(lab, ports, listens, count=5, size=1000):
    with lab.server.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, \
            lab.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        server.bind(("0.0.0.0", listens))
        for end in (server, client):
            end.settimeout(10)
        for port in ports:
            for _ in range(count):
                client.sendto(bytes(size), (lab.SERVER[4], port))
                data, source = server.recvfrom(2 * size)
                server.sendto(data, source)
                client.recv(2 * size)


def payload(daemon):
    figures = figures_of(daemon.port_entry(KEY.port))
    return figures["payload_rx_bytes"], figures["payload_tx_bytes"]


def reasons(daemon):
    return {reason["reason"]: reason["detail"] for reason in daemon.status()["reasons"]}


def aliases(daemon):
    return {alias["ports"]: (alias["port"], alias["from"]) for alias in daemon.status()["port_aliases"]}


def test_a_redirected_port_counts_for_the_port_that_serves_it(lab, start_daemon):
    nat(lab.server, "tcp dport { 443, 8443-8450 } redirect to :10001;")
    daemon = start_daemon([ENTRY])
    assert aliases(daemon) == {"443": (KEY.port, "rule"), "8443-8450": (KEY.port, "rule")}
    for n, port in enumerate((443, 8445), 1):
        exchange_tcp(lab, port)
        wait_until(lambda: payload(daemon) == (n * SIZE, n * SIZE), what=f"what passed port {port}")
    # Its wire bytes are those of the device, which carried nothing else but a little ARP.
    figures = figures_of(daemon.port_entry(KEY.port))
    seen = next(device for device in daemon.status()["devices"] if device["name"] == "up0")
    assert seen["ingress"]["keys"]["bytes"] == figures["rx_bytes"]
    assert seen["ingress"]["everything_else"]["bytes"] < 2000
    assert not reasons(daemon)


def test_hopping_over_a_range_of_udp_ports_counts(lab, start_daemon):
    nat(lab.server, "udp dport 20000-20100 redirect to :10001;")
    daemon = start_daemon([ENTRY])
    hops = [20000, 20050, 20100]
    exchange_udp(lab, hops, KEY.port)
    wait_until(lambda: payload(daemon) == (15_000, 15_000), what="what passed the range")
    # A neighbour of the range is nobody's.
    exchange_udp(lab, [20101], 20101)
    assert payload(daemon) == (15_000, 15_000)


def test_rules_that_come_and_go_are_followed(lab, start_daemon):
    daemon = start_daemon([ENTRY])
    assert aliases(daemon) == {}
    nat(lab.server, "tcp dport vmap { 9 : drop }; tcp dport 443 counter redirect to :10001;")
    wait_until(lambda: "443" in aliases(daemon), 5, what="the new rule")
    exchange_tcp(lab, 443)
    wait_until(lambda: payload(daemon) == (SIZE, SIZE), what="what passed the port")
    lab.server.run("nft", "delete table inet published")
    wait_until(lambda: not aliases(daemon), 5, what="the end of the rule")
    exchange_tcp(lab, 443, listens=443)
    assert payload(daemon) == (SIZE, SIZE)


@contextlib.contextmanager
def container(lab):
    box = Namespace(f"{lab.name}-b")
    try:
        add_veth(lab.server, "docker0", box, "eth0")
        lab.server.ip("address", "add", BOX_SIDE + "/16", "dev", "docker0")
        lab.server.ip("link", "set", "docker0", "up")
        box.ip("address", "add", BOX + "/16", "dev", "eth0")
        box.ip("link", "set", "eth0", "up")
        box.ip("route", "add", "default", "via", BOX_SIDE)
        lab.server.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        yield box
    finally:
        box.close()


@pytest.mark.parametrize("tool", ["nft", "iptables-nft"])
def test_a_port_that_is_published_from_a_container_counts(lab, start_daemon, tool):
    with container(lab) as box:
        if tool == "nft":
            rules(lab.server, f"""table ip nat {{ chain in {{ type nat hook prerouting priority -100;
                iifname != docker0 tcp dport 443 dnat to {BOX}:{KEY.port}; }}; }}""")
        else:
            if not shutil.which(tool):
                pytest.skip(f"{tool} is not installed")
            lab.server.run(tool, "-t", "nat", "-A", "PREROUTING", "!", "-i", "docker0", "-p", "tcp",
                           "--dport", "443", "-j", "DNAT", "--to-destination", f"{BOX}:{KEY.port}")
        daemon = start_daemon([ENTRY], netns=f"/run/netns/{box.name}")
        assert aliases(daemon) == {"443": (KEY.port, "rule")}
        exchange_tcp(lab, 443, box)
        wait_until(lambda: payload(daemon) == (SIZE, SIZE), what="what passed the published port")


def test_a_rule_that_is_not_understood_is_said(lab, start_daemon):
    nat(lab.server, f"ip saddr {lab.CLIENT[4]} tcp dport 443 redirect to :10001;")
    daemon = start_daemon([ENTRY])
    assert aliases(daemon) == {}
    assert "port 443 to a key's port 10001" in reasons(daemon)["aliases_unknown"]
    assert daemon.ask("GET", "/health", key=False).json()["reason"] == "aliases_unknown"


def test_a_configured_alias_counts_and_ends_the_question(lab, start_daemon):
    nat(lab.server, f"ip saddr {lab.CLIENT[4]} tcp dport 443 redirect to :10001;")
    daemon = start_daemon([ENTRY], port_aliases={"443/tcp": KEY.port})
    assert aliases(daemon) == {"443": (KEY.port, "configuration")}
    exchange_tcp(lab, 443)
    wait_until(lambda: payload(daemon) == (SIZE, SIZE), what="what passed the port")
    assert not reasons(daemon)


def test_a_rule_for_another_port_is_no_alias(lab, start_daemon):
    nat(lab.server, "tcp dport 443 redirect to :8080; ip saddr 192.0.2.7 tcp dport 444 redirect to :8080;")
    daemon = start_daemon([ENTRY])
    assert aliases(daemon) == {} and not reasons(daemon)
