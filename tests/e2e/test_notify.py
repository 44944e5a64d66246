# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""v2meter-notify: each alert arrives at least once, whatever receivers, daemon and process do."""

import contextlib
import json
import os
import pathlib
import re
import signal
import time

import pytest

from support.daemon import BUILD, FINDING
from support.lab import Process, run, wait_until
from support.receivers import FakeDaemon, Receiver

BINARY = BUILD / "v2meter-notify"
OVER = {"used_bytes": 100, "limit_bytes": 100}


class Notify:
    def __init__(self, directory, daemon_url, channels, **members):
        self.directory = directory
        self.config_file = directory / "notify.json"
        (directory / "key").write_text("k\n")
        self.config = {"daemon": daemon_url, "api_key_file": str(directory / "key"), "server": "host1",
                       "state_dir": str(directory / "state"), "poll_interval_s": 1, "timeout_s": 1,
                       "retry_first_s": 1, "retry_max_s": 1, "degraded_after_s": 0, "unreachable_after_s": 0,
                       "listeners": False, "channels": channels, **members}
        self.process = None
        self.write()

    def write(self):
        self.config_file.write_text(json.dumps(self.config))

    def words(self, *options):
        return [BINARY, "--config", self.config_file, *options]

    def start(self):
        self.process = Process(self.words(), self.directory / "log")
        return self

    def run(self, *options):
        return run(*self.words(*options), check=False)

    def said(self):
        return (self.directory / "log").read_text()

    def stop(self):
        status = self.process.stop()
        assert not FINDING.search(self.said()), self.said()
        return status


@pytest.fixture
def world(tmp_path):
    """A fake daemon, a receiver, and start(**members), which starts v2meter-notify with one webhook."""
    with contextlib.ExitStack() as stack:
        daemon, receiver = FakeDaemon(), Receiver()
        stack.callback(daemon.close)
        stack.callback(receiver.close)

        def make(**members):
            channels = members.pop("channels", [{"name": "hook", "url": receiver.url + "/secret-token"}])
            notify = Notify(tmp_path, daemon.url, channels, **members)
            stack.callback(lambda: notify.process and notify.stop())
            return notify

        yield daemon, receiver, make


def words(events):
    return [(event["event"], event["state"], event["title"]) for event in events]


def test_a_receiver_that_fails_in_every_way_gets_each_alert(world):
    daemon, receiver, make = world
    receiver.plan = [500, (429, {"Retry_After": 2}), "close", "hang", (302, {"Location": "http://127.0.0.1:1/"})]
    daemon.set_keys({"id": "eve", **OVER})
    notify = make().start()
    wait_until(lambda: receiver.got, timeout_s=20, what="the alert")
    assert words(receiver.got) == [("key_limit", "raised", "key eve has used 100 % of its limit")]
    assert {value["id"] for _, _, value in receiver.tried} == {receiver.got[0]["id"]}
    at = [moment for moment, _, _ in receiver.tried]
    assert len(at) == 6 and at[2] - at[1] >= 2, "Retry-After is respected"
    assert receiver.got[0]["keys"] == [{"id": "eve", "name": "eve", "used_bytes": 100, "limit_bytes": 100}]
    # Once only, and nothing of the URL's path is in the log.
    daemon.set_keys({"id": "eve", **OVER}, {"id": "bob", **OVER})
    wait_until(lambda: len(receiver.got) == 2, what="the next alert")
    assert receiver.got[1]["keys"][0]["id"] == "bob"
    assert notify.stop() == 0
    assert "HTTP 500" in notify.said() and "secret-token" not in notify.said()
    notify.process = None


