# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Ports that NAT rules send on to a key's port count for the key, to the byte, with what passed the wire."""

import json
import shutil
import socket
import subprocess

import pytest

from support.container import BOX, container
from support.lab import wait_until
from support.traffic import figures_of
from support.v2ray import Key

KEY = Key("vmess-tcp", 10001)
ENTRY = {**KEY.entry(), "transport": "both"}
SIZE = 100_000


def rules(namespace, text):
    if not shutil.which("nft"):
        pytest.skip("nft is not installed")
    namespace.run("nft", text)


def nat(namespace, rule):
    rules(namespace, "table inet published { chain in { type nat hook prerouting priority -100; %s }; }" % rule)


def exchange_tcp(lab, port, server=None, listens=KEY.port, family=4):
    """SIZE bytes each way over a connection that begins at the published port."""
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    with (server or lab.server).entered():
        listener = socket.create_server(("", listens), family=kind)
    with lab.client.socket(kind) as client, listener:
        client.settimeout(10)
        client.connect((lab.SERVER[family], port))
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


def legacy(namespace, *rule, family=4):
    tool = "iptables-legacy" if family == 4 else "ip6tables-legacy"
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    made = namespace.run(tool, "-w", "-t", "nat", *rule, check=False)
    if made.returncode:
        pytest.skip(f"{tool}: {made.stderr.strip()}")


@pytest.mark.parametrize("family", [4, 6])
def test_rules_of_iptables_legacy_are_read_and_followed(lab, start_daemon, family):
    hopping = ("PREROUTING", "-p", "udp", "--dport", "20000:20100", "-j", "REDIRECT", "--to-ports", str(KEY.port))
    daemon = start_daemon([ENTRY])
    assert aliases(daemon) == {}
    # Nothing announces a change, so it is found when the daemon looks again. A connection, and a rule of one family
    # before, would lead to a look as well, so there is none of them yet.
    legacy(lab.server, "-A", *hopping, family=family)
    wait_until(lambda: aliases(daemon) == {"20000-20100": (KEY.port, "rule")}, 30, what="the first rule")
    legacy(lab.server, "-D", *hopping, family=family)
    legacy(lab.server, "-A", "PREROUTING", "-p", "tcp", "-m", "multiport", "--dports", "443,8443:8450", "-j",
           "REDIRECT", "--to-ports", str(KEY.port), family=family)
    wait_until(lambda: aliases(daemon) == {"443": (KEY.port, "rule"), "8443-8450": (KEY.port, "rule")}, 30,
               what="the new rule")
    exchange_tcp(lab, 8444, family=family)
    wait_until(lambda: payload(daemon) == (SIZE, SIZE), what="what passed port 8444")
    assert not reasons(daemon)


def test_a_chain_of_iptables_legacy_has_the_conditions_of_the_way_to_it(lab, start_daemon):
    legacy(lab.server, "-N", "published")
    legacy(lab.server, "-A", "PREROUTING", "-m", "addrtype", "--dst-type", "LOCAL", "-p", "tcp", "--dport", "443",
           "-j", "published")
    legacy(lab.server, "-A", "PREROUTING", "-s", lab.CLIENT[4], "-p", "tcp", "--dport", "444", "-j", "published")
    legacy(lab.server, "-A", "published", "-j", "REDIRECT", "-p", "tcp", "--to-ports", str(KEY.port))
    daemon = start_daemon([ENTRY])
    assert aliases(daemon) == {"443": (KEY.port, "rule")}
    assert "port 444 to a key's port 10001 under conditions" in reasons(daemon)["aliases_unknown"]
    exchange_tcp(lab, 443)
    wait_until(lambda: payload(daemon) == (SIZE, SIZE), what="what passed port 443")


