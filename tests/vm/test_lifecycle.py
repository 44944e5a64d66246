# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Attaching, restarts with pinned maps, connections and detaching, on each kernel."""

import contextlib
import json

import pytest

from daemon import (KEY, PIN_DIR, PORT, Daemon, GuestCapture, assert_equal, exchange,
                    grown)

CLIENT = f"tcp 10.77.0.1 {PORT} 300000 500000"
EXCHANGE = f"ip netns exec peer traffic {CLIENT}"
HELD = 7


@pytest.fixture
def make_daemon(vm, veth):
    """Makes daemons. After the test they are removed, with all that they had in the kernel."""
    with contextlib.ExitStack() as stack:
        def make(**members):
            daemon = Daemon(vm, **members)
            stack.callback(daemon.remove)
            return daemon
        yield make


def filters(vm, device="v0"):
    """The lines of tc about our filters on both hooks."""
    text = vm.check(f"tc filter show dev {device} ingress; tc filter show dev {device} egress")
    return [line for line in text.splitlines() if "v2m_" in line]


def test_the_programs_are_attached_by_the_best_way_of_the_kernel(vm, kernel, make_daemon):
    daemon = make_daemon().start()
    # tcx is there since Linux 6.6, and tc does not show its programs.
    assert len(filters(vm)) == (0 if kernel.version >= (6, 6) else 2)
    before = daemon.figures()
    _, captured = exchange(vm, CLIENT)
    assert_equal(grown(before, daemon.figures()), captured)
    assert daemon.entry()["accounting"] == {"mode": "ebpf", "exact": True, "unit": "wire"}
    # What an older kernel refuses is tried otherwise, and alarms nobody.
    assert "libbpf" not in daemon.said()


def test_clsact_counts_if_it_is_configured(vm, make_daemon):
    daemon = make_daemon(attach="clsact").start()
    assert len(filters(vm)) == 2
    before = daemon.figures()
    _, captured = exchange(vm, CLIENT)
    assert_equal(grown(before, daemon.figures()), captured)


@pytest.mark.parametrize("end", ["KILL", "TERM"])
def test_counting_goes_on_while_the_daemon_is_away(vm, make_daemon, end):
    daemon = make_daemon().start()
    before = daemon.figures()
    capture = GuestCapture(vm, "r0", namespace="peer")
    vm.check(EXCHANGE)
    seen = daemon.figures()
    daemon.end(end)
    vm.check(EXCHANGE)
    daemon.start()
    back = daemon.figures()
    assert all(back[name] > seen[name] for name in back)
    vm.check(EXCHANGE)
    captured = capture.stop()
    assert_equal(grown(before, daemon.figures()), captured)


def test_a_reset_answers_the_old_total_and_starts_at_zero(vm, make_daemon):
    daemon = make_daemon().start()
    vm.check(EXCHANGE)
    vm.wait_until(f"! netstat -tn | grep '10.77.0.1:{PORT}.*EST'")
    total = daemon.entry()["total_bytes"]
    answer = daemon.post(f"/api/keys/{KEY}/traffic/simple/reset")
    assert answer["previous_total"] == total > 800000
    assert daemon.entry()["total_bytes"] == 0


def test_the_kernels_connections_are_listed(vm, make_daemon):
    daemon = make_daemon().start()
    assert daemon.entry()["connections"] == 0
    vm.check("rm -f /tmp/hold; mkfifo /tmp/hold; sleep 600 >/tmp/hold & echo $! >/tmp/holder")
    families = ["10.77.0.1"] * (HELD - 2) + ["fd77::1"] * 2
    for number, host in enumerate(families):
        vm.check(f"ip netns exec peer traffic tcp {host} {PORT} 1000 1000 hold "
                 f"</tmp/hold >/tmp/held.{number} 2>&1 &")
    vm.wait_until(f"[ $(cat /tmp/held.* | grep -c HOLDING) = {HELD} ]")
    entry = daemon.entry()
    assert entry["connections"] == len(entry["connection_details"]) == HELD
    local = [row["local"] for row in entry["connection_details"]]
    # The server's socket is dual-stack, so IPv4 addresses are in the mapped form.
    assert local.count(f"[::ffff:10.77.0.1]:{PORT}") == HELD - 2
    assert local.count(f"[fd77::1]:{PORT}") == 2
    assert {row["state"] for row in entry["connection_details"]} == {"ESTAB"}
    vm.check("kill $(cat /tmp/holder)")
    vm.wait_until(f"[ $(cat /tmp/held.* | grep -c down) = {HELD} ]")
    assert daemon.entry()["connections"] == 0


def test_detach_leaves_nothing_in_the_kernel(vm, make_daemon):
    before = vm.check("tc qdisc show dev v0")
    daemon = make_daemon().start()
    names = "bpftool prog list; bpftool map list; bpftool link list"
    assert "v2m_" in vm.check(names)
    daemon.stop()
    assert vm.check(f"ls {PIN_DIR}").strip()
    daemon.detach()
    # The kernel frees a program, and with it its name, after a grace period of RCU.
    vm.wait_until(f"! {{ {names}; }} | grep -E 'v2m_|port_counters|port_slot|device_counter'")
    assert vm.run(f"ls {PIN_DIR}").status != 0
    assert vm.check("tc qdisc show dev v0") == before
    assert filters(vm) == []
    vm.check(EXCHANGE)


def test_the_client_prints_the_figures_of_the_api(vm, make_daemon):
    daemon = make_daemon().start()
    vm.write("/tmp/api_key", "of-the-virtual-machines")
    vm.check(EXCHANGE)
    text = vm.check("v2meterctl --url http://127.0.0.1:9469 --api-key-file /tmp/api_key "
                    f"--json show {KEY}")
    assert json.loads(text)["traffic"]["total_bytes"] == daemon.entry()["total_bytes"] > 800000
