# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Labs whose wire shows every single frame, even if the server's end leaves segmentation to the device."""

import errno
import fcntl
import os
import select
import struct
import threading

from support.lab import Lab, Namespace, add_veth
from support.traffic import Count, FarEnd

TUNSETIFF, TUNSETOFFLOAD = 0x400454ca, 0x400454d0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
# TUN_F_CSUM, _TSO4, _TSO6, _USO4, _USO6; the last two from Linux 6.2 on.
OFFLOADS, OLDER_OFFLOADS = 0x67, 0x07
HEADER = 10  # struct virtio_net_hdr


class SwitchedLab(Lab):
    """A bridge between the ends. Towards the client it cuts super-packets of the server into frames."""

    def wire(self):
        self.switch = Namespace(self.name + "-w")
        add_veth(self.server, "up0", self.switch, "s")
        add_veth(self.client, "up0", self.switch, "c")
        self.switch.ip("link", "add", "br0", "type", "bridge")
        for port in ("s", "c"):
            self.switch.ip("link", "set", port, "master", "br0", "up")
        self.switch.ip("link", "set", "br0", "up")
        for end, device in ((self.switch, "c"), (self.client, "up0")):
            self.set_offloads(end, device, False)

    @staticmethod
    def set_offloads(end, device, on):
        value = "on" if on else "off"
        end.run("ethtool", "-K", device, "tso", value, "gso", value, "gro", value, "tx", value, "sg", value)

    def offloads(self, on):
        """Turns offloads on or off at the server's end only, in both directions."""
        self.set_offloads(self.server, "up0", on)

    def set_mtu(self, mtu):
        for end, device in ((self.switch, "s"), (self.switch, "c"), (self.switch, "br0"),
                            (self.client, "up0"), (self.server, "up0")):
            end.ip("link", "set", device, "mtu", mtu)

    def far_end(self, port):
        return FarEnd(self.client, "up0", self.SERVER.values(), port)

    def close(self):
        super().close()
        self.switch.close()


class TunLab(Lab):
    """A tun device at each end, and a reader and writer here between them. With offloads, super-packets pass
    whole, as between a virtual machine and its host."""

    vnet = False

    def wire(self):
        self.fds = [self.open_tun(end) for end in (self.server, self.client)]
        self.count, self.problem = None, None
        self.supers = 0
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.pump)
        self.thread.start()

    def open_tun(self, end):
        flags = IFF_TUN | IFF_NO_PI | (IFF_VNET_HDR if self.vnet else 0)
        with end.entered():
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"up0", flags))
        if self.vnet:
            try:
                fcntl.ioctl(fd, TUNSETOFFLOAD, OFFLOADS)
            except OSError:
                fcntl.ioctl(fd, TUNSETOFFLOAD, OLDER_OFFLOADS)
        return fd

    def pump(self):
        poll = select.poll()
        for fd in self.fds:
            poll.register(fd, select.POLLIN)
        try:
            while not self.ending.is_set():
                for fd, _ in poll.poll(50):
                    self.drain(fd, self.fds[fd == self.fds[0]])
        except Exception as problem:  # pylint: disable=broad-except
            self.problem = problem

    def drain(self, source, target):
        while True:
            try:
                packet = os.read(source, 1 << 17)
            except BlockingIOError:
                return
            self.weigh(packet)
            try:
                os.write(target, packet)
            except OSError as problem:
                if problem.errno != errno.EIO:  # the other end is not up yet
                    raise

    def weigh(self, packet):
        count = self.count
        if not count:
            return
        kind = size = 0
        if self.vnet:
            kind, size = struct.unpack_from("<xBxxH", packet)
            packet = packet[HEADER:]
        if not kind & 0x7f:
            count.add(packet, len(packet), 0)
            return
        self.supers += 1
        for segment in segments(packet, size):
            count.add(segment, struct.unpack_from("!H", segment, 2)[0] if segment[0] >> 4 == 4
                      else 40 + struct.unpack_from("!H", segment, 4)[0], 0)

    def offloads(self, on):
        assert on == self.vnet

    def set_mtu(self, mtu):
        for end in (self.server, self.client):
            end.ip("link", "set", "up0", "mtu", mtu)

    def far_end(self, port):
        return Between(self, port)

    def close(self):
        self.ending.set()
        self.thread.join()
        for fd in self.fds:
            os.close(fd)
        super().close()
        assert not self.problem, self.problem


class TunLabWithOffloads(TunLab):
    vnet = True


class Between:
    """Counts what passes the reader and writer."""

    def __init__(self, lab, port):
        self.lab, self.count = lab, Count(lab.SERVER.values(), port)

    def __enter__(self):
        self.lab.count = self.count
        return self.count

    def __exit__(self, *_):
        self.lab.count = None


def segments(packet, size):
    """The headers of the packets that a super-packet stands for, without extension headers."""
    version = packet[0] >> 4
    network = (packet[0] & 15) * 4 if version == 4 else 40
    protocol = packet[9] if version == 4 else packet[6]
    header = network + ((packet[network + 12] >> 4) * 4 if protocol == 6 else 8)
    left = len(packet) - header
    while left > 0:
        part = min(left, size)
        made = bytearray(packet[:header])
        struct.pack_into("!H", made, 2 if version == 4 else 4,
                         header + part - (0 if version == 4 else 40))
        yield bytes(made)
        left -= part
