# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A packet to a monitored port is counted exactly once, on every path through the host."""

import contextlib
import json
import mmap
import shutil
import socket
import struct

import pytest

from support.lab import Namespace, add_veth, wait_until
from support.traffic import FarEnd, difference, figures_of, settled_equal, tcp, udp
from support.v2ray import Key

KEY = Key("vmess-tcp", 10001)
ENTRY = {**KEY.entry(), "transport": "both"}
CLIENT_PORT = 40000


def address_of(end):
    return json.loads(end.ip("-j", "link", "show", "up0").stdout)[0]["address"].replace(":", "")


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def ipv4(source, target, payload, protocol=17, options=b""):
    header = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0,
                         20 + len(options) + len(payload), 7, 0, 64, protocol, 0,
                         socket.inet_aton(source), socket.inet_aton(target)) + options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ipv6(source, target, payload, following=17):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), following, 64,
                       socket.inet_pton(socket.AF_INET6, source),
                       socket.inet_pton(socket.AF_INET6, target)) + payload


def destinations(source, target, count, payload):
    """Destination options, so many headers of them."""
    options = b"\x01\x04\x00\x00\x00\x00"
    return ipv6(source, target, (count - 1) * (b"\x3c\x00" + options) + b"\x11\x00" + options + payload, 60)


def datagram(source, target, size):
    return struct.pack("!HHHH", source, target, 8 + size, 0) + bytes(size)


def segment(source, target, size):
    return struct.pack("!HHIIBBHHH", source, target, 1, 1, 8 << 4, 0x10, 100, 0, 0) + bytes(12 + size)


def frames(lab, source, target, inbound):
    """Frames for one direction, as (frame, layer-4 payload)."""
    names = ("CLIENT", "SERVER") if inbound else ("SERVER", "CLIENT")
    (from4, from6), (to4, to6) = ([getattr(lab, name)[version] for version in (4, 6)] for name in names)
    ends = [bytes.fromhex(address_of(end)) for end in
            ((lab.server, lab.client) if inbound else (lab.client, lab.server))]
    ethernet = b"".join(ends)
    of4, of6 = b"\x08\x00", b"\x86\xdd"
    tag, outer = b"\x81\x00\x00\x05", b"\x88\xa8\x00\x06"
    options = b"\x01" * 8
    hop = b"\x11\x00\x01\x04\x00\x00\x00\x00"
    return [(ethernet + of4 + ipv4(from4, to4, datagram(source, target, 100)), 100),
            (ethernet + of6 + ipv6(from6, to6, datagram(source, target, 300)), 300),
            (ethernet + of4 + ipv4(from4, to4, segment(source, target, 700), 6), 700),
            (ethernet + of4 + ipv4(from4, to4, datagram(source, target, 50), options=options), 50),
            (ethernet + of6 + ipv6(from6, to6, hop + datagram(source, target, 60), 0), 60),
            (ethernet + tag + of4 + ipv4(from4, to4, datagram(source, target, 70)), 70),
            (ethernet + tag + of6 + ipv6(from6, to6, segment(source, target, 80), 6), 80),
            (ethernet + outer + tag + of4 + ipv4(from4, to4, datagram(source, target, 90)), 90),
            (ethernet + 4 * b"\x81\x00\xe0\x00" + of4 + ipv4(from4, to4, datagram(source, target, 95)), 95),
            (ethernet + of6 + destinations(from6, to6, 20, datagram(source, target, 97)), 97)]


def send_by_socket(end, made):
    with end.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("up0", 0))
        for frame, _ in made:
            sender.send(frame)


def send_by_ring(end, made):
    """Sends through the TX ring of a packet socket, so that everything after the Ethernet header stays in pages."""
    size, count = 2048, 16
    with end.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.setsockopt(263, 13, struct.pack("IIII", size * count, 1, size, count))  # PACKET_TX_RING
        sender.bind(("up0", 0))
        with mmap.mmap(sender.fileno(), size * count) as ring:
            for number, (frame, _) in enumerate(made):
                at = number * size
                ring[at + 32:at + 32 + len(frame)] = frame
                ring[at + 8:at + 12] = struct.pack("I", len(frame))
                ring[at:at + 8] = struct.pack("Q", 1)  # TP_STATUS_SEND_REQUEST
            sender.send(b"")
            wait_until(lambda: all(struct.unpack_from("Q", ring, n * size)[0] == 0
                                   for n in range(len(made))), what="the ring to be sent")


@pytest.fixture
def figures(lab, start_daemon, hook):
    daemon = start_daemon([ENTRY], attach=hook)
    return lambda: figures_of(daemon.port_entry(KEY.port))