def test_a_kill_between_accept_and_answer_loses_nothing(world):
    daemon, receiver, make = world
    receiver.plan = ["hang"]
    daemon.set_keys({"id": "eve", **OVER})
    notify = make(timeout_s=20).start()
    assert receiver.arrived.wait(10)
    notify.process.stop(signal.SIGKILL)
    assert not receiver.got
    receiver.release.set()
    # The next process sends the alert about a change in between.
    daemon.set_keys({"id": "eve", **OVER}, {"id": "bob", **OVER})
    notify.start()
    wait_until(lambda: len(receiver.got) == 2, what="both alerts")
    assert [event["keys"][0]["id"] for event in receiver.got] == ["eve", "bob"]
    assert receiver.tried[0][2]["id"] == receiver.got[0]["id"]
    # Kills at any moment of many rounds: each key is alerted about at least once, and no crossing is forgotten.
    names = ["eve", "bob"]
    for number in range(int(os.environ.get("V2M_KILLS", 6))):
        names.append(f"k{number}")
        daemon.set_keys(*({"id": name, **OVER} for name in names))
        time.sleep(0.15 + 0.13 * (number % 9))
        notify.process.stop(signal.SIGKILL)
        notify.start()
    wait_until(lambda: {key["id"] for event in receiver.got for key in event["keys"]} == set(names),
               timeout_s=20, what="all alerts")
    count = len(receiver.got)
    time.sleep(1.5)
    assert len(receiver.got) == count and notify.process.running()


