# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs the stand-in for Xray's API in the lab's server namespace."""

import json
import pathlib
import uuid

from support.lab import wait_until

STANDIN = pathlib.Path(__file__).resolve().parent / "xray_standin.py"
ALICE, BOB, CAROL = ([str(uuid.uuid4()), f"{name}@example.com"] for name in ("alice", "bob", "carol"))


class Standin:
    def __init__(self, lab, address, **state):
        self.lab, self.address = lab, address
        self.path = lab.directory / "standin.json"
        self.state = {"inbounds": [], **state}
        self.write()
        self.start()

    def write(self):
        made = self.path.with_suffix(".new")
        made.write_text(json.dumps(self.state))
        made.rename(self.path)

    def start(self):
        log = self.lab.directory / "standin.log"
        self.process = self.lab.server.start("/usr/bin/python3", STANDIN, self.address, self.path, log=log)
        wait_until(lambda: "ready" in log.read_text(), what="the stand-in")

    def stop(self):
        self.process.stop()

    def set_users(self, tag, *users):
        for inbound in self.state["inbounds"]:
            if inbound["tag"] == tag:
                inbound["users"] = list(users)
        self.write()

    def misbehave(self, fault):
        self.state["fault"] = fault
        self.write()


def inbound(tag, port, *users, protocol="vless", configured=(), **others):
    return {"tag": tag, "port": port, "protocol": protocol, "configured": list(configured), "users": list(users),
            **others}
