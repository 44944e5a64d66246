# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The statistics of the proxy beside ours: a real V2Ray agrees, and the status shows what a stand-in counts too much."""

import json

import pytest

from support import v2ray
from support.lab import wait_until
from support.standin import ALICE, Standin, inbound

pytest.importorskip("grpc", reason="python3-grpcio is not installed")

ROUND_S = 10
SIZE = 3_000_000
SLACK = 1 << 20


class CountingV2Ray(v2ray.V2Ray):
    """Counts its users, and serves the counters on a loopback address."""

    def server_config(self):
        config = super().server_config()
        config["api"] = {"tag": "api", "services": ["StatsService"]}
        config["stats"] = {}
        config["policy"] = {"levels": {"0": {"statsUserUplink": True, "statsUserDownlink": True}}}
        config["routing"] = {"rules": [{"type": "field", "inboundTag": ["api-in"], "outboundTag": "api"}]}
        config["inbounds"].append({"tag": "api-in", "listen": "127.0.0.1", "port": 10085, "protocol": "dokodemo-door",
                                   "settings": {"address": "127.0.0.1"}})
        return config


def compared(daemon):
    return {key["name"]: key for key in daemon.status()["drift"]["keys"]}


def health(daemon):
    return daemon.ask("GET", "/health", headers={}).json()


def test_a_real_proxy_counts_what_we_count(lab, start_daemon):
    v2ray.need()
    proxy = CountingV2Ray(lab, keys=[v2ray.Key("vmess-tcp", 10001), v2ray.Key("vless-tcp", 10002)])
    daemon = start_daemon([], key_sources=[str(lab.directory / "v2ray-server.json")])
    for key in proxy.keys:
        proxy.download(key, SIZE)
    wait_until(lambda: len(compared(daemon)) == 2, timeout_s=2 * ROUND_S, what="the comparison")
    before = {name: figures["proxy_tx_bytes"] for name, figures in compared(daemon).items()}
    for key in proxy.keys:
        proxy.download(key, SIZE)
    wait_until(lambda: all(compared(daemon)[name]["proxy_tx_bytes"] >= counted + SIZE for name, counted in before.items()),
               timeout_s=ROUND_S, what="the counters of the proxy")
    for key in proxy.keys:
        figures = compared(daemon)[key.name]
        print(key.kind, figures)
        assert figures["drifts_since"] is None
        # What flows between the first two readings, ours and the proxy's, may be missing in ours.
        assert -SLACK <= figures["difference_bytes"] < 2 * SIZE * 0.05, figures
        assert figures["difference_bytes"] == sum(figures[f"payload_{way}_bytes"] - figures[f"proxy_{way}_bytes"]
                                                  for way in ("rx", "tx"))
    assert daemon.status()["drift"]["compared_keys"] == 2
    assert health(daemon) == {"status": "healthy"}
    proxy.stop()


def test_the_status_shows_how_much_more_a_proxy_counts(lab, start_daemon):
    downlink = f"user>>>{ALICE[1]}>>>traffic>>>downlink"
    standin = Standin(lab, "127.0.0.1:10085", inbounds=[inbound("one", 10001, ALICE)], counters={downlink: 1_000_000})
    daemon = start_daemon([], key_sources=["xray-api://127.0.0.1:10085"])
    wait_until(lambda: ALICE[1] in compared(daemon), timeout_s=ROUND_S, what="the comparison")
    assert health(daemon) == {"status": "healthy"}
    for _ in range(2):  # the first one may begin the comparison anew
        before = compared(daemon)[ALICE[1]]
        standin.state["counters"][downlink] += 50_000_000
        standin.write()
        wait_until(lambda: compared(daemon)[ALICE[1]] != before, timeout_s=ROUND_S, what="the next comparison")
    figures = compared(daemon)[ALICE[1]]
    assert figures["difference_bytes"] in (-50_000_000, -100_000_000), figures
    assert figures["drifts_since"] is None, "the health says drift after a minute only"
    # What another server has counted is in our totals from now on, and was never in the proxy's.
    document = daemon.get("/api/meter/export").json()
    subject = next(subject for subject in document["subjects"] if subject["name"] == ALICE[1])
    subject["lifetime"] = [80_000_000] * len(subject["lifetime"])
    document["ledger"], document["subjects"] = "0" * len(document["ledger"]), [subject]
    answer = daemon.ask("POST", "/api/meter/import", body=json.dumps(document))
    assert answer.status == 200, answer.body
    wait_until(lambda: compared(daemon).get(ALICE[1], {}).get("difference_bytes") == 0, timeout_s=ROUND_S,
               what="a comparison that begins anew")
    standin.stop()
