# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Traffic between the two ends of a lab, and the size of every frame of it at the far end."""

import collections
import contextlib
import ipaddress
import select
import socket
import struct
import threading

from support.lab import wait_until

TCP, UDP, FRAGMENT = 6, 17, 44
SOL_UDP, UDP_SEGMENT = 17, 103
FIGURES = ("rx_bytes", "rx_packets", "payload_rx_bytes", "tx_bytes", "tx_packets", "payload_tx_bytes")


def figures_of(entry):
    return {name: entry[name] for name in FIGURES}


def difference(after, before):
    return {name: after[name] - before[name] for name in after}


class Count(collections.Counter):
    """Bytes and packets of one port of the server, named as the daemon names them. Later fragments have the
    port of their first fragment."""

    def __init__(self, server, port):
        super().__init__({name: 0 for name in FIGURES})
        self.server = {ipaddress.ip_address(address).packed for address in server}
        self.port, self.owners, self.largest = port, {}, 0

    def add(self, packet, length, link_header):
        """Counts a packet, which begins at its network layer and may end after the headers."""
        version = packet[0] >> 4
        if version == 4:
            header, protocol = (packet[0] & 15) * 4, packet[9]
            left = struct.unpack_from("!H", packet, 2)[0] - header
            source, target = packet[12:16], packet[16:20]
            where, identity = struct.unpack_from("!H", packet, 6)[0], packet[4:6]
            first, later = where & 0x2000 and not where & 0x1fff, where & 0x1fff
        else:
            header, protocol, identity, first, later = 40, packet[6], None, False, False
            left = struct.unpack_from("!H", packet, 4)[0]
            source, target = packet[8:24], packet[24:40]
            if protocol == FRAGMENT:
                protocol, identity = packet[40], packet[44:48]
                where = struct.unpack_from("!H", packet, 42)[0]
                first, later = where & 1 and not where & 0xfff8, where & 0xfff8
                header, left = 48, left - 8
        if protocol not in (TCP, UDP):
            return
        transport = 0
        if later:
            ports = self.owners.get((source, target, identity))
        else:
            ports = struct.unpack_from("!HH", packet, header)
            transport = (packet[header + 12] >> 4) * 4 if protocol == TCP else 8
        if first:
            self.owners[source, target, identity] = ports
        if target in self.server and ports[1] == self.port:
            way = "rx"
        elif source in self.server and ports[0] == self.port:
            way = "tx"
        else:
            return
        self.largest = max(self.largest, length)
        self[f"{way}_packets"] += 1
        self[f"{way}_bytes"] += length + link_header
        self[f"payload_{way}_bytes"] += left - transport

    def figures(self):
        return {name: self[name] for name in FIGURES}


class FarEnd:
    """Counts every frame that one device of a namespace sees, by a packet socket, within a `with` block. On that
    device no frame may stand for several."""

    def __init__(self, namespace, device, server, port):
        self.count = Count(server, port)
        self.socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 256 << 20)  # SO_RCVBUFFORCE
        if device == "lo":  # otherwise each packet is seen twice, going out and coming in
            self.socket.setsockopt(263, 23, 1)  # PACKET_IGNORE_OUTGOING
        self.socket.bind((device, 3))
        self.ending = threading.Event()
        self.problem = None
        self.thread = threading.Thread(target=self.read)

    def read(self):
        buffer = bytearray(192)
        view = memoryview(buffer)
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        try:
            while poll.poll(50) or not self.ending.is_set():
                with contextlib.suppress(BlockingIOError):
                    while True:
                        length = self.socket.recv_into(view, 192, socket.MSG_TRUNC | socket.MSG_DONTWAIT)
                        if buffer[12:14] in (b"\x08\x00", b"\x86\xdd"):
                            self.count.add(bytes(buffer[14:]), length - 14, 14)
        except Exception as problem:  # pylint: disable=broad-except
            self.problem = problem

    def __enter__(self):
        self.thread.start()
        return self.count

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()
        dropped = struct.unpack("II", self.socket.getsockopt(263, 6, 8))[1]  # PACKET_STATISTICS
        self.socket.close()
        assert not self.problem, self.problem
        assert not dropped, f"{dropped} frames were not seen"


def receive(connection, size):
    while size:
        got = len(connection.recv(min(size, 1 << 18)))
        assert got, "the connection ended too early"
        size -= got


def tcp(server, client, address, port, up, down):
    """A connection that carries this many bytes, first one way, then the other."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with server.entered():
        listener = socket.create_server((address, port), family=family)
    with listener, client.socket(family) as near:
        near.settimeout(20)
        near.connect((address, port))
        far = listener.accept()[0]
        with far:
            far.settimeout(20)
            for sender, receiver, size in ((near, far, up), (far, near, down)):
                thread = threading.Thread(target=sender.sendall, args=(bytes(size),))
                thread.start()
                receive(receiver, size)
                thread.join()


def udp(server, client, address, port, sizes, segment=0):
    """Sends datagrams of these sizes each way and waits for each. With a segment size, the kernel or the device
    cuts each of them into segments of that size."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with server.socket(family, socket.SOCK_DGRAM) as far, \
            client.socket(family, socket.SOCK_DGRAM) as near:
        for end in (far, near):
            end.settimeout(10)
            end.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)
            if segment:
                end.setsockopt(SOL_UDP, UDP_SEGMENT, segment)
        far.bind((address, port))
        near.connect((address, port))
        for size in sizes:
            near.send(bytes(size))
            got, back = 0, None
            while got < size:
                data, back = far.recvfrom(1 << 16)
                got += len(data)
            far.sendto(bytes(size), back)
            while got:
                got -= len(near.recv(1 << 16))


def settled_equal(daemon, port, before, count):
    """Waits until the far end has seen everything, and compares with what the daemon counted since `before`."""
    seen = []

    def equal():
        # Compared once: a late packet may come between two comparisons, and between the two sides of one.
        seen[:] = difference(figures_of(daemon.port_entry(port)), before), count.figures()
        return seen[0] == seen[1]

    with contextlib.suppress(AssertionError):
        wait_until(equal, timeout_s=20)
    assert seen[0] == seen[1], seen
