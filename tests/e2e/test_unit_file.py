# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The privileges in the unit file of systemd are enough, also for an upgrade and for repairs."""

import shutil
import socket

import pytest

from support import unit
from support.lab import Lab, wait_until

PORT = 10001
KEY = {"id": "first", "uuid": "6d7e1c4a-0b1f-4b52-9d0e-0f2a4f6f3b11", "name": "first", "port": PORT}
PAYLOAD = 100


@pytest.fixture
def daemon(lab, start_daemon, hook):
    if not shutil.which("setpriv"):
        pytest.skip("setpriv is not installed")
    made = start_daemon([KEY], running=False, attach=hook)
    made.prefix = unit.setpriv()
    return made.start()


@pytest.fixture
def send(lab, daemon):
    """Sends datagrams and checks that the daemon has counted each of them."""
    client = lab.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sent = 0

    def seen():
        entry = daemon.port_entry(PORT)
        assert entry["accounting"]["exact"]
        return entry["rx_packets"], entry["payload_rx_bytes"]

    def send(count, read=True):
        nonlocal sent
        for _ in range(count):
            client.sendto(bytes(PAYLOAD), (Lab.SERVER[4], PORT))
        sent += count
        if read:
            wait_until(lambda: seen() == (sent, sent * PAYLOAD), what=f"{sent} datagrams")

    with lab.server.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("", PORT))
        yield send
    client.close()


def test_counts_of_another_version_are_carried_over(lab, daemon, send):
    send(10)
    daemon.kill()
    (lab.pin_dir / "v4").rename(lab.pin_dir / "v77")
    send(20, read=False)
    daemon.start()
    send(30)
    assert "carried over the counts of the previous version" in daemon.said()
    assert not list(lab.pin_dir.glob("previous_*"))


def test_programs_whose_pins_were_removed_are_not_doubled(lab, daemon, send):
    send(10)
    daemon.kill()
    for pin in (lab.pin_dir / "v4").glob("*gress"):
        pin.unlink()
    daemon.start()
    send(20)
    assert len(list((lab.pin_dir / "v4").glob("*gress"))) == 2


def test_a_restart_does_not_attach_the_program_of_connections_anew(lab, daemon):
    link = lab.pin_dir / "sessions_v1" / "link"
    before = link.stat().st_ino
    assert daemon.stop() == 0
    daemon.start()
    assert daemon.port_entry(PORT)["sessions"]["opened"] == 0
    assert link.stat().st_ino == before
