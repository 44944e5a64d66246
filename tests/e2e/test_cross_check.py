# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The meter compares what it counts with what connections deliver, and says when the two disagree."""

import pytest

from support.forge import send_forged
from support.lab import wait_until
from support.listener import PORT, Listener

KEY = {"id": "first", "uuid": "6d7e1c4a-0b1f-4b52-9d0e-0f2a4f6f3b11", "name": "first", "port": PORT}
OTHER = dict(KEY, id="second", uuid="6d7e1c4a-0b1f-4b52-9d0e-0f2a4f6f3b12", port=PORT + 1)


@pytest.fixture
def listener(lab):
    return Listener(lab)


def reasons(daemon):
    return {reason["reason"]: reason["detail"] for reason in daemon.status()["reasons"]}


def repeat_until(daemon, word, work):
    """Repeats the work until the status has this reason. Returns the sentence about it."""
    def has_reason():
        work()
        return reasons(daemon).get(word)

    return wait_until(has_reason, 20, what=word)


def test_honest_traffic_agrees(start_daemon, listener):
    daemon = start_daemon([KEY, OTHER], cross_check_s=4)
    pair = listener.open()
    repeats = iter(range(25))

    def exchange():
        listener.say(pair, 200_000, 2_000_000)
        return next(repeats, None) is None

    wait_until(exchange, 20)
    assert "reason" not in daemon.ask("GET", "/health", key=False).json()


def test_a_path_that_nothing_counts_is_found(lab, start_daemon, listener):
    """A tunnel on the host itself connects over the loopback device."""
    daemon = start_daemon([KEY, OTHER], cross_check_s=4)
    client = lab.server.socket(listener.family)
    client.connect(("127.0.0.1", PORT))
    pair = client, listener.socket.accept()[0]
    said = repeat_until(daemon, "traffic_uncounted", lambda: listener.say(pair, 0, 3_000_000))
    assert f"port {PORT}: of the bytes that were sent" in said and " 0 were counted" in said
    assert daemon.ask("GET", "/health", key=False).json() == {"status": "degraded", "reason": "traffic_uncounted"}
    wait_until(lambda: not reasons(daemon), 30, what="the end of the condition")


def test_what_no_connection_takes_is_found(lab, start_daemon, listener):
    daemon = start_daemon([KEY, OTHER], cross_check_s=20)
    pair = listener.open()
    listener.say(pair, 1000, 1000)
    said = repeat_until(daemon, "traffic_undelivered",
                        lambda: send_forged(lab, PORT, pair[0].getsockname()[1], 4000))
    assert f"port {PORT}: of the bytes that were received" in said
    assert "traffic_uncounted" not in reasons(daemon)
