# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The counters are readable with bpftool."""

import json
import shutil

import pytest

from support.lab import run
from support.v2ray import Key

FLOWS = ("tcp_rx", "tcp_tx", "udp_rx", "udp_tx")
TRANSPORTS = {"tcp": 1, "udp": 2, "both": 3}
FIELDS = ("packets", "wire_bytes", "payload_bytes")


@pytest.fixture
def bpftool():
    found = shutil.which("bpftool") or shutil.which("bpftool", path="/usr/sbin:/sbin")
    if not found:
        pytest.skip("bpftool is not installed")
    return found


def dump(bpftool, lab):
    """Returns {port: {flow: {field: sum over CPUs}}} with the names that bpftool prints, and for each port its
    transports as a number."""
    text = run(bpftool, "--json", "map", "dump", "pinned",
               lab.pin_dir / "v4" / "port_counters").stdout
    ports = {}
    for entry in json.loads(text):
        value = entry["formatted"]["value"]
        if not value["first_port"]:
            continue
        assert value["last_port"] == value["first_port"]
        port = ports.setdefault(value["first_port"],
                                {flow: dict.fromkeys(FIELDS, 0) for flow in FLOWS})
        port["transports"] = value["transports"]
        for transport in ("tcp", "udp"):
            flow = f"{transport}_{'tx' if value['tx'] else 'rx'}"
            for field in FIELDS:
                port[flow][field] += value[transport][field]
    return ports


def test_a_dump_shows_ports_and_counters_by_name(lab, bpftool, start_v2ray, start_daemon):
    v2ray = start_v2ray()
    daemon = start_daemon([key.entry() for key in v2ray.keys])
    for key in v2ray.keys:
        v2ray.download(key, 200000)
    v2ray.stop()
    api = daemon.simple()["data"]["ports"]
    ports = dump(bpftool, lab)
    assert set(ports) == {key.port for key in v2ray.keys}
    for key in v2ray.keys:
        assert ports[key.port]["transports"] == TRANSPORTS[key.transport]
        other = "udp" if key.transport == "tcp" else "tcp"
        for way in ("rx", "tx"):
            flow, entry = ports[key.port][f"{key.transport}_{way}"], api[str(key.port)]
            assert flow["wire_bytes"] == entry[f"{way}_bytes"] > 0
            assert flow["packets"] == entry[f"{way}_packets"]
            assert flow["payload_bytes"] == entry[f"payload_{way}_bytes"]
            assert ports[key.port][f"{other}_{way}"] == dict.fromkeys(FIELDS, 0)


def test_plain_text_names_port_and_bytes(lab, bpftool, start_daemon):
    start_daemon([Key("vmess-tcp", 10001).entry()])
    text = run(bpftool, "map", "dump", "pinned", lab.pin_dir / "v4" / "port_counters").stdout
    assert '"first_port": 10001' in text and '"last_port": 10001' in text
    for name in ("transports", "tx", "tcp", "udp", *FIELDS):
        assert f'"{name}"' in text
