# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sessions on each kernel: the tracepoint's program counts what a connection carried until its end."""

import json
import re

import pytest

import network
from daemon import KEY, OTHER_PORT, PORT, Daemon, Server, exchange, wait_until


@pytest.fixture(scope="module")
def daemon(vm, veth):
    running = Daemon(vm, interfaces=["v0"])
    try:
        yield running.start()
    finally:
        running.remove()


@pytest.fixture
def short_queue(vm, veth):
    """A queue of four frames on v0, which drops the others."""
    vm.check("/v2m/load-modules sch_tbf")
    vm.check(f"ethtool -K v0 {network.NO_OFFLOADS}; "
             "tc qdisc add dev v0 root tbf rate 20mbit burst 5000 limit 6000")
    yield
    vm.check(f"tc qdisc del dev v0 root; ethtool -K v0 {network.NO_OFFLOADS.replace('off', 'on')}")


def session_of(vm, daemon, up, down):
    """Makes one connection that carries so many bytes and ends. Returns by how much the sessions grew."""
    before = daemon.entry()["sessions"]
    exchange(vm, f"tcp 10.77.0.1 {PORT} {up} {down}")
    wait_until(lambda: daemon.entry()["sessions"]["closed"] > before["closed"],
               lambda: daemon.entry()["sessions"])
    after = daemon.entry()["sessions"]
    return {name: after[name] - before[name] for name in ("opened", "closed", "rx_bytes", "tx_bytes")}


def delivered(daemon):
    entry = daemon.entry()
    return entry["delivered_rx_bytes"], entry["delivered_tx_bytes"]


def test_sums_over_connections_are_what_both_ends_sent(vm, daemon):
    assert "sessions shorter than" not in daemon.said()
    assert session_of(vm, daemon, 70001, 90002) == {
        "opened": 1, "closed": 1, "rx_bytes": 70001, "tx_bytes": 90002}


def test_segments_that_the_local_queue_drops_are_counted_once(vm, daemon, short_queue):
    assert session_of(vm, daemon, 1000, 2000000) == {
        "opened": 1, "closed": 1, "rx_bytes": 1000, "tx_bytes": 2000000}
    said = vm.check("tc -s qdisc show dev v0")
    assert int(re.search(r"dropped (\d+)", said)[1]) > 50, said


def test_delivered_bytes_are_what_the_connections_handed_over(vm, daemon, short_queue):
    """Open or closed, while the queue drops segments and after the daemon was killed."""
    up, down = delivered(daemon)
    opened = daemon.entry()["sessions"]["opened"]
    vm.check(f"ip netns exec peer traffic tcp 10.77.0.1 {PORT} 3000 1500000 >/tmp/long 2>&1 &")
    wait_until(lambda: daemon.entry()["sessions"]["opened"] > opened, daemon.said)
    last = delivered(daemon)
    daemon.kill()
    daemon.start()
    vm.check("".join(f"ip netns exec peer traffic tcp 10.77.0.1 {PORT} {number} {7 * number} >/dev/null; "
                     for number in range(16, 46)))
    expected = up + 3000 + sum(range(16, 46)), down + 1500000 + 7 * sum(range(16, 46))

    def all_arrived():
        nonlocal last
        now = delivered(daemon)
        assert now[0] >= last[0] and now[1] >= last[1], (last, now)
        last = now
        return now == expected

    wait_until(all_arrived, lambda: (expected, last, daemon.said()))
    assert daemon.entry()["payload_tx_bytes"] > last[1]
    assert "delivered bytes" not in daemon.said()


@pytest.fixture
def mptcp_server(vm, daemon):
    """A server of MPTCP on OTHER_PORT. Linux 5.10 has MPTCP switched off at first."""
    if vm.run("echo 1 >/proc/sys/net/mptcp/enabled && "
              "ip netns exec peer sh -c 'echo 1 >/proc/sys/net/mptcp/enabled'").status:
        pytest.skip("this kernel has no MPTCP")
    server = Server(vm, OTHER_PORT, mptcp=True)
    yield
    server.stop()


def test_bytes_of_mptcp_are_exact_or_said_not_to_be(vm, daemon, mptcp_server):
    """The connection counts what MPTCP sends again since Linux 6.5."""
    vm.check(f"MPTCP=1 ip netns exec peer traffic tcp 10.77.0.1 {OTHER_PORT} 70001 900002")
    wait_until(lambda: daemon.entry(OTHER_PORT)["sessions"]["closed"] == 1, daemon.said)
    knows = tuple(int(part) for part in vm.check("uname -r").split("-")[0].split(".")[:2]) >= (6, 5)
    assert daemon.entry(OTHER_PORT)["accounting"].get("delivered_exact", True) == knows
    assert "delivered_exact" not in daemon.entry()["accounting"]

    def arrived():
        entry = daemon.entry(OTHER_PORT)
        now = entry["delivered_rx_bytes"], entry["delivered_tx_bytes"]
        return now == (70001, 900002) if knows else now[0] >= 70001 and now[1] >= 900002

    wait_until(arrived, lambda: (daemon.entry(OTHER_PORT), daemon.said()))


