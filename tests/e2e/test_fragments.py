# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Fragments where the kernel does not let us see them put together. tests/vm has the kernels that do."""

import pytest

from support.lab import wait_until
from support.traffic import udp
from support.v2ray import Key

KEY = Key("vmess-tcp", 10001)
ENTRY = {**KEY.entry(), "transport": "both"}


def test_guessed_fragments_of_a_key_are_told_and_those_of_others_are_not(lab, start_daemon):
    daemon = start_daemon([ENTRY])
    if daemon.status()["fragments"]["observed"]:
        pytest.skip("this kernel lets us see fragments put together")
    assert "the kernel does not let us see fragments put together" in daemon.said()
    ends = (lab.server, lab.client, lab.SERVER[4])
    udp(*ends, KEY.port + 1, [4000])
    udp(*ends, KEY.port, [1000])
    status = daemon.status()
    assert status["fragments"] == {"observed": False, "guessed": 0, "lost": 0}
    assert daemon.get("/health").json() == {"status": "healthy"}
    udp(*ends, KEY.port, [4000])
    wait_until(lambda: daemon.get("/health").json() ==
               {"status": "degraded", "reason": "fragments_inexact"}, what="the condition")
    status = daemon.status()
    assert status["fragments"] == {"observed": False, "guessed": 3, "lost": 0}
    assert status["detail"].startswith("keys receive fragments")
    # After a restart, what was guessed before is no longer news.
    daemon.stop()
    daemon.start()
    wait_until(lambda: daemon.status()["fragments"]["guessed"] == 3, what="the first reading")
    assert daemon.get("/health").json() == {"status": "healthy"}
