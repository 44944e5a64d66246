# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Users of one inbound of a real V2Ray, told apart by its access log, compared with a capture."""

import ipaddress
import json
import re
import signal

import pytest

from support.lab import wait_until
from support.v2ray import Key, V2Ray
from support.wire import TCP, Tally, read_frames

SIZE = 2 * 1024 * 1024
PORT = 10443
NAMES = ("alice", "bob", "Carol Smith@example.com")
LINE = re.compile(r"^\S+ \S+ (?:from )?(?:tcp:|udp:)?\[?(?:::ffff:)?([0-9a-f.:]+?)\]?:(\d+) accepted \S+ .*"
                  r"email: (.*)$")


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


class SharedWithMux(Shared):
    mux = True


@pytest.fixture
def serve(lab, start_daemon):
    """Gives serve(users, kind), which starts the server and the daemon."""
    def start(users, kind=Shared, **options):
        path = lab.directory / "served.json"
        log = lab.directory / "access.log"
        log.touch()
        v2ray = kind.__new__(kind)
        v2ray.lab, v2ray.keys = lab, users
        path.write_text(json.dumps(v2ray.server_config()))
        daemon = start_daemon([], key_sources=[str(path)], access_logs=[str(log)], **options)
        return daemon, kind(lab, keys=users)
    return start


def users_of_flows(lab):
    """The email of each client address and port, by our own reading of the log."""
    flows = {}
    for line in (lab.directory / "access.log").read_text().splitlines():
        found = LINE.match(line)
        if found:
            flows[ipaddress.ip_address(found[1]).packed, int(found[2])] = found[3]
    return flows


class ByUser:
    """The capture's bytes of the port for each user; None: connections that no line of the log names."""

    def __init__(self, lab, capture, port=PORT):
        flows = users_of_flows(lab)
        server = {ipaddress.ip_address(address).packed for address in lab.SERVER.values()}
        self.of = {}
        for frame in read_frames(capture.path):
            if frame.protocol != TCP or port not in (frame.source_port, frame.target_port):
                continue
            client = ((frame.source, frame.source_port) if frame.target in server
                      else (frame.target, frame.target_port))
            tally = self.of.setdefault(flows.get(client), Tally(port))
            tally.add(frame, server)

    def total(self, name):
        tally = self.of.get(name)
        return tally.rx.wire + tally.tx.wire if tally else 0


def traffic(daemon, user):
    answer = daemon.get(f"/api/keys/{user.uuid}/traffic/simple", fresh=True)
    return answer.json()["traffic"]


def assert_adds_up(entry):
    keys = sum(key["total_bytes"] for key in entry["keys"])
    assert keys + entry["unattributed"]["total_bytes"] == entry["total_bytes"]


def reset(daemon, user):
    answer = daemon.ask("POST", f"/api/keys/{user.uuid}/traffic/simple/reset")
    assert answer.status == 200, answer.body
    return answer.json()["previous_total"]


@pytest.mark.parametrize("kind", [Shared, SharedWithMux])
@pytest.mark.parametrize("protocol", ["vless", "vmess"])
def test_each_user_of_an_inbound_has_the_bytes_of_its_own_connections(lab, serve, capture, protocol, kind):
    users = alice, bob, carol = [User(name, protocol) for name in NAMES]
    daemon, v2ray = serve(users, kind)
    v2ray.download(alice, SIZE)
    long = v2ray.start_download(carol, 3 * SIZE, 3 * SIZE // 4)
    v2ray.download(bob, SIZE // 2)
    # A scanner. The server says nothing to it.
    lab.client.run("curl", "-s", "--max-time", "1", f"http://{lab.SERVER[4]}:{PORT}/", check=False)
    wait_until(lambda: traffic(daemon, carol)["total_bytes"] > SIZE, what="the long download, while it runs")
    assert_adds_up(daemon.port_entry(PORT))
    assert traffic(daemon, carol)["connections"] >= 1
    closed = reset(daemon, carol)
    long.wait()
    v2ray.stop()
    capture.settle()
    wait_until(lambda: all(key["connections"] == 0 for key in daemon.port_entry(PORT)["keys"]), what="the end")
    truth = ByUser(lab, capture)
    entry = daemon.port_entry(PORT)
    assert_adds_up(entry)
    assert entry["owners"] == "shared" and entry["uuid"] is None
    counted = {user.name: traffic(daemon, user)["total_bytes"] for user in users}
    counted[carol.name] += closed
    assert counted == {user.name: truth.total(user.name) for user in users}
    assert counted[alice.name] > SIZE and counted[carol.name] > 3 * SIZE > closed > SIZE
    assert entry["unattributed"]["total_bytes"] == truth.total(None) > 0
    attribution = traffic(daemon, carol)["accounting"]["attribution"]
    assert attribution["method"] == "access_log" and attribution["complete"] is True
    history = daemon.get(f"/api/keys/{carol.uuid}/traffic/history", fresh=True).json()["data"]
    assert history["total_traffic"]["total_bytes"] == counted[carol.name]
