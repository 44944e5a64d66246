# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A fragment belongs to the datagram that the kernel delivers, whatever a stranger sends beside it.

The frames go from p0, the other end of v0. What the kernel makes of them differs from case to case and between
IPv4 and IPv6; its own counter of complete datagrams decides whether a datagram counts.
"""

import itertools
import json
import re
import socket
import struct

import pytest

from daemon import FIGURES, OTHER_PORT, PORT, Daemon, Server, grown, wait_until

CLIENT = {4: "10.76.9.9", 6: "fd76::9"}
HOST = {4: "10.77.0.1", 6: "fd77::1"}
IDS = itertools.count(1000)
UDP = 17
# The datagram: its header and 1,192 bytes of payload, in three fragments.
SIZE = 1200
CUTS = [(0, 400), (400, 800), (800, SIZE)]


def datagram(port, size=SIZE):
    return (struct.pack("!HHHH", 40000, port, size, 0) + bytes(range(256)) * 8)[:size]


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def address(family, text):
    return socket.inet_pton(socket.AF_INET if family == 4 else socket.AF_INET6, text)


class Sender:
    """Fragments from one client to the server's port, as frames for v0."""

    def __init__(self, family, mac):
        self.family, self.mac = family, bytes.fromhex(mac.replace(":", "")) + b"\2\0\0\0\0\x09"
        self.source, self.target = address(family, CLIENT[family]), address(family, HOST[family])

    def fragment(self, number, data, start, end, more=None):
        """The bytes of data from start to end, which is the last fragment if nothing is behind it."""
        part, more = data[start:end], end < len(data) if more is None else more
        if self.family == 4:
            header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(part), number, more << 13 | start // 8, 64,
                                 UDP, 0) + self.source + self.target
            header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
            return self.mac + b"\x08\x00" + header + part
        return (self.mac + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, 8 + len(part), 44, 64) +
                self.source + self.target + struct.pack("!BBHI", UDP, 0, start | more, number) + part)

    def all_of(self, port, number=None, cuts=CUTS):
        number, data = number or next(IDS), datagram(port)
        return [self.fragment(number, data, start, end) for start, end in cuts]


class Cases:
    """Each gives frames, and those of them that belong to each port."""

    @staticmethod
    def in_order(sender):
        sent = sender.all_of(PORT)
        return sent, {PORT: sent}

    @staticmethod
    def last_first(sender):
        sent = sender.all_of(PORT)[::-1]
        return sent, {PORT: sent}

    @staticmethod
    def short_last_fragment(sender):
        sent = sender.all_of(PORT, cuts=[(0, 1192), (1192, SIZE)])
        return sent, {PORT: sent}

    @staticmethod
    def duplicate_first_for_another_port(sender):
        number = next(IDS)
        sent, forged = sender.all_of(PORT, number), sender.all_of(OTHER_PORT, number)[0]
        return [sent[0], forged, *sent[1:]], {PORT: sent}

    @staticmethod
    def forged_first_before_the_real_one(sender):
        """The kernel takes the forged one and drops the other as a duplicate."""
        number = next(IDS)
        sent, forged = sender.all_of(PORT, number), sender.all_of(OTHER_PORT, number)[0]
        return [forged, *sent], {OTHER_PORT: [forged, *sent[1:]]}

    @staticmethod
    def forged_first_of_odd_length(sender):
        """IPv4 cuts it to 200 bytes, and the real one overlaps: all is dropped. IPv6 drops the forged one."""
        number = next(IDS)
        sent = sender.all_of(PORT, number)
        forged = sender.fragment(number, datagram(OTHER_PORT), 0, 201)
        return [forged, *sent], {PORT: sent} if sender.family == 6 else {}

    @staticmethod
    def overlap(sender):
        number = next(IDS)
        sent = sender.all_of(PORT, number)
        return [sent[0], sender.fragment(number, datagram(PORT), 200, 600), *sent[1:]], {}

    @staticmethod
    def missing_middle(sender):
        sent = sender.all_of(PORT)
        return [sent[0], sent[2]], {}

    @staticmethod
    def without_a_first(sender):
        return sender.all_of(PORT)[1:], {}

    @staticmethod
    def two_datagrams_at_once(sender):
        one, other = sender.all_of(PORT), sender.all_of(OTHER_PORT)
        mixed = [frame for pair in zip(one, other) for frame in pair]
        return mixed, {PORT: one, OTHER_PORT: other}

    @staticmethod
    def later_fragments_of_another_datagram(sender):
        """They have the identification of a complete datagram, and are the begin of another one."""
        number = next(IDS)
        sent = sender.all_of(PORT, number)
        return [*sent, *sender.all_of(OTHER_PORT, number)[1:]], {PORT: sent}