def test_a_chain_of_nftables_has_the_conditions_of_the_way_to_it(lab, start_daemon):
    """So has one that a map of verdicts leads to."""
    rules(lab.server, """table inet published {
        chain every { meta l4proto tcp redirect to :10001; }
        chain one { tcp dport 444 redirect to :10001; }
        chain own { type nat hook output priority -100; tcp dport 445 redirect to :10001; }
        chain in { type nat hook prerouting priority -100; fib daddr type local tcp dport 443 jump every; jump one; }
        }""")
    daemon = start_daemon([ENTRY])
    assert aliases(daemon) == {"443": (KEY.port, "rule"), "444": (KEY.port, "rule")} and not reasons(daemon)
    exchange_tcp(lab, 443)
    wait_until(lambda: payload(daemon) == (SIZE, SIZE), what="what passed port 443")
    rules(lab.server, """table inet mapped {
        chain every { meta l4proto tcp redirect to :10001; }
        chain in { type nat hook prerouting priority -90; tcp dport vmap { 446 : jump every, 447-449 : goto every }; }
        }""")
    wait_until(lambda: {"446", "447-449"} <= set(aliases(daemon)), 30, what="what the map leads to")
    assert not reasons(daemon)


def proxy_configuration(lab, *ports):
    """A configuration of V2Ray with an mKCP inbound, and one customer, for each port or range."""
    path = lab.directory / "config.json"
    path.write_text(json.dumps({"inbounds": [
        {"port": port, "protocol": "vmess", "tag": f"in-{port}", "streamSettings": {"network": "kcp"},
         "settings": {"clients": [{"id": f"00000000-0000-4000-8000-00000000000{n}", "email": f"user{n}"}]}}
        for n, port in enumerate(ports)]}))
    return str(path)


@pytest.mark.parametrize("tool", ["iptables-legacy", "iptables-nft"])
def test_a_shifted_range_counts_port_by_port(lab, start_daemon, tool):
    """20000 becomes 30000, and so on: the first ten are one key's range, and 30050 is another key's."""
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    lab.server.run(tool, "-w", "-t", "nat", "-A", "PREROUTING", "-p", "udp", "--dport", "20000:20100", "-j", "DNAT",
                   "--to-destination", f"{lab.SERVER[4]}:30000-30100/20000")
    daemon = start_daemon([], key_sources=[proxy_configuration(lab, "30000-30009", 30050)])
    assert aliases(daemon) == {"20000-20009": (30000, "rule"), "20050": (30050, "rule")}
    for port, listens in ((20003, 30003), (20050, 30050), (20051, 30051)):
        exchange_udp(lab, [port], listens)
    for port in (30000, 30050):
        wait_until(lambda: figures_of(daemon.port_entry(port))["payload_rx_bytes"] == 5000,
                   what=f"what port {port} got")
        assert figures_of(daemon.port_entry(port))["payload_tx_bytes"] == 5000
    assert not reasons(daemon)


def test_a_range_without_an_order_counts_if_one_key_has_all_of_it(lab, start_daemon):
    """The kernel sends a client to the first port of a range that a rule does not shift, unless he has it."""
    nat(lab.server, "udp dport 20000-20100 redirect to :30000-30009;")
    daemon = start_daemon([], key_sources=[proxy_configuration(lab, "30000-30009")])
    for port in (20000, 20100):
        exchange_udp(lab, [port], 30000)
    wait_until(lambda: figures_of(daemon.port_entry(30000))["payload_rx_bytes"] == 10_000,
               what="what the range got")
    assert aliases(daemon) == {"20000-20100": (30000, "rule")} and not reasons(daemon)


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


