# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Puts loaded programs on a device by tcx, and takes them off. So several programs can take turns on one device, where
the sockets, the buffers and the neighbours are the same for all of them."""

import contextlib
import ctypes
import os
import struct

# enum bpf_cmd, enum bpf_attach_type and enum bpf_prog_type of linux/bpf.h
PROG_LOAD, OBJ_GET, PROG_GET_FD_BY_ID, INFO_BY_FD, LINK_CREATE, LINK_UPDATE, LINK_DETACH = 5, 7, 13, 15, 28, 29, 34
TCX_INGRESS, TCX_EGRESS = 46, 47
SCHED_CLS = 3
SYSCALL_BPF = {"x86_64": 321, "aarch64": 280}
ATTRIBUTES = 128  # bytes; what the kernel does not know has to be 0

libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    given = ctypes.create_string_buffer(attributes, ATTRIBUTES)
    result = libc.syscall(SYSCALL_BPF[os.uname().machine], command, given, ATTRIBUTES)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf({command}): {os.strerror(ctypes.get_errno())}")
    return result


def program_of(pin):
    """A descriptor of the program that the pinned link has put on its device."""
    path, info = ctypes.create_string_buffer(os.fsencode(pin)), ctypes.create_string_buffer(64)
    link = bpf(OBJ_GET, struct.pack("=Q", ctypes.addressof(path)))
    try:
        bpf(INFO_BY_FD, struct.pack("=IIQ", link, len(info), ctypes.addressof(info)))
    finally:
        os.close(link)
    return bpf(PROG_GET_FD_BY_ID, info.raw[8:12])


def load_filler(instructions):
    """A descriptor of a program of so many instructions, at least 2, that nothing runs. The kernel puts programs one
    behind the other, so this moves those that are loaded after it."""
    move, leave = struct.Struct("=BBhi").pack(0xB4, 0, 0, 0x1234567), struct.pack("=BBhi", 0x95, 0, 0, 0)
    body = ctypes.create_string_buffer(move * (instructions - 1) + leave)
    licence = ctypes.create_string_buffer(b"GPL")
    return bpf(PROG_LOAD, struct.pack("=IIQQ", SCHED_CLS, instructions, ctypes.addressof(body),
                                      ctypes.addressof(licence)))


def enter(namespace):
    if libc.setns(namespace.fileno(), 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Hook:
    """Both hooks of a device in a network namespace."""

    def __init__(self, namespace, index):
        self.namespace, self.index, self.links = namespace, index, []

    @contextlib.contextmanager
    def entered(self):
        with open("/proc/self/ns/net") as home, open(f"/run/netns/{self.namespace}") as other:
            enter(other)
            try:
                yield
            finally:
                enter(home)

    def put(self, programs):
        """programs: descriptors for what arrives and for what leaves, or none."""
        if not programs:
            self.clear()
        elif self.links:
            for link, program in zip(self.links, programs):
                bpf(LINK_UPDATE, struct.pack("=II", link, program))
        else:
            with self.entered():
                for kind, program in zip((TCX_INGRESS, TCX_EGRESS), programs):
                    self.links.append(bpf(LINK_CREATE, struct.pack("=III", program, self.index, kind)))

    def clear(self):
        while self.links:
            link = self.links.pop()
            try:
                bpf(LINK_DETACH, struct.pack("=I", link))
            finally:
                os.close(link)
