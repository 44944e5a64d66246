# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A port that users share, and the access log that tells them apart."""

import json
import time
import uuid

import rig


class SharedPort:
    """The configuration and the access log of an Xray whose users share the first port."""

    def __init__(self, lab, n_users):
        self.lab, self.log, self.config = lab, lab.directory / "access.log", lab.directory / "xray.json"
        self.names = [f"{i}.user{i}@example.com" for i in range(n_users)]
        clients = [{"id": str(uuid.uuid4()), "email": name} for name in self.names]
        self.config.write_text(json.dumps({
            "log": {"access": str(self.log)}, "outbounds": [{"tag": "direct", "protocol": "freedom"}],
            "inbounds": [{"tag": "in", "port": rig.FIRST_PORT, "protocol": "vless",
                          "settings": {"clients": clients, "decryption": "none"}}]}))
        self.log.write_text("")
        self.lines = []

    def name_connections(self, count):
        """Writes a line for each connection, as the proxy does when the client has said who it is. Each is a
        user's. count: so many are expected."""
        made = self.lab.server.run("ss", "-Htn", "state", "established", f"sport = :{rig.FIRST_PORT}").stdout
        peers = [line.split()[-1] for line in made.splitlines()]
        assert len(peers) == count, len(peers)
        self.lines = [f"from {peer} accepted tcp:203.0.113.7:443 [in >> direct] email: "
                      f"{self.names[i % len(self.names)]}\n" for i, peer in enumerate(peers)]
        self.write(self.lines)

    def write(self, lines):
        now = time.strftime("%Y/%m/%d %H:%M:%S.000000 ")
        with self.log.open("a") as file:
            file.write("".join(now + line for line in lines))

    def go_on(self, count):
        """Writes the next lines again: so many users open something through a connection that they have (mux)."""
        self.write(self.lines[:count])
        self.lines = self.lines[count:] + self.lines[:count]
