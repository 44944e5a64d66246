# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The other end of the guest's NIC, in two network namespaces of this machine.

    guest eth0 === tap0 [router] q0 --- r0 [peer]

q0 and r0 have no offloads, so the frames on r0 are those of a wire. tap0 has all offloads, so the
guest's virtio-net device receives super-packets and may send them.
"""

import contextlib
import json
import os
import signal
import subprocess

import pytest

GUEST = "10.78.0.2"
ROUTER = "10.78.0.1"
PEER = "10.78.1.2"
GUEST6 = "fd78::2"
PEER6 = "fd78:1::2"
# For a device that passes frames as they are on a wire.
NO_OFFLOADS = "tso off gso off gro off tx-udp-segmentation off"


class Unavailable(Exception):
    """This machine cannot make the namespaces or the tap device; the text says why."""


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60,
                          **options)


class Running:
    """A process in a namespace that prints READY first, and maybe a report at its end."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        stdin=subprocess.PIPE, text=True)
        first = self.process.stdout.readline()
        if first.strip() != "READY":
            self.process.kill()
            raise AssertionError(f"{command}: {first}{self.process.stdout.read()}")

    def stop(self):
        """Ends it by SIGTERM. Returns what it printed after READY."""
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=30)
        return output


class Wire:
    def __init__(self, traffic):
        self.traffic = str(traffic)
        self.router = f"v2mvm{os.getpid()}a"
        self.peer = f"v2mvm{os.getpid()}b"

    def __enter__(self):
        if os.geteuid() != 0:
            raise Unavailable("network namespaces need root")
        if not os.path.exists("/dev/net/tun"):
            raise Unavailable("no /dev/net/tun")
        try:
            self._make()
        except subprocess.CalledProcessError as error:
            self._remove()
            raise Unavailable(f"{' '.join(error.cmd)}: {error.stderr.strip()}") from error
        return self

    def __exit__(self, *_):
        self._remove()

    def _make(self):
        def must(text):
            done = run(*text.split())
            if done.returncode != 0:
                raise subprocess.CalledProcessError(done.returncode, text.split(),
                                                    stderr=done.stderr)
        a, b = self.router, self.peer
        for text in (
                f"ip netns add {a}", f"ip netns add {b}",
                f"ip -n {a} tuntap add dev tap0 mode tap vnet_hdr",
                f"ip -n {a} link add q0 type veth peer name r0 netns {b}",
                f"ip netns exec {a} ethtool -K q0 {NO_OFFLOADS}",
                f"ip netns exec {b} ethtool -K r0 {NO_OFFLOADS}",
                # Joins the peer's single packets into super-packets for the guest.
                f"ip netns exec {a} ethtool -K q0 gro on",
                f"ip netns exec {a} sysctl -qw net.ipv4.ip_forward=1",
                f"ip netns exec {a} sysctl -qw net.ipv6.conf.all.forwarding=1",
                f"ip -n {a} addr add {ROUTER}/24 dev tap0",
                f"ip -n {a} addr add fd78::1/64 dev tap0 nodad",
                f"ip -n {a} addr add 10.78.1.1/24 dev q0",
                f"ip -n {a} addr add fd78:1::1/64 dev q0 nodad",
                f"ip -n {b} addr add {PEER}/24 dev r0",
                f"ip -n {b} addr add {PEER6}/64 dev r0 nodad",
                f"ip -n {a} link set tap0 up", f"ip -n {a} link set q0 up",
                f"ip -n {b} link set lo up", f"ip -n {b} link set r0 up",
                f"ip -n {b} route add default via 10.78.1.1",
                f"ip -n {b} -6 route add default via fd78:1::1"):
            must(text)

    def _remove(self):
        for name in (self.router, self.peer):
            run("ip", "netns", "del", name)

    def for_qemu(self):
        """How to start a machine on this wire: a prefix of its command, and arguments."""
        return (("ip", "netns", "exec", self.router),
                ("-netdev", "tap,id=wire,ifname=tap0,script=no,downscript=no,vnet_hdr=on",
                 "-device", "virtio-net-pci,netdev=wire,mac=52:54:00:76:32:6d,romfile="))

    def set_up_guest(self, vm):
        """Sets addresses and the default route; eth0 becomes the guest's uplink."""
        vm.check(f"ip addr replace {GUEST}/24 dev eth0; ip link set eth0 up; "
                 f"ip addr replace {GUEST6}/64 dev eth0 nodad; "
                 f"ip route replace default via {ROUTER}; "
                 "ip -6 route replace default via fd78::1")

    @contextlib.contextmanager
    def set_to(self, vm, mtu, offloads):
        """Sets another MTU from end to end. Without offloads there are no super-packets."""
        try:
            self._set_mtu(vm, mtu)
            if not offloads:
                vm.check(f"ethtool -K eth0 {NO_OFFLOADS}")
                self._set_offloads(NO_OFFLOADS)
            yield
        finally:
            self._set_mtu(vm, 1500)
            # An offload that this kernel or qemu does not have stays off.
            vm.check(f"ethtool -K eth0 {NO_OFFLOADS.replace('off', 'on')}")
            self._set_offloads(NO_OFFLOADS.replace("off", "on"))

    def _set_mtu(self, vm, mtu):
        for name, device in ((self.router, "tap0"), (self.router, "q0"), (self.peer, "r0")):
            done = run("ip", "-n", name, "link", "set", device, "mtu", str(mtu))
            assert done.returncode == 0, done.stderr
        vm.check(f"ip link set eth0 mtu {mtu}")

    def _set_offloads(self, offloads):
        done = run("ip", "netns", "exec", self.router, "ethtool", "-K", "tap0", *offloads.split())
        assert done.returncode == 0, done.stderr

    def in_peer(self, *command):
        return ("ip", "netns", "exec", self.peer, *command)

    def capture(self, port):
        return Running(self.in_peer(self.traffic, "capture", "r0", str(port)))

    def serve(self, port):
        return Running(self.in_peer(self.traffic, "serve", str(port)))

    def client(self, *arguments):
        """Runs traffic tcp or udp in the peer. Returns its report."""
        done = run(*self.in_peer(self.traffic, *(str(a) for a in arguments)))
        if done.returncode != 0:
            raise AssertionError(f"{arguments}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)


def need(wire):
    """The wire. Skips the test if there is none."""
    if isinstance(wire, str):
        pytest.skip(wire)
    return wire
