# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""v2meterctl top as a person sees it, in a tmux of its own, on the real HTTP server with a meter in memory."""

import os
import re
import shutil
import subprocess
import time
import uuid

import pytest

from support.daemon import BUILD
from support.lab import wait_until
from support.standins import API_KEY, CTL, closed_port, ctl

KEYS = 5000
SERVER = BUILD / "http_server"

pytestmark = [
    pytest.mark.skipif(not (CTL.exists() and SERVER.exists()), reason="v2meterctl or http_server is not built"),
    pytest.mark.skipif(not shutil.which("tmux"), reason="no tmux: scripts/setup --tests")]


class Server:
    def __init__(self, port=0, keys=KEYS):
        self.process = subprocess.Popen(
            [SERVER, "-n", str(keys), "-m", "3000", "-s", "-w", "500", "-k", API_KEY, "-l", f"127.0.0.1:{port}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def order(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0


@pytest.fixture
def server():
    made = Server()
    yield made
    if made.process.poll() is None:
        made.stop()


class Terminal:
    """v2meterctl top in a terminal of that size."""

    def __init__(self, url, directory, width=130, height=24, options=(), **environment):
        self.name = f"v2m-{uuid.uuid4().hex[:8]}"
        self.status = directory / f"{self.name}.status"
        environment = {"V2METER_API_KEY": API_KEY, "LANG": "C.UTF-8", **environment}
        words = [f"{name}={value}" for name, value in environment.items()]
        command = " ".join(["env", *words, str(CTL), "--url", url, *options, "top"])
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height),
                  f"{command} 2>{directory}/{self.name}.err; echo $? >{self.status}")

    def tmux(self, *words):
        return subprocess.run(["tmux", "-L", self.name, *words], capture_output=True, text=True, timeout=20).stdout

    def screen(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def wait(self, pattern):
        return wait_until(lambda: re.search(pattern, self.screen()), timeout_s=15,
                          what=f"{pattern} on the screen\n{self.screen()}")

    def ended(self):
        return int(wait_until(lambda: self.status.exists() and self.status.read_text(), what="the end"))

    def close(self):
        self.tmux("kill-server")


@pytest.fixture
def open_terminal(tmp_path):
    made = []

    def start(url, **options):
        made.append(Terminal(url, tmp_path, **options))
        return made[-1]

    yield start
    for each in made:
        each.close()


def test_5000_keys_are_live_and_answer_every_key_press_at_once(server, open_terminal):
    terminal = open_terminal(server.url)
    terminal.wait(r"keys 5004, \d+ busy")
    terminal.wait(r"user0@example\.com +10001 +\d[\d.]* [KM]?B/s")
    terminal.press("s", "s", "s", "s", "s", "s")
    terminal.wait("KEY▼")
    terminal.press("/", "user49", "Enter")
    first = terminal.wait(r"\n(user49\S*) ")[1]
    assert first == "user49@example.com"
    taken = []
    for key in ("Down", "Up") * 5:
        before = terminal.screen("-e")
        start = time.monotonic()
        terminal.press(key)
        wait_until(lambda: terminal.screen("-e") != before, timeout_s=5, what="the next row")
        taken.append(time.monotonic() - start)
    # The debug build with its sanitizers. tmux itself takes 10 ms to tell.
    assert sorted(taken)[len(taken) // 2] < 0.3, taken
    terminal.press("q")
    assert terminal.ended() == 0


def test_one_key_opens_with_its_connections_and_closes_again(server, open_terminal):
    terminal = open_terminal(server.url)
    terminal.wait("user0@example.com")
    terminal.press("/", "user7@", "Enter", "Enter")
    terminal.wait(r"id key-7  port 10008")
    terminal.wait(r"REMOTE +STATE +DOWN")
    assert re.search(r"(ESTAB|CLOSE-WAIT|LAST-ACK|no open connections)", terminal.screen())
    terminal.press("Escape")
    terminal.wait(r"KEY +PORT")
    terminal.press("Escape")
    terminal.wait("user0@example.com")


def test_a_shared_port_names_its_keys_and_has_no_figures_of_each(server, open_terminal):
    terminal = open_terminal(server.url)
    terminal.press("/", "9002", "Enter")
    terminal.wait(r"filter: 9002  s sort")
    terminal.wait(r"2 keys: user5002@example\.com")
    assert terminal.screen().count("9002") == 2, "the row and the filter"


def test_a_narrow_terminal_has_fewer_columns_and_follows_a_resize(server, open_terminal):
    terminal = open_terminal(server.url, width=60, height=12)
    terminal.wait(r"KEY +DOWN +UP +TOTAL\n")
    assert all(len(line) <= 60 for line in terminal.screen().splitlines())
    terminal.tmux("resize-window", "-x", "130", "-y", "30")
    terminal.wait(r"KEY +PORT +DOWN +UP RATE▼ +TOTAL +LIFETIME +CONNS")
    terminal.tmux("resize-window", "-x", "20", "-y", "5")
    wait_until(lambda: len(terminal.screen().splitlines()) <= 5, what="a small screen")
    terminal.press("q")
    assert terminal.ended() == 0


@pytest.mark.parametrize(("options", "environment"), [(("--ascii",), {}), ((), {"LANG": "C", "LC_ALL": "C"})])
def test_ascii_is_nothing_but_ascii(server, open_terminal, options, environment):
    terminal = open_terminal(server.url, options=options, **environment)
    terminal.wait(r"RATEv")
    terminal.wait(r"####")
    assert terminal.screen().isascii()


def test_no_colour_when_asked(server, open_terminal):
    colours = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
    plain, coloured = open_terminal(server.url, NO_COLOR="1"), open_terminal(server.url)
    for terminal in (plain, coloured):
        terminal.wait(r"user0@example\.com +10001 +\d[\d.]* [KM]?B/s")
    assert not colours.search(plain.screen("-e"))
    assert colours.search(coloured.screen("-e"))


def test_a_lost_server_is_told_with_the_time_and_found_again(server, open_terminal):
    terminal = open_terminal(server.url)
    terminal.wait("healthy")
    server.stop()
    terminal.wait(r"no answer since \d\d:\d\d:\d\d, trying again: ")
    assert "user0@example.com" in terminal.screen(), "the last figures stay"
    other = Server(server.port)
    terminal.wait("healthy")
    other.stop()


def test_a_degraded_meter_tells_why(server, open_terminal):
    server.order("degraded")
    terminal = open_terminal(server.url)
    terminal.wait("degraded: a reason of this fake")


def test_a_wrong_api_key_ends_with_the_servers_words(server, open_terminal):
    terminal = open_terminal(server.url, V2METER_API_KEY="wrong")
    assert terminal.ended() == 1


def test_batch_prints_tables_for_a_pipe(server):
    run = ctl("top", "--batch", "--count", "2", url=server.url)
    assert run.returncode == 0 and run.stderr == ""
    tables = run.stdout.split("\n\n")
    assert len(tables) == 2
    for table in tables:
        lines = table.strip().splitlines()
        assert re.match(r"KEY +PORT +DOWN +UP +TOTAL +LIFETIME +CONNS$", lines[0])
        assert len(lines) == 1 + KEYS + 2, "every key with a port, and the shared port"
        assert re.search(r"^user1@example\.com +10002 +[\d.]+ [KM]?B/s ", table, re.MULTILINE)
    # The next program in a pipe ends first.
    words = f"{CTL} --url {server.url} top --batch | head -n 3"
    piped = subprocess.run(["timeout", "20", "bash", "-c", words], capture_output=True, text=True,
                           env={**os.environ, "V2METER_API_KEY": API_KEY})
    assert piped.returncode == 0 and len(piped.stdout.splitlines()) == 3


def test_top_without_a_terminal_is_wrong_usage(server):
    run = ctl("top", url=server.url)
    assert run.returncode == 2 and "--batch" in run.stderr and run.stdout == ""


def test_batch_without_a_server_is_status_3():
    with closed_port() as url:
        run = ctl("top", "--batch", url=url)
    assert run.returncode == 3 and f"cannot reach {url}" in run.stderr
