# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Makes the binary seeds of the fuzz targets netlink and sources: seeds.py DIRECTORY. It makes DIRECTORY/netlink,
with the kernel's answers, and DIRECTORY/sources, with small databases of panels."""

import pathlib
import socket
import sqlite3
import struct
import sys

LINK, ADDRESS, ROUTE, QDISC, FILTER, STATS, SOCKET = 16, 20, 24, 36, 44, 92, 20
MULTI = 2
IFINDEX = 2


def attribute(kind, value):
    if isinstance(value, str):
        value = value.encode() + b"\0"
    if isinstance(value, int):
        value = struct.pack("=I", value)
    return struct.pack("=HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)


def message(kind, header, *attributes):
    body = header + b"".join(attributes)
    return struct.pack("=IHHII", len(body) + 16, kind, MULTI, 0, 0) + body


def links():
    eth = message(LINK, struct.pack("=BBHiII", 0, 0, 1, IFINDEX, 0x1043, 0), attribute(3, "eth0"),
                  attribute(56, "0000:01:00.0"), attribute(23, struct.pack("=24Q", *range(24))))
    vlan = message(LINK, struct.pack("=BBHiII", 0, 0, 1, 3, 0x1043, 0), attribute(3, "eth0.7"), attribute(5, IFINDEX),
                   attribute(10, 4), attribute(18, attribute(1, "vlan")), attribute(37, 1))
    loopback = message(LINK, struct.pack("=BBHiII", 0, 0, 772, 1, 0x49, 0), attribute(3, "lo"))
    addresses = (message(ADDRESS, struct.pack("=BBBBI", socket.AF_INET, 24, 0, 0, IFINDEX),
                         attribute(1, bytes([192, 0, 2, 1])), attribute(2, bytes([192, 0, 2, 2]))),
                 message(ADDRESS, struct.pack("=BBBBI", socket.AF_INET6, 64, 0, 0, 3),
                         attribute(1, bytes.fromhex("20010db8" + "00" * 11 + "01"))))
    hop = struct.pack("=HBBi", 8, 0, 0, 3)
    routes = (message(ROUTE, struct.pack("=8BI", socket.AF_INET, 0, 0, 0, 254, 3, 0, 1, 0), attribute(4, IFINDEX)),
              message(ROUTE, struct.pack("=8BI", socket.AF_INET, 0, 0, 0, 254, 3, 0, 1, 0), attribute(9, hop + hop)))
    counters = message(STATS, struct.pack("=BBHII", 0, 0, 0, IFINDEX, 1), attribute(1, struct.pack("=24Q", *range(24))))
    return b"".join([loopback, eth, vlan, *addresses, *routes, counters])


def traffic_control():
    clsact = 0xfffffff1
    statistics = (attribute(1, struct.pack("=QII", 1000, 10, 0)), attribute(8, struct.pack("=Q", 1 << 33)),
                  attribute(3, struct.pack("=5I", 1, 2, 3, 4, 5)))
    root = message(QDISC, struct.pack("=BBHiIII", 0, 0, 0, IFINDEX, 0x80010000, 0xffffffff, 2), attribute(1, "fq_codel"),
                   attribute(7, b"".join(statistics)))
    hook = message(QDISC, struct.pack("=BBHiIII", 0, 0, 0, IFINDEX, 0xffff0000, clsact, 1), attribute(1, "clsact"),
                   attribute(7, b"".join(statistics)))
    filters = [message(FILTER, struct.pack("=BBHiIII", 0, 0, 0, IFINDEX, handle, 0xfffffff2, 0xc0000003),
                       attribute(1, "bpf"), attribute(11, 0),
                       attribute(2, attribute(7, "v2m_ingress") + attribute(11, 77))) for handle in (0, 1)]
    return b"".join([root, hook, *filters])


def sockets():
    information = bytes(range(8)) + struct.pack("=24I", *range(1000, 1024)) + struct.pack("=12Q", *range(12))
    made = []
    for state in (1, 4, 8, 9, 10, 12):
        identity = struct.pack(">HH", 443, 50000 + state) + bytes(32) + struct.pack("=III", 0, state, 0)
        made.append(message(SOCKET, struct.pack("=BBBB", socket.AF_INET6, state, 0, 0) + identity +
                            struct.pack("=5I", 0, 0, 0, 0, 0), attribute(2, information)))
    return b"".join(made)


def be32(kind, number):
    return attribute(kind, struct.pack(">I", number))


def expression(name, *members):
    return attribute(1, attribute(1, name) + attribute(2, b"".join(members)))


def rules():
    """Chains, rules and sets of nftables are read from the same messages."""
    header = struct.pack("=BBH", 1, 0, 0)  # NFPROTO_INET
    chain = message(SOCKET, header, attribute(1, "t"), attribute(3, "in"), attribute(4, be32(1, 0) + be32(2, 100)))
    destination = (expression("payload", be32(1, 1), be32(2, 1), be32(3, 16), be32(4, 4)),
                   expression("payload", be32(1, 9), be32(2, 2), be32(3, 2), be32(4, 2)))
    lookup = expression("lookup", attribute(1, "m"), be32(2, 1), be32(3, 1))
    verdict = expression("lookup", attribute(1, "m"), be32(2, 1), be32(3, 0))
    translation = expression("nat", be32(1, 1), be32(2, 2), be32(3, 1), be32(5, 9))
    port = expression("cmp", be32(1, 9), be32(2, 0), attribute(3, attribute(1, struct.pack(">H", 443))))
    redirection = (expression("immediate", be32(1, 1), attribute(2, attribute(1, struct.pack(">H", 10001)))),
                   expression("redir", be32(1, 1)))
    made = [message(SOCKET, header, attribute(1, "t"), attribute(2, "in"), attribute(4, b"".join(list_of)))
            for list_of in ((*destination, lookup, translation), (*destination, verdict),
                            (*destination, port, *redirection), (expression("numgen", be32(1, 1), be32(2, 1)), lookup))]
    keys = [bytes([192, 0, 2, 1]) + struct.pack(">HH", number, 0) for number in (443, 8000)]
    elements = [attribute(1, attribute(1, attribute(1, keys[0])) + attribute(2, attribute(1, keys[0])) + be32(3, 0)),
                attribute(1, attribute(1, attribute(1, keys[1])) + attribute(10, attribute(1, keys[1])) +
                          attribute(2, attribute(2, be32(1, 0xfffffffd) + attribute(2, "in"))))]
    made.append(message(SOCKET, header, attribute(1, "t"), attribute(2, "m"), attribute(3, b"".join(elements))))
    return chain + b"".join(made)


PANELS = {
    "xui": """CREATE TABLE inbounds (id, enable, listen, port, protocol, settings, stream_settings, tag, remark, sniffing);
        CREATE TABLE settings (key, value);
        CREATE TABLE client_traffics (id, inbound_id, enable, email, up, down, expiry_time, total);
        INSERT INTO inbounds VALUES (1, 1, '', 443, 'vless', '{"clients": [{"id": "a-b", "email": "c"}]}',
            '{"network": "tcp"}', 'in', 'r', '');
        INSERT INTO settings VALUES ('xrayTemplateConfig', '{"inbounds": []}');""",
    "sui": """CREATE TABLE inbounds (id, type, tag, options); CREATE TABLE clients (id, name, enable, config, inbounds);
        INSERT INTO inbounds VALUES (1, 'vless', 'v', '{"listen": "::", "listen_port": 443}');
        INSERT INTO clients VALUES (1, 'a', 1, '{"vless": {"uuid": "b"}}', '[1]');""",
    "pasarguard": """CREATE TABLE core_configs (id, config); CREATE TABLE groups (id, is_disabled);
        CREATE TABLE users (id, username, status, proxy_settings); CREATE TABLE inbounds (id, tag);
        CREATE TABLE users_groups_association (user_id, groups_id);
        CREATE TABLE inbounds_groups_association (inbound_id, group_id);
        INSERT INTO core_configs VALUES (1, '{"inbounds": [{"tag": "t", "port": 443, "protocol": "vless"}]}');
        INSERT INTO users VALUES (1, 'a', 'active', '{"vless": {"id": "b"}}');
        INSERT INTO groups VALUES (1, 0); INSERT INTO inbounds VALUES (1, 't');
        INSERT INTO users_groups_association VALUES (1, 1); INSERT INTO inbounds_groups_association VALUES (1, 1);""",
}


def main():
    top = pathlib.Path(sys.argv[1])
    for name in ("netlink", "sources"):
        (top / name).mkdir(parents=True, exist_ok=True)
    for number, made in enumerate((links(), traffic_control(), sockets(), rules())):
        (top / "netlink" / str(number)).write_bytes(bytes([number]) + made)
    for name, schema in PANELS.items():
        path = top / "sources" / f"{name}.db"
        path.unlink(missing_ok=True)
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA page_size = 512")
            database.executescript(schema)


main()