CASES = [name for name in vars(Cases) if not name.startswith("_")]


@pytest.fixture(scope="module")
def daemon(vm, veth):
    # The source must be reachable, and nothing answers for it.
    vm.check(f"ip route add {CLIENT[4]}/32 dev v0; ip -6 route add {CLIENT[6]}/128 dev v0; "
             "sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.v0.rp_filter=0 2>&1 || "
             "echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter")
    running = Daemon(vm, interfaces=["v0"])
    try:
        yield running.start()
    finally:
        running.remove()
        vm.check(f"ip route del {CLIENT[4]}/32 dev v0; ip -6 route del {CLIENT[6]}/128 dev v0")


def complete(vm, family):
    """How many datagrams the kernel has put together."""
    if family == 6:
        return int(re.search(r"Ip6ReasmOKs\s+(\d+)", vm.check("cat /proc/net/snmp6"))[1])
    names, values = [line.split() for line in vm.check("grep ^Ip: /proc/net/snmp").splitlines()]
    return int(values[names.index("ReasmOKs")])


def sent_by(vm, frames, device="p0"):
    vm.write("/tmp/frames", b"".join(struct.pack("!H", len(frame)) + frame for frame in frames))
    vm.check(f"ip netns exec mid traffic frames {device} /tmp/frames")


def figures(daemon):
    ports = daemon.get("/api/traffic/simple")["data"]["ports"]
    return {port: {name: ports[str(port)][name] for name in FIGURES} for port in (PORT, OTHER_PORT)}


def fragments_of(daemon, device="v0"):
    """The bytes that arrived as fragments on the device, and those that no class of packets has."""
    flow = daemon.device(device)["ingress"]
    return {**flow["fragments"], "residual": flow["residual_bytes"]}


def expected(frames, datagrams, tag=0):
    """The figures of a port that these fragments belong to, in so many datagrams."""
    size = datagrams * (SIZE - 8)
    return {"rx_packets": len(frames), "rx_bytes": sum(len(frame) + tag for frame in frames),
            "payload_rx_bytes": size, "tx_packets": 0, "tx_bytes": 0, "payload_tx_bytes": 0}


def mac_of(vm, device="v0"):
    return json.loads(vm.check(f"ip -j link show {device}"))[0]["address"]


def check_case(vm, daemon, sender, case, device="p0", tag=0, tracked=False):
    frames, owned = getattr(Cases, case)(sender)
    before, whole, tally = figures(daemon), complete(vm, sender.family), fragments_of(daemon)
    sent_by(vm, frames, device)
    after = {"packets": tally["packets"] + len(frames), "residual": 0,
             "bytes": tally["bytes"] + sum(len(frame) + tag for frame in frames)}
    wait_until(lambda: fragments_of(daemon) == after, lambda: (fragments_of(daemon), after))
    # IPv6's connection tracking has no such counter.
    if sender.family == 4 or not tracked:
        assert complete(vm, sender.family) - whole == len(owned)
    now = figures(daemon)
    for port in (PORT, OTHER_PORT):
        assert grown(before[port], now[port]) == expected(owned.get(port, []), port in owned, tag), port


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("family", [4, 6])
def test_fragments_belong_to_the_datagram_that_is_delivered(vm, daemon, family, case):
    assert daemon.get("/api/meter/status")["fragments"]["observed"], daemon.said()
    check_case(vm, daemon, Sender(family, mac_of(vm)), case)


