# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The time zone of the server is changed while v2meterd runs."""

import contextlib
import datetime
import shutil
import sqlite3
import zoneinfo

import pytest

from support.daemon import Daemon
from support.lab import wait_until
from support.v2ray import Key
from test_daemon import exchange

KEY = Key("vmess-tcp", 10001)
# 26 hours apart, so that their dates always differ.
WEST, EAST = "Etc/GMT+12", "Pacific/Kiritimati"


class Elsewhere(Daemon):
    """A daemon with a directory /etc of its own."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.etc = self.directory / "etc"
        self.etc.mkdir()
        self.environment.pop("TZ", None)
        self.environment.pop("JOURNAL_STREAM", None)
        self.prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                       'mount --bind "$0" /etc && exec "$@"', self.etc]

    def move_to(self, zone, atomically=True):
        """As timedatectl does it, or else as a copy over the old file."""
        source, target = f"/usr/share/zoneinfo/{zone}", self.etc / "localtime"
        if atomically:
            made = self.etc / "localtime.new"
            made.symlink_to(source)
            made.rename(target)
        else:
            target.unlink()
            shutil.copyfile(source, target)

    def days(self):
        """The dates in the ledger with their payload. No request is made."""
        with contextlib.closing(sqlite3.connect(self.state_dir / "ledger.db")) as ledger:
            return dict(ledger.execute("SELECT date, rx_payload FROM days"))


def today(zone):
    return datetime.datetime.now(zoneinfo.ZoneInfo(zone)).date()


def number(date):
    return int(date.strftime("%Y%m%d"))


@pytest.fixture
def daemon(lab, start_daemon):
    # The fixture detaches what the other daemon, with the same pin_dir, leaves in the kernel.
    start_daemon([KEY.entry()], running=False)
    made = Elsewhere(lab, [KEY.entry()], name="elsewhere", flush_interval_s=1)
    made.move_to(WEST)
    yield made.start()
    made.stop()


@pytest.mark.parametrize("atomically", [True, False], ids=["rename", "copy"])
def test_bytes_count_in_the_new_zone_without_any_request(lab, daemon, atomically):
    west, east = number(today(WEST)), number(today(EAST))
    exchange(lab, KEY.port, 3000)
    wait_until(lambda: daemon.days() == {west: 3000}, what="the bytes in the old zone")
    daemon.move_to(EAST, atomically)
    wait_until(lambda: "UTC+14:00" in daemon.said(), timeout_s=2, what="the new zone in the log")
    line = next(line for line in daemon.said().splitlines() if "UTC+14:00" in line)
    assert line.startswith(str(today(EAST))), "the log has times of the old zone"
    exchange(lab, KEY.port, 5000)
    wait_until(lambda: daemon.days().get(east) == 5000, what="the bytes in the new zone")
    assert daemon.days() == {west: 3000, east: 5000}


def test_hours_of_both_zones_are_in_their_days(lab, daemon):
    exchange(lab, KEY.port, 3000)
    wait_until(lambda: daemon.days(), what="the bytes in the old zone")
    cached = daemon.get("/api/traffic/simple").json()["timestamp"]
    daemon.move_to(EAST)
    wait_until(lambda: "UTC+14:00" in daemon.said(), what="the new zone in the log")
    exchange(lab, KEY.port, 5000)
    wait_until(lambda: len(daemon.days()) == 2, what="the bytes in the new zone")
    for _ in range(2):
        history = daemon.get(f"/api/keys/{KEY.id}/traffic/history", fresh=True).json()["data"]
        for zone, offset_s in ((WEST, -43200), (EAST, 50400)):
            date = str(today(zone))
            answer = daemon.get(f"/api/keys/{KEY.id}/traffic/hours?from={date}&to={date}").json()
            hours = answer["data"]["hours"]
            assert {hour["utc_offset_s"] for hour in hours} == {offset_s}
            assert (sum(hour["rx_bytes"] for hour in hours) ==
                    history["daily_stats"][date]["rx_bytes"])
    assert cached.startswith(str(today(WEST)))
    assert daemon.get("/api/traffic/simple").json()["timestamp"].startswith(str(today(EAST)))

