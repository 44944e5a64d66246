# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A container: a namespace behind the lab's server, which forwards for it."""

import contextlib

from support.lab import Namespace, add_veth

BOX, BOX_SIDE = "172.17.0.2", "172.17.0.1"


@contextlib.contextmanager
def container(lab):
    box = Namespace(f"{lab.name}-b")
    try:
        add_veth(lab.server, "docker0", box, "eth0")
        lab.server.ip("address", "add", BOX_SIDE + "/16", "dev", "docker0")
        lab.server.ip("link", "set", "docker0", "up")
        box.ip("address", "add", BOX + "/16", "dev", "eth0")
        box.ip("link", "set", "eth0", "up")
        box.ip("route", "add", "default", "via", BOX_SIDE)
        lab.server.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        yield box
    finally:
        box.close()
