# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The UDP peers of a port, and the limit of their list."""

import socket
import sys

import pytest

from support.lab import Lab, wait_until

PORT, TCP_ONLY = 10003, 10005


def key(name, port, transport="udp"):
    return {"id": name, "uuid": name + "-uuid", "name": name, "port": port, "transport": transport}


KEYS = [key("first", PORT), key("tcp", TCP_ONLY, "tcp")]
FLOOD = """
import socket, struct, sys
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
target, port, count = socket.inet_aton(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
for number in range(count):
    udp = struct.pack("!HHHH", 1024 + number % 60000, port, 8 + 32, 0) + bytes(32)
    source = struct.pack("!I", 0x0a4d0000 + 16 + number % 60000)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, source, target)
    raw.sendto(ip + udp, (sys.argv[1], port))
"""


def peers(daemon, name="first"):
    answer = daemon.get(f"/api/keys/{name}/traffic/peers", fresh=True)
    assert answer.status == 200, answer.body
    assert answer.json()["key"]["id"] == name
    return answer.json()["udp_peers"]


@pytest.fixture
def talk(lab):
    """Gives talk(port, answer), which sends a datagram from the client and returns its source."""
    sockets = []

    def serve(port):
        server = lab.server.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("::", port))
        server.settimeout(5)
        sockets.append(server)
        return server

    def talk(port, version=4, answer=True):
        server = serve(port)
        client = lab.client.socket(socket.AF_INET if version == 4 else socket.AF_INET6,
                                   socket.SOCK_DGRAM)
        sockets.append(client)
        client.settimeout(5)
        client.sendto(b"hello", (Lab.SERVER[version], port))
        _, source = server.recvfrom(100)
        if answer:
            server.sendto(b"well?", source)
            client.recv(100)
        server.close()
        host = Lab.CLIENT[version]
        return f"{host if version == 4 else f'[{host}]'}:{source[1]}"

    yield talk
    for each in sockets:
        each.close()


def test_those_who_are_answered_are_peers(lab, start_daemon, talk):
    daemon = start_daemon(KEYS)
    assert daemon.port_entry(PORT)["udp_peers"] == 0 and peers(daemon) == []
    expected = [talk(PORT, 4), talk(PORT, 6), talk(PORT, 4)]
    assert [peer["remote"] for peer in peers(daemon)] == expected[::-1]
    assert all(0 <= peer["last_seen_s"] < 10 for peer in peers(daemon))
    assert daemon.port_entry(PORT)["udp_peers"] == 3


def test_a_key_without_udp_has_none(lab, start_daemon, talk):
    daemon = start_daemon(KEYS)
    talk(TCP_ONLY)
    assert "udp_peers" not in daemon.port_entry(TCP_ONLY) and peers(daemon, "tcp") == []


def test_a_flood_of_forged_sources_makes_no_peers(lab, start_daemon, talk):
    daemon = start_daemon(KEYS)
    friend = talk(PORT)
    lab.server.run("sysctl", "-qw", "net.ipv4.icmp_ratelimit=1000")
    flood = lab.client.start(sys.executable, "-c", FLOOD, Lab.SERVER[4], PORT, 100000,
                             log=lab.directory / "flood.log")
    assert flood.wait(60) == 0, flood.said()
    wait_until(lambda: daemon.port_entry(PORT)["rx_packets"] > 50000, what="the flood")
    assert [peer["remote"] for peer in peers(daemon)] == [friend]
    assert daemon.port_entry(PORT)["udp_peers"] == 1


def test_the_list_outlives_a_restart(lab, start_daemon, talk):
    daemon = start_daemon(KEYS)
    friend = talk(PORT)
    daemon.kill()
    other = talk(PORT)
    daemon.start()
    assert {peer["remote"] for peer in peers(daemon)} == {friend, other}


def test_a_real_v2ray_over_mkcp_has_one_peer(lab, start_daemon, start_v2ray):
    v2ray = start_v2ray()
    mkcp = v2ray.key("vmess-mkcp")
    daemon = start_daemon([each.entry() for each in v2ray.keys])
    v2ray.download(mkcp, 100000)
    found = peers(daemon, mkcp.id)
    assert len(found) == 1 and found[0]["remote"].startswith(Lab.CLIENT[4] + ":")