USERS = {"alice": f"{KEY[:-2]}a1", "bob": f"{KEY[:-2]}b0"}


@pytest.fixture
def shared(vm, veth):
    """A second daemon, for which OTHER_PORT has two users. It follows a log that the test writes."""
    made = Daemon(vm, directory="/run/v2m-shared", interfaces=["v0"], api_bytes="delivered",
                  access_logs=["/run/v2m-shared/access.log"], listen="127.0.0.1:9470",
                  pin_dir="/sys/fs/bpf/v2meter-shared")
    clients = [{"id": uuid, "email": name} for name, uuid in USERS.items()]
    inbound = {"port": OTHER_PORT, "protocol": "vless", "settings": {"clients": clients}}
    vm.write("/run/v2m-shared/keys.json", json.dumps({"inbounds": [inbound]}))
    vm.check("touch /run/v2m-shared/access.log")
    server = Server(vm, OTHER_PORT)
    try:
        yield made.start()
    finally:
        server.stop()
        made.remove()


def test_users_of_a_shared_port_have_what_their_connections_delivered(vm, shared, short_queue):
    """The log names a connection while it is open. Then the daemon is killed, and starts with another size."""
    expected = {}

    def has_bytes(user):
        answer = vm.run(shared.ask(f"/api/keys/{USERS[user]}/traffic/simple"))
        return answer.status == 0 and json.loads(answer.output)["traffic"]["total_bytes"] > 0

    def remotes():
        return [each["remote"] for each in shared.entry(OTHER_PORT)["connection_details"]]

    for number, user in enumerate(USERS):
        expected[user] = 3000 + number, 5000000 + number
        vm.check(f"ip netns exec peer traffic tcp 10.77.0.1 {OTHER_PORT} {expected[user][0]} {expected[user][1]} "
                 f">/tmp/long 2>&1 &")
        wait_until(remotes, shared.said)
        remote = remotes()[0].replace("::ffff:", "").replace("[", "").replace("]", "")
        vm.check(f"echo \"$(date '+%Y/%m/%d %H:%M:%S') {remote} accepted tcp:203.0.113.7:80 [direct] email: {user}\" "
                 ">>/run/v2m-shared/access.log")
        wait_until(lambda user=user: has_bytes(user), shared.said)
        shared.kill()
        shared.set(shared_flows_max=128 << number, shared_users_max=2000 << number)
        shared.start()
        assert f"shared_flows_max is {128 << number} now" in shared.said()
        assert f"there is room for {(2048 << number) - 1} users of shared ports now" in shared.said()
        wait_until(lambda: not remotes(), shared.said)

    def of_user(user):
        return shared.get(f"/api/keys/{USERS[user]}/traffic/simple")["traffic"]

    for user, (up, down) in expected.items():
        wait_until(lambda user=user: of_user(user)["sessions"]["closed"] == 1, shared.said)
        entry = of_user(user)
        assert (entry["rx_bytes"], entry["tx_bytes"], entry["sessions"]["opened"]) == (up, down, 1)
    assert shared.entry(OTHER_PORT)["unattributed"]["total_bytes"] == 0


@pytest.fixture
def held(vm, daemon):
    """Idle connections to the peer to which the kernel gave OTHER_PORT while no program was attached, one for
    each family."""
    range_file = "/proc/sys/net/ipv4/ip_local_port_range"
    daemon.stop()
    daemon.detach()
    server = Server(vm, namespace="peer")
    vm.check("rm -f /tmp/older; mkfifo /tmp/older; sleep 600 >/tmp/older & echo $! >/tmp/older.holder")
    usual = vm.check(f"cat {range_file}").split()
    vm.check(f"echo {OTHER_PORT} {OTHER_PORT} >{range_file}")
    try:
        for number, peer in enumerate(("10.77.1.2", "fd77:1::2")):
            vm.check(f"traffic tcp {peer} {PORT} 1000 1000 hold </tmp/older >/tmp/older.{number} 2>&1 &")
        vm.wait_until("[ $(cat /tmp/older.[01] | grep -c HOLDING) = 2 ]")
    finally:
        vm.check(f"echo {' '.join(usual)} >{range_file}")
    daemon.start()
    yield lambda: vm.check("kill $(cat /tmp/older.holder)")
    vm.run("kill $(cat /tmp/older.holder)")
    server.stop()


def test_connections_from_here_that_are_older_than_the_programs_count_for_no_key(vm, daemon, held):
    before = daemon.figures(OTHER_PORT)
    held()
    wait_until(lambda: daemon.device("v0")["egress"]["foreign"]["packets"] >= 4, daemon.said)
    assert daemon.device("v0")["ingress"]["foreign"]["packets"] >= 2
    assert daemon.figures(OTHER_PORT) == before
