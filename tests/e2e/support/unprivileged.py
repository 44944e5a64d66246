# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""v2meterd as root without the capabilities that eBPF needs, and with less than that."""

import pathlib
import sys

from support.daemon import Daemon

EVERYTHING = "-bpf,-net_admin,-sys_admin,-perfmon"
NETLINK_SOCK_DIAG = 4
REFUSE_SOCKET = pathlib.Path(__file__).with_name("refuse_socket.py")


class Unprivileged(Daemon):
    """A daemon without eBPF. allow() gives the capabilities to the next start."""

    prefix = ["setpriv", "--bounding-set", EVERYTHING, "--inh-caps", EVERYTHING]

    def allow(self):
        self.prefix = []


class WithoutBpf(Unprivileged):
    """A daemon that may do everything but load programs."""

    prefix = ["setpriv", "--bounding-set", "-bpf,-sys_admin", "--inh-caps", "-bpf,-sys_admin"]


class Blind(Unprivileged):
    """A daemon that may not use sock_diag either, and so lacks the sockets' own counters."""

    error = "EPERM"

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.prefix = [sys.executable, REFUSE_SOCKET, NETLINK_SOCK_DIAG, self.error, *self.prefix]

    def is_ready(self):
        return "serves on" in self.said() or super().is_ready()


class WithoutDiag(Blind):
    """A daemon on a kernel without sock_diag. It reads connections from /proc."""

    error = "EPROTONOSUPPORT"
