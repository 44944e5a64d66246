# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Users of one inbound of a real V2Ray, and the capture's bytes of each, by our own reading of its access log."""

import collections
import ipaddress
import re
import time

from support.v2ray import Key, V2Ray
from support.wire import TCP, Tally, read_frames

PORT = 10443
NAMES = ("alice", "bob", "Carol Smith@example.com")
LINE = re.compile(r"^(\S+ \d+:\d+:\d+)\S* (?:from )?(?:tcp:|udp:)?\[?(?:::ffff:)?([0-9a-f.:]+?)\]?:(\d+) "
                  r"accepted \S+ .*email: (.*)$")


class User(Key):
    """One of the users of an inbound."""

    def __init__(self, name, protocol="vless", port=PORT):
        super().__init__(f"{protocol}-tcp", port)
        self.name = name
        self.kind = f"{self.kind}-{name.split()[0]}"


class Shared(V2Ray):
    """Keys with the same port are users of one inbound."""

    mux = False

    def server_config(self):
        config = super().server_config()
        inbounds = {}
        for inbound in config["inbounds"]:
            known = inbounds.setdefault(inbound["port"], inbound)
            if known is not inbound:
                known["settings"]["clients"] += inbound["settings"]["clients"]
        config["inbounds"] = list(inbounds.values())
        config["log"]["access"] = str(self.lab.directory / "access.log")
        return config

    def client_config(self, address):
        config = super().client_config(address)
        for outbound in config["outbounds"]:
            outbound["mux"] = {"enabled": self.mux}
        return config


def users_of_flows(lab):
    """The seconds and emails of each client address and port, line by line, by our own reading of the log."""
    flows = {}
    logs = sorted(lab.directory.glob("access.log*"))
    for line in "".join(log.read_text() for log in logs).splitlines():
        found = LINE.match(line)
        if found:
            second = time.mktime(time.strptime(found[1], "%Y/%m/%d %H:%M:%S"))
            flows.setdefault((ipaddress.ip_address(found[2]).packed, int(found[3])), []).append((second, found[4]))
    return flows


def emails_of(begun, lines):
    """The email of each connection of a client address and port; None: it has no line.

    begun is when they began. V2Ray drops lines, so a line is of the last connection that had begun.
    """
    emails = [None] * max(1, len(begun))
    for second, email in lines:
        emails[max(0, sum(begin <= second for begin in begun) - 1)] = email
    return emails


class ByUser:
    """The capture's bytes of the port for each user; None: connections that no line of the log names."""

    def __init__(self, lab, capture, port=PORT):
        flows = users_of_flows(lab)
        server = {ipaddress.ip_address(address).packed for address in lab.SERVER.values()}
        self.of = {}
        frames = []
        begun = collections.defaultdict(dict)  # by the sequence number
        for frame in read_frames(capture.path):
            if frame.protocol != TCP or port not in (frame.source_port, frame.target_port):
                continue
            client = ((frame.source, frame.source_port) if frame.target in server
                      else (frame.target, frame.target_port))
            # A client may use a port again. A SYN that is sent again has the same number.
            if frame.mss is not None and frame.target in server:
                begun[client].setdefault(frame.sequence, frame.second)
            frames.append((frame, client, max(0, len(begun[client]) - 1)))
        emails = {client: emails_of(seconds.values(), flows.get(client, [])) for client, seconds in begun.items()}
        for frame, client, number in frames:
            self.of.setdefault(emails[client][number], Tally(port)).add(frame, server)

    def total(self, name, unit="wire"):
        tally = self.of.get(name)
        if not tally:
            return 0
        if unit == "delivered":
            return sum(count.payload - count.repeated for count in (tally.rx, tally.tx))
        return tally.rx.wire + tally.tx.wire

    def connections(self, name):
        return len(self.of[name].connection_mss)


def simple(daemon, user):
    return daemon.get(f"/api/keys/{user.uuid}/traffic/simple", fresh=True)


def traffic(daemon, user):
    return simple(daemon, user).json()["traffic"]


def assert_adds_up(entry):
    keys = sum(key["total_bytes"] for key in entry["keys"])
    assert keys + entry["unattributed"]["total_bytes"] == entry["total_bytes"]


def reset(daemon, user):
    answer = daemon.ask("POST", f"/api/keys/{user.uuid}/traffic/simple/reset")
    assert answer.status == 200, answer.body
    return answer.json()["previous_total"]
