# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""With default settings each packet that reaches a monitored port is counted exactly once."""

import pytest

from daemon import FIGURES, PORT, Daemon, GuestCapture, Server

EXCHANGE = (f"tcp 10.77.0.1 {PORT} 300000 400000", f"udp 10.77.0.1 {PORT} 40 1200 1 2 1100",
            f"udp 10.77.0.1 {PORT} 10 3000 0 1 4000")
EXCHANGE6 = (f"tcp fd77::1 {PORT} 200000 100000",)
TAG = 4
ETHERNET = 14

# What a frame has more, where it is counted, than where it is captured.
TOPOLOGIES = {"vlan": 0, "tagged": TAG, "bond": 0, "vlan_over_bond": 0, "bridge": 0,
              "macvlan": 0, "wireguard": -ETHERNET, "container": 0}


@pytest.fixture
def topology(vm, request):
    """Built, with the guest's NIC out of the way: it would be an uplink too."""
    vm.run("ip link set eth0 down")
    vm.check(f"/v2m/topology {request.param}")
    yield request.param
    vm.check("/v2m/topology down")


@pytest.mark.parametrize("topology", TOPOLOGIES, indirect=True)
def test_each_packet_is_counted_once(vm, topology):
    in_container = topology == "container"
    server = Server(vm, 9000, "container") if in_container else Server(vm)
    daemon = Daemon(vm, interfaces=["auto"])
    try:
        daemon.start()
        vm.wait_until("ping -c 1 -W 1 10.77.1.2")
        capture = GuestCapture(vm, "r0", namespace="peer")
        for what in EXCHANGE + (() if in_container else EXCHANGE6):
            vm.check(f"ip netns exec peer traffic {what}")
        captured = capture.stop()
        assert captured["super"] == 0
        wanted = {name: captured[name] for name in FIGURES}
        for side in ("rx", "tx"):
            wanted[f"{side}_bytes"] += TOPOLOGIES[topology] * captured[f"{side}_packets"]
        assert daemon.figures() == wanted
    finally:
        daemon.remove()
        server.stop()
