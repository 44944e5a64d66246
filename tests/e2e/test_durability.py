# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""No byte is lost by crashes, restarts, resets in the middle of traffic, or keys that come and go.

The sender counts what it sends. At the end the daemon has to have counted the same, to the byte. For longer runs:
V2M_KILLS (default 20), V2M_STOPS (default 4), V2M_RESETS (by each of four clients, default 1000).
"""

import concurrent.futures
import contextlib
import http.client
import json
import os
import random
import shutil
import threading
import time

import pytest

from support.lab import run, wait_until
from support.small_disk import fill, small_disk_of, start_on
from support.two_keys import KEYS, OTHER_UUID, PORT, UUID, Flood, give_keys, give_port, key, tx

KILLS = int(os.environ.get("V2M_KILLS", "20"))
RESETS = int(os.environ.get("V2M_RESETS", "1000"))
STOPS = int(os.environ.get("V2M_STOPS", "4"))


def assert_counted(daemon, sent, port=PORT, before=0):
    assert sent["packets"] > 0
    assert tx(daemon, port) - before == sent["wire_bytes"], daemon.said()


def test_killing_the_daemon_again_and_again_loses_no_byte(lab, start_daemon):
    daemon = start_daemon(KEYS, flush_interval_s=1)
    choose = random.Random(20251123)
    flood = Flood(lab)
    last = 0
    for _ in range(KILLS):
        time.sleep(choose.uniform(0, 0.2))  # at any moment between two flushes
        daemon.kill()
        daemon.start()
        now = tx(daemon)
        assert now >= last, "the total became smaller"
        last = now
    sent = flood.end()
    assert_counted(daemon, sent)
    daemon.kill()
    daemon.start()
    assert_counted(daemon, sent)


def test_a_clean_stop_and_start_under_traffic_loses_no_byte(lab, start_daemon):
    daemon = start_daemon(KEYS)
    flood = Flood(lab)
    for _ in range(5):
        assert daemon.stop() == 0
        daemon.start()
    assert_counted(daemon, flood.end())


def resets_of(daemon, count):
    closed = 0
    for _ in range(count):
        answer = daemon.reset("first")
        assert answer.status == 200, answer.body
        closed += answer.json()["previous_total"]
    return closed


def test_resets_by_four_clients_during_traffic_close_every_byte_once(lab, start_daemon):
    daemon = start_daemon(KEYS)
    flood = Flood(lab)
    with concurrent.futures.ThreadPoolExecutor(4) as clients:
        closed = sum(clients.map(lambda _: resets_of(daemon, RESETS), range(4)))
    sent = flood.end()
    entry = daemon.port_entry(PORT)
    assert closed > 0
    assert closed + entry["total_bytes"] == sent["wire_bytes"] + entry["rx_bytes"]


def test_a_reset_survives_kill_9(lab, start_daemon):
    daemon = start_daemon(KEYS)
    flood = Flood(lab)
    wait_until(lambda: tx(daemon) > 0)
    closed = daemon.reset("first").json()["previous_total"]
    daemon.kill()
    daemon.start()
    sent = flood.end()
    assert closed > 0
    assert closed + tx(daemon) == sent["wire_bytes"]


class Resetter(threading.Thread):
    """Resets over one connection until that ends, and adds up the figures in the answers."""

    def __init__(self, daemon):
        super().__init__()
        self.daemon_api, self.api_key, self.closed = daemon, daemon.api_key(), 0
        self.start()

    def run(self):
        connection = self.daemon_api.connect()
        with contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                connection.request("POST", "/api/keys/first/traffic/simple/reset",
                                   headers={"X-API-Key": self.api_key})
                answer = connection.getresponse()
                body = json.loads(answer.read())
                if answer.status != 200 or answer.will_close:
                    self.closed += body.get("previous_total", 0)
                    return
                self.closed += body["previous_total"]


def test_a_stop_amid_resets_keeps_no_answer_back(lab, start_daemon):
    daemon = start_daemon(KEYS)
    flood = Flood(lab)
    closed = 0
    for _ in range(STOPS):
        clients = [Resetter(daemon) for _ in range(8)]
        time.sleep(0.2)  # in the middle of one of them
        assert daemon.stop() == 0
        for client in clients:
            client.join()
        closed += sum(client.closed for client in clients)
        daemon.start()
    sent = flood.end()
    entry = daemon.port_entry(PORT)
    assert closed > 0
    assert closed + entry["total_bytes"] == sent["wire_bytes"] + entry["rx_bytes"]


def test_a_port_handed_over_gives_each_key_exactly_its_own_time(lab, start_daemon):
    daemon = start_daemon(KEYS[:1], sample_interval_ms=60000)
    expected = {"first": 0, "second": 0}
    for turn in range(6):
        owner = ("first", "second")[turn % 2]
        if turn:
            give_port(daemon, owner)
        expected[owner] += Flood(lab, name=f"flood{turn}").end()["wire_bytes"]
    for owner, sent in expected.items():
        give_port(daemon, owner)
        assert sent > 0 and tx(daemon) == sent, owner


def test_what_passed_while_the_daemon_was_away_belongs_to_the_keys_of_that_time(lab, start_daemon):
    daemon = start_daemon(KEYS[:1])
    assert daemon.stop() == 0
    sent = Flood(lab).end()["wire_bytes"]
    daemon.write_keys([key("first", UUID, None), key("second", OTHER_UUID, PORT)])
    daemon.start()
    assert tx(daemon) == 0
    give_port(daemon, "first")
    assert tx(daemon) == sent > 0


def test_a_start_with_a_broken_key_file_has_the_last_good_keys(lab, start_daemon):
    daemon = start_daemon(KEYS)
    daemon.kill()
    daemon.write_keys("[{")
    daemon.start()
    assert daemon.ask("GET", "/health").json() == {"status": "degraded",
                                                   "reason": "key_source_broken"}
    flood = Flood(lab)
    assert_counted(daemon, flood.end())
    daemon.write_keys(KEYS)
    wait_until(lambda: daemon.ask("GET", "/health").json()["status"] == "healthy",
               what="the mended file to be taken up")


def test_a_port_handed_over_under_traffic_loses_no_byte(lab, start_daemon):
    daemon = start_daemon(KEYS[:1])
    flood = Flood(lab)
    for turn in range(6):
        give_port(daemon, ("second", "first")[turn % 2])
    sent = flood.end()
    shares = []
    for key_id in ("first", "second"):
        give_port(daemon, key_id)
        shares.append(tx(daemon))
    assert all(shares), shares
    assert sum(shares) == sent["wire_bytes"]


def test_a_key_that_went_and_returned_has_its_totals(lab, start_daemon):
    daemon = start_daemon(KEYS)
    flood = Flood(lab)
    wait_until(lambda: tx(daemon) > 0)
    sent = flood.end()
    give_keys(daemon, KEYS[1:])
    give_keys(daemon, KEYS)
    assert_counted(daemon, sent)


def delete_ledger(daemon, copy):
    for path in daemon.state_dir.glob("ledger.db*"):
        path.unlink()


def truncate_ledger(daemon, copy):
    delete_ledger(daemon, copy)
    (daemon.state_dir / "ledger.db").touch(0o600)


def restore_ledger(daemon, copy):
    delete_ledger(daemon, copy)
    shutil.copy(copy, daemon.state_dir / "ledger.db")


@pytest.mark.parametrize("lose", [delete_ledger, truncate_ledger, restore_ledger])
def test_what_counters_older_than_the_ledger_hold_belongs_to_nobody(lab, start_daemon, lose):
    """The first flood is in the copy, the second one in a closed period, and the third one passes while the
    daemon is away."""
    daemon = start_daemon(KEYS)
    sent = [Flood(lab, name="first").end()["wire_bytes"]]
    wait_until(lambda: tx(daemon) == sent[0])
    assert daemon.stop() == 0
    copy = lab.directory / "ledger.copy"
    run("sqlite3", daemon.state_dir / "ledger.db", f".backup {copy}")
    daemon.start()
    assert daemon.get("/health").json() == {"status": "healthy"}
    sent.append(Flood(lab, name="second").end()["wire_bytes"])
    assert daemon.reset("first").json()["previous_total"] == sum(sent)
    assert daemon.stop() == 0
    sent.append(Flood(lab, name="third").end()["wire_bytes"])
    lose(daemon, copy)
    daemon.start()
    known = sent[0] if lose is restore_ledger else 0
    for _ in range(2):
        assert tx(daemon) == known
        assert daemon.get("/health").json() == {"status": "degraded", "reason": "ledger_lost"}
        aside, = daemon.status()["set_aside"]
        assert (aside["port"], aside["last_port"]) == (PORT, PORT)
        assert (aside["rx_bytes"], aside["tx_bytes"]) == (0, sum(sent) - known)
        # It is known from now on.
        daemon.kill()
        daemon.start()
    later = Flood(lab, name="later").end()["wire_bytes"]
    assert tx(daemon) == known + later
    history = daemon.get(f"/api/keys/{UUID}/traffic/history", fresh=True).json()["data"]
    assert history["total_traffic"]["total_bytes"] == known + later


def test_a_key_whose_total_is_damaged_does_not_pass_for_healthy(lab, start_daemon):
    daemon = start_daemon(KEYS)
    sent = Flood(lab).end()["wire_bytes"]
    wait_until(lambda: tx(daemon) == sent)
    assert daemon.stop() == 0
    run("sqlite3", daemon.state_dir / "ledger.db", f"UPDATE subjects SET tx_wire = -1 WHERE name = '{UUID}'")
    for _ in range(2):
        daemon.start()
        assert tx(daemon) == 0
        assert daemon.get("/health").json() == {"status": "degraded", "reason": "ledger_damaged"}
        assert str(daemon.state_dir) in daemon.status()["detail"]
        daemon.kill()


@pytest.fixture
def small_disk(lab):
    with small_disk_of(lab) as directory:
        yield directory


def on_small_disk(start_daemon, small_disk):
    return start_on(small_disk, start_daemon(KEYS, running=False, flush_interval_s=1))


def test_a_start_on_a_read_only_disk_counts_on_from_what_is_there(lab, start_daemon, small_disk):
    daemon = on_small_disk(start_daemon, small_disk)
    flood = Flood(lab)
    wait_until(lambda: tx(daemon) > 0)
    before = tx(daemon)
    assert daemon.stop() == 0
    run("mount", "-o", "remount,ro", small_disk)
    daemon.start()
    wait_until(lambda: daemon.ask("GET", "/health").json().get("reason") == "ledger_unwritable",
               timeout_s=20, what="a degraded health")
    assert tx(daemon) >= before > 0
    answer = daemon.reset("first")
    assert answer.status == 503 and answer.json()["code"] == "not_stored", answer.body
    second = daemon.run()
    assert second.returncode == 2
    run("mount", "-o", "remount,rw", small_disk)
    wait_until(lambda: daemon.ask("GET", "/health").json()["status"] == "healthy", timeout_s=20,
               what="a healthy daemon")
    sent = flood.end()
    daemon.kill()
    daemon.start()
    assert_counted(daemon, sent)


def test_a_full_disk_keeps_counting_and_promises_nothing(lab, start_daemon, small_disk):
    daemon = on_small_disk(start_daemon, small_disk)
    flood = Flood(lab)
    wait_until(lambda: tx(daemon) > 0)
    filler = fill(small_disk)
    wait_until(lambda: daemon.ask("GET", "/health").json().get("reason") == "ledger_unwritable",
               timeout_s=20, what="a degraded health")
    before = tx(daemon)
    answer = daemon.reset("first")
    assert answer.status == 503 and answer.json()["code"] == "not_stored", answer.body
    assert tx(daemon) >= before > 0
    filler.unlink()
    wait_until(lambda: daemon.ask("GET", "/health").json()["status"] == "healthy", timeout_s=20,
               what="a healthy daemon")
    closed = daemon.reset("first").json()["previous_total"]
    daemon.kill()
    daemon.start()
    sent = flood.end()
    assert closed + tx(daemon) == sent["wire_bytes"]


def test_a_second_daemon_is_refused_and_told_who_holds_the_lock(lab, start_daemon):
    daemon = start_daemon(KEYS)
    second = daemon.run()
    assert second.returncode == 2
    assert f"process {daemon.process.pid}" in second.stderr
    assert daemon.get("/healthz").status == 200
