# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The least sufficient set of capabilities: the table in docs/capabilities.md."""

import pytest

from daemon import PIN_DIR, PORT, Daemon, GuestCapture, assert_equal, grown

EXCHANGE = f"ip netns exec peer traffic tcp 10.77.0.1 {PORT} 100000 200000"


LEAST_SET = ["net_admin", "bpf", "perfmon"]


def depends_on_the_build(kernel, capability):
    """Without it, 6.12 and newer have refused one build of the programs and accepted another."""
    return capability == "perfmon" and kernel.version >= (6, 12)


def sees_fragments(kernel):
    """Programs of the type fentry do not attach on arm64 with Linux 6.1."""
    return kernel.arch == "amd64" or kernel.version > (6, 1)


def confined(vm, capabilities, memlock="unlimited", **members):
    """A daemon run by root with only these capabilities. memlock: KiB that it may lock."""
    chosen = "".join(f",+{name}" for name in capabilities)
    return Daemon(vm, prefix=f"ulimit -l {memlock}; "
                             f"exec setpriv --bounding-set=-all{chosen} --inh-caps=-all", **members)


def mode_with(vm, *arguments):
    """The mode in which a daemon with these capabilities counts."""
    daemon = confined(vm, *arguments)
    try:
        return daemon.start().entry()["accounting"]["mode"]
    finally:
        daemon.prefix = ""
        daemon.remove()


def test_the_least_set_suffices_for_all_the_daemon_does(vm, kernel, veth):
    daemon = confined(vm, LEAST_SET)
    try:
        daemon.start()
        assert daemon.get("/api/meter/status")["fragments"]["observed"] == sees_fragments(kernel), daemon.said()
        before = daemon.figures()
        capture = GuestCapture(vm, "r0", namespace="peer")
        vm.check(EXCHANGE)
        daemon.kill()
        vm.check(EXCHANGE)
        daemon.start()
        assert_equal(grown(before, daemon.figures()), capture.stop())
        daemon.stop()
        daemon.detach()
        assert vm.run("ls /sys/fs/bpf/v2meter").status != 0
    finally:
        daemon.prefix = ""
        daemon.remove()


@pytest.mark.parametrize("attach", ["auto", "clsact"])
def test_the_least_set_suffices_for_an_upgrade_and_a_repair(vm, kernel, veth, attach):
    """Only CAP_SYS_ADMIN may open BTF and unpinned objects by id, so neither must be needed."""
    daemon = confined(vm, LEAST_SET, attach=attach)
    try:
        daemon.start()
        before = daemon.figures()
        capture = GuestCapture(vm, "r0", namespace="peer")
        vm.check(EXCHANGE)
        daemon.kill()
        vm.check(f"mv {PIN_DIR}/v4 {PIN_DIR}/v77")
        vm.check(EXCHANGE)
        daemon.start()
        assert "carried over the counts of the previous version" in daemon.said()
        vm.check(f"rm {PIN_DIR}/v4/*gress")
        daemon.kill()
        daemon.start()
        vm.check(EXCHANGE)
        assert_equal(grown(before, daemon.figures()), capture.stop())
    finally:
        daemon.prefix = ""
        daemon.remove()


def test_one_capability_less_does_not_suffice(vm, kernel, veth):
    for missing in LEAST_SET:
        if depends_on_the_build(kernel, missing):
            continue
        fewer = [name for name in LEAST_SET if name != missing]
        assert mode_with(vm, fewer) == "socket_stats", f"{missing} is not needed"


def test_sys_admin_stands_for_bpf_and_perfmon(vm, kernel, veth):
    assert mode_with(vm, ["net_admin", "sys_admin"]) == "ebpf"
    assert mode_with(vm, ["net_admin"]) == "socket_stats"


def test_locked_memory_is_limited_only_before_5_11(vm, kernel, veth):
    """Since 5.11 a map's memory is charged to the control group."""
    wanted = "ebpf" if kernel.version >= (5, 11) else "socket_stats"
    assert mode_with(vm, LEAST_SET, 64) == wanted
