# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Network namespaces with a wire between them, and the processes in them.

A Lab is a server and a client namespace joined by a veth pair, "up0" at both ends. All names contain the id
of this process. Lab.close() removes everything; the next run removes what a killed run left behind.
"""

import contextlib
import ctypes
import glob
import itertools
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

PREFIX = "v2m-e2e"
NETNS = pathlib.Path("/run/netns")
BPFFS = pathlib.Path("/sys/fs/bpf")
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None, use_errno=True)
numbers = itertools.count()


def wait_until(condition, timeout_s=30, what="the condition"):
    """Polls until the condition returns something true, and returns that."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: not within {timeout_s} s"
        time.sleep(0.02)


def run(*command, check=True, **options):
    made = subprocess.run([str(word) for word in command], text=True, capture_output=True,
                          timeout=60, **options)
    assert not check or made.returncode == 0, f"{command}: {made.returncode}: {made.stderr}"
    return made


def end_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A process whose output goes to a file. stop() ends it if it still runs."""

    def __init__(self, command, log, **options):
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as output:
            self.popen = subprocess.Popen([str(word) for word in command], stdout=output,
                                          stderr=output, stdin=subprocess.DEVNULL,
                                          preexec_fn=end_with_parent, **options)

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def said(self):
        return self.log.read_text(errors="replace")

    def wait(self, timeout_s=10):
        return self.popen.wait(timeout_s)

    def stop(self, number=signal.SIGTERM, timeout_s=10):
        if self.running():
            self.popen.send_signal(number)
        try:
            return self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise

    # After stop(): its default argument must not find this name in the class.
    def signal(self, number):
        self.popen.send_signal(number)


class Namespace:
    def __init__(self, name):
        self.name = name
        self.path = NETNS / name
        self.processes = []
        run("ip", "netns", "add", name)
        # No other host is on these wires, so the two seconds of duplicate address detection are not needed.
        self.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
        # If this machine is busy, TCP would take a late answer for a loss and send a segment again, and payload on
        # the wire includes that. Kernels before 6.11 do not have the second one.
        self.run("sysctl", "-eqw", "net.ipv4.tcp_early_retrans=0", "net.ipv4.tcp_rto_min_us=3000000")
        self.ip("link", "set", "lo", "up")

    # `ip netns exec` would mount another /sys, and with it another bpffs.
    def words(self, *command):
        return ["nsenter", f"--net={self.path}", "--", *command]

    def run(self, *command, **options):
        return run(*self.words(*command), **options)

    def ip(self, *words):
        return run("ip", "-n", self.name, *words)

    def start(self, *command, log, kind=Process, **options):
        process = kind(self.words(*command), log, **options)
        self.processes.append(process)
        return process

    @contextlib.contextmanager
    def entered(self):
        """Moves this thread into the namespace. A socket made meanwhile stays in it."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.setns(there, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            yield
        finally:
            if libc.setns(before, CLONE_NEWNET):
                os._exit(70)
            os.close(before)
            os.close(there)

    def socket(self, *options):
        with self.entered():
            return socket.socket(*options)

    def close(self):
        for process in reversed(self.processes):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.stop()
        run("ip", "netns", "delete", self.name, check=False)


def add_veth(here, name, there, other):
    run("ip", "link", "add", name, "netns", here.name, "type", "veth", "peer", "name", other,
        "netns", there.name)


class Lab:
    """The server has 10.77.0.1 and fd77::1, the client .2 and ::2. The default route is the wire."""

    SERVER = {4: "10.77.0.1", 6: "fd77::1"}
    CLIENT = {4: "10.77.0.2", 6: "fd77::2"}

    def __init__(self, directory):
        self.name = f"{PREFIX}-{os.getpid()}-{next(numbers)}"
        self.directory = pathlib.Path(directory)
        self.pin_dir = BPFFS / self.name
        self.server = Namespace(self.name + "-s")
        try:
            self.client = Namespace(self.name + "-c")
        except BaseException:
            self.server.close()
            raise
        self.wire()
        for end, own, other in ((self.server, self.SERVER, self.CLIENT),
                                (self.client, self.CLIENT, self.SERVER)):
            end.ip("address", "add", own[4] + "/24", "dev", "up0")
            end.ip("address", "add", own[6] + "/64", "dev", "up0", "nodad")
            end.ip("link", "set", "up0", "addrgenmode", "eui64", "up")
            end.ip("route", "add", "default", "via", other[4])
            end.ip("-6", "route", "add", "default", "via", other[6])
        wait_until(lambda: "tentative" not in self.server.ip("address").stdout +
                   self.client.ip("address").stdout, what="addresses without a duplicate")

    def wire(self):
        """Makes up0 at both ends."""
        add_veth(self.server, "up0", self.client, "up0")

    def offloads(self, on):
        """Turns offloads on, which is the default of veth, or off. If off, each frame of the wire is one packet."""
        value = "on" if on else "off"
        for end in (self.server, self.client):
            end.run("ethtool", "-K", "up0", "tso", value, "gso", value, "tx", value, "sg", value)

    def retransmit_soon(self):
        """As by default, for tests that lose segments."""
        for end in (self.server, self.client):
            end.run("sysctl", "-eqw", "net.ipv4.tcp_early_retrans=3", "net.ipv4.tcp_rto_min_us=200000")

    def link_local(self, end):
        return re.search(r"inet6 (fe80::[0-9a-f:]+)/", end.ip("address", "show", "up0").stdout)[1]

    def close(self):
        self.client.close()
        self.server.close()
        remove_pins(self.pin_dir)


def remove_pins(directory):
    if directory.is_dir():
        shutil.rmtree(directory)


def clean_up_after_the_dead():
    """Removes namespaces and pins of killed runs: those that have the id of an ended process in their names."""
    for path in glob.glob(f"{NETNS}/{PREFIX}-*") + glob.glob(f"{BPFFS}/{PREFIX}-*"):
        pid = pathlib.Path(path).name[len(PREFIX) + 1:].split("-")[0]
        if pathlib.Path("/proc", pid).exists():
            continue
        if path.startswith(str(NETNS)):
            run("ip", "netns", "delete", pathlib.Path(path).name, check=False)
        else:
            remove_pins(pathlib.Path(path))
