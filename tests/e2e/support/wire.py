# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Reads a capture of tcpdump and counts it by port and direction.

The format is the classic one of pcap-savefile(5). Lengths are orig_len: the size on the wire, not the part of it
that was stored. A super-packet (a frame longer than the MTU) is cut as the device cuts it: each segment has
its own headers and at most the MSS of the connection, less its options.
"""

import ipaddress
import pathlib
import re
import signal
import struct
import time

from support.lab import Process, wait_until

ETHERNET, TCP, UDP = 14, 6, 17
MAGIC = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">",
         b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\x3c\x4d": ">"}


class Frame:
    """One captured frame. protocol is None unless it is IPv4 or IPv6 with TCP or UDP."""

    def __init__(self, second, data, length):
        self.second, self.length, self.protocol, self.mss = second, length, None, None
        version = {b"\x08\x00": 4, b"\x86\xdd": 6}.get(data[12:14])
        if version == 4:
            header, protocol = (data[14] & 15) * 4, data[23]
            total = struct.unpack_from("!H", data, 16)[0]
            self.source, self.target = data[26:30], data[30:34]
        elif version == 6:
            # An IPv6 payload length of 0 means a super-packet of more than 64 KiB.
            header, protocol = 40, data[20]
            total = struct.unpack_from("!H", data, 18)[0]
            total = total + 40 if total else length - ETHERNET
            self.source, self.target = data[22:38], data[38:54]
        else:
            return
        at = ETHERNET + header
        if protocol not in (TCP, UDP):
            return
        self.protocol = protocol
        self.source_port, self.target_port = struct.unpack_from("!HH", data, at)
        transport = (data[at + 12] >> 4) * 4 if protocol == TCP else 8
        self.headers = at + transport
        self.options = transport - 20 if protocol == TCP else 0
        self.payload = total - header - transport
        self.sequence = struct.unpack_from("!I", data, at + 4)[0] if protocol == TCP else None
        if protocol == TCP and data[at + 13] & 2:
            self.mss = mss_option(data[at + 20:at + transport])

    def flow(self):
        """Identifies the connection, with the same value for both directions."""
        return frozenset(((self.source, self.source_port), (self.target, self.target_port)))

    def way(self):
        """Identifies one direction of the connection."""
        return self.source, self.source_port, self.target, self.target_port


def mss_option(options):
    while options and options[0]:
        if options[0] == 1:
            options = options[1:]
        elif options[0] == 2:
            return struct.unpack_from("!H", options, 2)[0]
        else:
            options = options[options[1]:]
    return None


class Count:
    FIELDS = ("packets", "wire", "payload")

    def __init__(self):
        self.packets = self.wire = self.payload = 0
        self.repeated = 0  # payload of TCP that was sent before

    def add(self, packets, wire, payload):
        self.packets += packets
        self.wire += wire
        self.payload += payload


class Stream:
    """One direction of a connection: which of its bytes were in a frame. Two processors may hand frames to tcpdump
    in another order than that of the wire, so a byte that comes late is not always one that comes again."""

    def __init__(self, first):
        self.first = self.reached = first
        self.holes = []  # begin and end of what is missing below "reached"

    def add(self, sequence, size):
        """How many of these bytes are new."""
        begin = self.reached + (sequence - self.reached + (1 << 31)) % (1 << 32) - (1 << 31)
        end = begin + size
        new, holes = 0, []
        for first, last in [*self.holes, (self.reached, max(self.reached, end))]:
            low, high = max(first, begin), min(last, end)
            if low < high:
                new += high - low
                holes += [(first, low), (high, last)]
            else:
                holes.append((first, last))
        self.holes = [(first, last) for first, last in holes if first < last]
        self.reached = max(self.reached, end)
        return new


class Tally:
    """rx and tx of one port of the server in the capture; by one protocol (TCP or UDP) if it is given."""

    def __init__(self, port, protocol=None):
        self.port, self.rx, self.tx = port, Count(), Count()
        self.protocol = protocol
        self.super_packets = 0
        self.versions = set()
        self.connection_mss = {}
        self.streams = {}  # of each direction of a connection

    def repeats(self, frame):
        """Payload of the frame that an earlier one had already."""
        stream = self.streams.setdefault(frame.way(), Stream(frame.sequence))
        return frame.payload - stream.add(frame.sequence, frame.payload)

    def add(self, frame, server):
        if frame.protocol is None or (self.protocol and frame.protocol != self.protocol):
            return
        if frame.target in server and frame.target_port == self.port:
            count = self.rx
        elif frame.source in server and frame.source_port == self.port:
            count = self.tx
        else:
            return
        self.versions.add(4 if len(frame.source) == 4 else 6)
        # Each end announces the size that it accepts. The path is the same in both directions, so the smaller
        # size applies to both.
        if frame.mss:
            known = self.connection_mss.get(frame.flow(), frame.mss)
            self.connection_mss[frame.flow()] = min(known, frame.mss)
            known = self.streams.get(frame.way())
            if not known or known.first != frame.sequence + 1:  # a SYN may be sent again, and ports may be used again
                self.streams[frame.way()] = Stream(frame.sequence + 1)
        segments = 1
        if frame.protocol == TCP and frame.payload > 0:
            mss = self.connection_mss[frame.flow()] - frame.options
            segments = -(-frame.payload // mss)
            self.super_packets += segments > 1
            count.repeated += self.repeats(frame)
        count.add(segments, frame.length + (segments - 1) * frame.headers, frame.payload)


def read_frames(path):
    data = pathlib.Path(path).read_bytes()
    order = MAGIC[data[:4]]
    assert struct.unpack_from(order + "I", data, 20)[0] & 0xffff == 1, "not an Ethernet capture"
    at = 24
    while at + 16 <= len(data):
        second, _, stored, length = struct.unpack_from(order + "IIII", data, at)
        if at + 16 + stored > len(data):
            break
        yield Frame(second, data[at + 16:at + 16 + stored], length)
        at += 16 + stored


def tally(path, port, addresses, protocol=None):
    server = {ipaddress.ip_address(address).packed for address in addresses}
    made = Tally(port, protocol)
    for frame in read_frames(path):
        made.add(frame, server)
    return made


class Capture:
    """tcpdump on the client's side of the wire."""

    def __init__(self, lab):
        self.lab = lab
        self.path = lab.directory / "client.pcap"
        log = lab.directory / "tcpdump.log"
        # 128 bytes hold all headers. The buffer keeps packets while tcpdump waits for a CPU.
        # Without the immediate mode packets stay in the kernel for up to a second.
        self.process = lab.client.start(
            "tcpdump", "-i", "up0", "-w", self.path, "-s", "128", "-U", "--immediate-mode", "-B", "65536", "-n",
            "-Z", "root", "tcp or udp", log=log, kind=Process)
        wait_until(lambda: "listening on" in self.process.said(), what="tcpdump")

    def size(self):
        return self.path.stat().st_size

    def stop(self):
        """Ends tcpdump. Fails if it missed a packet."""
        self.process.stop(signal.SIGINT)
        said = self.process.said()
        dropped = re.search(r"(\d+) packets dropped by kernel", said)
        assert dropped and dropped[1] == "0", said

    def rest(self):
        """Waits until nothing has been added to the capture for half a second."""
        last = {"size": -1, "since": 0.0}

        def quiet():
            size = self.size()
            if size != last["size"]:
                last.update(size=size, since=time.monotonic())
            return time.monotonic() - last["since"] > 0.5

        wait_until(quiet, timeout_s=30, what="the end of all traffic")

    def settle(self):
        """Stops the capture after that."""
        self.rest()
        self.stop()

    def tally(self, port, protocol=None):
        return tally(self.path, port, self.lab.SERVER.values(), protocol)


def assert_equal_to_capture(entry, count):
    """Compares a port's entry with its tally."""
    for way, counted in (("rx", count.rx), ("tx", count.tx)):
        assert entry[f"{way}_bytes"] == counted.wire, way
        assert entry[f"{way}_packets"] == counted.packets, way
        assert entry[f"payload_{way}_bytes"] == counted.payload, way
    assert entry["total_bytes"] == count.rx.wire + count.tx.wire
