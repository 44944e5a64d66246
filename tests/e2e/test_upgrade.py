# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""An upgrade from a real earlier version under traffic: what its maps and its ledger hold is neither lost nor
counted twice.

V2M_EARLIER_DAEMONS names v2meterd binaries of earlier versions, separated by colons."""

import json
import os
import time

import pytest

from support import daemon as daemon_module
from support.v2ray import Key
from support.wire import assert_equal_to_capture

EARLIER = [path for path in os.environ.get("V2M_EARLIER_DAEMONS", "").split(":") if path]
SIZE = 1_000_000


@pytest.mark.skipif(not EARLIER, reason="V2M_EARLIER_DAEMONS names no binary of an earlier version")
@pytest.mark.parametrize("earlier", EARLIER or [""])
def test_an_earlier_version_killed_under_traffic_is_taken_over(lab, start_v2ray, start_daemon, capture, monkeypatch,
                                                               earlier):
    first, second, other = keys = [Key("vmess-tcp", 10001), Key("vless-tcp", 10002), Key("vmess-mkcp", 10003)]
    second.uuid, second.name = first.uuid, first.name
    source = lab.directory / "served.json"
    source.write_text(json.dumps({"inbounds": [key.inbound() for key in keys]}))
    with monkeypatch.context() as patch:
        patch.setattr(daemon_module, "BINARY", earlier)
        daemon = start_daemon([], key_sources=[str(source)])
    v2ray = start_v2ray(keys=keys)
    for key in keys:
        v2ray.download(key, SIZE)
    listed = {key["port"]: key["id"] for key in daemon.get("/api/keys").json()}
    # An earlier version may have a key for each port. Then the reset is of one port only.
    key_id = listed.get(second.port, first.uuid)
    entry = daemon.get(f"/api/keys/{key_id}/traffic/simple", fresh=True).json()["traffic"]
    closed = {part["port"]: part["total_bytes"] for part in entry.get("by_port", [entry])}
    answer = daemon.ask("POST", f"/api/keys/{key_id}/traffic/simple/reset").json()
    assert answer["previous_total"] == sum(closed.values()) > SIZE
    for key in keys:
        v2ray.start_download(key, 6 * SIZE, SIZE)
    time.sleep(1.5)
    daemon.kill()
    # The pinned programs of the earlier version go on counting.
    time.sleep(1)
    daemon.start()
    time.sleep(4)
    for key in keys:
        v2ray.download(key, SIZE)
    v2ray.stop()
    capture.settle()
    counts = {key.port: capture.tally(key.port) for key in keys}
    sums = {port: count.rx.wire + count.tx.wire for port, count in counts.items()}
    entry = daemon.get(f"/api/keys/{first.uuid}/traffic/simple", fresh=True).json()["traffic"]
    left = {port: sums[port] - closed.get(port, 0) for port in (first.port, second.port)}
    assert {part["port"]: part["total_bytes"] for part in entry["by_port"]} == left
    assert entry["total_bytes"] == sum(left.values())
    history = daemon.get(f"/api/keys/{first.uuid}/traffic/history", fresh=True).json()["data"]
    assert history["total_traffic"]["total_bytes"] == sums[10001] + sums[10002]
    assert_equal_to_capture(daemon.port_entry(other.port), counts[other.port])
    # An earlier version that had a key for each port gave them ids, which go on as aliases.
    for key_id in set(listed.values()):
        assert daemon.get(f"/api/keys/{key_id}").status == 200
