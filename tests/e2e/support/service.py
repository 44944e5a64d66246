# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""v2meterd as the service of a machine, and its API."""

import json

from support.daemon import Daemon
from support.lab import wait_until

UNIT = "v2meterd.service"


class Service(Daemon):
    """Is asked like any daemon. systemd of the machine starts and stops it."""

    def __init__(self, machine, keys):  # pylint: disable=super-init-not-called
        self.machine, self.lab = machine, machine.lab
        self.config = {"listen": f"127.0.0.1:{self.PORT}"}
        self.state_dir = machine.tree / "var/lib/v2meter"
        self.key_file = machine.tree / "etc/v2meter/keys.json"
        self.key_file.parent.mkdir(parents=True, exist_ok=True)
        self.write_keys(keys)

    def ctl(self, verb):
        self.machine.run("systemctl", verb, UNIT)
        return self

    def start(self):
        return self.ctl("start")

    def said(self):
        return self.machine.journal(UNIT)

    def processes(self):
        return self.machine.processes(UNIT)

    def is_ready(self):
        try:
            return self.ask("GET", "/healthz", headers={}).status == 200
        except OSError:
            return False

    def wait_ready(self):
        wait_until(self.is_ready, timeout_s=20, what="GET /healthz")

    def write_settings(self, **members):
        (self.machine.tree / "etc/v2meter/v2meter.json").write_text(json.dumps(members))
