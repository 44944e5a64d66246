# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Named API keys: made, used and revoked while the daemon runs, and where neither they nor the single key may be found."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

from conftest import daemons_in, lab_in
from support.daemon import BUILD, children_of
from support.lab import wait_until
from support.v2ray import Key

KEY = Key("vmess-tcp", 10001)
CTL = BUILD / "v2meterctl"
SIMPLE = "/api/traffic/simple"
RESET = f"/api/keys/{KEY.id}/traffic/simple/reset"
STRANGER = 54321


def apikey(daemon, *words, status=0):
    made = subprocess.run([CTL, "--state-dir", daemon.state_dir, "apikey", *words], capture_output=True, text=True,
                          check=False)
    assert made.returncode == status, made.stderr
    return made.stdout.strip() if status == 0 else made.stderr.strip()


def status_of(daemon, key, path=SIMPLE, method="GET"):
    return daemon.ask(method, path, {"X-API-Key": key}).status


def make_key(daemon, name, scopes):
    """A new key, once the daemon has taken it over."""
    key = apikey(daemon, "add", name, scopes)
    wait_until(lambda: status_of(daemon, key) != 401, timeout_s=2, what=f"the key {name}")
    return key


def processes_of(daemon):
    """The counting and the answering process."""
    return [daemon.process.pid, *children_of(daemon, "v2meter-answer")]


@pytest.fixture(scope="module")
def meter(tmp_path_factory):
    with lab_in(tmp_path_factory.mktemp("keys")) as lab, daemons_in(lab) as start:
        yield start([KEY.entry()])


def test_a_key_is_valid_at_once_for_its_scopes_and_until_it_is_revoked(meter):
    reader = make_key(meter, "reader", "read")
    both = make_key(meter, "billing", "read,reset")
    scraper = make_key(meter, "prometheus", "metrics")
    assert [status_of(meter, key) for key in (reader, both, scraper)] == [200, 200, 403]
    assert [status_of(meter, key, "/metrics") for key in (reader, both, scraper)] == [200, 200, 200]
    assert [status_of(meter, key, RESET, "POST") for key in (reader, both, scraper)] == [403, 200, 403]
    assert status_of(meter, both, "/api/traffic/history/cleanup", "POST") == 403
    asked = meter.ask("GET", "/api/meter/status", {"X-API-Key": both}).json()["api_key"]
    assert asked == {"name": "billing", "scopes": ["read", "reset"]}
    assert [line.split()[:2] for line in apikey(meter, "list").splitlines()[1:]] == [
        ["reader", "read"], ["billing", "read,reset"], ["prometheus", "metrics"]]
    assert [(each["name"], each["scopes"]) for each in json.loads(apikey(meter, "list", "--json"))][1] == (
        "billing", "read,reset")
    for name in ("reader", "billing", "prometheus"):
        apikey(meter, "revoke", name)
    wait_until(lambda: status_of(meter, scraper, "/metrics") == 401, timeout_s=2, what="the revocation")
    assert [status_of(meter, key, RESET, "POST") for key in (reader, both)] == [401, 401]
    assert meter.get(SIMPLE).status == 200


def test_the_answering_process_holds_hashes_and_a_new_one_gets_them_too(meter):
    key = make_key(meter, "bot", "read")
    child, = children_of(meter, "v2meter-answer")
    os.kill(child, signal.SIGKILL)
    wait_until(lambda: children_of(meter, "v2meter-answer") not in ([], [child]), what="the next process")
    wait_until(meter.is_ready, what="its answers")
    assert status_of(meter, key) == 200
    os.kill(meter.process.pid, signal.SIGHUP)
    assert status_of(meter, key) == 200
    apikey(meter, "revoke", "bot")


