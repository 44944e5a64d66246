# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The rate history of a key in steps of ten seconds, and its hours."""

from support.lab import wait_until
from support.two_keys import KEYS, PORT, Flood, give_port, tx


def ask(daemon, key_id, what):
    answer = daemon.get(f"/api/keys/{key_id}/traffic/{what}", fresh=True)
    assert answer.status == 200, answer.body
    return answer.json()


def rates(daemon, key_id="first"):
    return ask(daemon, key_id, "rates")


def hours(daemon, query=""):
    return ask(daemon, "first", f"hours{query}")["data"]


def counted(answer):
    """The bytes that the rates stand for."""
    return sum(answer["tx"]) * answer["step_s"]


def test_rates_times_their_seconds_are_what_was_sent(lab, start_daemon):
    daemon = start_daemon(KEYS)
    first = wait_until(lambda: rates(daemon) if rates(daemon)["tx"] else None, timeout_s=25,
                       what="a step that is over")
    assert set(first["tx"]) == set(first["rx"]) == {0}
    assert (first["step_s"], first["key"]["id"], first["unit"]) == (10, "first", "wire")
    flood = Flood(lab)
    wait_until(lambda: tx(daemon) > 1000000, what="a part of the flood")
    sent = flood.end()["wire_bytes"]
    # Rounded to whole bytes a second, at most three steps of ten seconds.
    last = wait_until(lambda: rates(daemon) if counted(rates(daemon)) >= sent - 15 else None,
                      timeout_s=15, what="the flood in the rates")
    assert abs(counted(last) - sent) <= 15
    assert last["start"] == first["start"] or abs(last["start"] - first["start"]) < 1
    assert len(last["rx"]) == len(last["tx"]) > len(first["tx"])
    assert counted(rates(daemon, "second")) == 0
    give_port(daemon, "second")
    assert counted(rates(daemon, "second")) == counted(rates(daemon)) == 0, "it is another's traffic"


def test_hours_are_the_local_ones_and_outlive_a_restart(lab, start_daemon):
    """Half an hour off: hours begin there too."""
    daemon = start_daemon(KEYS, environment={"TZ": "Asia/Kolkata"})
    today = hours(daemon)["to"]
    sent = Flood(lab).end()["wire_bytes"]
    for _ in range(2):
        told = hours(daemon, f"?from={today}")["hours"]
        assert sum(hour["tx_bytes"] for hour in told) == sent
        assert {hour["utc_offset_s"] for hour in told} == {19800}
        assert {hour["start"] % 3600 for hour in told} == {1800}
        daemon.kill()
        daemon.start()
    assert hours(daemon, "?from=2024-01-01&to=2024-12-31")["hours"] == []
    assert daemon.get("/api/keys/first/traffic/hours?from=2025-13-01").status == 422
    assert tx(daemon, PORT) == sent
