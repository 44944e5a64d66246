# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""GET /metrics: a real Prometheus scrapes three daemons, evaluates the rules of packaging/prometheus/ and answers every
query of the dashboard in packaging/grafana/."""

import json
import os
import pathlib
import re
import shutil
import socket
import urllib.parse

import pytest

from support.daemon import ROOT
from support.lab import Lab, wait_until

TOOLS = f"{ROOT}/build/prometheus/usr/bin:{os.environ['PATH']}"
PROMETHEUS, PROMTOOL = (shutil.which(name, path=TOOLS) for name in ("prometheus", "promtool"))
RULES = ROOT / "packaging/prometheus/v2meter.rules.yml"
DASHBOARD = ROOT / "packaging/grafana/v2meter.json"
LISTEN = 9490
PAYLOAD = 1000
# Bytes that are no payload of a datagram over IPv4 on Ethernet.
HEADERS = 14 + 20 + 8
# Nothing is wrong in the test, no key is on two servers, and no port is shared.
MAY_BE_EMPTY = {"What is wrong", "Keys on several servers", "Shared ports: bytes of no single key"}

pytestmark = pytest.mark.skipif(not (PROMETHEUS and PROMTOOL),
                                reason="prometheus is not there: scripts/setup --tests")


class Agent:
    """A daemon with one key, and a client that sends datagrams to it."""

    def __init__(self, lab, start_daemon, number):
        self.lab, self.port = lab, 10001 + number
        self.key_id = f"key-{number}"
        self.uuid = f"6d7e1c4a-0b1f-4b52-9d0e-0f2a4f6f3b1{number}"
        key = {"id": self.key_id, "uuid": self.uuid, "name": f"user{number}@example.com", "port": self.port}
        self.daemon = start_daemon([key], name=f"agent-{number}", listen=f"127.0.0.1:{9470 + number}",
                                   pin_dir=str(lab.pin_dir) + f"-{number}",
                                   metrics_key_names=number == 0,
                                   budget={"bytes": 10**9, "billing_day": 31})
        self.server = lab.server.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.bind((Lab.SERVER[4], self.port))
        self.client = lab.client.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self, count):
        for _ in range(count):
            self.client.sendto(bytes(PAYLOAD), (Lab.SERVER[4], self.port))

    def text(self):
        answer = self.daemon.get("/metrics")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return answer.body.decode()

    def received(self):
        """The key's bytes, as the metrics have them."""
        return int(re.search(rf'^v2meter_key_bytes_total\{{key_id="{self.key_id}",port="{self.port}",direction="rx",'
                             r'transport="both"\} (\d+)$', self.text(), re.MULTILINE)[1])

    def budget(self):
        answer = self.daemon.get("/api/meter/budget")
        assert answer.status == 200, answer.body
        return answer.json()["data"]

    def close(self):
        self.server.close()
        self.client.close()


class Prometheus:
    def __init__(self, lab, agents):
        self.lab, directory = lab, pathlib.Path(lab.directory) / "prometheus"
        directory.mkdir()
        jobs = [{"job_name": f"agent-{number}",
                 "authorization": {"type": "Bearer", "credentials_file": str(agent.daemon.state_dir / "api_key")},
                 "static_configs": [{"targets": [agent.daemon.config["listen"]], "labels": {"job": "v2meter"}}]}
                for number, agent in enumerate(agents)]
        config = directory / "prometheus.yml"
        config.write_text(json.dumps({"global": {"scrape_interval": "500ms", "scrape_timeout": "500ms",
                                                 "evaluation_interval": "500ms"},
                                      "rule_files": [str(RULES)], "scrape_configs": jobs}))
        self.process = lab.server.start(
            PROMETHEUS, f"--config.file={config}", f"--storage.tsdb.path={directory}/data",
            f"--web.listen-address=127.0.0.1:{LISTEN}", log=directory / "log")
        wait_until(self.is_ready, timeout_s=20, what="Prometheus")

    def ask(self, path):
        result = self.lab.server.run("curl", "-s", "-m", "10", f"http://127.0.0.1:{LISTEN}{path}", check=False)
        return result.stdout

    def is_ready(self):
        assert self.process.running(), self.process.said()
        return "Ready" in self.ask("/-/ready")

    def query(self, expression):
        answer = json.loads(self.ask("/api/v1/query?" + urllib.parse.urlencode({"query": expression})))
        assert answer["status"] == "success", (expression, answer)
        return answer["data"]["result"]

    def values(self, expression, label):
        return {sample["metric"].get(label): float(sample["value"][1]) for sample in self.query(expression)}