def test_a_broken_file_of_keys_changes_nothing_and_the_log_says_where(meter):
    key = make_key(meter, "kept", "read")
    path = meter.state_dir / "api_keys.json"
    right = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert key not in right
    path.write_text(right.replace('"read"', '"rea"'))
    wait_until(lambda: "api_keys.json:6:9: api_keys[0].scopes[0]" in meter.said(), timeout_s=3, what="the line in the log")
    assert status_of(meter, key) == 200
    path.write_text(right)
    apikey(meter, "revoke", "kept")


@pytest.mark.parametrize("words, said", [
    (["add"], "takes a name and scopes"), (["add", "x"], "takes a name and scopes"),
    (["add", "api_key", "read"], "a name has"), (["add", "a/b", "read"], "a name has"),
    (["add", "x", "write"], "scopes are a list"), (["add", "x", "read,"], "scopes are a list"),
    (["list", "x"], "takes no argument"), (["revoke"], "takes a name"), (["make"], "takes add, list or revoke")])
def test_wrong_usage_says_what_is_expected(meter, words, said):
    assert said in apikey(meter, *words, status=2)


def test_a_name_is_taken_once_and_revoked_once(meter):
    apikey(meter, "add", "once", "read")
    assert "already" in apikey(meter, "add", "once", "read", status=1)
    apikey(meter, "revoke", "once")
    assert "no key of that name" in apikey(meter, "revoke", "once", status=1)


def test_the_client_works_with_a_read_key_and_says_what_it_may_not_do(meter):
    key = make_key(meter, "reader", "read")
    words = ["-u", f"http://127.0.0.1:{meter.port()}"]

    def ctl(*more):
        return subprocess.run(meter.lab.server.words(CTL, *words, *more), capture_output=True, text=True, check=False,
                              env={"V2METER_API_KEY": key})

    assert ctl("status").returncode == 0
    assert ctl("show", KEY.id).returncode == 0
    refused = ctl("reset", KEY.id)
    assert refused.returncode == 1
    assert 'does not have the scope "reset"' in refused.stderr
    apikey(meter, "revoke", "reader")


def test_wrong_keys_are_slowed_down_and_the_log_names_the_address(meter):
    def ask(key):
        with meter.lab.server.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.settimeout(10)
            client.bind(("127.0.0.77", 0))
            client.connect(("127.0.0.1", meter.port()))
            client.sendall(f"GET /api/keys HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nConnection: close\r\n\r\n".encode())
            return int(client.recv(4096).split()[1])

    begun = time.monotonic()
    assert [ask("wrong") for _ in range(12)] == [401] * 12
    assert time.monotonic() - begun >= 2, "ten are free, then one a second"
    begun = time.monotonic()
    assert [ask(meter.api_key()) for _ in range(8)] == [200] * 8
    assert time.monotonic() - begun < 6
    assert "127.0.0.77 has presented a wrong API key" in meter.said()
    assert "127.0.0.77 has presented many wrong API keys" in meter.said()
    assert meter.said().count("127.0.0.77") == 2


def test_no_secret_is_in_proc_in_the_log_or_in_a_metric(lab, start_daemon):
    daemon = start_daemon([KEY.entry()], running=False, name="secrets")
    daemon.environment["V2METER_API_KEY"] = "secret-of-the-environment"
    daemon.start()
    headers = {"X-API-Key": "secret-of-the-environment"}
    named = apikey(daemon, "add", "named", "read,metrics")
    wait_until(lambda: status_of(daemon, named) == 200, timeout_s=2, what="the key")
    shown = b"".join(daemon.ask("GET", path, headers).body for path in (
        "/metrics", "/api/meter/status", "/health", "/", SIMPLE, "/api/meter/export"))
    shown += daemon.said().encode() + (daemon.state_dir / "api_keys.json").read_bytes()
    for pid in processes_of(daemon):
        for file in ("cmdline", "environ", "comm"):
            shown += pathlib.Path(f"/proc/{pid}/{file}").read_bytes()
    for secret in (b"secret-of-the-environment", named.encode()):
        assert secret not in shown
    # SIGHUP still knows the key that is no longer in the environment.
    os.kill(daemon.process.pid, signal.SIGHUP)
    time.sleep(0.3)
    assert daemon.ask("GET", SIMPLE, headers).status == 200


