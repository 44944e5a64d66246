# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Users of one inbound of a real V2Ray, told apart by a proxy's list of online users, compared with a capture.

A stand-in answers with Xray's messages. It has the open connections from V2Ray's access log, which the daemon does not
know. The clients have addresses of their own.
"""

import copy

import pytest

from support.lab import wait_until
from support.shared import NAMES, PORT, ByUser, Shared, User, assert_adds_up, reset, simple, traffic
from support.standin import Standin, inbound

pytest.importorskip("grpc", reason="python3-grpcio is not installed")

MIB = 1024 * 1024
ADDRESSES = [f"10.77.0.{number}" for number in (2, 3, 4, 5)]
SLOW_S = 40


def soon(condition, what):
    return wait_until(condition, timeout_s=SLOW_S, what=what)


class Addressed(Shared):
    """A user may be a client at several addresses: place() makes another key for the client alone."""

    def server_config(self):
        known, keys = {}, self.keys
        self.keys = [known.setdefault(key.uuid, key) for key in keys if key.uuid not in known]
        config = super().server_config()
        self.keys = keys
        return config

    def client_config(self, address):
        config = super().client_config(address)
        for key, outbound in zip(self.keys, config["outbounds"]):
            outbound["sendThrough"] = key.address
        return config


def place(user, number):
    """The user at an address of the client."""
    placed = copy.copy(user)
    placed.address, placed.kind = ADDRESSES[number], f"{user.kind}-{number}"
    return placed


def users_at(tag, port, users, **options):
    return inbound(tag, port, *([user.uuid, user.name] for user in users), **options)


@pytest.fixture
def serve(lab, start_daemon):
    """Gives serve(clients, follows_log, **state), which starts the stand-in, the server and the daemon."""
    def start(clients, follows_log=False, **state):
        for address in ADDRESSES[1:]:
            lab.client.ip("address", "add", f"{address}/24", "dev", "up0")
        log = lab.directory / "access.log"
        log.touch()
        standin = Standin(lab, "127.0.0.1:10085", online=str(log), **state)
        daemon = start_daemon([], key_sources=["xray-api://127.0.0.1:10085"],
                              access_logs=[str(log)] if follows_log else [])
        v2ray = Addressed(lab, keys=clients)
        # Connections that begin before a list has been taken stay unattributed.
        if not follows_log:
            soon(lambda: "told apart by the proxy's list" in daemon.said(), "the first list")
        return daemon, v2ray, standin
    return start


def lists(standin):
    return standin.process.said().count("asked who is online")


def next_list(standin):
    """Waits for a list that was made from now on. The question before it may be older."""
    seen = lists(standin)
    soon(lambda: lists(standin) >= seen + 2, "the next list")


def attribution(daemon, user):
    return traffic(daemon, user)["accounting"]["attribution"]


def total(daemon, user):
    """The user's bytes; 0 as long as the port has no figures of its users."""
    answer = simple(daemon, user)
    return answer.json()["traffic"]["total_bytes"] if answer.status == 200 else 0


