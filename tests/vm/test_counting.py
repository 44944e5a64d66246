# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Each byte of TCP and UDP over veth and virtio-net, compared with a capture without offloads."""

import contextlib

import pytest

import network
from daemon import (PORT, Daemon, GuestCapture, assert_equal, exchange, grown,
                    reference)

HOST = {4: "10.77.0.1", 6: "fd77::1"}
# Enough for several super-packets in each direction.
TCP = "tcp {host} {port} 700000 900000"
UDP = "udp {host} {port} 60 1200 0 2 1100"
# Each segment must fit into the smallest MTU.
UDP_GSO = "udp {host} {port} 100 1200 1 5 1000"
# Each datagram becomes three fragments, and four on the way back.
FRAGMENTS = "udp {host} {port} 25 4000 0 1 5000"


@pytest.fixture(scope="module")
def daemon(vm, veth, wire):
    if not isinstance(wire, str):
        wire.set_up_guest(vm)
    running = Daemon(vm, interfaces=["v0", "eth0"])
    with contextlib.ExitStack() as stack:
        stack.callback(running.remove)
        yield running.start()


def exchange_over_veth(vm, daemon, what, family):
    """Returns the daemon's figures, the reference, the number of super-packets on v0 and the client's
    report."""
    before = daemon.figures()
    said, captured, near = exchange(vm, what.format(host=HOST[family], port=PORT), near="v0")
    return grown(before, daemon.figures()), captured, near["super"], said[0]


@pytest.mark.parametrize("family", [4, 6])
def test_tcp_over_veth_with_gso_is_counted_exactly(vm, daemon, family):
    counted, captured, supers, said = exchange_over_veth(vm, daemon, TCP, family)
    assert supers > 0
    assert (said["up"], said["down"]) == (700000, 900000)
    assert counted["payload_rx_bytes"] >= 700000 and counted["payload_tx_bytes"] >= 900000
    assert_equal(counted, captured)


@pytest.mark.parametrize("family", [4, 6])
def test_udp_over_veth_is_counted_exactly(vm, daemon, family):
    counted, captured, _, said = exchange_over_veth(vm, daemon, UDP, family)
    assert said == {"replies": 120, "bytes": 132000}
    assert counted["payload_rx_bytes"] == 72000 and counted["payload_tx_bytes"] == 132000
    assert_equal(counted, captured)


@pytest.mark.parametrize("family", [4, 6])
def test_udp_gso_over_veth_is_counted_exactly(vm, daemon, family):
    counted, captured, supers, said = exchange_over_veth(vm, daemon, UDP_GSO, family)
    # In older kernels veth has no UDP segmentation; the kernel splits packets behind our program.
    if vm.run("ethtool -k v0 | grep 'tx-udp-segmentation: on'").status == 0:
        assert supers > 0
    assert said == {"replies": 500, "bytes": 500000}
    assert (counted["rx_packets"], counted["tx_packets"]) == (100, 500)
    assert_equal(counted, captured)


@pytest.mark.parametrize("family", [4, 6])
def test_fragments_are_counted_for_the_port_of_their_first(vm, daemon, family):
    counted, captured, _, said = exchange_over_veth(vm, daemon, FRAGMENTS, family)
    assert said == {"replies": 25, "bytes": 125000}
    assert (counted["rx_packets"], counted["tx_packets"]) == (75, 100)
    assert_equal(counted, captured)


@pytest.mark.parametrize("offloads", [True, False], ids=["offloads", "no_offloads"])
@pytest.mark.parametrize("mtu", [1280, 1500, 9000])
@pytest.mark.parametrize("family", [4, 6])
def test_virtio_net_is_counted_exactly(vm, daemon, wire, family, mtu, offloads):
    """Super-packets come from the host with a gso_size and no gso_segs."""
    wire = network.need(wire)
    host = network.GUEST if family == 4 else network.GUEST6
    vm.wait_until(f"ping -c 1 -W 1 {network.PEER}")
    with wire.set_to(vm, mtu, offloads):
        before = daemon.figures()
        near = GuestCapture(vm, "eth0")
        far = wire.capture(PORT)
        for what in (TCP, UDP, UDP_GSO, FRAGMENTS):
            wire.client(*what.format(host=host, port=PORT).split())
        near.tell_to_stop()
        captured = reference(far.stop())
        # This capture sees the packets that the device gets, after segmentation in software.
        assert (near.stop()["super"] > 0) == offloads
        counted = grown(before, daemon.figures())
    assert_equal(counted, captured)
    # 900,000 bytes need at least so many packets, so the MTU was set on the whole path.
    assert captured["tx_packets"] > 900000 // mtu


def test_every_byte_of_a_device_is_explained(vm, daemon):
    vm.check("ip netns exec peer traffic " + TCP.format(host=HOST[4], port=PORT))
    # Like the outgoing traffic of a proxy, this belongs to no key.
    vm.check("ping -c 2 10.77.1.2")
    device = daemon.device("v0")
    for direction in ("ingress", "egress"):
        flow = device[direction]
        parts = ("keys", "loopback", "fragments", "unattributed", "too_deep", "foreign", "everything_else")
        for unit in ("packets", "bytes"):
            assert flow["seen"][unit] == sum(flow[part][unit] for part in parts)
            assert flow["keys"][unit] > 0 and flow["everything_else"][unit] > 0
        assert flow["residual_bytes"] == 0
