# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Holds connections between two network namespaces until it is ended:
hold.py SERVER_NAMESPACE CLIENT_NAMESPACE FIRST_PORT PORTS CONNECTIONS BUSY
"""

import ctypes
import os
import resource
import signal
import socket
import sys
import time

CLONE_NEWNET = 0x40000000
SERVER_ADDRESS = "10.77.0.1"

libc = ctypes.CDLL(None, use_errno=True)


def enter(path):
    fd = os.open(path, os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"setns {path}")
    os.close(fd)


def main():
    server, client = sys.argv[1:3]
    first, ports, count, busy = map(int, sys.argv[3:])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    enter(server)
    listeners = [socket.create_server((SERVER_ADDRESS, first + i), backlog=64) for i in range(ports)]
    enter(client)
    ends, made = [], []
    for i in range(count):
        listener = listeners[i * ports // count]
        ends.append(socket.create_connection(listener.getsockname()))
        accepted = listener.accept()[0]
        ends.append(accepted)
        if not made or made[-1].getsockname()[1] != accepted.getsockname()[1]:
            made.append(accepted)
    print("ready", flush=True)
    while busy:
        for end in made:
            end.send(b"some bytes")
            time.sleep(1 / len(made))
    signal.pause()


main()
