# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Keys from the API of a running proxy: a stand-in for Xray with Xray's messages, and a real V2Ray."""

import json
import os
import pathlib
import signal
import socket
import stat
import threading
import time

import pytest

from support import v2ray
from support.daemon import children_of
from support.lab import wait_until
from support.standin import ALICE, BOB, CAROL, Standin, inbound

pytest.importorskip("grpc", reason="python3-grpcio is not installed")

WITHIN_S = 5


def names(daemon):
    return sorted(key["name"].partition("@")[0] for key in daemon.get("/api/keys").json())


def soon(condition, what):
    wait_until(condition, timeout_s=WITHIN_S, what=what)


class Stream:
    """Bytes that a server in the lab goes on sending to a client over the wire."""

    def __init__(self, lab, port):
        with lab.server.entered():
            self.listener = socket.create_server(("0.0.0.0", port))
        self.client = lab.client.socket()
        self.client.connect((lab.SERVER[4], port))
        self.peer = self.listener.accept()[0]
        self.ends = False
        self.threads = [threading.Thread(target=self.send), threading.Thread(target=self.receive)]
        for thread in self.threads:
            thread.start()

    def send(self):
        while not self.ends:
            self.peer.sendall(bytes(1000))
            time.sleep(0.01)
        self.peer.close()

    def receive(self):
        while self.client.recv(65536):
            pass

    def stop(self):
        self.ends = True
        for thread in self.threads:
            thread.join()
        self.client.close()
        self.listener.close()


def test_a_user_who_is_added_during_a_download_counts_from_then_on(lab, start_daemon):
    standin = Standin(lab, "127.0.0.1:10085",
                      inbounds=[inbound("one", 10001, ALICE), inbound("two", 10002)])
    daemon = start_daemon([], key_sources=["xray-api://127.0.0.1:10085"])
    assert names(daemon) == ["alice"]
    stream = Stream(lab, 10002)
    try:
        time.sleep(0.5)
        standin.set_users("two", BOB)
        soon(lambda: names(daemon) == ["alice", "bob"], "the new key")
        first = daemon.port_entry(10002)["payload_tx_bytes"]
        soon(lambda: daemon.port_entry(10002)["payload_tx_bytes"] > first + 50_000, "the bytes of the new key")
    finally:
        stream.stop()
    assert daemon.port_entry(10001)["total_bytes"] == 0
    bob = daemon.port_entry(10002)
    assert bob["key_name"] == BOB[1] and bob["uuid"] == BOB[0]
    standin.set_users("two")
    soon(lambda: names(daemon) == ["alice"], "the key to go")
    standin.stop()


def asker_of(daemon):
    """The pid of the asking process. 0: there is none at this moment."""
    found = children_of(daemon, "v2meter-ask")
    assert len(found) < 2
    return found[0] if found else 0


