# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the queue behind the programs drops is counted as sent, and the status and the health say how much."""

import json
import re
import socket

import pytest

from support.lab import wait_until
from support.traffic import tcp
from support.v2ray import Key

KEY = Key("vmess-tcp", 10001)
ENTRY = {**KEY.entry(), "transport": "both"}
SIZE = 8_000_000


def egress(daemon):
    return daemon.status()["devices"][0]["egress"]["seen"]


def queue(daemon):
    return daemon.status()["devices"][0]["queue"]


def frames_sent(lab):
    """What the device counts behind its queue."""
    counters = json.loads(lab.server.ip("-s", "-j", "link", "show", "up0").stdout)[0]["stats64"]["tx"]
    return {"packets": counters["packets"], "bytes": counters["bytes"]}


def settled(daemon):
    """The queue's figures when two samples agree."""
    last = {}

    def rests():
        now = queue(daemon)
        same, last["queue"] = now == last.get("queue"), now
        return same and egress(daemon)["bytes"] > 0
    wait_until(rests, what="the queue to rest")
    return last["queue"]


@pytest.mark.parametrize("offloads", [True, False])
def test_dropped_bytes_are_what_was_counted_and_did_not_leave(lab, start_daemon, offloads):
    lab.offloads(offloads)
    lab.retransmit_soon()
    # Each frame of the wire is one packet in the device's own counters.
    lab.server.run("ethtool", "-K", "up0", "tso", "off", "gso", "off", "tx-udp-segmentation", "off")
    lab.server.run("tc", "qdisc", "add", "dev", "up0", "root", "tbf", "rate", "100mbit", "burst", "16kb",
                   "limit", "30kb")
    daemon = start_daemon([ENTRY], sample_interval_ms=100)
    wait_until(lambda: queue(daemon), what="the first reading")
    left, counted, told = frames_sent(lab), egress(daemon), queue(daemon)
    assert daemon.get("/health").json() == {"status": "healthy"}
    tcp(lab.server, lab.client, lab.SERVER[4], KEY.port, 1000, SIZE)
    with lab.server.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((lab.SERVER[4], KEY.port))
        sender.setsockopt(socket.SOL_SOCKET, 32, 8 << 20)  # SO_SNDBUFFORCE
        for _ in range(2000):
            sender.sendto(bytes(1400), (lab.CLIENT[4], 9))
    after = settled(daemon)
    assert after["kind"] == "tbf"
    for what in ("packets", "bytes"):
        sent = after["sent"][what] - told["sent"][what]
        dropped = after["dropped"][what] - told["dropped"][what]
        passed = frames_sent(lab)[what] - left[what]
        seen = egress(daemon)[what] - counted[what]
        assert sent == passed
        assert dropped == pytest.approx(seen - passed, rel=0.01), (seen, passed)
        assert dropped > passed / 20
    health = daemon.get("/health").json()
    assert health == {"status": "degraded", "reason": "queue_drops"}
    assert re.match(r"the queue \(tbf\) of up0 drops \d+\.\d %", daemon.status()["detail"])


def test_a_queue_that_drops_nothing_is_healthy(lab, start_daemon):
    lab.server.run("tc", "qdisc", "add", "dev", "up0", "root", "tbf", "rate", "1gbit", "burst", "256kb",
                   "limit", "8mb")
    daemon = start_daemon([ENTRY], sample_interval_ms=100)
    wait_until(lambda: queue(daemon), what="the first reading")
    tcp(lab.server, lab.client, lab.SERVER[4], KEY.port, 1000, SIZE)
    after = settled(daemon)
    assert after["sent"]["bytes"] > SIZE and after["dropped"] == {"packets": 0, "bytes": 0}
    assert daemon.get("/health").json() == {"status": "healthy"}
    lab.server.run("tc", "qdisc", "del", "dev", "up0", "root")
    wait_until(lambda: queue(daemon)["kind"] == "noqueue", what="the queue to be gone")
