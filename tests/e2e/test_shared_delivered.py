# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Each user of a shared port has the sessions of its own connections, and the bytes that these delivered.

The test is the server and writes its access log, so it knows every byte of every user.
"""

import collections
import json
import random
import socket
import time

import pytest

from support.lab import wait_until
from support.listener import ENDS, PORT, Listener, close_client_first

USERS = {"alice": "6d7e1c4a-0b1f-4b52-9d0e-0f2a4f6f3b11", "bob": "6d7e1c4a-0b1f-4b52-9d0e-0f2a4f6f3b12"}


class Server:
    """Holds both ends of the connections of some users, and knows what each has sent."""

    def __init__(self, lab, kind):
        self.listener = Listener(lab, 6 if kind == "ipv6" else 4)
        if kind == "ipv4":
            self.listener.socket.close()
            self.listener.socket = lab.server.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.socket.bind(("0.0.0.0", PORT))
            self.listener.socket.listen(512)
        self.log = lab.directory / "access.log"
        self.log.touch()
        self.bytes = collections.Counter()
        self.opened = collections.Counter()

    def open(self, user, name=True):
        pair = self.listener.open()
        self.opened[user] += 1
        if name:
            self.name(user, pair[0].getsockname())
        return pair

    def name(self, user, address):
        host, port = address[:2]
        host = f"[{host}]" if ":" in host else host
        with self.log.open("a") as log:
            log.write(f"{time.strftime('%Y/%m/%d %H:%M:%S')} {host}:{port} accepted tcp:203.0.113.7:80 [direct] email: {user}\n")

    def say(self, user, pair, up, down):
        self.listener.say(pair, up, down)
        self.bytes[user] += up + down


@pytest.fixture
def serve(request, lab, start_daemon):
    server = Server(lab, request.param)
    path = lab.directory / "served.json"
    clients = [{"id": uuid, "email": name} for name, uuid in USERS.items()]
    path.write_text(json.dumps({"inbounds": [{"port": PORT, "protocol": "vless", "settings": {"clients": clients}}]}))
    return server, start_daemon([], key_sources=[str(path)], access_logs=[str(server.log)], api_bytes="delivered",
                                flush_interval_s=1)


def traffic(daemon, user):
    answer = daemon.get(f"/api/keys/{USERS[user]}/traffic/simple", fresh=True)
    return answer.json()["traffic"] if answer.status == 200 else None


def total(daemon, user):
    entry = traffic(daemon, user)
    return entry["total_bytes"] if entry else 0


def assert_adds_up(daemon):
    entry = daemon.port_entry(PORT)
    keys = sum(key.get("total_bytes", 0) for key in entry["keys"])
    assert keys + entry["unattributed"]["total_bytes"] == entry["total_bytes"]


def history(daemon, user):
    answer = daemon.get(f"/api/keys/{USERS[user]}/traffic/history", fresh=True)
    return answer.json()["data"]


# "mapped": the server listens for both, so that a client of IPv4 has an address of IPv6 there.
@pytest.mark.parametrize("serve", ["ipv4", "mapped", "ipv6"], indirect=True)
def test_readings_never_fall_and_resets_close_every_byte_of_a_user(serve):
    """Connections come and go beside a long one, are named late, or never, while the daemon is reset and killed."""
    server, daemon = serve
    kept = {user: server.open(user) for user in USERS}
    closed, last = collections.Counter(), collections.Counter()
    chance = random.Random(1)
    for number in range(120):
        user = list(USERS)[number % 2]
        server.say(user, kept[user], 100, 20_000)
        pair = server.open(user, name=False)
        address = pair[0].getsockname()
        server.say(user, pair, chance.randrange(5000), chance.randrange(50_000))
        if number % 3:
            server.name(user, address)
        ENDS[number % 4](pair)
        if number % 3 == 0:
            server.name(user, address)
        stranger = server.open("nobody", name=False)
        server.say("nobody", stranger, 10, 0)
        close_client_first(stranger)
        if number % 10 == 0:
            now = total(daemon, user)
            assert now >= last[user]
            last[user] = now
            assert_adds_up(daemon)
        if number % 30 == 15:
            closed[user] += daemon.reset(USERS[user]).json()["previous_total"]
            last[user] = 0
        if number in (50, 80):
            daemon.kill()
            server.say(user, kept[user], 1, 30_000)
            late = server.open(user)
            server.say(user, late, 7, 8)
            close_client_first(late)
            daemon.start()
    # A connection that was not named before a reset is nobody's until then, so each was named in time.
    for user in USERS:
        wait_until(lambda user=user: closed[user] + total(daemon, user) == server.bytes[user],
                   what=f"{server.bytes[user]} bytes of {user}")
    for pair in kept.values():
        close_client_first(pair)
    for user in USERS:
        wait_until(lambda user=user: traffic(daemon, user)["sessions"]["closed"] == server.opened[user],
                   what=f"{server.opened[user]} sessions of {user}")
        sessions = traffic(daemon, user)["sessions"]
        assert sessions["opened"] == server.opened[user]
        assert sessions["rx_bytes"] + sessions["tx_bytes"] == server.bytes[user]
        assert closed[user] + total(daemon, user) == server.bytes[user]
        assert history(daemon, user)["total_traffic"]["total_bytes"] == server.bytes[user]
        days = history(daemon, user)["daily_stats"].values()
        assert sum(day["sessions"] for day in days) == server.opened[user]
    assert daemon.port_entry(PORT)["unattributed"]["total_bytes"] == server.bytes["nobody"]
    assert_adds_up(daemon)
