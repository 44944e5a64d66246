# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""GET /ui in a real browser, on a real daemon with a real download. tests/web/page.js does what a person does; each of
its steps is a test here."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import daemons_in, lab_in, skip_if
from support.daemon import ROOT
from support.v2ray import Key, V2Ray

SCRIPT = ROOT / "tests/web/page.js"
MODULES = ROOT / "build/web-tests/node_modules"
CHROMIUM = os.environ.get("V2M_CHROMIUM", "/usr/bin/chromium")
STEPS = re.findall(r'^step\("([^"]+)"', SCRIPT.read_text(), re.MULTILINE)
# The keys that have port 443 together.
SHARERS = ("first", "second")


def why_no_browser():
    if not shutil.which("node"):
        return "no node: scripts/setup --tests"
    if not pathlib.Path(CHROMIUM).exists():
        return f"no browser at {CHROMIUM}: scripts/setup --tests"
    for name in ("playwright-core", "axe-core"):
        if not (MODULES / name).exists():
            return f"no {name} in build/web-tests: scripts/setup --tests"
    return None


def named(key, name, port):
    return {**key.entry(), "name": f"{name}@example.com", "port": port}


class World:
    """What the browser looks at, and what the script may order."""

    def __init__(self, lab, start):
        self.v2ray = V2Ray(lab)
        self.keys = [key.entry() for key in self.v2ray.keys]
        self.keys += [named(Key("vmess-tcp", 0), f"idle-{i:02}", 11000 + i) for i in range(20)]
        shared = [{"id": Key("vmess-tcp", 0).uuid, "email": f"{name}@example.com"} for name in SHARERS]
        source = lab.directory / "shared.json"
        source.write_text(json.dumps({"inbounds": [{"port": 443, "protocol": "vmess", "settings": {"clients": shared}}]}))
        self.daemon = start(self.keys, running=False)
        self.daemon.config["key_sources"].append(str(source))
        self.daemon.write_config()
        self.daemon.start()
        self.busy = self.v2ray.key("vmess-tcp")
        self.curl = None

    def obey(self, what):
        if what == "download":
            # As long as the steps need it; a rate that two cores can carry with a browser beside it.
            self.curl = self.v2ray.start_download(self.busy, 400 << 20, 2 << 20)
        elif what == "end download":
            self.curl.stop()
        elif what == "stop":
            self.daemon.stop()
        elif what == "start broken":
            self.daemon.write_keys("nonsense")
            self.daemon.start()
        else:
            raise AssertionError(what)
        return {}


def run(lab, world):
    arguments = {"busy": {"name": world.busy.name, "id": world.busy.id, "port": world.busy.port},
                 "count": len(world.keys) + len(SHARERS)}
    command = lab.server.words("node", SCRIPT, world.daemon.port(), world.daemon.api_key(), json.dumps(arguments))
    steps, figures = {}, {}
    with open(lab.directory / "node.log", "w") as log, subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            env={**os.environ, "HOME": str(lab.directory)}) as node:
        try:
            for line in node.stdout:
                told = json.loads(line)
                if "order" in told:
                    node.stdin.write(json.dumps(world.obey(told["order"])) + "\n")
                    node.stdin.flush()
                elif "figure" in told:
                    figures[told["figure"]] = told["value"]
                else:
                    steps[told["step"]] = told
        finally:
            node.kill()
    log_text = (lab.directory / "node.log").read_text()
    return steps, figures, log_text


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    skip_if(why_no_browser())
    with contextlib.ExitStack() as stack:
        lab = stack.enter_context(lab_in(tmp_path_factory.mktemp("page")))
        world = World(lab, stack.enter_context(daemons_in(lab)))
        return run(lab, world)


@pytest.mark.parametrize("name", STEPS)
def test_page(results, name):
    steps, figures, log = results
    assert name in steps, f"the script ended before this step: {log}"
    print(f"{steps[name]['seconds']:.1f} s", figures)
    assert steps[name]["problem"] is None, steps[name]["problem"]
