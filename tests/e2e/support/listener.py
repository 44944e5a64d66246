# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server that holds both ends of its connections, and the ways in which connections end."""

import socket
import struct

from support.lab import Lab

PORT = 10001


class Listener:
    """A server in the lab that holds both ends of every connection."""

    def __init__(self, lab, version=4):
        self.lab, self.version = lab, version
        self.family = socket.AF_INET if version == 4 else socket.AF_INET6
        self.socket = lab.server.socket(socket.AF_INET6, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("::", PORT))
        self.socket.listen(512)
        self.sent = {"rx_bytes": 0, "tx_bytes": 0}
        self.opened = 0

    def open(self):
        client = self.lab.client.socket(self.family, socket.SOCK_STREAM)
        client.connect((Lab.SERVER[self.version], PORT))
        server, _ = self.socket.accept()
        self.opened += 1
        return client, server

    def say(self, pair, up, down):
        """Sends up bytes from the client and down bytes from the server."""
        client, server = pair
        for sender, receiver, size, name in ((client, server, up, "rx_bytes"),
                                             (server, client, down, "tx_bytes")):
            left = size
            while left:
                part = sender.send(bytes(min(left, 65536)))
                while part:
                    got = len(receiver.recv(part))
                    part, left = part - got, left - got
            self.sent[name] += size


def close_client_first(pair):
    for end in pair:
        end.close()


def close_server_first(pair):
    close_client_first(pair[::-1])


def close_by_halves(pair):
    for end in pair:
        end.shutdown(socket.SHUT_WR)
    close_client_first(pair)


def cut(pair):
    """Closes the connection by a reset, without a FIN."""
    pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    close_client_first(pair)


ENDS = [close_client_first, close_server_first, close_by_halves, cut]
