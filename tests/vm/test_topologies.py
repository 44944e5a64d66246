# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""With default settings, each packet of a monitored port is counted exactly once."""

import pytest

from daemon import FIGURES, PORT, Daemon, Server, exchange, grown, wait_until

EXCHANGE = (f"tcp 10.77.0.1 {PORT} 300000 400000", f"udp 10.77.0.1 {PORT} 40 1200 1 2 1100",
            f"udp 10.77.0.1 {PORT} 10 3000 0 1 4000")
EXCHANGE6 = (f"tcp fd77::1 {PORT} 200000 100000",)
TAG = 4
ETHERNET = 14

# The device that counts, and how many bytes longer a frame is there than at the capture.
TOPOLOGIES = {
    "vlan": ("v0.100", 0), "tagged": ("v0", TAG), "bond": ("bond0", 0),
    "vlan_over_bond": ("bond0.100", 0), "bridge": ("br0", 0), "macvlan": ("mv0", 0),
    "wireguard": ("wg0", -ETHERNET), "container": ("v0", 0)}


@pytest.fixture(scope="module")
def daemon(vm):
    """One daemon for all topologies: it follows the devices as they come and go. The guest's NIC is down,
    because it would be an uplink too."""
    vm.run("ip link set eth0 down")
    running = Daemon(vm, interfaces=["auto"])
    try:
        yield running.start()
    finally:
        running.remove()


@pytest.fixture
def topology(vm, daemon, request):
    vm.check(f"/v2m/topology {request.param}")
    yield request.param
    vm.check("/v2m/topology down")


@pytest.mark.parametrize("topology", TOPOLOGIES, indirect=True)
def test_each_packet_is_counted_once(vm, daemon, topology):
    in_container = topology == "container"
    device, more = TOPOLOGIES[topology]
    server = Server(vm, 9000, "container") if in_container else Server(vm)
    try:
        wait_until(lambda: device in daemon.devices(),
                   lambda: f"{device} is not counted on: {daemon.said()}")
        vm.wait_until("ping -c 1 -W 1 10.77.1.2")
        before = daemon.figures()
        clients = EXCHANGE + (() if in_container else EXCHANGE6)
        _, captured = exchange(vm, *clients)
        assert captured["super"] == 0
        wanted = {name: captured[name] for name in FIGURES}
        for side in ("rx", "tx"):
            wanted[f"{side}_bytes"] += more * captured[f"{side}_packets"]
        assert grown(before, daemon.figures()) == wanted
    finally:
        server.stop()
