# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Wire bytes are what an unaccelerated far end sees, to the byte, for every kind of packet."""

import os

import pytest

from conftest import daemons_in, lab_in, skip_if
from support.traffic import figures_of, settled_equal, tcp, udp
from support.v2ray import Key
from support.wires import SwitchedLab, TunLab, TunLabWithOffloads

KEY = Key("vmess-tcp", 10001)
ENTRY = {**KEY.entry(), "transport": "both"}
WIRES = {"veth, offloads": (SwitchedLab, True), "veth, frames": (SwitchedLab, False),
         "tun, offloads": (TunLabWithOffloads, True), "tun, packets": (TunLab, False)}


@pytest.fixture(scope="module", params=WIRES)
def running(request, tmp_path_factory):
    """A lab and a daemon for all tests over one kind of wire."""
    kind, offloads = WIRES[request.param]
    if kind is not SwitchedLab:
        skip_if(None if os.path.exists("/dev/net/tun") else "no /dev/net/tun")
    with lab_in(tmp_path_factory.mktemp("wire"), kind) as lab:
        lab.offloads(offloads)
        with daemons_in(lab) as start:
            yield lab, start([ENTRY]), offloads


@pytest.mark.parametrize("mtu", [1280, 1500, 9000])
@pytest.mark.parametrize("what", ["tcp", "udp", "udp-gso"])
def test_counted_bytes_are_those_of_an_unaccelerated_far_end(running, what, mtu):
    lab, daemon, offloads = running
    lab.set_mtu(mtu)
    before = figures_of(daemon.port_entry(KEY.port))
    with lab.far_end(KEY.port) as count:
        for version in (4, 6):
            ends = (lab.server, lab.client, lab.SERVER[version], KEY.port)
            if what == "tcp":
                tcp(*ends, 700_000, 1_500_000)
            elif what == "udp":
                # Datagrams larger than the MTU go as fragments, in both directions.
                udp(*ends, [1, 100, 1200, 1400, 4000, 20000, 60000] * 4)
            else:
                udp(*ends, [1200 * 20 + 7, 1200 * 40, 1201, 1199] * 5, segment=1200)
        settled_equal(daemon, KEY.port, before, count)
    assert count.largest <= mtu + 14
    if what == "tcp":
        # There are more if a segment was sent again.
        assert count["payload_rx_bytes"] >= 1_400_000 and count["payload_tx_bytes"] >= 3_000_000
    if what == "tcp" and offloads and isinstance(lab, TunLabWithOffloads):
        assert lab.supers, "there was no super-packet"