def test_the_first_rule_of_a_port_has_it(lab, start_daemon):
    nat(lab.server, "tcp dport 25 accept; tcp dport 27 redirect to :8080; tcp dport 20-30 redirect to :10001;")
    # A chain of a later priority gets what is left, and that is for others.
    rules(lab.server, "table ip later { chain in { type nat hook prerouting priority -90; "
                      "tcp dport 28 redirect to :8080; tcp dport 31 redirect to :8080; }; }")
    # An earlier rule takes some packets of port 41: those of one sender.
    rules(lab.server, f"add rule inet published in ip saddr {lab.CLIENT[4]} tcp dport 41 redirect to :8080; "
                      "add rule inet published in tcp dport 40-42 redirect to :10001")
    # One that names no port leaves nothing to those behind it.
    rules(lab.server, "add rule inet published in udp dport 51 redirect to :10001; "
                      "add rule inet published in meta l4proto udp accept; "
                      "add rule inet published in udp dport 52 redirect to :10001")
    daemon = start_daemon([ENTRY])
    key = (KEY.port, "rule")
    assert aliases(daemon) == {"20-24": key, "26": key, "28-30": key, "40": key, "42": key, "51": key}
    assert "port 41 to a key's port 10001 under conditions" in reasons(daemon)["aliases_unknown"]
    for port, listens in ((25, 25), (27, 8080), (31, 8080), (41, 8080)):
        exchange_tcp(lab, port, listens=listens)
    assert payload(daemon) == (0, 0)
    exchange_tcp(lab, 28)
    wait_until(lambda: payload(daemon) == (SIZE, SIZE), what="what passed port 28")


def test_rules_whose_order_is_not_known_are_said(lab, start_daemon):
    for name, target in (("one", KEY.port), ("other", 8080)):
        rules(lab.server, f"table ip {name} {{ chain in {{ type nat hook prerouting priority -100; "
                          f"tcp dport 443 redirect to :{target}; }}; }}")
    daemon = start_daemon([ENTRY])
    assert aliases(daemon) == {} and "the order of their chains is not known" in reasons(daemon)["aliases_unknown"]


def web_server(namespace):
    """A server of port 443 by IPv6 alone."""
    with namespace.entered():
        server = socket.socket(socket.AF_INET6)
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("::", 443))
    server.listen()
    return server


def test_a_rule_of_one_family_leaves_the_other_one_to_its_server(lab, start_daemon):
    """The server comes when the port is an alias already, and goes again. It takes no other port of the range."""
    rules(lab.server, "table ip published { chain in { type nat hook prerouting priority -100; "
                      "tcp dport 443-445 redirect to :10001; }; }")
    daemon = start_daemon([ENTRY])
    assert aliases(daemon) == {"443-445": (KEY.port, "rule")} and not reasons(daemon)
    with web_server(lab.server) as web:
        wait_until(lambda: "another server has port 443 by IPv6" in reasons(daemon).get("aliases_unknown", ""), 30,
                   what="the server by IPv6")
        with lab.client.entered():
            client = socket.create_connection((lab.SERVER[6], 443), timeout=10)
        with client, web.accept()[0] as far:
            client.sendall(b"x" * 1000)
            assert far.recv(1000, socket.MSG_WAITALL) == b"x" * 1000
        assert aliases(daemon) == {"444-445": (KEY.port, "rule")} and payload(daemon) == (0, 0)
    wait_until(lambda: "443-445" in aliases(daemon), 30, what="the alias, when IPv6 has no server")
    exchange_tcp(lab, 443)
    wait_until(lambda: payload(daemon) == (SIZE, SIZE), what="what passed port 443")


DOCKER_PROXY = ("import socket; s = socket.create_server(('::', 443), family=socket.AF_INET6); "
                "print('up', flush=True); s.accept()")


def test_the_proxy_of_docker_is_no_other_server(lab, start_daemon):
    """And neither is a client's UDP socket that has a port of a hopping range."""
    rules(lab.server, "table ip published { chain in { type nat hook prerouting priority -100; "
                      "tcp dport 443 redirect to :10001; udp dport 20000-50000 redirect to :10001; }; }")
    with lab.server.entered():
        client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    client.bind(("::", 40000))
    with lab.server.entered():
        proxy = subprocess.Popen(["docker-proxy", "-c", DOCKER_PROXY, "-proto", "tcp", "-host-ip", "::", "-host-port",
                                  "443", "-container-ip", BOX, "-container-port", str(KEY.port)],
                                 executable="/usr/bin/python3", stdout=subprocess.PIPE, text=True)
    try:
        assert proxy.stdout.readline() == "up\n"
        daemon = start_daemon([ENTRY])
        assert aliases(daemon) == {"443": (KEY.port, "rule"), "20000-50000": (KEY.port, "rule")}
        assert not reasons(daemon)
    finally:
        client.close()
        proxy.kill()
        proxy.communicate()


