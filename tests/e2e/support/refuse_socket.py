# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""refuse_socket.py PROTOCOL ERROR COMMAND...: runs the command without netlink sockets of that protocol.

It sets a seccomp filter, as a sandbox does: socket(AF_NETLINK, *, PROTOCOL) fails with ERROR, such as EPERM,
and every other call is allowed (Linux seccomp(2), classic BPF).
"""

import ctypes
import errno
import os
import platform
import struct
import sys

AF_NETLINK = 16
SOCKET = {"x86_64": 41, "aarch64": 198}[platform.machine()]
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7fff0000, 0x00050000  # FAIL has the error number in its lower half
NUMBER, ARGUMENT_0, ARGUMENT_2 = 0, 16, 32  # offsets in struct seccomp_data


def main():
    fail = FAIL | getattr(errno, sys.argv[2])
    wanted = ((NUMBER, SOCKET), (ARGUMENT_0, AF_NETLINK), (ARGUMENT_2, int(sys.argv[1])))
    program = b""
    for index, (place, value) in enumerate(wanted):
        to_allow = 2 * (len(wanted) - index - 1) + 1
        program += struct.pack("<HBBI", LOAD, 0, 0, place)
        program += struct.pack("<HBBI", EQUAL, 0, to_allow, value)
    program += struct.pack("<HBBI", RETURN, 0, 0, fail) + struct.pack("<HBBI", RETURN, 0, 0, ALLOW)
    code = ctypes.create_string_buffer(program, len(program))
    filter_ = ctypes.create_string_buffer(
        struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or \
            libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_, 0, 0):
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    os.execvp(sys.argv[3], sys.argv[3:])


main()
