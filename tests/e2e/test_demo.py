# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""scripts/demo shows live figures, and leaves nothing behind whatever ends it."""

import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from conftest import skip_if, why_no_ebpf, why_no_namespaces
from daemon import BINARY, ROOT
from lab import BPFFS, Process, run, wait_until


def remains(name):
    """What there is of a demo of that name."""
    found = [path for path in (f"/run/{name}", BPFFS / name, f"/sys/class/net/{name}")
             if pathlib.Path(path).exists()]
    found += [line for line in run("ip", "netns").stdout.splitlines()
              if line.startswith(name + "-")]
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"/run/{name}/".encode() in path.read_bytes():
                found.append(path)
        except OSError:
            pass
    return found


class Demo(Process):
    def __init__(self, log, daemon=BINARY):
        super().__init__([ROOT / "scripts/demo"], log, env=dict(
            os.environ, V2METERD=str(daemon), ASAN_OPTIONS="detect_leaks=0"))

    def name(self):
        """Told by its pid, which is in its directory."""
        def find():
            for path in pathlib.Path("/run").glob("v2m-demo*/pid"):
                if path.read_text().strip() == str(self.pid):
                    return path.parent.name
            return None
        return wait_until(find, what="the demo's directory")

    def table(self):
        """The figures that it prints of each key, at last."""
        def find():
            assert self.running(), self.said()
            return re.findall(r"^  (1000[123])  \S+ +(\d+) +(\d+) +(\d+)$", self.said(), re.MULTILINE)
        return wait_until(find, timeout_s=60, what="the table")

    def try_printed(self, line):
        """What a line that it printed says, typed as it stands there."""
        return subprocess.run(["bash", "-c", re.search(line, self.said())[0]], timeout=20,
                              capture_output=True, text=True, check=True).stdout


@pytest.fixture
def start_demo(tmp_path, v2ray_version):
    skip_if(why_no_namespaces() or why_no_ebpf())
    made = []

    def start(**options):
        made.append(Demo(tmp_path / f"demo{len(made)}.log", **options))
        return made[-1]

    yield start
    for demo in made:
        if demo.running():
            demo.stop(timeout_s=30)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
                         ids=["INT", "TERM", "HUP"])
def test_it_shows_figures_and_leaves_nothing(start_demo, number):
    demo = start_demo()
    name = demo.name()
    table = demo.table()
    assert [port for port, _, _, _ in table] == ["10001", "10002", "10003"]
    for _, rx, tx, rate in table:
        assert int(rx) > 0 and int(tx) > 10000 and int(rate) > 0
    answer = json.loads(demo.try_printed("curl -s -H .*"))
    assert set(answer["data"]["ports"]) == {"10001", "10002", "10003"}
    assert "vmess-mkcp@demo" in demo.try_printed(r"\S*v2meterctl .*")
    assert {slot["value"]["first_port"] for slot in
            json.loads(demo.try_printed("bpftool .*"))} >= {10001, 10002, 10003}
    assert demo.stop(number, timeout_s=30) == 0
    # The daemon's last words, that the kernel goes on counting, are not the demo's.
    assert demo.said().splitlines()[-1].startswith("the demo is over")
    assert not remains(name)


def test_two_run_beside_each_other(start_demo):
    demos = [start_demo(), start_demo()]
    names = {demo.name() for demo in demos}
    assert len(names) == 2
    for demo in demos:
        assert len(demo.table()) == 3
    for demo in demos:
        assert demo.stop(timeout_s=30) == 0
    for name in names:
        assert not remains(name)


def test_a_daemon_that_fails_ends_it_and_leaves_nothing(start_demo):
    demo = start_demo(daemon="/bin/false")
    name = demo.name()
    assert demo.wait(60) != 0
    assert "v2meterd" in demo.said()
    assert not remains(name)


def test_an_end_in_the_middle_of_its_start_leaves_nothing(start_demo):
    demo = start_demo()
    name = demo.name()
    assert demo.stop(signal.SIGTERM, timeout_s=30) == 143
    assert not remains(name)


def test_what_a_killed_one_left_goes_with_the_next(start_demo):
    killed = start_demo()
    name = killed.name()
    killed.table()
    killed.stop(signal.SIGKILL)
    assert remains(name)
    following = start_demo()
    following.table()
    assert following.name() == name
    assert following.stop(timeout_s=30) == 0
    assert not remains(name)


def test_asking_for_help_starts_nothing():
    for options in (["--help"], ["--demo", "--help"], ["--demo", "--config", "none", "-h"]):
        made = subprocess.run([ROOT / "scripts/run", *options], capture_output=True, text=True, timeout=20,
                              stdin=subprocess.DEVNULL, check=True)
        assert made.stdout.startswith("usage: scripts/run ") and not made.stderr