def test_concatenations_are_followed(lab, start_daemon):
    """A rule of one address of this host makes an alias as long as nobody serves the port at another one."""
    own = lab.SERVER[4]
    nat(lab.server, f"""ip daddr . tcp dport {{ {own} . 443, {own} . 8443-8450, 192.0.2.9 . 444 }} redirect to :10001;
        dnat ip to tcp dport map {{ 445 : {own} . 10001, 447 : {own} . 8080 }};
        dnat ip to ip daddr . udp dport map {{ {own} . 446 : {own} . 10001 }};
        dnat ip6 to tcp dport map {{ 448 : {lab.SERVER[6]} . 10001 }};""")
    daemon = start_daemon([ENTRY])
    key = (KEY.port, "rule")
    expected = {"443": key, "8443-8450": key, "445": key, "446": key, "448": key}
    assert aliases(daemon) == expected
    # Nobody knows whether 192.0.2.9 is an address of this host to others.
    assert "port 444 to a key's port 10001 under conditions" in reasons(daemon)["aliases_unknown"]
    for n, (port, family) in enumerate(((443, 4), (8447, 4), (445, 4), (448, 6)), 1):
        exchange_tcp(lab, port, family=family, listens=KEY.port)
        wait_until(lambda: payload(daemon) == (n * SIZE, n * SIZE), what=f"what passed port {port}")
    with lab.server.entered():
        web = socket.create_server((lab.SERVER[4], 443))
    with web:
        wait_until(lambda: "443" not in aliases(daemon), 30, what="the server of port 443")
        assert aliases(daemon) == {ports: to for ports, to in expected.items() if ports != "443"}


KUBE_PROXY = """table ip kube-proxy {
    set nodeport-ips { type ipv4_addr; elements = { %(own)s }; }
    map service-ips { type ipv4_addr . inet_proto . inet_service : verdict;
        elements = { 10.96.0.1 . tcp . 443 : goto service-K }; }
    map service-nodeports { type inet_proto . inet_service : verdict;
        elements = { tcp . 30443 : goto external-A, tcp . 30444 : goto external-B }; }
    chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }
    chain services {
        ip daddr . meta l4proto . th dport vmap @service-ips
        ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
    }
    chain service-K { meta l4proto tcp dnat ip to numgen random mod 1 map { 0 : %(own)s . 6443 }; }
    chain setmark { meta mark set meta mark or 0x4000; }
    chain external-A { jump setmark; goto service-A; }
    chain service-A { ip daddr 10.96.0.2 tcp dport 80 ip saddr != 10.244.0.0/16 jump setmark;
        numgen random mod 1 vmap { 0 : goto endpoint-A }; }
    chain endpoint-A { ip saddr %(box)s jump setmark; meta l4proto tcp dnat to %(box)s:10001; }
    chain external-B { meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : %(box)s . 10001, 1 : %(box)s . 9 }; }
    }"""


NETAVARK = """table inet netavark {
    chain PREROUTING { type nat hook prerouting priority dstnat; fib daddr type local jump NETAVARK-HOSTPORT-DNAT; }
    chain NETAVARK-HOSTPORT-DNAT { tcp dport 443 jump nv_2f_dnat; ip daddr 127.0.0.1 tcp dport 444 jump nv_2f_dnat; }
    chain NETAVARK-HOSTPORT-SETMARK { meta mark set meta mark or 0x2000; }
    chain nv_2f_dnat {
        ip saddr 172.17.0.0/16 tcp dport 443 jump NETAVARK-HOSTPORT-SETMARK
        ip saddr 127.0.0.1 tcp dport 443 jump NETAVARK-HOSTPORT-SETMARK
        tcp dport 443 dnat ip to %(box)s:10001
        ip daddr 127.0.0.1 tcp dport 444 dnat ip to %(box)s:10001
    }
    }"""
