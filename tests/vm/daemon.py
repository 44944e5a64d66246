# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""v2meterd in the guest, its API, and the reference for its figures."""

import json
import shlex
import time

PORT = 10001
OTHER_PORT = 10002
DIRECTORY = "/run/v2m"
PIN_DIR = "/sys/fs/bpf/v2meter"
API_KEY = "of-the-virtual-machines"
KEY = "e9828d67-08e2-4942-815d-61f41b3dac00"
FIGURES = ("rx_packets", "rx_bytes", "payload_rx_bytes",
           "tx_packets", "tx_bytes", "payload_tx_bytes")


def key(port, number=0):
    uuid = f"{KEY[:-2]}{number:02x}"
    return {"id": uuid, "uuid": uuid, "name": f"key{number}@vm", "port": port, "is_active": True,
            "created_at": "2026-01-01T00:00:00"}


class Daemon:
    """One v2meterd; keyword arguments are members of its configuration."""

    def __init__(self, vm, keys=(key(PORT), key(OTHER_PORT, 1)), directory=DIRECTORY,
                 prefix="", **members):
        self.vm = vm
        self.keys = list(keys)
        self.directory = directory
        self.prefix = prefix
        self.pid = None
        self.config = {"listen": "127.0.0.1:9469", "state_dir": f"{directory}/state",
                       "pin_dir": PIN_DIR, "key_sources": [f"{directory}/keys.json"],
                       "api_key": API_KEY, "sample_interval_ms": 200, "interfaces": ["v0"]}
        vm.check(f"mkdir -p {directory}")
        vm.write(f"{directory}/keys.json", json.dumps(self.keys))
        self.set(**members)

    def set(self, **members):
        """Writes these into the configuration, for the next start."""
        self.config.update(members)
        self.vm.write(f"{self.directory}/config.json", json.dumps(self.config))

    def command(self, options=""):
        return f"{self.prefix} v2meterd --config {self.directory}/config.json {options}"

    def start(self, timeout_s=30):
        self.launch()
        self.wait_ready(timeout_s)
        return self

    def launch(self):
        self.pid = int(self.vm.check(
            f"{self.command()} >>{self.directory}/log 2>&1 & echo $!"))

    def wait_ready(self, timeout_s=30):
        # Also ends the wait if the daemon has ended.
        self.vm.wait_until(f"! kill -0 {self.pid} || "
                           f"wget -qO- http://{self.config['listen']}/healthz", timeout_s)
        alive = self.vm.run(f"kill -0 {self.pid}").status == 0
        assert alive, f"v2meterd ended: {self.said()}"

    def said(self):
        return self.vm.run(f"cat {self.directory}/log").output

    def end(self, signal):
        self.vm.check(f"kill -{signal} {self.pid}")
        self.vm.wait_until(f"! kill -0 {self.pid} 2>/dev/null", 15)
        self.pid = None

    def stop(self):
        self.end("TERM")

    def kill(self):
        self.end("KILL")

    def detach(self):
        """Removes everything of v2meter from the kernel."""
        return self.vm.check(self.command("--detach") + " 2>&1")

    def remove(self):
        """Removes the process, all in the kernel and all files, in whatever state the daemon is."""
        if self.pid is not None:
            self.vm.run(f"kill -9 {self.pid}")
            self.vm.wait_until(f"! kill -0 {self.pid} 2>/dev/null", 15)
        self.detach()
        self.vm.check(f"rm -rf {shlex.quote(self.directory)}")

    def ask(self, path):
        return (f"wget -qO- --header 'X-API-Key: {API_KEY}' --header 'Cache-Control: no-cache' "
                f"http://{self.config['listen']}{path}")

    def get(self, path, timeout_s=60):
        """Asks again after a 503: the daemon answers so if its counting process has been at work for eight seconds. A
        slow guest checks programs for longer."""
        end_s = time.monotonic() + timeout_s
        while True:
            answer = self.vm.run(self.ask(path))
            if answer.status == 0:
                return json.loads(answer.output)
            assert "HTTP/1.1 503 " in answer.output and time.monotonic() < end_s, \
                f"{answer.command}\n{answer.output}\n{self.said()}"

    def post(self, path):
        return json.loads(self.vm.check(
            f"wget -qO- --header 'X-API-Key: {API_KEY}' --post-data '' "
            f"http://{self.config['listen']}{path}"))

    def entry(self, port=PORT):
        return self.get("/api/traffic/simple")["data"]["ports"][str(port)]

    def figures(self, port=PORT):
        entry = self.entry(port)
        return {name: entry[name] for name in FIGURES}

    def devices(self):
        """Names of the devices with our programs attached. To attach them takes seconds in a guest, and meanwhile the
        answer may be 503: no names."""
        answer = self.vm.run(self.ask("/api/meter/status"))
        if answer.status and "HTTP/1.1 503" in answer.output:
            return []
        assert answer.status == 0, f"{answer.command}\n{answer.output}\n{self.said()}"
        return [device["name"] for device in json.loads(answer.output)["devices"] if device["attach"] != "none"]

    def device(self, name):
        for device in self.get("/api/meter/status")["devices"]:
            if device["name"] == name:
                return device
        raise AssertionError(f"{name} is not counted on: {self.said()}")