def test_no_process_can_be_dumped(lab, start_daemon):
    """No limit lets the kernel write a core, and a process of the same user and capabilities cannot look at the
    memory. Only without the capabilities for that is the second visible."""
    looking = "-sys_ptrace,-perfmon,-sys_admin,-bpf,-net_admin"
    without = ["setpriv", "--bounding-set", looking, "--inh-caps", looking]

    def may_look_at(pid):
        return subprocess.run([*without, "cat", f"/proc/{pid}/environ"], capture_output=True, check=False).returncode == 0

    daemon = start_daemon([KEY.entry()], running=False)
    daemon.prefix = without
    daemon.start()
    with subprocess.Popen([*without, "sleep", "60"]) as other:
        time.sleep(0.2)
        assert may_look_at(other.pid), "otherwise this test proves nothing"
        other.kill()
    processes = processes_of(daemon)
    assert len(processes) == 2
    for pid in processes:
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"^Max core file size +0 +0 ", limits, re.M)
        assert not may_look_at(pid)


def test_a_local_user_gets_at_nothing(meter):
    """As a user without rights: key, keys, ledger, pins, memory and environment of the processes, and making a key."""
    state, pins = meter.state_dir, meter.config["pin_dir"]
    # Otherwise the directory of the tests would keep everybody out.
    closed = {each: each.stat().st_mode for each in state.parents if not each.stat().st_mode & 0o001}
    for each in closed:
        each.chmod(0o755)
    apikey(meter, "add", "there", "read")
    counting, answering = processes_of(meter)
    script = [f"cat {state}/{name}" for name in ("api_key", "api_keys.json", "ledger.db", "keys.last.json", "lock")]
    script += [f"ls {state}", f"touch {state}/x", f"ln -s /etc/passwd {state}/api_key", f"ls {pins}", f"touch {pins}/x"]
    script += [f"cat /proc/{pid}/{file}" for pid in (counting, answering) for file in ("environ", "mem", "maps", "auxv")]
    script += [f"ls /proc/{pid}/{where}" for pid in (counting, answering) for where in ("fd", "cwd/", "root/")]
    script += [f"kill -TERM {counting}", f"kill -STOP {answering}", f"{CTL} -s {state} apikey add mine admin",
               f"{CTL} -s {state} apikey list"]
    for line in script:
        made = subprocess.run(["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", "sh", "-c", line],
                              capture_output=True, check=False, cwd="/")
        assert made.returncode != 0, line
        assert not made.stdout, line
    for each, mode in closed.items():
        each.chmod(mode)
    apikey(meter, "revoke", "there")
    assert meter.get(SIMPLE).status == 200


def test_symlinks_in_the_state_directory_lead_nowhere(lab, start_daemon, tmp_path):
    """Only root can put them there. Even then no other file is changed or taken for ours."""
    victim = tmp_path / "victim"
    victim.write_text('{"api_keys": []}')
    daemon = start_daemon([KEY.entry()], running=False, name="linked")
    daemon.state_dir.mkdir(mode=0o700)
    for name in ("api_key.new", "keys.last.json.new", "api_keys.json.new", "api_keys.json"):
        (daemon.state_dir / name).symlink_to(victim)
    daemon.start()
    assert "expected a regular file" in daemon.said()
    assert json.loads(victim.read_text()) == {"api_keys": []}
    daemon.stop()
    (daemon.state_dir / "lock").unlink()
    (daemon.state_dir / "lock").symlink_to(victim)
    refused = daemon.run()
    assert refused.returncode != 0 and "lock" in refused.stderr
    assert json.loads(victim.read_text()) == {"api_keys": []}