def test_options_extensions_and_tags_are_counted_wherever_they_lie(lab, figures):
    """The kernel moves a VLAN tag from the frame into the metadata on the way in."""
    for send in (send_by_socket, send_by_ring):
        for inbound in (True, False):
            ports = (CLIENT_PORT, KEY.port) if inbound else (KEY.port, CLIENT_PORT)
            made = frames(lab, *ports, inbound)
            before = figures()
            send(lab.client if inbound else lab.server, made)
            way = "rx" if inbound else "tx"
            wait_until(lambda: figures()[f"{way}_packets"] >= before[f"{way}_packets"] + len(made),
                       what="all frames")
            counted = difference(figures(), before)
            assert counted[f"{way}_packets"] == len(made)
            assert counted[f"{way}_bytes"] == sum(len(frame) for frame, _ in made)
            assert counted[f"payload_{way}_bytes"] == sum(payload for _, payload in made)


@contextlib.contextmanager
def another_namespace(lab, name):
    made = Namespace(f"{lab.name}-{name}")
    try:
        yield made
    finally:
        made.close()


def client_end(lab):
    return FarEnd(lab.client, "up0", lab.SERVER.values(), KEY.port)


def test_a_bridge_over_the_wire_counts_once(lab, start_daemon):
    lab.offloads(False)
    lab.server.ip("link", "add", "br0", "type", "bridge")
    lab.server.ip("address", "flush", "dev", "up0")
    lab.server.ip("link", "set", "up0", "master", "br0")
    lab.server.ip("link", "set", "br0", "up")
    lab.server.ip("address", "add", lab.SERVER[4] + "/24", "dev", "br0")
    lab.server.ip("address", "add", lab.SERVER[6] + "/64", "dev", "br0", "nodad")
    lab.server.ip("route", "add", "default", "via", lab.CLIENT[4])
    daemon = start_daemon([ENTRY], interfaces=["auto", "up0"])
    assert [device["name"] for device in daemon.status()["devices"]] == ["br0"]
    wait_until(lambda: "state forwarding" in lab.server.ip("-d", "link", "show", "up0").stdout,
               what="the bridge to forward")
    before = figures_of(daemon.port_entry(KEY.port))
    with client_end(lab) as count:
        for version in (4, 6):
            ends = (lab.server, lab.client, lab.SERVER[version], KEY.port)
            tcp(*ends, 200_000, 300_000)
            udp(*ends, [100, 1400, 4000])
        settled_equal(daemon, KEY.port, before, count)
    assert count["payload_rx_bytes"] >= 400_000


def test_a_container_behind_another_port_counts_once(lab, start_daemon):
    """A container that listens on 9000 and is published on the monitored port."""
    if not shutil.which("nft"):
        pytest.skip("nft is not installed")
    lab.offloads(False)
    with another_namespace(lab, "b") as box:
        add_veth(lab.server, "docker0", box, "eth0")
        lab.server.ip("address", "add", "172.17.0.1/16", "dev", "docker0")
        lab.server.ip("link", "set", "docker0", "up")
        box.ip("address", "add", "172.17.0.2/16", "dev", "eth0")
        box.ip("link", "set", "eth0", "up")
        box.ip("route", "add", "default", "via", "172.17.0.1")
        lab.server.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        lab.server.run("nft", f"""table ip nat {{
            chain in {{ type nat hook prerouting priority -100;
                iifname up0 tcp dport {KEY.port} dnat to 172.17.0.2:9000
                iifname up0 udp dport {KEY.port} dnat to 172.17.0.2:9000
            }}
        }}""")
        daemon = start_daemon([ENTRY], interfaces=["auto"])
        before = figures_of(daemon.port_entry(KEY.port))
        with box.entered():
            listener = socket.create_server(("0.0.0.0", 9000))
        with client_end(lab) as count, listener, lab.client.socket() as near:
            near.settimeout(10)
            near.connect((lab.SERVER[4], KEY.port))
            far = listener.accept()[0]
            with far:
                for sender, receiver in ((near, far), (far, near)):
                    sender.sendall(bytes(100_000))
                    got = 0
                    while got < 100_000:
                        got += len(receiver.recv(1 << 16))
            settled_equal(daemon, KEY.port, before, count)
        assert count["payload_rx_bytes"] >= 100_000 and count["payload_tx_bytes"] >= 100_000


def test_a_loopback_inbound_is_counted_on_lo_and_there_alone(lab, start_daemon):
    lab.server.run("ethtool", "-K", "lo", "tso", "off", "gso", "off")
    config = lab.directory / "v2ray.json"
    config.write_text(json.dumps({"inbounds": [
        {"tag": "behind nginx", "listen": "127.0.0.1", "port": KEY.port, "protocol": "vless",
         "settings": {"clients": [{"id": KEY.uuid, "email": KEY.name}], "decryption": "none"}}]}))
    daemon = start_daemon([], key_sources=[str(config)])
    before = figures_of(daemon.port_entry(KEY.port))
    lo = FarEnd(lab.server, "lo", ["127.0.0.1"], KEY.port)
    with lo as count:
        tcp(lab.server, lab.server, "127.0.0.1", KEY.port, 100_000, 300_000)
        settled_equal(daemon, KEY.port, before, count)
    counted = figures_of(daemon.port_entry(KEY.port))
    tcp(lab.server, lab.client, lab.SERVER[4], KEY.port, 50_000, 50_000)
    assert figures_of(daemon.port_entry(KEY.port)) == counted
    table = {device["name"]: device for device in daemon.status()["devices"]}["lo"]
    assert table["ingress"]["loopback"]["bytes"] == counted["rx_bytes"]
    assert table["egress"]["loopback"]["bytes"] == counted["tx_bytes"]
    assert table["ingress"]["residual_bytes"] == table["egress"]["residual_bytes"] == 0


