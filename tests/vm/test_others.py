# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Queue disciplines and filters of other programs: they stay as they are, and we count beside them."""

import pytest

from daemon import PORT, Daemon, assert_equal, exchange, grown

EXCHANGE = f"tcp 10.77.0.1 {PORT} 200000 300000"
HTB = ("tc qdisc replace dev v0 root handle 1: htb default 10; "
       "tc class add dev v0 parent 1: classid 1:10 htb rate 200mbit; "
       "tc qdisc add dev v0 parent 1:10 fq")
# Filters by priority, set on both hooks. "continue" is UNSPEC. The dropped packets belong to no key.
# On clsact, a filter that lets a packet pass ends the walk.
FILTERS = {
    "continue_and_drop": {1: "matchall action continue",
                          77: "u32 match ip protocol 253 0xff action drop"},
    "pass": {1: "matchall action pass", 77: "matchall action continue"},
}


@pytest.fixture(scope="module", autouse=True)
def modules(vm):
    vm.check("/v2m/load-modules sch_fq sch_htb act_gact cls_matchall cls_u32")


@pytest.fixture
def clean(vm, veth):
    """Removes all queue disciplines from v0, before and after the test."""
    clear = "tc qdisc del dev v0 root; tc qdisc del dev v0 clsact; true"
    vm.check(clear)
    yield
    vm.check(clear)


def settings(vm):
    """The configuration of v0 by other programs, without the counters that traffic changes."""
    return vm.check("tc qdisc show dev v0; tc class show dev v0; "
                    "for hook in ingress egress; do tc filter show dev v0 $hook; done")


def counts_exactly(vm, daemon):
    before = daemon.figures()
    _, captured = exchange(vm, EXCHANGE)
    assert_equal(grown(before, daemon.figures()), captured)


def test_a_shaper_stays_and_what_it_shapes_is_counted(vm, clean):
    vm.check(HTB)
    before = settings(vm)
    daemon = Daemon(vm)
    try:
        daemon.start()
        counts_exactly(vm, daemon)
    finally:
        daemon.remove()
    assert settings(vm) == before


@pytest.mark.parametrize("filters", FILTERS)
def test_filters_of_others_stay_and_do_not_starve_ours(vm, kernel, clean, filters):
    vm.check("tc qdisc add dev v0 clsact")
    for hook in ("ingress", "egress"):
        for priority, text in FILTERS[filters].items():
            vm.check(f"tc filter add dev v0 {hook} prio {priority} protocol ip {text}")
    before = settings(vm)
    theirs = [line for line in before.splitlines() if line.startswith("filter")]
    daemon = Daemon(vm)
    try:
        daemon.start()
        assert all(line in settings(vm) for line in theirs)
        # On clsact, a filter with the first priority that ends the walk hides packets from ours.
        if kernel.version >= (6, 6) or filters != "pass":
            counts_exactly(vm, daemon)
    finally:
        daemon.remove()
    assert settings(vm) == before
