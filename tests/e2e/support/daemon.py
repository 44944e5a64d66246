# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""v2meterd in a namespace, and its API."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket

from support.lab import Process, run, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("V2M_BUILD", ROOT / "build-debug"))
BINARY = BUILD / "v2meterd"
FINDING = re.compile(r"(ERROR: \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer).*")
FRESH = {"Cache-Control": "no-cache"}


def children_of(daemon, name):
    """The pids of the daemon's child processes with that name."""
    pid = daemon.process.pid
    found = []
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == name:
                found.append(int(child))
    return found


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)


class Daemon:
    """A daemon for the lab's server namespace. Keyword arguments become members of its configuration."""

    PORT = 9469
    prefix = []  # a command prefix for the start

    def __init__(self, lab, keys, name="daemon", environment=None, **members):
        self.lab = lab
        self.directory = lab.directory / name
        self.directory.mkdir()
        self.key_file = self.directory / "keys.json"
        self.config_file = self.directory / "v2meterd.json"
        self.log = self.directory / "log"
        self.state_dir = self.directory / "state"
        self.environment = dict(os.environ, **(environment or {}))
        self.environment.pop("V2METER_API_KEY", None)
        self.environment.update(
            ASAN_OPTIONS="halt_on_error=1:detect_leaks=1:exitcode=86",
            UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:exitcode=86")
        self.process = None
        self.config = {"listen": f"127.0.0.1:{self.PORT}", "state_dir": str(self.state_dir),
                       "pin_dir": str(lab.pin_dir), "interfaces": ["up0"],
                       "key_sources": [str(self.key_file)], "sample_interval_ms": 200}
        self.config.update(members)
        self.write_keys(keys)
        self.write_config()

    def write_keys(self, entries):
        """Replaces the file by a rename, as editors do, so that no reader sees half of it."""
        text = entries if isinstance(entries, str) else json.dumps(entries, indent=1)
        made = self.key_file.with_suffix(".new")
        made.write_text(text)
        made.rename(self.key_file)

    def write_config(self):
        self.config_file.write_text(json.dumps(self.config, indent=1))

    def words(self, *options):
        return [BINARY, "--config", self.config_file, *options]

    def run(self, *options):
        """Runs v2meterd to its end: --check, --detach, or a start that is refused."""
        return run(*self.lab.server.words(*self.words(*options)), check=False,
                   env=self.environment)

    def start(self):
        self.process = self.lab.server.start(*self.prefix, *self.words(), log=self.log,
                                             env=self.environment)
        wait_until(self.is_ready, timeout_s=20, what="GET /healthz")
        return self

    def is_ready(self):
        assert self.process.running(), f"v2meterd ended: {self.said()}"
        try:
            return self.ask("GET", "/healthz", headers={}).status == 200
        except OSError:
            return False

    def said(self):
        return self.log.read_text(errors="replace")

    def api_key(self):
        return (self.state_dir / "api_key").read_text().strip()

    # --- its API ---

    def connect(self, source=None):
        """source: the address that the connection comes from."""
        connection = http.client.HTTPConnection("127.0.0.1", self.PORT, timeout=20)
        connection.sock = self.lab.server.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.sock.settimeout(20)
        try:
            if source:
                connection.sock.bind((source, 0))
            connection.sock.connect(("127.0.0.1", self.port()))
        except OSError:
            connection.sock.close()
            raise
        return connection

    def port(self):
        listen = self.config["listen"]
        return int((listen if isinstance(listen, str) else listen[0]).rpartition(":")[2])

    def ask(self, method, path, headers=None, body=None, key=True, source=None):
        sent = dict(headers or {})
        if headers is None and key:
            sent["X-API-Key"] = self.api_key()
        connection = self.connect(source)
        try:
            connection.request(method, path, body=body, headers=sent)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, fresh=False):
        headers = {"X-API-Key": self.api_key(), **(FRESH if fresh else {})}
        return self.ask("GET", path, headers)

    def simple(self):
        """All keys, by a reading of this moment."""
        answer = self.get("/api/traffic/simple", fresh=True)
        assert answer.status == 200, answer.body
        return answer.json()

    def status(self):
        answer = self.get("/api/meter/status")
        assert answer.status == 200, answer.body
        return answer.json()

    def port_entry(self, port):
        return self.simple()["data"]["ports"][str(port)]

    def reset(self, key_id):
        return self.ask("POST", f"/api/keys/{key_id}/traffic/simple/reset")

    # --- its end ---

    def kill(self):
        self.process.stop(signal.SIGKILL)

    def stop(self):
        """Stops it and returns its exit status. Fails if a sanitizer has logged a finding."""
        status = self.process.stop() if self.process else 0
        self.assert_clean()
        return status

    def assert_clean(self):
        if self.log.exists():
            finding = FINDING.search(self.said())
            assert not finding, f"{finding[0]}\n{self.said()}"


__all__ = ["BINARY", "BUILD", "Daemon", "Process", "children_of"]
