# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The service as systemd starts it, with all restrictions of its unit, in a machine of its own: what its processes may
do, and that everything that the daemon does still works."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from conftest import skip_if, why_no_ebpf
from support import unit
from support.daemon import ROOT
from support.lab import Lab, wait_until
from support.machine import Machine, why_no_machine
from support.service import UNIT, Service
from support.two_keys import KEYS, PORT, Flood, key, tx

RELEASE = ROOT / "build"
# docs/capabilities.md has this drop-in.
FOR_NETNS = """[Service]
CapabilityBoundingSet=CAP_SYS_ADMIN
RestrictNamespaces=net
ProtectProc=default
"""


def install(tree):
    """Installs the release build as `cmake --install` does, and the options that the package brings."""
    subprocess.run(["cmake", "--install", RELEASE, "--prefix", "/usr"], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "DESTDIR": str(tree)})
    shutil.copy(ROOT / "packaging/debian/daemon/v2meterd.default", tree / "etc/default/v2meterd")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The service, started. The tests of this file share it. The machine has the tree of this one."""
    skip_if(why_no_machine())
    skip_if(why_no_ebpf())
    if not (RELEASE / "v2meterd").exists():
        pytest.skip("there is no release build (scripts/build)")
    lab = Lab(tmp_path_factory.mktemp("service"))
    try:
        with Machine(lab, "/", unit="basic.target") as machine:
            install(machine.tree)
            machine.boot().run("systemd-sysusers", "v2meter.conf")
            made = Service(machine, KEYS)
            made.write_settings(interfaces=["auto"])
            yield made.start()
            made.ctl("stop")
            machine.run("v2meterd", "--detach")
    finally:
        lab.close()


@pytest.fixture(scope="module")
def ids(service):
    """The ids of the users in the machine."""
    rows = [line.split(":") for line in service.machine.run("getent", "passwd").stdout.splitlines()]
    return {row[0]: int(row[2]) for row in rows}


def status_of(pid):
    return pathlib.Path(f"/proc/{pid}/status").read_text()


def drop_in(service, text):
    """Adds to the unit as `systemctl edit` does, or takes that back, and starts the service anew."""
    directory = service.machine.tree / f"etc/systemd/system/{UNIT}.d"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "override.conf").write_text(text)
    service.machine.run("systemctl", "daemon-reload")
    service.ctl("restart").wait_ready()


def test_each_process_has_exactly_its_rights(service, ids):
    names = [unit.check(status_of(pid), ids, filtered=True) for pid in service.processes()]
    assert names == ["v2meterd", "v2meter-answer"]
    assert service.status()["unprotected"] is None


def test_the_process_that_reads_keys_has_exactly_its_rights(service, ids):
    """It lives for some milliseconds, so that it is looked for again and again. systemd's filter is on it from the
    start, so its own one shows in its capabilities, which it gives up before."""
    main = service.processes()[0]

    def seen():
        os.kill(main, signal.SIGHUP)
        end_s = time.monotonic() + 0.1
        while time.monotonic() < end_s:
            for child in pathlib.Path(f"/proc/{main}/task/{main}/children").read_text().split():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    status = status_of(child)
                    if "v2meter-read\n" not in status:
                        continue
                    try:
                        found.append(unit.check(status, ids, filtered=True))
                    except AssertionError as error:
                        before.append(str(error))
        return "v2meter-read" in found

    found, before = [], []
    wait_until(seen, what=f"the reading process with its rights alone, of {before}")
    assert "without" not in "".join(line for line in service.said().splitlines() if "reading process runs" in line)


def test_the_unit_is_as_closed_as_the_documents_say(service):
    text = service.machine.run("systemd-analyze", "security", "--no-pager", UNIT).stdout
    exposure = float(re.search(r"exposure level for \S+: ([0-9.]+)", text)[1])
    said = re.search(r"`systemd-analyze security` gives it ([0-9.]+)", (ROOT / "docs/capabilities.md").read_text())
    assert exposure <= float(said[1]) <= 3.0
    assert service.machine.show(UNIT, "Type") == "notify"
    assert service.machine.show(UNIT, "WatchdogUSec") == "1min"
    assert service.machine.show(UNIT, "MemoryMax") == str(1 << 30)
    for pid in service.processes():
        assert re.search(r"^Max core file size +0 +0 ", pathlib.Path(f"/proc/{pid}/limits").read_text(), re.MULTILINE)


def test_counting_a_new_device_a_reload_a_reset_and_a_restart_work(service):
    lab = service.lab
    assert service.status()["accounting"] == {"mode": "ebpf", "exact": True, "reason": None}
    flood = Flood(lab)
    wait_until(lambda: tx(service) > 0, what="the first bytes")
    lab.server.ip("link", "add", "up1", "type", "veth", "peer", "name", "up1", "netns", lab.client.name)
    lab.client.ip("link", "set", "up1", "up")
    lab.server.ip("link", "set", "up1", "up")
    lab.server.ip("route", "add", "default", "dev", "up1", "table", "77")
    wait_until(lambda: {"up0": "tcx", "up1": "tcx"} == {
        device["name"]: device["attach"].replace("clsact", "tcx") for device in service.status()["devices"]},
        what="up1")
    service.write_keys([key("renamed", KEYS[0]["uuid"], PORT)])
    service.ctl("reload")
    wait_until(lambda: service.port_entry(PORT)["key_name"] == "renamed", what="the new name")
    closed = service.reset("renamed").json()["previous_total"]
    assert closed > 0
    # The same as an upgrade does: the programs go on counting while there is no daemon.
    service.ctl("restart").wait_ready()
    service.ctl("stop")
    service.start()
    sent = flood.end()
    assert closed + tx(service) == sent["wire_bytes"]
    assert service.status()["reasons"] == []


def test_the_journal_has_fields_and_the_service_of_alerts_tells_a_reason(service):
    machine, etc = service.machine, service.machine.tree / "etc/v2meter"
    notify = "v2meter-notify.service"
    machine.run("systemctl", "start", notify)
    assert machine.show(notify, "ConditionResult") == "no"
    (etc / "notify.json").write_text(json.dumps({
        "poll_interval_s": 1, "degraded_after_s": 0,
        "channels": [{"name": "file", "command": ["/usr/bin/tee", "-a", "/var/lib/v2meter-notify/told"]}]}))
    (etc / "notify.key").write_text(service.api_key())
    for name in ("notify.json", "notify.key"):
        (etc / name).chmod(0o600)
    machine.run("systemctl", "start", notify)
    status = pathlib.Path(f"/proc/{machine.processes(notify)[0]}/status").read_text()
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert "0" not in facts["Uid"].split() and int(facts["CapBnd"], 16) == 0 and facts["Seccomp"] == "2"
    assert float(re.search(r"exposure level for \S+: ([0-9.]+)", machine.run(
        "systemd-analyze", "security", "--no-pager", notify).stdout)[1]) <= 2.0
    service.write_keys("[")
    told = machine.tree / "var/lib/v2meter-notify/told"
    wait_until(lambda: told.exists() and "degraded: key_source_broken" in told.read_text(), what="the alert")
    service.write_keys(KEYS)
    wait_until(lambda: "no longer degraded: key_source_broken" in told.read_text(), what="the all-clear")
    lines = [json.loads(line) for line in machine.run(
        "journalctl", "--no-pager", "-o", "json", "-u", UNIT, "V2METER_REASON=key_source_broken").stdout.splitlines()]
    assert [line["MESSAGE"] for line in lines] == ["health: key_source_broken begins", "health: key_source_broken is over"]
    assert {line["PRIORITY"] for line in lines} == {"6"} and {line["CODE_FILE"] for line in lines} == {"health.c"}
    machine.run("systemctl", "stop", notify)
    assert "api_key" not in machine.journal(notify) and service.api_key() not in machine.journal(notify)


def test_systemd_starts_it_again_if_it_hangs_and_nothing_is_lost(service):
    drop_in(service, "[Service]\nWatchdogSec=2\n")
    main, before = service.processes()[0], service.machine.show(UNIT, "MainPID")
    first = tx(service)
    flood = Flood(service.lab)
    wait_until(lambda: tx(service) > first, what="the first bytes")
    os.kill(main, signal.SIGSTOP)
    wait_until(lambda: service.machine.show(UNIT, "MainPID") not in ("0", before) and service.is_ready(), timeout_s=30,
               what="another process")
    assert "Watchdog timeout" in service.said()
    sent = flood.end()
    assert tx(service) - first == sent["wire_bytes"]
    drop_in(service, "")


def connects(service, timeout_s=1):
    client = service.lab.client.socket(socket.AF_INET, socket.SOCK_STREAM)
    with client:
        client.settimeout(timeout_s)
        try:
            client.connect((Lab.SERVER[4], service.PORT))
        except socket.timeout:
            return False
        return True


def test_clients_of_other_hosts_need_a_line_in_the_unit(service):
    service.write_settings(listen=f"0.0.0.0:{service.PORT}")
    drop_in(service, "")
    assert "IPAddressAllow" in service.said()
    assert not connects(service)
    drop_in(service, f"[Service]\nIPAddressAllow={Lab.CLIENT[4]}\n")
    wait_until(lambda: connects(service), what="a connection of another host")
    service.write_settings()
    drop_in(service, "")


def test_the_drop_in_for_netns_suffices(service):
    text = (ROOT / "docs/capabilities.md").read_text()
    assert FOR_NETNS in text
    service.machine.run("systemd-run", "--unit=container", "--property=PrivateNetwork=yes", "sleep", "600")
    pid = service.machine.show("container.service", "MainPID")
    service.write_settings(netns=pid)
    drop_in(service, "")
    assert "netns_unavailable" in [row["reason"] for row in service.status()["reasons"]]
    drop_in(service, FOR_NETNS)
    assert service.status()["reasons"] == []
    service.machine.run("systemctl", "stop", "container")
    service.write_settings()
    drop_in(service, "")
