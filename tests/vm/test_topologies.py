# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""With default settings, each packet of a monitored port is counted exactly once."""

import json

import pytest

from daemon import FIGURES, OTHER_PORT, PORT, Daemon, Server, exchange, grown, key, wait_until

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


RANGE = "/proc/sys/net/ipv4/ip_local_port_range"
MASQUERADE = ("/v2m/load-modules nft_masq; nft add chain ip v2mtest out "
              "'{ type nat hook postrouting priority 100; }'; nft add rule ip v2mtest out oifname v0 masquerade")


@pytest.mark.parametrize("topology", ["container"], indirect=True)
def test_connections_with_a_keys_port_that_began_here_count_for_no_key(vm, daemon, topology):
    """The kernel gives the key's port to an outgoing connection of this host, and of a masqueraded container."""
    vm.check(MASQUERADE)
    wait_until(lambda: "v0" in daemon.devices(), lambda: daemon.said())
    vm.wait_until("ping -c 1 -W 1 10.77.1.2")
    # Servers with ports of their own, because masquerading gives no port out twice for the same server.
    for inside, port in (("", 9001), ("ip netns exec container ", 9002)):
        server = Server(vm, port, "peer")
        usual = vm.check(f"{inside}cat {RANGE}").split()
        before, foreign = daemon.figures(OTHER_PORT), daemon.device("v0")
        try:
            # The range is for this client alone: others, as those of the API, get no port from it.
            vm.check(f"{inside}sh -c 'echo {OTHER_PORT} {OTHER_PORT} >{RANGE}'")
            vm.check(f"{inside}traffic tcp 10.77.1.2 {port} 50000 60000")
        finally:
            vm.check(f"{inside}sh -c 'echo {' '.join(usual)} >{RANGE}'")
            server.stop()
        for way, size in (("egress", 50000), ("ingress", 60000)):
            wait_until(lambda way=way, size=size, foreign=foreign: daemon.device("v0")[way]["foreign"]["bytes"] -
                       foreign[way]["foreign"]["bytes"] > size, lambda: daemon.device("v0"))
        assert daemon.figures(OTHER_PORT) == before


NEW_PORT = 10003


@pytest.mark.parametrize("topology", ["container"], indirect=True)
def test_a_containers_connection_that_is_older_than_the_key_counts_for_no_key(vm, daemon, topology):
    """Its far end sends first: no packet that leaves has told whose it is. Connection tracking has."""
    vm.check(f"/v2m/load-modules nf_conntrack_netlink; {MASQUERADE}")
    wait_until(lambda: "v0" in daemon.devices(), lambda: daemon.said())
    vm.wait_until("ping -c 1 -W 1 10.77.1.2")
    Server(vm, 9003, "peer")
    usual = vm.check(f"ip netns exec container cat {RANGE}").split()
    try:
        vm.check(f"ip netns exec container sh -c 'echo {NEW_PORT} {NEW_PORT} >{RANGE}'; rm -f /tmp/hold; mkfifo /tmp/hold")
        vm.check("ip netns exec container traffic tcp 10.77.1.2 9003 20000 30000 hold <>/tmp/hold >/tmp/holding 2>&1 & echo $!")
        vm.wait_until("grep HOLDING /tmp/holding")
        vm.write(f"{daemon.directory}/keys.json", json.dumps([*daemon.keys, key(NEW_PORT, 2)]))
        wait_until(lambda: str(NEW_PORT) in daemon.get("/api/traffic/simple")["data"]["ports"], daemon.said)
        before = daemon.device("v0")["ingress"]["foreign"]["bytes"]
        vm.check("kill $(ip netns pids peer)")
        wait_until(lambda: daemon.device("v0")["ingress"]["foreign"]["bytes"] > before, lambda: daemon.device("v0"))
        assert set(daemon.figures(NEW_PORT).values()) == {0}
    finally:
        vm.run("kill $(ip netns pids peer) $(ip netns pids container)")
        vm.check(f"ip netns exec container sh -c 'echo {' '.join(usual)} >{RANGE}'")
        vm.write(f"{daemon.directory}/keys.json", json.dumps(daemon.keys))
