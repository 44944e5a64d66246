# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sends UDP from a given port until it is told to end, and knows exactly how much it sent.

The kernel programs count a datagram where it is sent, before a queue could drop it. So their count and the
sender's own must be equal.
"""

import json
import signal
import socket
import sys

HEADERS = {socket.AF_INET: 14 + 20 + 8, socket.AF_INET6: 14 + 40 + 8}


def main():
    source, port, destination, pause_every = sys.argv[1:5]
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.bind((source, int(port)))
        sender.connect((destination, 9))
        ending = []
        signal.signal(signal.SIGTERM, lambda *_: ending.append(True))
        packets = payload_bytes = refused = 0
        size = 1
        while not ending:
            try:
                payload_bytes += sender.send(bytes(size))
                packets += 1
                if packets == 1:
                    print("ready", flush=True)
            except ConnectionRefusedError:  # an error that an earlier datagram caused; this one was not sent
                refused += 1
            size = size % 1200 + 1
            if packets % int(pause_every) == 0:
                signal.sigtimedwait([], 0.001)
    print(json.dumps({"packets": packets, "payload_bytes": payload_bytes, "refused": refused,
                      "wire_bytes": payload_bytes + packets * HEADERS[family]}), flush=True)


if __name__ == "__main__":
    main()
