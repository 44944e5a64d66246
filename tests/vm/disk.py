# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A disk with a volatile write cache, whose power can be cut.

Killing qemu alone does not simulate a power cut: data that the guest wrote without a flush would
survive in this machine's page cache. So qemu gets this disk over the NBD protocol (the documented
"fixed newstyle" handshake and simple replies). A write is durable after a FLUSH or with FUA. A power
cut keeps a random part of the other writes, in blocks of 4,096 bytes. The power can fail in the
middle of writing: the disk decides at which request.
"""

import os
import pathlib
import random
import socket
import struct
import subprocess
import tempfile
import threading
import time

BLOCK = 4096
OPTION_MAGIC = 0x49484156454F5054
REPLY_MAGIC = 0x3E889045565A9
REQUEST_MAGIC = 0x25609513
SIMPLE_REPLY_MAGIC = 0x67446698
OPTION_EXPORT_NAME, OPTION_ABORT, OPTION_INFO, OPTION_GO = 1, 2, 6, 7
REPLY_ACK, REPLY_INFO, REPLY_UNSUPPORTED = 1, 3, 0x80000001
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
FLAG_FUA = 1
# The flags "has flags", "FLUSH" and "FUA".
TRANSMISSION_FLAGS = 1 | 4 | 8
INVALID = 22


class Disk:
    """honest=False: the disk answers a FLUSH without doing anything, as some disks do."""

    def __init__(self, seed, size_mib=48, honest=True):
        self.random = random.Random(seed)
        self.honest = honest
        self.durable = bytearray(size_mib << 20)
        self.pending = []
        self.flushes = 0
        self.fuse = None
        self.failed_at_s = None
        self.folder = tempfile.TemporaryDirectory(prefix="v2m-disk-")
        self.path = os.path.join(self.folder.name, "socket")
        self._format()
        self.current = bytearray(self.durable)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)
        self.folder.cleanup()

    def for_qemu(self):
        return ("-drive", f"file=nbd+unix:///?socket={self.path},format=raw,if=none,id=disk,"
                          "cache=writeback", "-device", "virtio-blk-pci,drive=disk,romfile=")

    def fail_after(self, requests):
        """Makes the power fail at that request to write or flush, counted from now on. This request and
        all later ones are answered but change nothing. failed_at_s, by the monotonic clock, is None
        until then. Kill the machine soon after."""
        self.fuse = requests

    def has_power(self):
        if self.fuse is not None and self.failed_at_s is None:
            self.fuse -= 1
            if self.fuse <= 0:
                self.failed_at_s = time.monotonic()
        return self.failed_at_s is None

    def cut_power(self):
        """Call it when the machine is gone. Each block that was not flushed is lost or kept at random.
        Returns how many blocks were lost and how many were kept."""
        lost = kept = 0
        for offset, data in self.pending:
            for start in range(0, len(data), BLOCK):
                if self.random.random() < 0.5:
                    lost += 1
                    continue
                kept += 1
                part = data[start:start + BLOCK]
                self.durable[offset + start:offset + start + len(part)] = part
        self.pending = []
        self.current = bytearray(self.durable)
        self.fuse = self.failed_at_s = None
        return lost, kept

    def _format(self):
        image = pathlib.Path(self.folder.name) / "image"
        image.write_bytes(self.durable)
        subprocess.run(["/usr/sbin/mke2fs", "-q", "-t", "ext4", "-F", image], check=True, timeout=60)
        self.durable[:] = image.read_bytes()
        image.unlink()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    if self._negotiate(connection):
                        self._serve(connection)
                except (ConnectionError, BrokenPipeError):
                    pass

    def _negotiate(self, connection):
        connection.sendall(b"NBDMAGIC" + struct.pack(">QH", OPTION_MAGIC, 3))
        client_flags, = struct.unpack(">I", receive(connection, 4))
        export = struct.pack(">QH", len(self.durable), TRANSMISSION_FLAGS)
        while True:
            _, option, length = struct.unpack(">QII", receive(connection, 16))
            receive(connection, length)

            def reply(kind, data=b"", option=option):
                connection.sendall(struct.pack(">QIII", REPLY_MAGIC, option, kind, len(data))
                                   + data)
            if option == OPTION_EXPORT_NAME:
                connection.sendall(export + (b"" if client_flags & 2 else bytes(124)))
                return True
            if option in (OPTION_INFO, OPTION_GO):
                reply(REPLY_INFO, struct.pack(">H", 0) + export)
                reply(REPLY_ACK)
                if option == OPTION_GO:
                    return True
            elif option == OPTION_ABORT:
                reply(REPLY_ACK)
                return False
            else:
                reply(REPLY_UNSUPPORTED)

    def _serve(self, connection):
        while True:
            magic, flags, kind, handle, offset, length = struct.unpack(
                ">IHHQQI", receive(connection, 28))
            assert magic == REQUEST_MAGIC
            data = receive(connection, length) if kind == WRITE else b""
            if kind == DISCONNECT:
                return
            answer, error = b"", 0
            if kind == READ:
                answer = bytes(self.current[offset:offset + length])
            elif kind == WRITE:
                self._write(offset, data, flags & FLAG_FUA)
            elif kind == FLUSH:
                self._flush()
            else:
                error = INVALID
            connection.sendall(struct.pack(">IIQ", SIMPLE_REPLY_MAGIC, error, handle) + answer)

    def _write(self, offset, data, durable):
        self.current[offset:offset + len(data)] = data
        if not self.has_power():
            return
        if durable and self.honest:
            self.durable[offset:offset + len(data)] = data
        else:
            self.pending.append((offset, data))

    def _flush(self):
        self.flushes += 1
        if not self.has_power() or not self.honest:
            return
        for offset, data in self.pending:
            self.durable[offset:offset + len(data)] = data
        self.pending = []


def receive(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("the machine is gone")
        data += part
    return data