def test_a_routed_clients_use_of_the_same_port_is_not_ours(lab, start_daemon):
    """lan0 is named and not an uplink, so packets of this host count on it, and forwarded packets do not."""
    with another_namespace(lab, "l") as lan:
        add_veth(lab.server, "lan0", lan, "eth0")
        lan.run("ethtool", "-K", "eth0", "tso", "off", "gso", "off", "tx", "off", "sg", "off")
        lab.server.run("ethtool", "-K", "lan0", "tso", "off", "gso", "off", "tx", "off", "sg", "off")
        lab.server.ip("address", "add", "10.88.0.1/24", "dev", "lan0")
        lab.server.ip("link", "set", "lan0", "up")
        lan.ip("address", "add", "10.88.0.2/24", "dev", "eth0")
        lan.ip("link", "set", "eth0", "up")
        lan.ip("route", "add", "default", "via", "10.88.0.1")
        lab.server.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        daemon = start_daemon([ENTRY], interfaces=["auto", "lan0"])
        devices = {device["name"]: device["host_only"] for device in daemon.status()["devices"]}
        assert devices == {"up0": False, "lan0": True}
        before = figures_of(daemon.port_entry(KEY.port))
        tcp(lab.client, lan, lab.CLIENT[4], KEY.port, 100_000, 100_000)
        udp(lab.client, lan, lab.CLIENT[4], KEY.port, [100, 1400, 4000])
        lan_table = {device["name"]: device for device in daemon.status()["devices"]}["lan0"]
        assert lan_table["ingress"]["everything_else"]["bytes"] > 100_000
        assert figures_of(daemon.port_entry(KEY.port)) == before
        with FarEnd(lan, "eth0", ["10.88.0.1"], KEY.port) as count:
            tcp(lab.server, lan, "10.88.0.1", KEY.port, 100_000, 100_000)
            udp(lab.server, lan, "10.88.0.1", KEY.port, [100, 1400, 4000])
            settled_equal(daemon, KEY.port, before, count)
        assert count["payload_rx_bytes"] >= 100_000


def test_every_byte_of_a_device_is_explained(lab, start_daemon):
    """The device total is the sum of keys, everything else, and fragments whose first fragment is unknown."""
    daemon = start_daemon([ENTRY])
    tcp(lab.server, lab.client, lab.SERVER[4], KEY.port, 100_000, 100_000)
    tcp(lab.server, lab.client, lab.SERVER[4], 4444, 200_000, 50_000)
    lost = ipv4(lab.CLIENT[4], lab.SERVER[4], bytes(200))
    lost = lost[:6] + struct.pack("!H", 100) + lost[8:]
    addresses = bytes.fromhex(address_of(lab.server)) + bytes.fromhex(address_of(lab.client))
    send_by_socket(lab.client, [(addresses + b"\x08\x00" + lost, 0)] * 3)

    def unattributed():
        return daemon.status()["devices"][0]["ingress"]["unattributed"]

    wait_until(lambda: unattributed()["packets"] == 3, what="the fragments")
    assert unattributed()["bytes"] == 3 * (14 + 20 + 200)
    device = daemon.status()["devices"][0]
    entry = daemon.port_entry(KEY.port)
    for way, name in (("ingress", "rx"), ("egress", "tx")):
        table = device[way]
        parts = [table[part] for part in ("keys", "loopback", "unattributed", "too_deep", "foreign",
                                             "everything_else")]
        for unit in ("bytes", "packets"):
            assert table["seen"][unit] == sum(part[unit] for part in parts)
        assert table["residual_bytes"] == 0
        assert table["keys"]["bytes"] == entry[f"{name}_bytes"]
        assert table["everything_else"]["bytes"] > 50_000


def test_what_has_too_many_headers_is_said(lab, start_daemon):
    """Linux accepts 40 destination headers; the programs walk 32."""
    daemon = start_daemon([ENTRY])
    addresses = bytes.fromhex(address_of(lab.server)) + bytes.fromhex(address_of(lab.client))
    deep = addresses + b"\x86\xdd" + destinations(lab.CLIENT[6], lab.SERVER[6], 40,
                                                  datagram(4000, KEY.port, 900))
    assert daemon.get("/health").json() == {"status": "healthy"}
    send_by_socket(lab.client, [(deep, 900)] * 20)

    def table():
        return daemon.status()["devices"][0]["ingress"]

    wait_until(lambda: table()["too_deep"]["packets"] == 20, what="the packets")
    assert table()["too_deep"]["bytes"] == 20 * len(deep)
    wait_until(lambda: daemon.get("/health").json() == {"status": "degraded", "reason": "headers_too_deep"},
               what="the health to say so")
    assert "up0" in daemon.status()["detail"]
    assert daemon.port_entry(KEY.port)["rx_bytes"] == 0
