# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Many connections of a shared port at once. The test serves them, and writes the access log as V2Ray does."""

import contextlib
import json
import multiprocessing
import os
import select
import socket
import threading
import time
import types

from support.lab import wait_until
from support.shared import NAMES, PORT, ByUser, Shared, User, assert_adds_up, reset, simple, traffic

# The kernel's map has 65,536.
FLOWS = int(os.environ.get("V2M_SHARED_FLOWS", "2000"))
ADDRESSES = [f"10.77.0.{number}" for number in (2, 3, 4)]
ANSWER = bytes(700)
# A process may have 20,000 files, and has both ends of its connections.
FLOWS_OF_A_WORKER = 7500


class Server(threading.Thread):
    """Answers each message of a client with ANSWER."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        with lab.server.entered():
            self.listener = socket.create_server(("0.0.0.0", PORT), backlog=4096, reuse_port=True)
        self.listener.setblocking(False)
        self.epoll, self.clients, self.ends = select.epoll(), {}, False
        self.epoll.register(self.listener, select.EPOLLIN)
        self.start()

    def accept(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                client = self.listener.accept()[0]
                self.clients[client.fileno()] = client
                self.epoll.register(client, select.EPOLLIN)

    def answer(self, number):
        if self.clients[number].recv(4096):
            self.clients[number].sendall(ANSWER)
        else:
            self.clients.pop(number).close()

    def run(self):
        while not self.ends:
            for number, _ in self.epoll.poll(0.1):
                if number == self.listener.fileno():
                    self.accept()
                else:
                    self.answer(number)

    def stop(self):
        self.ends = True
        self.join()
        self.listener.close()
        for client in self.clients.values():
            client.close()


def address_of(number):
    return ADDRESSES[number % len(ADDRESSES)], 1024 + number // len(ADDRESSES)


def connect_all(lab, numbers):
    clients = []
    with lab.client.entered():
        for number in numbers:
            client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            client.bind(address_of(number))
            client.connect((lab.SERVER[4], PORT))
            clients.append(client)
    return clients


def talk(clients):
    """Each client sends, then each reads the answer."""
    for client in clients:
        client.sendall(bytes(100))
    for client in clients:
        left = len(ANSWER)
        while left:
            left -= len(client.recv(left))


def work(lab, numbers, orders):
    """A process with some of the connections. It answers each order when it is done."""
    server, clients = Server(lab), []
    orders.send("ready")
    for order in iter(orders.recv, "end"):
        if order == "connect":
            clients = connect_all(lab, numbers)
        elif order == "talk":
            talk(clients)
        elif order == "close":
            for client in clients:
                client.close()
        elif order == "drain":
            wait_until(lambda: not server.clients, timeout_s=60, what="the ends")
        orders.send(order)
    server.stop()


class Workers:
    def __init__(self, lab, count=FLOWS):
        self.workers = []
        for first in range(0, count, FLOWS_OF_A_WORKER):
            here, there = multiprocessing.Pipe()
            numbers = range(first, min(count, first + FLOWS_OF_A_WORKER))
            made = multiprocessing.get_context("fork").Process(target=work, args=(lab, numbers, there), daemon=True)
            made.start()
            self.workers.append((made, here))
        self.wait("ready")

    def wait(self, word):
        for _, orders in self.workers:
            assert orders.poll(120) and orders.recv() == word

    def have(self, *words):
        """Has all of them do it, and then the next."""
        for word in words:
            for _, orders in self.workers:
                orders.send(word)
            self.wait(word)

    def end(self):
        for worker, orders in self.workers:
            orders.send("end")
            worker.join(30)


def write_log(log, users, count=FLOWS):
    now = time.strftime("%Y/%m/%d %H:%M:%S")
    with log.open("a") as file:
        for number in range(count):
            address, port = address_of(number)
            file.write(f"{now} {address}:{port} accepted tcp:127.0.0.2:8080 email: {users[number % 7 % 3].name}\n")


def start_with_log(lab, start_daemon, users, **members):
    """The daemon follows the log that is returned with it."""
    for address in ADDRESSES[1:]:
        lab.client.ip("address", "add", f"{address}/24", "dev", "up0")
    served, log = lab.directory / "served.json", lab.directory / "access.log"
    log.touch()
    v2ray = Shared.__new__(Shared)
    v2ray.lab, v2ray.keys = lab, users
    served.write_text(json.dumps(v2ray.server_config()))
    return start_daemon([], key_sources=[str(served)], **members), log


def test_each_of_many_connections_at_once_is_on_the_right_bill(lab, start_daemon, capture):
    users = [User(name) for name in NAMES]
    daemon, log = start_with_log(lab, start_daemon, users)
    workers = Workers(lab)
    workers.have("connect", "talk")
    write_log(log, users)
    wait_until(lambda: all(simple(daemon, user).status == 200 for user in users), timeout_s=60, what="the users")
    workers.have("talk")
    # All are open: the bytes before and after the line count.
    least = {user.name: sum(2 * (100 + len(ANSWER)) for number in range(FLOWS) if users[number % 7 % 3] is user)
             for user in users}
    wait_until(lambda: all(traffic(daemon, user)["total_bytes"] > least[user.name] for user in users), timeout_s=60,
               what="the bytes while all are open")
    open_now = sum(key["connections"] for key in daemon.port_entry(PORT)["keys"])
    assert_adds_up(daemon.port_entry(PORT))
    workers.have("close", "drain")
    workers.end()
    capture.settle()
    truth = ByUser(lab, capture)
    entry = daemon.port_entry(PORT)
    assert_adds_up(entry)
    assert {user.name: traffic(daemon, user)["total_bytes"] for user in users} == {
        user.name: truth.total(user.name) for user in users}
    assert entry["unattributed"]["total_bytes"] == truth.total(None) == 0
    assert open_now == FLOWS
    assert traffic(daemon, users[0])["accounting"]["attribution"]["complete"] is True
    print(f"{FLOWS} connections at once: {entry['total_bytes']} bytes, {truth.total(None)} of nobody")


def test_connections_beyond_shared_flows_max_are_nobodys_and_another_size_keeps_all_figures(lab, start_daemon,
                                                                                            capture):
    users = [User(name) for name in NAMES]
    daemon, log = start_with_log(lab, start_daemon, users, shared_flows_max=64)
    workers = Workers(lab, 100)

    def attribution():
        return traffic(daemon, users[0])["accounting"]["attribution"]

    def figures():
        entry = daemon.port_entry(PORT)
        assert_adds_up(entry)
        return (entry["total_bytes"], entry["unattributed"]["total_bytes"],
                {user.name: traffic(daemon, user)["total_bytes"] for user in users})

    def restart(size, **members):
        daemon.stop()
        daemon.config.update(shared_flows_max=size, **members)
        daemon.write_config()
        daemon.start()
        wait_until(lambda: simple(daemon, users[0]).status == 200, timeout_s=60, what="the users")

    workers.have("connect", "talk")
    write_log(log, users, 100)
    wait_until(lambda: all(simple(daemon, user).status == 200 for user in users), timeout_s=60, what="the users")
    wait_until(lambda: attribution()["complete"] is False, timeout_s=60, what="the full map")
    assert "more connections than can be attributed" in attribution()["reason"]
    workers.have("talk")
    capture.rest()
    before = figures()
    # The first 64 found room, so a log that names only these tells the bytes of each user.
    named = types.SimpleNamespace(directory=lab.directory / "named", SERVER=lab.SERVER)
    named.directory.mkdir()
    write_log(named.directory / "access.log", users, 64)
    truth = ByUser(named, capture)
    assert before[1] == truth.total(None) > 0
    assert before[2] == {user.name: truth.total(user.name) for user in users}
    room = daemon.status()["shared_ports"]
    assert (room["flows_max"], room["users"], room["users_max"]) == (64, len(users), 16383)
    restart(256, shared_users_max=20000)
    assert figures() == before
    assert daemon.status()["shared_ports"]["users_max"] == 20479
    assert "shared_flows_max is 256 now, and was 64: 64 of 64 open connections" in daemon.said()
    workers.have("talk", "close", "drain")
    workers.end()
    capture.settle()
    # Those that had an owner go on with it.
    truth, total, keys = ByUser(named, capture), *figures()[::2]
    assert total == sum(truth.total(name) for name in (*NAMES, None))
    assert all(keys[user.name] >= truth.total(user.name) for user in users)
    assert attribution()["complete"] is False
    # A connection that no line has named yet may have lost bytes to the port alone.
    reset(daemon, users[0])
    assert attribution()["complete"] is True
    restart(128)
    wait_until(lambda: attribution()["complete"] is False, timeout_s=60, what="the new map")
    assert "before the access log was followed" in attribution()["reason"]
    reset(daemon, users[0])
    restart(128)
    assert attribution()["complete"] is True
    # The programs of sockets take a map of any size, too.
    assert "on shared ports are not counted" not in daemon.said()


class Secret(Shared):
    """Its log is not the one that its configuration names."""

    def start(self, namespace, name, config):
        if name == "server":
            config["log"]["access"] = str(self.lab.directory / "secret.log")
        return super().start(namespace, name, config)


def test_a_udp_peer_that_no_line_names_is_said(lab, start_daemon):
    users = alice, bob = [User(name, "vmess") for name in NAMES[:2]]
    for user in users:
        user.network, user.transport = "mkcp", "udp"
    served, log, secret = [lab.directory / name for name in ("served.json", "access.log", "secret.log")]
    log.touch()
    config = Shared.__new__(Shared)
    config.lab, config.keys = lab, users
    served.write_text(json.dumps(config.server_config()))
    daemon = start_daemon([], key_sources=[str(served)])
    v2ray = Secret(lab, keys=users)

    def attribution():
        return traffic(daemon, alice)["accounting"]["attribution"]

    v2ray.download(alice, 100_000)
    log.write_text("".join(line for line in secret.read_text().splitlines(True) if "email: alice" in line))
    wait_until(lambda: simple(daemon, alice).status == 200, timeout_s=30, what="alice in the log")
    assert reset(daemon, alice) > 100_000
    assert attribution()["complete"] is True
    v2ray.start_download(bob, 10_000_000, 100_000)
    wait_until(lambda: attribution()["complete"] is False, timeout_s=60, what="the peer that nobody is named for")
    assert "names nobody for a UDP peer" in attribution()["reason"]
    assert attribution()["unattributed_bytes"] > 16384 and traffic(daemon, bob)["total_bytes"] == 0
    v2ray.stop()
