# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Segments of a stranger who knows addresses and ports, and not the sequence numbers."""

import re
import socket
import struct

from support.lab import Lab


def checksum(data):
    words = struct.unpack(f"!{len(data) // 2}H", data)
    total = sum(words)
    total = (total & 0xffff) + (total >> 16)
    return ~((total & 0xffff) + (total >> 16)) & 0xffff


def forge(lab, port, source_port, payload):
    """A frame with a data segment to the port, all checksums right, sequence numbers out of the blue."""
    source, target = (socket.inet_aton(address[4]) for address in (Lab.CLIENT, Lab.SERVER))
    macs = [bytes.fromhex(re.search("ether ([0-9a-f:]+)", end.ip("link", "show", "up0").stdout)[1].replace(":", ""))
            for end in (lab.server, lab.client)]
    tcp = struct.pack("!HHIIBBHHH", source_port, port, 1, 1, 5 << 4, 0x18, 500, 0, 0) + payload
    pseudo = source + target + struct.pack("!HH", socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, socket.IPPROTO_TCP, 0, source, target)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return b"".join(macs) + b"\x08\x00" + ip + tcp


def send_forged(lab, port, client_port, count):
    """Half of them pretend to be of the connection from this port."""
    frames = [forge(lab, port, source, bytes(1000)) for source in (client_port, 9)]
    with lab.client.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("up0", 0))
        for number in range(count):
            wire.send(frames[number % 2])
