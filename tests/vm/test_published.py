# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Published ports on each kernel: rules of nftables and of iptables-legacy, and what connection tracking shows."""

import pytest

from daemon import PORT, Daemon, wait_until

UP, DOWN = 30000, 40000


@pytest.fixture(scope="module")
def daemon(vm, veth):
    running = Daemon(vm)
    try:
        yield running.start()
    finally:
        running.remove()


@pytest.fixture
def nft(vm):
    vm.check("/v2m/load-modules nft_chain_nat nft_redir nf_conntrack_netlink")
    vm.check("nft add table inet v2mpublished; "
             "nft add chain inet v2mpublished in '{ type nat hook prerouting priority -100; }'")
    yield lambda rule: vm.check(f"nft add rule inet v2mpublished in {rule}")
    vm.check("nft delete table inet v2mpublished")


def wait_alias(daemon, ports, origin):
    def has_alias():
        found = {alias["ports"]: alias for alias in daemon.get("/api/meter/status")["port_aliases"]}
        return ports in found and (found[ports]["port"], found[ports]["from"]) == (PORT, origin)

    # The daemon looks at connections for 0.2 % of its time, and a look is slow in a guest.
    wait_until(has_alias, daemon.said, 180)


def carry(vm, port):
    vm.check(f"ip netns exec peer traffic tcp 10.77.0.1 {port} {UP} {DOWN}")


def assert_counted(vm, daemon, port):
    """A guest may be so slow that segments are sent again. Nothing counts twice."""
    before = daemon.figures()
    carry(vm, port)

    def grown(figure):
        return daemon.figures()[figure] - before[figure]

    wait_until(lambda: grown("payload_tx_bytes") >= DOWN, lambda: (before, daemon.figures(), daemon.said()))
    assert grown("payload_tx_bytes") < 2 * DOWN
    assert UP <= grown("payload_rx_bytes") < 2 * UP


def test_a_port_of_a_rule_of_nftables_counts(vm, daemon, nft):
    nft(f"tcp dport 443 redirect to :{PORT}")
    wait_alias(daemon, "443", "rule")
    assert_counted(vm, daemon, 443)


def test_a_port_that_connections_show_counts(vm, daemon, nft):
    """The rule holds for one sender. The first connection shows where it leads."""
    nft(f"ip saddr 10.77.1.2 tcp dport 444 redirect to :{PORT}")
    wait_until(lambda: any(reason["reason"] == "aliases_unknown"
                           for reason in daemon.get("/api/meter/status")["reasons"]), daemon.said, 60)
    carry(vm, 444)
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