@pytest.fixture
def agents(lab, start_daemon):
    made = [Agent(lab, start_daemon, number) for number in range(3)]
    yield made
    for agent in made:
        agent.close()


def queries():
    """Title and expression of every query of the dashboard, with its variables filled in."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            expression = target["expr"]
            for name, value in {"instance": ".*", "top": "10", "__rate_interval": "1m", "__range": "1h"}.items():
                expression = expression.replace("$" + name, value)
            assert "$" not in expression, expression
            yield panel["title"], expression


def assert_scraped(prometheus, agents):
    """Every agent is up with the bytes that it has counted, and no secret came along."""
    expected = {agent.key_id: agent.received() for agent in agents}
    assert all(expected.values())
    wait_until(lambda: prometheus.values('v2meter_key_bytes_total{direction="rx"}', "key_id") == expected,
               what=f"the samples {expected}")
    assert prometheus.values("up", "instance") == {agent.daemon.config["listen"]: 1 for agent in agents}
    assert prometheus.values("v2meter_key_info", "name") == {"user0@example.com": 1}
    for agent in agents:
        text = agent.text()
        assert agent.uuid not in text and agent.daemon.api_key() not in text and Lab.CLIENT[4] not in text


def test_a_prometheus_scrapes_three_agents_and_answers_the_dashboard(lab, agents):
    for agent in agents:
        agent.send(10)
        wait_until(lambda: agent.received() == 10 * (PAYLOAD + HEADERS), what="ten datagrams")
        check = lab.server.run(PROMTOOL, "check", "metrics", input=agent.text(), check=False)
        assert check.returncode == 0 and not check.stderr + check.stdout, check.stderr + check.stdout
        assert agent.daemon.ask("GET", "/metrics", headers={}).status == 401
    prometheus = Prometheus(lab, agents)
    try:
        # Prometheus waits five seconds before its first scrape.
        wait_until(lambda: len(prometheus.query("v2meter_build_info")) == 3, timeout_s=20, what="the first scrapes")
        for agent in agents:
            agent.send(10)
        assert_scraped(prometheus, agents)
        wait_until(lambda: len(prometheus.query("v2meter:key_bytes:rate5m > 0")) == 3, what="the rules")
        for title, expression in queries():
            assert prometheus.query(expression) or title in MAY_BE_EMPTY, (title, expression)
        assert len(list(queries())) > 15
        assert_counters_outlast_resets_and_restarts(prometheus, agents[0])
    finally:
        prometheus.process.stop()


def assert_counters_outlast_resets_and_restarts(prometheus, agent):
    before, budget = agent.received(), agent.budget()
    for path in ("simple/reset", "history/reset"):
        assert agent.daemon.ask("POST", f"/api/keys/{agent.key_id}/traffic/{path}").status == 200
    assert agent.received() == before
    assert agent.daemon.stop() == 0
    agent.send(5)  # which the kernel counts
    agent.daemon.start()
    wait_until(lambda: agent.received() == before + 5 * (PAYLOAD + HEADERS), what="five datagrams more")
    wait_until(lambda: prometheus.values(f'v2meter_key_bytes_total{{key_id="{agent.key_id}",direction="rx"}}',
                                         "key_id") == {agent.key_id: agent.received()}, what="the last sample")
    after = agent.budget()
    assert after["customers"]["rx_bytes"] == budget["customers"]["rx_bytes"] + 5 * (PAYLOAD + HEADERS)
    assert after["all"]["total_bytes"] == after["used_bytes"] >= after["customers"]["total_bytes"]
    assert after["counted_since"] == budget["counted_since"] and after["projected_bytes"] > after["used_bytes"]
    assert prometheus.values("v2meter_budget_used_bytes", "job")
    assert prometheus.values(f'resets(v2meter_key_bytes_total{{key_id="{agent.key_id}"}}[1h])', "direction") == {
        "rx": 0, "tx": 0}


def test_every_alert_fires_when_it_should(lab):
    for words in (("check", "rules", RULES.name),
                  ("test", "rules", "v2meter.test.yml", "v2meter-days.test.yml")):
        run = lab.server.run(PROMTOOL, *words, cwd=RULES.parent, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
