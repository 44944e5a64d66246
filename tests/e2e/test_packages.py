# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The Debian packages on fresh trees of Debian 12 and 13, in which systemd runs: built there, installed by apt, upgraded
under traffic, removed and purged.

Runs if V2M_PACKAGES is set, as it takes ten minutes the first time and two afterwards: debootstrap makes the trees, which
stay in build/roots. They are fetched from the mirror that this machine's apt has.
"""

import os
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest

from conftest import bpf, skip_if, why_no_ebpf
from support.daemon import ROOT
from support.lab import Lab, wait_until
from support.machine import Machine, why_no_machine
from support.service import UNIT, Service
from support.two_keys import KEYS, Flood, tx

SUITES = {"bookworm": "deb12", "trixie": "deb13"}
BPF_PROG_QUERY = 16
TCX = (46, 47)
pytestmark = pytest.mark.skipif(not os.environ.get("V2M_PACKAGES"), reason="takes minutes: set V2M_PACKAGES=1")


def script(text, *arguments):
    """Runs shell text with the functions of scripts/roots.sh. Returns what it prints."""
    made = subprocess.run(
        ["bash", "-euc", f'. "{ROOT}/scripts/lib.sh"; . "{ROOT}/scripts/roots.sh"; {text}', ROOT / "scripts/package",
         *map(str, arguments)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900, check=False)
    assert made.returncode == 0, f"{text}: {made.stdout[-4000:]}{made.stderr[-4000:]}"
    return made.stdout.strip()


@pytest.fixture(scope="module", params=SUITES)
def suite(request):
    skip_if(why_no_machine())
    skip_if(why_no_ebpf())
    return request.param


@pytest.fixture(scope="module")
def packages(suite, tmp_path_factory):
    """The directory with both packages, built in a tree of that release."""
    directory = tmp_path_factory.mktemp(suite)
    script('"$V2M_ROOT/scripts/package" --suite "$1" --release "$2" --output "$3"', suite, f"1~{SUITES[suite]}",
           directory)
    assert len(list(directory.glob("*.deb"))) == 2
    return directory


@pytest.fixture
def machine(suite, packages, tmp_path):
    """A fresh machine of that release, with the packages in /packages. It has no network but the lab's, so what apt will
    install is fetched before the boot."""
    tree = script('make_root "$1"', suite)
    lab = Lab(tmp_path)
    try:
        with Machine(lab, tree) as made:
            shutil.copytree(packages, made.tree / "packages")
            script('in_tree "$1" sh -c "apt-get -qq update && apt-get -qq -y -d install /packages/*.deb"', made.tree)
            yield made.boot()
    finally:
        lab.close()


def newer(machine):
    """Makes a newer package from that of the daemon, and returns its path in the machine."""
    tree = machine.directory / "newer"
    old = next((machine.tree / "packages").glob("v2meterd_*.deb"))
    subprocess.run(["dpkg-deb", "-R", old, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace("-1~", "-2~"))
    made = old.with_name(old.name.replace("-1~", "-2~"))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, made], check=True, stdout=subprocess.DEVNULL)
    return f"/packages/{made.name}"


def apt(machine, *words):
    return machine.run("apt-get", "-y", "-q", *words).stdout


class Availability(threading.Thread):
    """Asks /healthz all the time, and keeps the longest time without an answer."""

    def __init__(self, service):
        super().__init__(daemon=True)
        self.service, self.longest_s, self.ending = service, 0.0, False
        self.start()

    def run(self):
        last_s = time.monotonic()
        while not self.ending:
            if self.service.is_ready():
                now_s = time.monotonic()
                self.longest_s, last_s = max(self.longest_s, now_s - last_s), now_s
            time.sleep(0.01)

    def end(self):
        self.ending = True
        self.join()
        return self.longest_s


def attached(machine):
    """The number of programs on the wire of the machine, on tcx or clsact."""
    with machine.lab.server.entered():
        index = socket.if_nametoindex("up0")
        count = 0
        for hook in TCX:
            # target_ifindex, attach_type, query_flags, attach_flags, prog_ids, prog_cnt
            result, said = bpf(BPF_PROG_QUERY, struct.pack("<IIIIQI28x", index, hook, 0, 0, 0, 0))
            count += struct.unpack_from("<I", said, 24)[0] if result == 0 else 0
    for way in ("ingress", "egress"):
        count += machine.lab.server.run("tc", "filter", "show", "dev", "up0", way).stdout.count("v2m_")
    return count


def test_lintian_has_nothing_to_say(suite, packages):
    tree = script('make_build_root "$1"', suite)
    assert script('in_tree "$1" lintian --allow-root --profile debian --tag-display-limit 0 '
                  '$(cd "$1" && echo src/packages/*.deb | sed "s,src,/src,g")', tree) == ""
    assert list(packages.iterdir())


def test_installation_starts_a_service_that_counts(machine):
    service = Service(machine, KEYS)
    apt(machine, "install", *(f"/packages/{path.name}" for path in (machine.tree / "packages").glob("*.deb")))
    service.wait_ready()
    assert machine.run("systemctl", "is-enabled", UNIT).stdout.strip() == "enabled"
    assert machine.run("id", "-u", "v2meter").stdout.strip() != "0"
    assert service.status()["accounting"]["exact"] and service.status()["reasons"] == []
    assert service.status()["unprotected"] is None
    sent = Flood(machine.lab).end()
    wait_until(lambda: tx(service) == sent["wire_bytes"], what="every byte of the flood")
    text = machine.run("v2meterctl", "status").stdout
    assert "first" in text and "healthy" in text
    assert machine.run("systemd-analyze", "security", "--no-pager", "--threshold=30", UNIT).returncode == 0


def test_an_upgrade_under_traffic_misses_nothing_and_keeps_what_the_operator_set(machine):
    service = Service(machine, KEYS)
    apt(machine, "install", *(f"/packages/{path.name}" for path in (machine.tree / "packages").glob("*.deb")))
    service.wait_ready()
    service.write_settings(cache_ttl_s=7)
    service.ctl("restart").wait_ready()
    flood = Flood(machine.lab)
    wait_until(lambda: tx(service) > 0, what="the first bytes")
    before = service.processes()
    availability = Availability(service)
    package = newer(machine)
    apt(machine, "install", package)
    service.wait_ready()
    gap_s = availability.end()
    assert not set(before) & set(service.processes())
    assert "-2~" in machine.run("dpkg-query", "-W", "v2meterd").stdout
    sent = flood.end()
    assert tx(service) == sent["wire_bytes"]
    assert gap_s < 5
    print(f"no answer for {gap_s:.2f} s")
    assert "cache_ttl_s" in (machine.tree / "etc/v2meter/v2meter.json").read_text()
    machine.run("systemctl", "disable", "--now", UNIT)
    apt(machine, "install", "--reinstall", package)
    assert machine.run("systemctl", "is-enabled", UNIT, check=False).stdout.strip() == "disabled"


def test_removal_takes_it_out_of_the_kernel_and_purging_forgets_it(machine):
    service = Service(machine, KEYS)
    apt(machine, "install", *(f"/packages/{path.name}" for path in (machine.tree / "packages").glob("*.deb")))
    service.wait_ready()
    sent = Flood(machine.lab).end()
    wait_until(lambda: tx(service) == sent["wire_bytes"], what="every byte of the flood")
    pins = machine.directory / "pins/v2meter"
    assert attached(machine) == 2 and pins.is_dir()
    apt(machine, "remove", "v2meterd")
    assert attached(machine) == 0 and not pins.exists()
    assert (machine.tree / "var/lib/v2meter/ledger.db").exists()
    apt(machine, "install", *(f"/packages/{path.name}" for path in (machine.tree / "packages").glob("v2meterd*.deb")))
    service.wait_ready()
    assert tx(service) == sent["wire_bytes"], "the totals are those of before the removal"
    service.key_file.unlink()
    for name in ("notify.json", "notify.key"):
        (machine.tree / "etc/v2meter" / name).write_text("secret")
    apt(machine, "purge", "v2meterd", "v2meterctl")
    assert attached(machine) == 0 and not pins.exists()
    for path in ("var/lib/v2meter", "etc/v2meter", "etc/default/v2meterd", "usr/sbin/v2meterd"):
        assert not (machine.tree / path).exists(), path
    assert "v2meterd" not in machine.run("systemctl", "list-unit-files", "--no-legend").stdout
    assert machine.run("dpkg", "-s", "v2meterd", check=False).returncode != 0
