# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The service as systemd starts it, with all restrictions of its unit, in a machine of its own: what its processes may
do, and that everything that the daemon does still works."""

import contextlib
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
from support.daemon import ROOT
from support.lab import Lab, wait_until
from support.machine import Machine, why_no_machine
from support.service import UNIT, Service
from support.two_keys import KEYS, PORT, Flood, key, tx

RELEASE = ROOT / "build"
UNIT_FILE = ROOT / "packaging/systemd/v2meterd.service.in"
# linux/capability.h
NUMBERS = {"CAP_DAC_READ_SEARCH": 2, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_NET_ADMIN": 12,
           "CAP_SYS_CHROOT": 18, "CAP_SYS_PTRACE": 19, "CAP_PERFMON": 38, "CAP_BPF": 39}
READ_ONLY = 1 << NUMBERS["CAP_DAC_READ_SEARCH"]
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


def facts_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def the_unit_grants():
    names = re.search("^CapabilityBoundingSet=(.*)$", UNIT_FILE.read_text(), re.MULTILINE)[1].split()
    return sum(1 << NUMBERS[name] for name in names)


def drop_in(service, text):
    """Adds to the unit as `systemctl edit` does, or takes that back, and starts the service anew."""
    directory = service.machine.tree / f"etc/systemd/system/{UNIT}.d"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "override.conf").write_text(text)
    service.machine.run("systemctl", "daemon-reload")
    service.ctl("restart").wait_ready()


def test_each_process_has_exactly_the_capabilities_that_it_needs(service):
    main, *children = service.processes()
    children = [pid for pid in children if facts_of(pid)["Name"].strip() != "v2meter-read"]
    assert len(children) >= 1
    for name in ("CapPrm", "CapEff", "CapBnd"):
        assert int(facts_of(main)[name], 16) == the_unit_grants()
    for child in children:
        facts = facts_of(child)
        assert [facts[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == ["0" * 16] * 4
        assert "0" not in facts["Uid"].split() + facts["Gid"].split()
    for pid in (main, *children):
        assert facts_of(pid)["NoNewPrivs"] == "1" and facts_of(pid)["Seccomp"] == "2"
    assert service.status()["unprotected"] is None


def test_the_process_that_reads_keys_may_read_files_and_nothing_else(service):
    """It lives for some milliseconds, so that it is looked for again and again."""
    main = service.processes()[0]

    def seen():
        os.kill(main, signal.SIGHUP)
        end_s = time.monotonic() + 0.1
        while time.monotonic() < end_s:
            for child in pathlib.Path(f"/proc/{main}/task/{main}/children").read_text().split():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    facts = facts_of(child)
                    if facts["Name"].strip() == "v2meter-read" and facts["Seccomp"] == "2":
                        found.append([int(facts[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")])
        return [0, READ_ONLY, READ_ONLY, 0] in found

    found = []
    wait_until(seen, what=f"the reading process with the right to read alone, of {found}")
    assert "without" not in "".join(line for line in service.said().splitlines() if "reading process runs" in line)


def test_the_unit_is_as_closed_as_the_documents_say(service):
    text = service.machine.run("systemd-analyze", "security", "--no-pager", UNIT).stdout
    exposure = float(re.search(r"exposure level for \S+: ([0-9.]+)", text)[1])
    said = re.search(r"`systemd-analyze security` gives it ([0-9.]+)", (ROOT / "docs/capabilities.md").read_text())
    assert exposure <= float(said[1]) <= 3.0
    assert service.machine.show(UNIT, "Type") == "notify"
    assert service.machine.show(UNIT, "WatchdogUSec") == "1min"


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
    assert connects(service)
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
