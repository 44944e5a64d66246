# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Holds connections between two network namespaces until it is ended:
hold.py SERVER_NAMESPACE CLIENT_NAMESPACE FIRST_PORT PORTS CONNECTIONS BUSY

The connections go to the ports evenly. BUSY of them, evenly too, carry a few bytes in each second.
"""

import ctypes
import errno
import os
import resource
import signal
import socket
import sys
import time

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
SERVER_ADDRESS = "10.77.0.1"

libc = ctypes.CDLL(None, use_errno=True)


def enter(path):
    fd = os.open(path, os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"setns {path}")
    os.close(fd)


def raise_limit():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def serve(listeners, count, busy, accepted_one):
    """Accepts one connection after the other, and sends."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    made = []
    for i in range(count):
        made.append(listeners[i * len(listeners) // count].accept()[0])
        os.write(accepted_one, b".")
    # If as many are busy as there are ports, these are the first of each port.
    senders = [made[-(-i * count // busy)] for i in range(busy)]
    print("ready", flush=True)
    while senders:
        for end in senders:
            end.send(b"some bytes")
            time.sleep(1 / len(senders))
    signal.pause()


def listen(port):
    """The process that held the port before may still be closing thousands of connections."""
    last = time.monotonic() + 30
    while True:
        try:
            return socket.create_server((SERVER_ADDRESS, port), backlog=64)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > last:
                raise
            time.sleep(0.1)


def main():
    server, client = sys.argv[1:3]
    first, ports, count, busy = map(int, sys.argv[3:])
    raise_limit()
    enter(server)
    listeners = [listen(first + i) for i in range(ports)]
    accepted_one, accepted_by_child = os.pipe()
    # The limit of files is one for each process, so each has one end of the connections.
    if not os.fork():
        serve(listeners, count, busy, accepted_by_child)
    os.close(accepted_by_child)
    enter(client)
    ends = []
    for i in range(count):
        ends.append(socket.create_connection((SERVER_ADDRESS, first + i * ports // count)))
        if not os.read(accepted_one, 1):
            sys.exit("the server's end has ended")
    os.wait()


main()