@pytest.mark.parametrize("family", [4, 6])
def test_connection_tracking_puts_them_together_and_they_count_once(vm, daemon, family):
    vm.check("/v2m/load-modules nf_tables nft_ct; nft 'table inet v2mtrack { chain in { "
             "type filter hook input priority 0; ct state new accept; }; }'")
    try:
        for case in ("last_first", "duplicate_first_for_another_port"):
            check_case(vm, daemon, Sender(family, mac_of(vm)), case, tracked=True)
    finally:
        vm.check("nft delete table inet v2mtrack")


def test_fragments_on_a_vlan_count_on_the_device_below(vm, daemon):
    vm.check("/v2m/load-modules 8021q; ip link add link v0 name v0.5 type vlan id 5; "
             "ip link set v0.5 up; ip route replace 10.76.9.9/32 dev v0.5; "
             "echo 0 >/proc/sys/net/ipv4/conf/v0.5/rp_filter; "
             "ip -n mid link add link p0 name p0.5 type vlan id 5; ip -n mid link set p0.5 up")
    try:
        wait_until(lambda: daemon.devices() == ["v0"], daemon.said)
        check_case(vm, daemon, Sender(4, mac_of(vm)), "last_first", "p0.5", tag=4)
    finally:
        vm.check("ip link del v0.5; ip -n mid link del p0.5; ip route replace 10.76.9.9/32 dev v0")


@pytest.fixture
def answering(vm):
    server = Server(vm, namespace="peer")
    yield
    server.stop()


@pytest.mark.parametrize("family", [4, 6])
def test_fragments_of_a_flow_that_began_here_count_for_no_key(vm, daemon, answering, family):
    """A socket that did not ask for the key's port gets it, and its answers arrive in fragments."""
    peer = {4: "10.77.1.2", 6: "fd77:1::2"}[family]
    range_file = "/proc/sys/net/ipv4/ip_local_port_range"
    before, tally = daemon.figures(OTHER_PORT), fragments_of(daemon)
    usual = vm.check(f"cat {range_file}").split()
    vm.check(f"echo {OTHER_PORT} {OTHER_PORT} >{range_file}")
    try:
        said = json.loads(vm.check(f"traffic udp {peer} {PORT} 25 100 0 1 4000"))
    finally:
        vm.check(f"echo {' '.join(usual)} >{range_file}")
    assert said == {"replies": 25, "bytes": 100000}
    wait_until(lambda: fragments_of(daemon)["packets"] == tally["packets"] + 75,
               lambda: (tally, fragments_of(daemon)))
    assert daemon.figures(OTHER_PORT) == before
    assert daemon.device("v0")["egress"]["foreign"]["packets"] >= 25


def test_a_restart_goes_on_with_datagrams_that_are_not_complete(vm, daemon):
    frames = Sender(4, mac_of(vm)).all_of(PORT)
    before = daemon.figures()
    sent_by(vm, frames[:1])
    daemon.kill()
    sent_by(vm, frames[1:2])
    daemon.start()
    sent_by(vm, frames[2:])
    wait_until(lambda: grown(before, daemon.figures()) == expected(frames, 1),
               lambda: grown(before, daemon.figures()))
    pins = vm.check("ls /sys/fs/bpf/v2meter/v*/").split()
    assert len([name for name in pins if name.startswith("reassembly_link")]) == 3, pins


def test_fragments_are_healthy_and_nothing_is_guessed(vm, daemon):
    status = daemon.get("/api/meter/status")
    assert status["fragments"] == {"observed": True, "guessed": 0, "lost": 0}
    assert daemon.get("/health") == {"status": "healthy"}
    # The programs go with everything else.
    daemon.stop()
    daemon.detach()
    assert "inet_frag" not in vm.run("bpftool link show").output
    daemon.start()
