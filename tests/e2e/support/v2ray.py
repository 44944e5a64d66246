# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A real V2Ray server and client with a key for each transport, and a web server behind them."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import uuid

import pytest

from support.lab import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = pathlib.Path(os.environ.get("V2M_V2RAY", ROOT / "build/v2ray/usr/bin/v2ray"))
WEB = ("127.0.0.2", 8080)
KINDS = ("vmess-tcp", "vless-tcp", "vmess-mkcp")


class Key:
    def __init__(self, kind, port):
        self.kind, self.port = kind, port
        self.id, self.uuid = str(uuid.uuid4()), str(uuid.uuid4())
        self.name = f"{kind}@example.com"
        self.protocol = kind.split("-")[0]
        self.network = "mkcp" if kind.endswith("mkcp") else "tcp"
        self.transport = "udp" if kind.endswith("mkcp") else "tcp"

    def entry(self):
        """The key as an object of a key file."""
        return {"id": self.id, "name": self.name, "uuid": self.uuid, "port": self.port,
                "is_active": True, "created_at": "2025-08-04T14:34:13.878594",
                "transport": self.transport}

    def inbound(self):
        settings = {"clients": [{"id": self.uuid, "alterId": 0, "email": self.name}]}
        if self.protocol == "vless":
            settings["decryption"] = "none"
        return {"tag": self.kind, "listen": "::", "port": self.port, "protocol": self.protocol,
                "settings": settings, "streamSettings": {"network": self.network}}

    def outbound(self, address):
        user = {"id": self.uuid, "alterId": 0, "security": "auto"}
        if self.protocol == "vless":
            user = {"id": self.uuid, "encryption": "none"}
        return {"tag": self.kind, "protocol": self.protocol,
                "settings": {"vnext": [{"address": address, "port": self.port, "users": [user]}]},
                "streamSettings": {"network": self.network}}


class V2Ray:
    """The server in the lab's server namespace, a client with a SOCKS port per key in the client's."""

    def __init__(self, lab, version=4, keys=None):
        self.lab = lab
        self.keys = keys or [Key(kind, 10001 + number) for number, kind in enumerate(KINDS)]
        self.start_web()
        self.server = self.start(lab.server, "server", self.server_config())
        self.client = self.start(lab.client, "client", self.client_config(lab.SERVER[version]))
        for key in self.keys:
            wait_until(lambda: self.listens(lab.client, self.socks(key)), what="v2ray's client")
        wait_until(lambda: all(self.listens(lab.server, key.port) for key in self.keys
                               if key.transport == "tcp"), what="v2ray's server")

    def key(self, kind):
        return next(key for key in self.keys if key.kind == kind)

    def socks(self, key):
        return 11001 + self.keys.index(key)

    def server_config(self):
        return {"log": {"loglevel": "warning"}, "outbounds": [{"protocol": "freedom"}],
                "inbounds": [key.inbound() for key in self.keys]}

    def client_config(self, address):
        return {"log": {"loglevel": "warning"},
                "inbounds": [{"tag": "in-" + key.kind, "listen": "127.0.0.1", "protocol": "socks",
                              "port": self.socks(key)} for key in self.keys],
                "outbounds": [key.outbound(address) for key in self.keys],
                "routing": {"rules": [{"type": "field", "inboundTag": ["in-" + key.kind],
                                       "outboundTag": key.kind} for key in self.keys]}}

    def start(self, namespace, name, config):
        need()
        path = self.lab.directory / f"v2ray-{name}.json"
        path.write_text(json.dumps(config, indent=1))
        return namespace.start(BINARY, "-config", path, log=path.with_suffix(".log"))

    def start_web(self):
        """Serves files of an exact size: /1048576 has that many bytes. It listens on the loopback device of the
        server's namespace, so what V2Ray fetches from it passes no device that is counted."""
        self.web = self.lab.server.start(sys.executable, ROOT / "scripts/demo-web.py",
                                         *map(str, WEB), log=self.lab.directory / "web.log")
        wait_until(lambda: self.listens(self.lab.server, WEB[1], WEB[0]), what="the web server")

    @staticmethod
    def listens(namespace, port, address="127.0.0.1"):
        with namespace.socket(socket.AF_INET) as probe:
            return probe.connect_ex((address, port)) == 0

    def curl(self, key, path):
        return ["curl", "-sS", "--max-time", "120", "--socks5", f"127.0.0.1:{self.socks(key)}",
                "-o", "/dev/null", "-w", "%{size_download}", f"http://{WEB[0]}:{WEB[1]}/{path}"]

    def download(self, key, size):
        """Downloads exactly size bytes with the key."""
        got = self.lab.client.run(*self.curl(key, size)).stdout
        assert got == str(size), f"{got} bytes instead of {size}"

    def start_download(self, key, size, rate):
        """Downloads in the background at rate bytes a second. The web server keeps the rate, because V2Ray would buffer
        what a slow curl does not read."""
        return self.lab.client.start(*self.curl(key, f"{size}?{rate}"),
                                     log=self.lab.directory / "curl.log")

    def stop(self):
        """Ends both sides, the client first. Afterwards nothing is on the wire."""
        self.client.stop(signal.SIGTERM)
        self.server.stop(signal.SIGTERM)


def need():
    """Skips the test if there is no v2ray."""
    if not BINARY.exists():
        pytest.skip(f"no v2ray at {BINARY}: scripts/setup --v2ray")


def version():
    """The version of v2ray. Skips the test if there is none."""
    need()
    return subprocess.run([BINARY, "-version"], text=True, capture_output=True,
                          timeout=30).stdout.split()[1]