def test_the_asking_process_may_do_nothing_but_ask_and_its_end_costs_nothing(lab, start_daemon):
    """The socket of the proxy is one that only root may open: the counting process opens it."""
    path = lab.directory / "api.sock"
    standin = Standin(lab, f"unix:{path}", inbounds=[inbound("one", 10001, ALICE)])
    assert stat.S_IMODE(path.stat().st_mode) & 0o022 == 0
    daemon = start_daemon([], key_sources=[f"xray-api+unix:{path}"])
    assert names(daemon) == ["alice"]
    asker = asker_of(daemon)
    child = pathlib.Path(f"/proc/{asker}")
    assert len(list((child / "task").iterdir())) == 1
    facts = dict(line.split(":\t", 1) for line in (child / "status").read_text().splitlines() if ":\t" in line)
    assert "0" not in facts["Uid"].split() + facts["Gid"].split() and facts["Groups"].strip() == ""
    assert {facts[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert facts["NoNewPrivs"] == "1" and facts["Seccomp"] == "2"
    for fd in (child / "fd").iterdir():
        assert os.readlink(fd).startswith("socket:") or int(fd.name) < 3, os.readlink(fd)
    environment = (child / "environ").read_bytes()
    assert b"PATH=" not in environment and b"V2METER" not in environment
    stream = Stream(lab, 10001)
    try:
        os.kill(asker, signal.SIGKILL)
        killed = time.monotonic()
        wait_until(lambda: asker_of(daemon) not in (0, asker), timeout_s=WITHIN_S, what="the next one")
        assert time.monotonic() - killed < 1.5
        before = daemon.port_entry(10001)["payload_tx_bytes"]
        standin.set_users("one", ALICE, BOB)
        soon(lambda: names(daemon) == ["alice", "bob"], "the key that is added afterwards")
        assert daemon.port_entry(10001)["payload_tx_bytes"] > before
    finally:
        stream.stop()
    assert "the process that asks the APIs of proxies has ended (signal 9 (Killed))" in daemon.said()
    assert "runs without" not in daemon.said()
    daemon.stop()
    assert not child.exists()
    standin.stop()


def configuration(path, *users, api="127.0.0.1:10085", services=("HandlerService",)):
    clients = [{"id": identity, "email": email} for identity, email in users]
    path.write_text(json.dumps({
        "api": {"tag": "api", "listen": api, "services": list(services)},
        "inbounds": [{"tag": "one", "port": 10001, "protocol": "vless",
                      "settings": {"clients": clients, "decryption": "none"}}]}))


def test_the_running_proxy_counts_before_its_file_and_a_restart_changes_nothing(lab, start_daemon):
    """The file has a user who is gone, and lacks one who was added. Nothing in the settings names the API."""
    source = lab.directory / "config.json"
    configuration(source, ALICE, CAROL, api="@standin")
    standin = Standin(lab, "unix-abstract:standin", inbounds=[inbound("one", 10001, ALICE, BOB, configured=[ALICE])])
    daemon = start_daemon([], key_sources=[str(source)])
    assert names(daemon) == ["alice", "bob"]
    notes = [note["reason"] for note in daemon.status()["key_notes"]]
    assert "its users are those of the running proxy, by xray-api+unix:@standin" in notes
    checked = daemon.run("--check")
    assert checked.returncode == 0 and BOB[1] in checked.stdout and CAROL[1] not in checked.stdout, checked.stdout
    standin.misbehave("dies")
    wait_until(lambda: not standin.process.running(), timeout_s=WITHIN_S, what="the stand-in to die in a call")
    assert names(daemon) == ["alice", "bob"]
    standin.misbehave(None)
    standin.set_users("one", ALICE)
    standin.start()
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        assert names(daemon) == ["alice", "bob"], "a user who is not back yet"
        time.sleep(0.3)
    standin.set_users("one", ALICE, CAROL)
    soon(lambda: names(daemon) == ["alice", "bob", "carol"], "the user who was added after the restart")
    standin.stop()


def test_a_proxy_that_cannot_list_its_users_leaves_them_to_the_file(lab, start_daemon):
    """The real V2Ray 4.34."""
    v2ray.need()
    source = lab.directory / "config.json"
    source.write_text(json.dumps({
        "api": {"tag": "api", "services": ["HandlerService", "StatsService"]}, "stats": {},
        "routing": {"rules": [{"type": "field", "inboundTag": ["api-in"], "outboundTag": "api"}]},
        "inbounds": [
            {"tag": "api-in", "listen": "127.0.0.1", "port": 10085, "protocol": "dokodemo-door",
             "settings": {"address": "127.0.0.1"}},
            {"tag": "one", "port": 10001, "protocol": "vmess", "settings": {"clients": [
                {"id": ALICE[0], "email": ALICE[1], "alterId": 0}]}}],
        "outbounds": [{"protocol": "freedom"}]}))
    proxy = lab.server.start(v2ray.BINARY, "-config", source, log=lab.directory / "v2ray.log")
    wait_until(lambda: v2ray.V2Ray.listens(lab.server, 10085), what="v2ray")
    daemon = start_daemon([], key_sources=[str(source)])
    assert names(daemon) == ["alice"]
    notes = [note["reason"] for note in daemon.status()["key_notes"]]
    assert any("the proxy cannot list its inbounds" in note and "the users of the file are used" in note
               for note in notes), notes
    assert daemon.ask("GET", "/health", headers={}).json() == {"status": "healthy"}
    proxy.stop()


def test_running_proxies_are_found(lab, start_daemon):
    """The settings name nothing. One proxy has its configuration from a panel, on the standard input, and an API; the
    other one was started with a file that is at no usual place."""
    standin = Standin(lab, "127.0.0.1:10999", comm="xray", inbounds=[inbound("one", 10001, ALICE)])
    source = lab.directory / "elsewhere.json"
    source.write_text(json.dumps({
        "inbounds": [{"tag": "two", "listen": "127.0.0.1", "port": 10002, "protocol": "vmess", "settings": {
            "clients": [{"id": CAROL[0], "email": CAROL[1], "alterId": 0}]}}],
        "outbounds": [{"protocol": "freedom"}]}))
    proxy = lab.server.start(v2ray.BINARY, "-config", source, log=lab.directory / "v2ray.log")
    wait_until(lambda: v2ray.V2Ray.listens(lab.server, 10002), what="v2ray")
    daemon = start_daemon([], key_sources=["auto"])
    # A proxy that is slow at first is tried again after ten seconds.
    wait_until(lambda: names(daemon) == ["alice", "carol"], timeout_s=5 * WITHIN_S, what="the keys of both")
    notes = {note["file"]: note["reason"] for note in daemon.status()["key_notes"]}
    assert notes["xray-api://127.0.0.1:10999"] == "it is read because it is the API of a running proxy"
    assert notes[str(source)] == "it is read because a running proxy was started with it"
    standin.set_users("one", ALICE, BOB)
    soon(lambda: names(daemon) == ["alice", "bob", "carol"], "the key that was added")
    # The port of a key is no API: it was not tried, and nothing was counted.
    assert daemon.port_entry(10002)["total_bytes"] == 0
    checked = daemon.run("--check")
    assert checked.returncode == 0 and "the API of a running proxy" in checked.stdout, checked.stdout
    assert all(user[1] in checked.stdout for user in (ALICE, BOB, CAROL)), checked.stdout
    standin.stop()
    proxy.stop()
    time.sleep(WITHIN_S)
    assert names(daemon) == ["alice", "bob", "carol"], "they may come back"


TLS_SERVER = """
import pathlib, socket, ssl
pathlib.Path("/proc/self/comm").write_text("rw-core")
server = socket.create_server(("127.0.0.1", 61000))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
while True:
    peer = server.accept()[0]
    try:
        context.wrap_socket(peer, server_side=True)
    except OSError:
        peer.close()
"""


def test_proxies_that_cannot_be_asked_are_named(lab, start_daemon):
    """One has an API with TLS, as Remnawave's node before 2.8.0, the other one a network namespace of its own."""
    with_tls = lab.server.start("/usr/bin/python3", "-c", TLS_SERVER, log=lab.directory / "tls.log")
    elsewhere = lab.client.start("/usr/bin/python3", "-c", "import pathlib, time\n"
                                 "pathlib.Path('/proc/self/comm').write_text('xray')\ntime.sleep(300)",
                                 log=lab.directory / "elsewhere.log")
    wait_until(lambda: v2ray.V2Ray.listens(lab.server, 61000), what="the server with TLS")
    daemon = start_daemon([], key_sources=["auto"])
    notes = lambda: {note["file"]: note for note in daemon.status()["key_notes"]}
    wait_until(lambda: "xray-api://127.0.0.1:61000" in notes(), timeout_s=30, what="the note on TLS")
    assert "with TLS, so it cannot be asked" in notes()["xray-api://127.0.0.1:61000"]["reason"]
    foreign = notes()[f"process {elsewhere.pid}"]
    assert "in another network namespace" in foreign["reason"] and foreign["missing"], foreign
    assert daemon.ask("GET", "/health", headers={}).json()["reason"] == "keys_incomplete"
    checked = daemon.run("--check")
    assert "xray-api://127.0.0.1:61000: a running proxy listens there with TLS" in checked.stdout, checked.stdout
    assert f"process {with_tls.pid}: it is a running proxy whose users are not known" in checked.stdout, checked.stdout
    with_tls.stop()
    elsewhere.stop()


def test_an_api_that_does_not_answer_is_named(lab, start_daemon):
    """With a source of its own, it is an error."""
    daemon = start_daemon([], running=False, key_sources=["xray-api://127.0.0.1:10085"])
    refused = daemon.run("--check")
    assert refused.returncode != 0
    assert "xray-api://127.0.0.1:10085: the proxy's API cannot be reached: Connection refused" in refused.stderr
    daemon.config["key_sources"] = ["xray-api://example.com:1"]
    daemon.write_config()
    refused = daemon.run("--check")
    assert refused.returncode == 2 and "expected \"xray-api://ADDRESS:PORT\"" in refused.stderr, refused.stderr