class Downloads:
    """Downloads that go on until they are stopped."""

    def __init__(self, v2ray):
        self.v2ray, self.running = v2ray, []

    def start(self, *clients):
        self.running += [self.v2ray.start_download(client, 64 * MIB, MIB // 2) for client in clients]

    def stop(self):
        for download in self.running:
            assert download.running(), "a download has ended"
            download.stop()
        self.running = []


def settle(daemon, v2ray, capture):
    v2ray.stop()
    capture.settle()
    soon(lambda: all(key["connections"] == 0 for key in daemon.port_entry(PORT)["keys"]), "the end")


def test_who_alone_has_an_address_has_the_bytes_of_its_connections(lab, serve, capture):
    users = alice, bob, carol = [User(name) for name in NAMES]
    clients = [place(user, number) for number, user in enumerate(users)] + [place(bob, 2)]
    daemon, v2ray, standin = serve(clients, inbounds=[users_at("one", PORT, users)])
    assert simple(daemon, alice).status == 409
    downloads = Downloads(v2ray)
    downloads.start(*clients[:3])
    soon(lambda: all(total(daemon, user) > MIB // 2 for user in users), "the users, while they download")
    assert_adds_up(daemon.port_entry(PORT))
    closed = reset(daemon, carol)
    downloads.stop()
    # The address changes hands.
    next_list(standin)
    before = total(daemon, bob)
    downloads.start(clients[3])
    soon(lambda: total(daemon, bob) > before + MIB // 2, "bob at the address that was carol's")
    downloads.stop()
    settle(daemon, v2ray, capture)
    truth = ByUser(lab, capture)
    counted = {user.name: total(daemon, user) for user in users}
    counted[carol.name] += closed
    assert counted == {user.name: truth.total(user.name) for user in users}
    assert closed > MIB // 2 and min(counted.values()) > MIB // 2
    entry = daemon.port_entry(PORT)
    assert_adds_up(entry)
    assert entry["unattributed"]["total_bytes"] == truth.total(None)
    for user in users:
        assert attribution(daemon, user)["method"] == "online_users"
        assert attribution(daemon, user)["complete"] is True, attribution(daemon, user)
    # Nobody is online. The ledger has what the answers have.
    counted[carol.name] -= closed
    daemon.kill()
    daemon.start()
    assert counted == {user.name: traffic(daemon, user)["total_bytes"] for user in users}
    # The list may lack users from now on. What was counted stays.
    standin.state["inbounds"] = [users_at("one", PORT, users, level=1)]
    standin.write()
    soon(lambda: attribution(daemon, alice)["complete"] is False, "a port that is no longer told apart")
    assert "named nobody for a connection" in attribution(daemon, alice)["reason"]
    assert counted[alice.name] == total(daemon, alice)
    standin.stop()


def test_several_users_at_one_address_are_not_told_apart_and_nobody_pays_for_another(lab, serve, capture):
    """Bob comes to the address from which alice downloads. Carol's inbound lets a client claim any address, and the
    list may lack those of level 1. This Xray is asked for each user."""
    users = alice, bob, zoe = [User(name) for name in (*NAMES[:2], "zoe")]
    claiming = carol, _ = [User(name, port=PORT + 1) for name in (NAMES[2], "dave")]
    hidden = erin, _ = [User(name, port=PORT + 2) for name in ("erin", "frank")]
    clients = [place(user, number) for user, number in ((alice, 0), (carol, 1), (erin, 2), (zoe, 3), (bob, 0))]
    daemon, v2ray, standin = serve(
        clients, is_old=True, idle={zoe.name: ADDRESSES[3]},
        inbounds=[users_at("one", PORT, users), users_at("two", PORT + 1, claiming, accepts_proxy_protocol=True),
                  users_at("three", PORT + 2, hidden, level=1)])
    downloads = Downloads(v2ray)
    downloads.start(*clients[:3])
    soon(lambda: total(daemon, alice) > MIB // 2, "alice, who is alone")
    assert attribution(daemon, alice)["complete"] is True
    # A reset leaves what nobody is named for yet: no list has the request of zoe's new connection. A list without zoe
    # would be the end of her chance.
    downloads.start(clients[3])
    soon(lambda: attribution(daemon, alice)["unattributed_bytes"] > 65536, "zoe, whose request no list has yet")
    reset(daemon, bob)
    soon(lambda: attribution(daemon, alice)["complete"] is False, "what the reset has left")
    assert "named nobody for a connection" in attribution(daemon, alice)["reason"]
    standin.state["idle"] = {}
    standin.write()
    soon(lambda: total(daemon, zoe) > 0, "zoe, who is alone")
    reset(daemon, alice)
    assert attribution(daemon, alice)["complete"] is True
    downloads.start(clients[4])
    soon(lambda: "several users were online from one address" in attribution(daemon, alice).get("reason", ""),
         "two users at the address")
    assert attribution(daemon, alice)["complete"] is False
    had, rest = total(daemon, alice), attribution(daemon, alice)["unattributed_bytes"]
    soon(lambda: attribution(daemon, alice)["unattributed_bytes"] > rest + 2 * MIB, "what nobody has")
    assert 0 < had <= total(daemon, alice) < had + MIB // 2 and total(daemon, bob) == 0
    downloads.stop()
    settle(daemon, v2ray, capture)
    truth = ByUser(lab, capture)
    assert total(daemon, alice) < truth.total(alice.name) and truth.total(bob.name) > MIB // 2
    entry = daemon.port_entry(PORT)
    assert_adds_up(entry)
    # Nobody is told apart by a list that may be wrong.
    for user in (carol, erin):
        assert simple(daemon, user).status == 409
        assert daemon.port_entry(user.port)["total_bytes"] > MIB
    standin.stop()


def test_an_access_log_that_is_followed_decides_and_nobody_is_asked_for_the_list(lab, serve, capture):
    """It tells users at one address apart."""
    users = alice, bob = [User(name) for name in NAMES[:2]]
    clients = [place(user, 0) for user in users]
    daemon, v2ray, standin = serve(clients, follows_log=True, inbounds=[users_at("one", PORT, users)])
    downloads = Downloads(v2ray)
    downloads.start(*clients)
    asked = standin.process.said().count("asked for counters")
    soon(lambda: all(total(daemon, user) > MIB // 2 for user in users), "both users")
    soon(lambda: standin.process.said().count("asked for counters") >= asked + 2, "several rounds")
    downloads.stop()
    settle(daemon, v2ray, capture)
    truth = ByUser(lab, capture)
    assert {user.name: total(daemon, user) for user in users} == {user.name: truth.total(user.name) for user in users}
    assert attribution(daemon, alice)["method"] == "access_log" and attribution(daemon, alice)["complete"] is True
    assert lists(standin) == 0
    standin.stop()
