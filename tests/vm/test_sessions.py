# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The tracepoint's program on each kernel: what a connection carried, when it is over."""

import time

import pytest

from daemon import PORT, Daemon, Server, exchange


@pytest.fixture(scope="module")
def daemon(vm):
    vm.check("/v2m/topology veth")
    server = Server(vm)
    running = Daemon(vm, interfaces=["v0"])
    try:
        yield running.start()
    finally:
        running.remove()
        server.stop()
        vm.check("/v2m/topology down")


def test_sums_over_connections_are_what_both_ends_sent(vm, daemon):
    before = daemon.entry()["sessions"]
    assert "connections are counted by looking" not in daemon.said()
    exchange(vm, f"tcp 10.77.0.1 {PORT} 70001 90002")
    end = time.monotonic() + 10
    while daemon.entry()["sessions"]["closed"] == before["closed"]:
        assert time.monotonic() < end, daemon.entry()["sessions"]
        time.sleep(0.1)
    after = daemon.entry()["sessions"]
    assert {name: after[name] - before[name] for name in ("opened", "closed", "rx_bytes", "tx_bytes")
            } == {"opened": 1, "closed": 1, "rx_bytes": 70001, "tx_bytes": 90002}