def test_its_memory_ends_in_no_core_dump(world):
    """A process with the same user and capabilities cannot look at it either."""
    _, _, make = world
    looking = "-sys_ptrace,-perfmon,-sys_admin"
    without = ["setpriv", "--bounding-set", looking, "--inh-caps", looking]
    may_look_at = lambda pid: run(*without, "cat", f"/proc/{pid}/environ", check=False).returncode == 0
    notify = make()
    other = Process([*without, "sleep", "60"], notify.directory / "other")
    try:
        wait_until(lambda: may_look_at(other.pid), what="a look at a process that allows it")
    finally:
        other.stop()
    notify.process = Process([*without, *notify.words()], notify.directory / "log")
    wait_until(lambda: "watches" in notify.said(), what="the start")
    limits = pathlib.Path(f"/proc/{notify.process.pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
    assert not may_look_at(notify.process.pid)


def test_a_queue_that_is_full_drops_the_oldest_and_says_so(world):
    daemon, receiver, make = world
    receiver.plan = [503] * 1000
    notify = make(queue_max=10, key_percents=list(range(1, 17))).start()
    # Each key crosses another step, so each is an alert of its own.
    daemon.set_keys(*({"id": f"k{number}", "used_bytes": number, "limit_bytes": 100} for number in range(1, 14)))
    wait_until(lambda: "are dropped" in notify.said(), what="the word in the log")
    receiver.plan.clear()
    wait_until(lambda: any(event["event"] == "dropped" for event in receiver.got), what="the word to the receiver")
    kinds = [event["event"] for event in receiver.got]
    assert kinds.count("dropped") == 1 and kinds.count("key_limit") == 10
    assert [event["percent"] for event in receiver.got if "percent" in event] == list(range(4, 14))
    assert any(event["title"] == "3 alerts could not be delivered and are lost" for event in receiver.got)


def test_messages_go_to_telegram_discord_and_a_command_by_what_each_takes(world, tmp_path):
    daemon, receiver, make = world
    notify = make(channels=[
        {"name": "t", "url": receiver.url + "/bot1:token/sendMessage", "body": "telegram", "chat_id": "-5"},
        {"name": "d", "url": receiver.url + "/discord", "body": "discord", "events": ["unreachable", "degraded"]},
        {"name": "c", "command": ["/usr/bin/tee", "-a", str(tmp_path / "told")]},
        {"name": "bad", "command": ["/usr/bin/false"]},
        {"name": "slow", "command": ["/usr/bin/sleep", "100"]}]).start()
    daemon.answers["/api/meter/status"] = (200, {"devices": [], "reasons": [
        {"reason": "queue_drops", "detail": "eth0 <drops> *much*"}]})
    wait_until(lambda: len(receiver.got) == 2, what="two messages")
    by_path = {path: value for _, path, value in receiver.tried}
    assert by_path["/bot1:token/sendMessage"]["text"] == \
        "<b>host1: degraded: queue_drops</b>\neth0 &lt;drops&gt; *much*"
    assert by_path["/discord"]["content"] == \
        "**host1: degraded\\: queue\\_drops**\neth0 \\<drops\\> \\*much\\*"
    wait_until((tmp_path / "told").exists, what="the command")
    assert json.loads((tmp_path / "told").read_text().replace("}{", "}\n{").splitlines()[0])["reason"] == "queue_drops"
    wait_until(lambda: "channel slow: the command ran longer than 1 s" in notify.said(), what="the slow command")
    assert "channel bad: the command ended with status 1" in notify.said()
    # The daemon goes away, and comes back.
    daemon.answers["/api/meter/status"] = (500, {})
    daemon.answers["/health"] = (503, {"reason": "stalled"})
    wait_until(lambda: "degraded: stalled" in json.dumps(receiver.got), what="the reason of a daemon that hangs")
    daemon.answers["/api/meter/status"] = (401, {})
    wait_until(lambda: "refuses the API key" in json.dumps(receiver.got), what="a refused key")
    daemon.answers["/api/meter/status"] = (200, {"reasons": [], "devices": []})
    wait_until(lambda: "answers again" in json.dumps(receiver.got), what="the all-clear")
    wait_until(lambda: "no longer degraded: queue_drops" in json.dumps(receiver.got), what="the end of the reason")


def test_ports_at_which_nobody_listens_any_more_are_told(world):
    import socket
    daemon, receiver, make = world
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    daemon.set_keys({"id": "eve", "ports": [{"port": port, "transport": "both"},
                                            {"port": 1, "transport": "tcp"}]},
                    {"id": "bob", "ports": [{"port": port, "transport": "tcp"}]})
    notify = make(listeners=True).start()
    time.sleep(1.5)
    listener.close()
    wait_until(lambda: receiver.got, what="the alert")
    assert words(receiver.got) == [("not_listening", "raised", "nobody listens at 1 port of keys")]
    assert receiver.got[0]["text"] == f"port {port}"
    with socket.create_server(("127.0.0.1", port)):
        wait_until(lambda: len(receiver.got) == 2, what="the all-clear")
    assert receiver.got[1]["state"] == "cleared"
    assert notify.stop() == 0
    notify.process = None


def test_check_and_test_say_what_works(world):
    daemon, receiver, make = world
    notify = make(channels=[{"name": "hook", "url": receiver.url + "/secret-token"},
                            {"name": "bad", "command": ["/usr/bin/false"]}])
    checked = notify.run("--check")
    assert checked.returncode == 0, checked.stderr
    assert "secret-token" not in checked.stdout and f"{daemon.url} answers" in checked.stdout
    tested = notify.run("--test")
    assert tested.returncode == 1
    assert tested.stdout == "hook: delivered\nbad: the command ended with status 1\n"
    assert words(receiver.got) == [("test", "raised", "test alert")]
    (notify.directory / "key").write_text("wrong\n")
    refused = notify.run("--check")
    assert refused.returncode == 1 and "refuses the API key" in refused.stderr
    notify.config["channels"][0]["url"] = "gopher://x"
    notify.write()
    broken = notify.run()
    assert broken.returncode == 2 and f"{notify.config_file}:1:" in broken.stderr and "channels[0].url" in broken.stderr
    assert notify.run("--nonsense").returncode == 2


def test_a_real_daemon_tells_limits_and_expiries(lab, start_daemon, tmp_path):
    """The path of a limit and an expiry from the key file to an alert."""
    daemon = start_daemon([{"uuid": "a", "name": "Eve", "port": 10001, "limit_bytes": 1,
                            "expires_at": int(time.time()) + 86400},
                           {"uuid": "b", "name": "Bob", "port": 10002, "limit_bytes": 10 ** 15}],
                          cache_ttl_s=0)
    told = tmp_path / "told"
    notify = Notify(tmp_path, f"http://127.0.0.1:{daemon.PORT}",
                    [{"name": "c", "command": ["/usr/bin/tee", "-a", str(told)]}],
                    api_key_file=str(daemon.state_dir / "api_key"))
    notify.process = lab.server.start(*notify.words(), log=tmp_path / "log")
    titles = lambda: told.read_text() if told.exists() else ""
    wait_until(lambda: "key Eve expires within 3 days" in titles(), what="the expiry")
    with contextlib.suppress(OSError):
        lab.client.run("curl", "-s", "-m", "1", f"http://{lab.SERVER[4]}:10001/", check=False)
    wait_until(lambda: "key Eve has used 100 % of its limit" in titles(), what="the limit")
    assert "Bob" not in titles()
    assert notify.stop() == 0
