# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Compares the count of a real V2Ray's traffic with a capture at the other end of the wire, to the byte."""

import pytest

from support.v2ray import KINDS
from support.wire import assert_equal_to_capture

SIZE = 10 * 1024 * 1024
# How much a protocol may add to the payload, as a factor. mKCP sends again what it believes lost; 3.1 times
# the size was seen on a busy machine.
OVERHEAD = {"vmess-tcp": 1.12, "vless-tcp": 1.10, "vmess-mkcp": 8.0}


def tcx_programs(lab):
    return lab.server.run("tc", "filter", "show", "dev", "up0", "ingress").stdout


@pytest.mark.parametrize("offloads", [False, True], ids=["frames", "super-packets"])
@pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_download_is_counted_to_the_byte(lab, start_v2ray, start_daemon, capture, hook, kind,
                                           version, offloads):
    lab.offloads(offloads)
    v2ray = start_v2ray(version)
    daemon = start_daemon([key.entry() for key in v2ray.keys], attach=hook)
    # The other way to attach is not used, and left nothing behind.
    assert ("bpf" in tcx_programs(lab)) == (hook == "clsact")
    key = v2ray.key(kind)
    before = daemon.port_entry(key.port)
    assert before["accounting"] == {"mode": "ebpf", "exact": True, "unit": "wire"}

    v2ray.download(key, SIZE)
    v2ray.stop()
    capture.settle()

    ports = daemon.simple()["data"]["ports"]
    for other in v2ray.keys:
        counted = capture.tally(other.port)
        if other is key:
            assert counted.versions == {version}
            if kind != "vmess-mkcp":
                assert (counted.super_packets > 0) == offloads
        else:
            # The server's port was tried before the daemon started, from inside its namespace.
            assert ports[str(other.port)]["total_bytes"] == 0
        assert_equal_to_capture(ports[str(other.port)], counted)
    entry = ports[str(key.port)]
    assert SIZE < entry["payload_tx_bytes"] < entry["tx_bytes"] < SIZE * OVERHEAD[kind]
    assert entry["uuid"] == key.uuid
