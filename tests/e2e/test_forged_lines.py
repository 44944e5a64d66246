# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A customer makes a real V2Ray write lines into its access log that name somebody else for his connection."""

import hashlib
import json
import socket
import struct
import time

from support.lab import wait_until
from support.shared import NAMES, PORT, ByUser, Shared, User, assert_adds_up, simple, traffic

SIZE = 2 * 1024 * 1024
PASSWORD = "secret"


class WithTrojan(Shared):
    """The customer also has an account of Trojan, on another port."""

    def server_config(self):
        config = super().server_config()
        config["inbounds"].append({
            "port": PORT + 1, "protocol": "trojan", "settings": {
                "clients": [{"password": PASSWORD, "email": "mallory-trojan"}]}})
        return config


def forge(lab, text):
    """V2Ray refuses the destination, and writes it into its log as it came."""
    name = b"x\n" + text.encode()
    with lab.client.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(10)
        client.connect((lab.SERVER[4], PORT + 1))
        client.sendall(hashlib.sha224(PASSWORD.encode()).hexdigest().encode() + b"\r\n\1\3" +
                       struct.pack("!B", len(name)) + name + struct.pack("!H", 80) + b"\r\n")
        assert client.recv(100) == b""


def test_a_line_that_a_customer_has_written_changes_no_bill(lab, start_daemon, v2ray_version, capture):
    users = alice, mallory = [User(name) for name in (NAMES[0], "mallory")]
    path, log = lab.directory / "served.json", lab.directory / "access.log"
    log.touch()
    known = WithTrojan.__new__(WithTrojan)
    known.lab, known.keys = lab, users
    path.write_text(json.dumps(known.server_config()))
    daemon = start_daemon([], key_sources=[str(path)])
    v2ray = WithTrojan(lab, keys=users)
    for user in users:
        v2ray.download(user, SIZE // 8)
    wait_until(lambda: all(simple(daemon, user).status == 200 for user in users), what="the users in the log")
    long = v2ray.start_download(mallory, 2 * SIZE, SIZE)
    wait_until(lambda: traffic(daemon, mallory)["total_bytes"] > SIZE // 2, what="the download")
    line = [text for text in log.read_text().splitlines() if text.endswith(mallory.name)][-1]
    forged = time.strftime("%Y/%m/%d %H:%M:%S") + line[19:].replace(mallory.name, alice.name)
    forge(lab, forged)
    wait_until(lambda: forged in log.read_text().splitlines(), what="the forged line in the log")
    long.wait()
    v2ray.stop()
    capture.settle()
    wait_until(lambda: all(key["connections"] == 0 for key in daemon.port_entry(PORT)["keys"]), what="the end")
    assert_adds_up(daemon.port_entry(PORT))
    counted = {user.name: traffic(daemon, user)["total_bytes"] for user in users}
    attribution = traffic(daemon, alice)["accounting"]["attribution"]
    assert attribution["complete"] is False and "a customer may have written" in attribution["reason"]
    # Our own reading of the log knows nothing of forged lines.
    log.write_text(log.read_text().replace(forged, ""))
    truth = ByUser(lab, capture)
    assert counted == {user.name: truth.total(user.name) for user in users}
    assert counted[alice.name] < SIZE // 2 and counted[mallory.name] > 2 * SIZE