FIREWALLD = """table inet firewalld {
    chain nat_PREROUTING { type nat hook prerouting priority dstnat + 10;
        jump nat_PREROUTING_POLICIES_pre; jump nat_PREROUTING_ZONES; jump nat_PREROUTING_POLICIES_post; }
    chain nat_PREROUTING_POLICIES_pre { jump nat_PRE_policy_allow-host-ipv6; }
    chain nat_PRE_policy_allow-host-ipv6 { }
    chain nat_PREROUTING_ZONES { iifname "up0" goto nat_PRE_public; goto nat_PRE_public; }
    chain nat_PREROUTING_POLICIES_post { }
    chain nat_PRE_public { jump nat_PRE_public_deny; jump nat_PRE_public_allow; }
    chain nat_PRE_public_deny { }
    chain nat_PRE_public_allow { meta nfproto ipv4 tcp dport 443 dnat ip to %(box)s:10001; }
    }"""
DOCKER = """table ip docker-bridges {
    chain raw-PREROUTING { type filter hook prerouting priority raw; ip daddr %(box)s iifname != "docker0" counter drop; }
    chain nat-PREROUTING { type nat hook prerouting priority dstnat; fib daddr type local counter jump nat-both; }
    chain nat-both { iifname != "docker0" ip daddr %(own)s tcp dport 443 counter dnat to %(box)s:10001; }
    }"""


@pytest.mark.parametrize("tables", [NETAVARK, FIREWALLD, DOCKER], ids=["netavark", "firewalld", "docker"])
def test_rules_of_well_known_programs_are_followed(lab, start_daemon, tables):
    with container(lab) as box:
        rules(lab.server, tables % {"own": lab.SERVER[4], "box": BOX})
        daemon = start_daemon([ENTRY], netns=f"/run/netns/{box.name}")
        assert aliases(daemon) == {"443": (KEY.port, "rule")} and not reasons(daemon)
        exchange_tcp(lab, 443, box)
        wait_until(lambda: payload(daemon) == (SIZE, SIZE), what="what passed the published port")


def test_services_of_kubernetes_are_followed(lab, start_daemon):
    """Rules as kube-proxy makes them. A service with several endpoints is not one key's alone."""
    with container(lab) as box:
        rules(lab.server, KUBE_PROXY % {"own": lab.SERVER[4], "box": BOX})
        daemon = start_daemon([ENTRY], netns=f"/run/netns/{box.name}")
        assert aliases(daemon) == {"30443": (KEY.port, "rule")}
        assert "port 30444 to a key's port 10001 under conditions" in reasons(daemon)["aliases_unknown"]
        exchange_tcp(lab, 30443, box)
        wait_until(lambda: payload(daemon) == (SIZE, SIZE), what="what passed the published port")


def test_connections_show_what_a_rule_does_that_is_not_understood(lab, start_daemon):
    """The address does not matter while all that reaches the port goes to the key's."""
    nat(lab.server, f"ip saddr {lab.CLIENT[4]} tcp dport 443 redirect to :10001;")
    daemon = start_daemon([ENTRY])
    assert "443" not in aliases(daemon)
    # Connection tracking knows it from the first connection on.
    exchange_tcp(lab, 443)
    wait_until(lambda: aliases(daemon).get("443") == (KEY.port, "conntrack"), 30, what="what the connection shows")
    assert not reasons(daemon)
    before = payload(daemon)
    exchange_tcp(lab, 443)
    wait_until(lambda: payload(daemon) == (before[0] + SIZE, before[1] + SIZE), what="what passed port 443")


def test_connections_show_that_a_port_serves_others_too(lab, start_daemon):
    nat(lab.server, f"ip saddr {lab.CLIENT[4]} tcp dport 443 redirect to :10001;")
    daemon = start_daemon([ENTRY])
    with lab.server.entered():
        web = socket.create_server(("", 443))
    with web:
        exchange_tcp(lab, 443)
        wait_until(lambda: "and others do not" in reasons(daemon).get("aliases_unknown", ""), 30, what="the reason")
        assert aliases(daemon) == {} and payload(daemon) == (0, 0)


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
