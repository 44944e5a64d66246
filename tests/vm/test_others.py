# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Beside other people's queueing disciplines and filters: theirs stay, and ours counts."""

import pytest

from daemon import PORT, Daemon, GuestCapture, Server, assert_equal, grown

EXCHANGE = f"ip netns exec peer traffic tcp 10.77.0.1 {PORT} 200000 300000"
SHAPERS = {
    "fq": "tc qdisc replace dev v0 root fq",
    "htb": "tc qdisc replace dev v0 root handle 1: htb default 10; "
           "tc class add dev v0 parent 1: classid 1:10 htb rate 200mbit; "
           "tc qdisc add dev v0 parent 1:10 fq",
}
# Each at two priorities and on both hooks; a filter whose action is to let the packet pass ends
# the walk on clsact, and "continue" is UNSPEC.
FILTERS = {
    "pass": "action pass", "continue": "action continue",
    "drop_others": "action drop",
}


@pytest.fixture(scope="module")
def veth(vm):
    vm.check("/v2m/load-modules sch_fq sch_htb act_gact cls_matchall cls_u32")
    vm.check("/v2m/topology veth")
    server = Server(vm)
    yield
    server.stop()
    vm.check("/v2m/topology down")


@pytest.fixture
def clean(vm, veth):
    """v0 without any discipline of the test's, before and after it."""
    clear = "tc qdisc del dev v0 root; tc qdisc del dev v0 clsact; true"
    vm.check(clear)
    yield
    vm.check(clear)


def settings(vm):
    """What others have set up on v0, without the figures that traffic changes."""
    return vm.check("tc qdisc show dev v0; tc class show dev v0; "
                    "for hook in ingress egress; do tc filter show dev v0 $hook; done")


def counts_exactly(vm, daemon):
    before = daemon.figures()
    capture = GuestCapture(vm, "r0", namespace="peer")
    vm.check(EXCHANGE)
    assert_equal(grown(before, daemon.figures()), capture.stop())


@pytest.mark.parametrize("shaper", SHAPERS)
def test_a_shaper_stays_and_what_it_shapes_is_counted(vm, clean, shaper):
    vm.check(SHAPERS[shaper])
    before = settings(vm)
    daemon = Daemon(vm)
    try:
        daemon.start()
        counts_exactly(vm, daemon)
        daemon.stop()
    finally:
        daemon.remove()
    assert settings(vm) == before


@pytest.mark.parametrize("attach", ["auto", "clsact"])
@pytest.mark.parametrize("action", FILTERS)
def test_filters_of_others_stay_and_do_not_starve_ours(vm, kernel, clean, action, attach):
    if attach == "clsact" and kernel.version < (6, 6):
        pytest.skip("auto is clsact on this kernel")
    vm.check("tc qdisc add dev v0 clsact")
    for hook in ("ingress", "egress"):
        for priority in (1, 77):
            # What is dropped is of no key of ours.
            match = "u32 match ip protocol 253 0xff" if action == "drop_others" else "matchall"
            vm.check(f"tc filter add dev v0 {hook} prio {priority} protocol ip {match} "
                     f"{FILTERS[action]}")
    before = settings(vm)
    daemon = Daemon(vm, attach=attach)
    try:
        daemon.start()
        theirs = [line for line in before.splitlines() if line.startswith("filter")]
        assert all(line in settings(vm) for line in theirs)
        reaches_us = attach == "auto" and kernel.version >= (6, 6) or action != "pass"
        if reaches_us:
            counts_exactly(vm, daemon)
        daemon.stop()
    finally:
        daemon.remove()
    assert settings(vm) == before
