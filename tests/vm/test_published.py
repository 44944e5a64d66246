# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Published ports on each kernel, to the byte: rules of nftables and of iptables-legacy, what connection tracking
shows, and the bytes of this host itself and of containers that count for no key."""

import pytest

from daemon import OTHER_PORT, PORT, Daemon, Server, assert_equal, exchange, grown, key, wait_until

UP, DOWN = 30000, 40000


@pytest.fixture(scope="module")
def daemon(vm, veth):
    udp = {**key(OTHER_PORT, 1), "transport": "both"}
    running = Daemon(vm, keys=(key(PORT), udp))
    try:
        yield running.start()
    finally:
        running.remove()


@pytest.fixture
def nft(vm):
    vm.check("/v2m/load-modules nft_chain_nat nft_redir nft_nat nf_conntrack_netlink")
    vm.check("nft add table inet v2mpublished; "
             "nft add chain inet v2mpublished in '{ type nat hook prerouting priority -100; }'")
    yield lambda rule: vm.check(f"nft add rule inet v2mpublished in {rule}")
    vm.check("nft delete table inet v2mpublished")


def aliases(daemon):
    return {alias["ports"]: (alias["port"], alias["from"]) for alias in daemon.get("/api/meter/status")["port_aliases"]}


def reasons(daemon):
    return {reason["reason"]: reason["detail"] for reason in daemon.get("/api/meter/status")["reasons"]}


def wait_alias(daemon, ports, origin):
    # The daemon looks at connections for 0.2 % of its time, and a look is slow in a guest.
    wait_until(lambda: aliases(daemon).get(ports) == (PORT, origin), daemon.said, 180)


def assert_counted(vm, daemon, port, host="10.77.0.1"):
    """What a capture on the peer's device sees of the published port is what counts, segments that are sent again
    included."""
    before = daemon.figures()
    said, captured = exchange(vm, f"tcp {host} {port} {UP} {DOWN}", port=port)
    assert said == [{"up": UP, "down": DOWN}]
    assert captured["payload_rx_bytes"] >= UP and captured["payload_tx_bytes"] >= DOWN
    # The last acknowledgement may still be on its way.
    wait_until(lambda: grown(before, daemon.figures())["tx_bytes"] >= captured["tx_bytes"] and
               grown(before, daemon.figures())["rx_bytes"] >= captured["rx_bytes"],
               lambda: (grown(before, daemon.figures()), captured, daemon.said()))
    assert_equal(grown(before, daemon.figures()), captured)


def test_a_port_of_a_rule_of_nftables_counts(vm, daemon, nft):
    nft(f"tcp dport 443 redirect to :{PORT}")
    wait_alias(daemon, "443", "rule")
    assert_counted(vm, daemon, 443)


def test_ports_of_sets_and_maps_of_nftables_count(vm, daemon, nft):
    """A concatenation of ranges is a set of another kind in the kernel, and has its own form."""
    vm.check("nft add chain inet v2mpublished sent; nft add rule inet v2mpublished sent meta l4proto tcp redirect to :10001")
    nft("ip daddr . tcp dport '{ 10.77.0.1 . 450, 10.77.0.1 . 460-469 }' redirect to :10001")
    nft("tcp dport vmap '{ 451 : jump sent, 470-479 : goto sent }'")
    nft("dnat ip to tcp dport map '{ 452 : 10.77.0.1 . 10001 }'")
    for ports in ("450", "460-469", "451", "470-479", "452"):
        wait_alias(daemon, ports, "rule")
    for port in (450, 465, 475, 452):
        assert_counted(vm, daemon, port)


def test_a_port_that_connections_show_counts(vm, daemon, nft):
    """The rule holds for one sender. The first connection shows where it leads."""
    nft(f"ip saddr 10.77.1.2 tcp dport 444 redirect to :{PORT}")
    wait_until(lambda: "aliases_unknown" in reasons(daemon), daemon.said, 60)
    vm.check(f"ip netns exec peer traffic tcp 10.77.0.1 444 {UP} {DOWN}")
    wait_alias(daemon, "444", "conntrack")
    assert_counted(vm, daemon, 444)


def test_a_port_of_a_rule_of_iptables_legacy_counts(vm, daemon, legacy_tables):
    if not legacy_tables[0]:
        pytest.skip("iptables-legacy is not here")
    rule = f"PREROUTING -p tcp --dport 445 -j REDIRECT --to-ports {PORT}"
    vm.check("/v2m/load-modules iptable_nat xt_REDIRECT xt_tcpudp")
    vm.check(f"iptables-legacy -t nat -A {rule}")
    try:
        wait_alias(daemon, "445", "rule")
        assert_counted(vm, daemon, 445)
    finally:
        vm.check(f"iptables-legacy -t nat -D {rule}")


def test_a_rule_of_one_family_leaves_the_other_one_to_its_server(vm, daemon, nft):
    """The server of port 447 has both families, so it keeps what arrives by IPv6."""
    nft(f"meta nfproto ipv4 tcp dport 446-448 redirect to :{PORT}")
    wait_alias(daemon, "446-448", "rule")
    server = Server(vm, 447)
    try:
        wait_until(lambda: "446" in aliases(daemon), daemon.said, 60)
        assert "another server has port 447 by IPv6" in reasons(daemon)["aliases_unknown"]
        assert {"446", "448"} <= set(aliases(daemon)) and "447" not in aliases(daemon)
        before = daemon.figures()
        vm.check(f"ip netns exec peer traffic tcp fd77::1 447 {UP} {DOWN}")
        assert daemon.figures() == before
    finally:
        server.stop()
    wait_alias(daemon, "446-448", "rule")
    assert_counted(vm, daemon, 446)


def test_datagrams_over_lo_from_a_socket_without_a_peer_are_named(vm, daemon):
    """Without connection tracking for them: a program of the kernel sees them, if it has BTF."""
    pid = int(vm.check(f"traffic sendto 127.0.0.1 {OTHER_PORT} 1000 >/dev/null 2>&1 & echo $!"))
    try:
        wait_until(lambda: "path_uncounted" in reasons(daemon), daemon.said, 60)
        assert f"port {OTHER_PORT}: 1 UDP socket of this host itself sends" in reasons(daemon)["path_uncounted"]
        assert daemon.entry(OTHER_PORT)["accounting"]["exact"] is False
        checked = vm.run(daemon.command("--check")).output
        assert f"{OTHER_PORT}  1 UDP socket of this host itself sends to it" in checked, checked
    finally:
        vm.run(f"kill {pid}")
    wait_until(lambda: "path_uncounted" not in reasons(daemon), daemon.said, 60)
