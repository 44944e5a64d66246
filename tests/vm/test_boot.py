# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The conditions that all other tests on a machine rely on."""

import network


def test_the_guest_runs_the_chosen_kernel(vm, kernel):
    assert vm.check("uname -r").strip() == kernel.release


def test_a_failing_command_fails_here(vm):
    result = vm.run("echo said; exit 7")
    assert (result.status, result.output) == (7, "said\n")


def test_the_kernel_has_what_the_programs_need(vm):
    vm.check("test -s /sys/kernel/btf/vmlinux")
    vm.check("grep -q ' /sys/fs/bpf bpf ' /proc/mounts")
    for module in ("veth", "cls_bpf", "sch_ingress", "tcp_diag", "udp_diag"):
        vm.check(f"test -d /sys/module/{module}")
    # The command fails, since there is no object, but not because the filter type is unknown.
    assert "Unknown" not in vm.run("tc filter add dev lo ingress bpf object-pinned /nothing").output


def test_the_guest_reaches_the_peer_over_virtio(vm, wire):
    wire = network.need(wire)
    wire.set_up_guest(vm)
    vm.wait_until(f"ping -c 1 -W 1 {network.PEER}")
    vm.wait_until(f"ping -6 -c 1 -W 1 {network.PEER6}")
