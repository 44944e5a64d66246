# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""SIGHUP: everything but the addresses changes while the daemon runs, and a bad configuration changes nothing."""

import signal

from support.lab import wait_until
from support.two_keys import KEYS, PORT, Flood, tx


def hang_up(daemon, expected):
    """Sends SIGHUP and waits until the log has the text once more."""
    before = daemon.said().count(expected)
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: daemon.said().count(expected) > before, what=expected)


def reload(daemon, **members):
    """Changes the configuration, and waits until the daemon serves with it."""
    daemon.config.update(members)
    daemon.write_config()
    hang_up(daemon, "serves on")


def test_settings_change_under_traffic_and_no_byte_is_lost(lab, start_daemon):
    daemon = start_daemon(KEYS, cache_ttl_s=30)
    pid = daemon.process.pid
    flood = Flood(lab)
    wait_until(lambda: tx(daemon) > 0, what="the first bytes")
    assert daemon.simple()["data"]["ports"][str(PORT)]["accounting"]["unit"] == "wire"
    for number in range(3):
        reload(daemon, cache_ttl_s=number, api_bytes="payload", sample_interval_ms=300 + number)
    assert daemon.port_entry(PORT)["accounting"]["unit"] == "payload"
    reload(daemon, api_bytes="wire", interfaces=["up0", "lo"])
    assert {device["name"] for device in daemon.status()["devices"]} == {"up0", "lo"}
    sent = flood.end()
    assert tx(daemon) == sent["wire_bytes"]
    assert daemon.process.pid == pid and daemon.process.running()


def test_a_wrong_configuration_changes_nothing_and_the_log_says_why(lab, start_daemon):
    daemon = start_daemon(KEYS)
    daemon.config_file.write_text('{\n "cache_ttl_s": "soon"\n}')
    hang_up(daemon, "the configuration stays as it was")
    assert "v2meterd.json:2:17: cache_ttl_s" in daemon.said()
    assert sorted(daemon.simple()["data"]["ports"]) == ["10001", "10002"]
    # It is found only when it is used.
    daemon.config["pin_dir"] = str(lab.directory / "no-bpffs" / "pins")
    daemon.config["key_sources"] = [str(lab.directory / "missing.json")]
    daemon.write_config()
    hang_up(daemon, "the one before it stays")
    wait_until(daemon.is_ready, what="GET /healthz")
    assert sorted(daemon.simple()["data"]["ports"]) == ["10001", "10002"]


def test_the_addresses_wait_for_a_restart_and_another_api_key_applies(lab, start_daemon):
    daemon = start_daemon(KEYS)
    reload(daemon, api_key="another-key-of-many-characters")
    assert daemon.get("/api/keys").status == 401
    assert daemon.ask("GET", "/api/keys", {"X-API-Key": "another-key-of-many-characters"}).status == 200
    before = daemon.config["listen"]
    daemon.config["listen"] = "127.0.0.1:9470"
    daemon.write_config()
    daemon.config["listen"] = before
    hang_up(daemon, "takes effect with the next restart")
    assert daemon.ask("GET", "/healthz", headers={}).status == 200
