# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The tracepoint's program on each kernel: what a connection carried, when it is over."""

import pytest

from daemon import PORT, Daemon, exchange, wait_until


@pytest.fixture(scope="module")
def daemon(vm, veth):
    running = Daemon(vm, interfaces=["v0"])
    try:
        yield running.start()
    finally:
        running.remove()


def test_sums_over_connections_are_what_both_ends_sent(vm, daemon):
    before = daemon.entry()["sessions"]
    assert "sessions shorter than" not in daemon.said()
    exchange(vm, f"tcp 10.77.0.1 {PORT} 70001 90002")
    wait_until(lambda: daemon.entry()["sessions"]["closed"] > before["closed"],
               lambda: daemon.entry()["sessions"])
    after = daemon.entry()["sessions"]
    assert {name: after[name] - before[name] for name in ("opened", "closed", "rx_bytes", "tx_bytes")
            } == {"opened": 1, "closed": 1, "rx_bytes": 70001, "tx_bytes": 90002}