def wait_until(condition, said, timeout_s=20):
    """Checks until the condition holds. said() describes the state for the failure message. There is no
    pause, because each question to a guest takes a while."""
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, said()


def grown(before, after):
    return {name: after[name] - before[name] for name in FIGURES}


class GuestCapture:
    """The reference capture on a device in a namespace of the guest. None: its first namespace."""

    def __init__(self, vm, device, port=PORT, namespace=None):
        self.vm = vm
        self.file = f"/tmp/capture.{namespace}.{device}"
        inside = f"ip netns exec {namespace} " if namespace else ""
        self.pid = int(vm.check(
            f"{inside}traffic capture {device} {port} >{self.file} 2>&1 & echo $!"))
        vm.wait_until(f"grep READY {self.file}")

    def tell_to_stop(self):
        self.vm.check(f"kill {self.pid}")

    def stop(self):
        self.vm.run(f"kill {self.pid}")
        self.vm.wait_until(f"grep lost {self.file}")
        return reference(self.vm.check(f"grep lost {self.file}"))


def reference(text):
    """Reads what a capture printed, and asserts that it missed nothing."""
    counted = json.loads(text)
    assert counted["lost"] == 0, counted
    return counted


def assert_equal(counted, captured):
    """Asserts that all six figures are equal, and that no super-packets passed the capture."""
    assert captured["super"] == 0
    assert counted == {name: captured[name] for name in FIGURES}


def exchange(vm, *clients, near="", port=PORT):
    """Runs these clients in the guest's peer. Returns a list of their reports, the capture on r0 and, if
    near names a device, the capture there."""
    words = " ".join(shlex.quote(client) for client in clients)
    text = vm.check(f"NEAR={near} /v2m/exchange {port} {words}", 120)
    lines = [json.loads(line) for line in text.splitlines()]
    said, seen = lines[:len(clients)], lines[len(clients):]
    for captured in seen:
        assert captured["lost"] == 0, captured
    return (said, *seen)


class Server:
    """traffic serve in the guest's first namespace."""

    def __init__(self, vm, port=PORT, namespace=None, mptcp=False):
        self.vm = vm
        inside = f"ip netns exec {namespace} " if namespace else ""
        log = f"/tmp/serve.{namespace}.{port}"
        self.pid = int(vm.check(f"{'MPTCP=1 ' if mptcp else ''}{inside}traffic serve {port} >{log} 2>&1 & echo $!"))
        vm.wait_until(f"grep READY {log}")

    def stop(self):
        self.vm.check(f"kill {self.pid}")
        self.vm.wait_until(f"! kill -0 {self.pid} 2>/dev/null", 10)
