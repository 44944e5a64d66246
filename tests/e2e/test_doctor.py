# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""v2meterctl doctor on a real daemon and a real proxy's configuration, and v2meterd --self-test."""

import json
import re
import shutil

import pytest

from support.lab import run, wait_until
from support.standins import BUILD, CTL

PORT = 10001
PROXY = {"inbounds": [{"port": PORT, "protocol": "vless", "settings": {"decryption": "none", "clients": [
             {"id": "6d7e1c4a-0b1f-4b52-9d0e-0f2a4f6f3b11", "email": "first@example.com"}]}}],
         "outbounds": [{"protocol": "freedom"}, {"tag": "blocked", "protocol": "blackhole"}],
         "routing": {"domainStrategy": "IPOnDemand", "rules": [
             {"type": "field", "outboundTag": "blocked", "ip": ["127.0.0.0/8", "::/127"]}]}}
# Checks that may complain on the machine of a test.
OF_THE_MACHINE = {"clock", "time_zone"}


class Doctor:
    def __init__(self, lab, daemon):
        self.lab, self.daemon = lab, daemon

    def run(self, *options, prefix=()):
        return run(*self.lab.server.words(*prefix, CTL, "--api-key-file",
                                          self.daemon.state_dir / "api_key", *options, "doctor",
                                          self.daemon.config_file), check=False)

    def findings(self, **options):
        """The findings that are not OK, without those of the machine."""
        result = self.run("--json", **options)
        answer = json.loads(result.stdout)
        assert answer["ok"] + answer["warn"] + answer["fail"] == len(answer["checks"])
        assert result.returncode == {"OK": 0, "WARN": 5, "FAIL": 1}[answer["level"]]
        return [finding for finding in answer["checks"]
                if finding["level"] != "OK" and finding["check"] not in OF_THE_MACHINE]

    def finds(self, check, level, words):
        """Whether it finds that, and nothing else."""
        found = self.findings()
        assert [(finding["check"], finding["level"]) for finding in found] == [(check, level)], found
        assert words in found[0]["means"] + found[0]["to_do"], found


@pytest.fixture
def doctor(lab, start_daemon):
    if not shutil.which("nft"):
        pytest.skip("nft is not installed")
    proxy = lab.directory / "xray.json"
    proxy.write_text(json.dumps(PROXY))
    daemon = start_daemon([], key_sources=[str(proxy)], interfaces=["auto"])
    return Doctor(lab, daemon)


def assert_healthy(doctor):
    assert doctor.findings() == []
    lines = doctor.run().stdout.splitlines()
    assert re.fullmatch(r"\d+ OK, \d WARN, 0 FAIL", lines[-1])
    assert all(re.match(r"(OK|WARN|FAIL) +[a-z_]+ +\S", line) for line in lines[:-1])
    assert any("every byte was counted" in line for line in lines)


def test_what_is_wrong_is_found_one_by_one(lab, doctor):
    daemon = doctor.daemon
    assert_healthy(doctor)
    lab.server.run("sysctl", "-qw", f"net.ipv4.ip_local_port_range={PORT} 60999")
    doctor.finds("ephemeral_ports", "WARN", f"net.ipv4.ip_local_reserved_ports = {PORT}")
    lab.server.run("sysctl", "-qw", f"net.ipv4.ip_local_reserved_ports={PORT}")

    lab.server.run("nft", "add table ip doctor; add chain ip doctor in "
                   "{ type nat hook prerouting priority -100; }; add rule ip doctor in "
                   f"tcp dport {PORT} redirect to :8443")
    doctor.finds("nat", "WARN", "a rule sends packets to port 10001 to another port")
    lab.server.run("nft", "delete table ip doctor")

    (daemon.state_dir / "api_key").chmod(0o640)
    doctor.finds("api_key", "FAIL", "chmod 0600")
    (daemon.state_dir / "api_key").chmod(0o600)

    (lab.directory / "xray.json").write_text("{")
    wait_until(lambda: any(source["error"] for source in daemon.status()["key_sources"]),
               what="the broken source")
    found = {finding["check"]: finding["level"] for finding in doctor.findings()}
    assert found == {"key_sources": "FAIL", "health": "WARN", "proxy_routing": "WARN"}

    assert daemon.stop() == 0
    daemon.config_file.write_text('{"listen": 7}')
    found = {finding["check"]: finding["level"] for finding in doctor.findings()}
    assert found == {"process": "FAIL", "configuration": "FAIL", "server": "FAIL"}
    daemon.write_config()


def test_the_self_test_leaves_a_running_daemon_alone(lab, doctor):
    before = doctor.daemon.status()["devices"]
    pins = sorted(path.name for path in lab.pin_dir.rglob("*"))
    config = lab.directory / "attach.json"
    config.write_text(json.dumps({"attach": "clsact"}))
    words = BUILD / "v2meterd", "--config", config, "--self-test"
    result = run(*lab.server.words(*words), env=doctor.daemon.environment)
    rows = re.findall(r"^(\S+)  ok  in: \d+ packets, (\d+) bytes, counted \2; "
                      r"out: \d+ packets, (\d+) bytes, counted \3$", result.stdout, re.MULTILINE)
    assert {row[0] for row in rows} >= {"TCP/IPv4", "UDP/IPv4"}
    after = doctor.daemon.status()["devices"]
    assert [device["repairs"] for device in after] == [device["repairs"] for device in before]
    assert sorted(path.name for path in lab.pin_dir.rglob("*")) == pins

    if shutil.which("setpriv"):
        found = doctor.findings(prefix=["setpriv", "--bounding-set=-sys_admin"])
        assert [(finding["check"], finding["level"]) for finding in found] == [("self_test", "FAIL")]
        assert "Operation not permitted" in found[0]["means"]
