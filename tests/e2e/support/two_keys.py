# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Two keys, a flood of UDP that is counted where it is sent, and the figures that the daemon has for it."""

import json
import pathlib
import re
import signal
import sys

from support.lab import Lab, wait_until

PORT, OTHER_PORT = 10001, 10002
UUID = "6d7e1c4a-0b1f-4b52-9d0e-0f2a4f6f3b11"
OTHER_UUID = "9b1c2d3e-4f50-4a61-8b72-93a4b5c6d7e8"
FLOOD = pathlib.Path(__file__).with_name("flood.py")


def key(key_id, uuid, port):
    return {"id": key_id, "uuid": uuid, "name": key_id, "port": port}


KEYS = [key("first", UUID, PORT), key("second", OTHER_UUID, OTHER_PORT)]


class Flood:
    """UDP from the server's port to the client."""

    def __init__(self, lab, port=PORT, name="flood", pause_every=50):
        self.process = lab.server.start(sys.executable, FLOOD, Lab.SERVER[4], port, Lab.CLIENT[4],
                                        pause_every, log=lab.directory / name)
        wait_until(lambda: "ready" in self.process.said(), what="the flood")

    def end(self):
        self.process.stop()
        return json.loads(self.process.said().splitlines()[-1])


def tx(daemon, port=PORT):
    return daemon.port_entry(port)["tx_bytes"]


def changes(daemon):
    """How many times the daemon has said that other keys are active."""
    return len(re.findall(r" \d+ keys? on \d+ ports?$", daemon.said(), re.MULTILINE))


def give_keys(daemon, keys):
    """Makes the change without a reading before it. The change itself has to account the bytes up to then. A question
    to the daemon would be such a reading, so the log tells when the keys have changed."""
    same = json.loads(daemon.key_file.read_text()) == keys
    before = changes(daemon)
    daemon.write_keys(keys)
    daemon.process.signal(signal.SIGHUP)
    owners = {str(entry["port"]): entry["id"] for entry in keys if entry["port"]}
    wait_until(lambda: same or changes(daemon) > before, what="the new keys")
    assert {port: entry["key_id"] for port, entry in daemon.simple()["data"]["ports"].items()} == owners


def give_port(daemon, key_id):
    """Gives the port to that key; the other key has none."""
    uuids = {"first": UUID, "second": OTHER_UUID}
    give_keys(daemon, [key(name, uuid, PORT if name == key_id else None)
                       for name, uuid in uuids.items()])
