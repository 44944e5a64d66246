# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Without the kernel programs: bytes come from the sockets' own counters, every answer says so, and later
counting becomes exact again."""

import signal
import socket
import time

import pytest

from support.daemon import BUILD, Daemon
from support.lab import run, wait_until
from support.unprivileged import Blind, WithoutBpf, WithoutDiag
from support.v2ray import Key

SIZE = 10 * 1024 * 1024
# The difference to the exact mode, as docs/counting.md states it. The counters of a socket do not have selective
# acknowledgements, so a direction with acknowledgements only may look that much smaller.
BOUND, ACK_BOUND = 0.001, 0.25
FIGURES = {"rx_bytes": ACK_BOUND, "tx_bytes": BOUND, "total_bytes": BOUND, "rx_packets": BOUND,
           "tx_packets": BOUND, "payload_rx_bytes": BOUND, "payload_tx_bytes": BOUND}
# With net.core.rmem_max at 4 MiB the kernel keeps 6,549 ends of connections for a reader, or up to twice as
# many, depending on the kernel. v2meter asks for 8 MiB.
KEPT_PER_MIB, ASKED_MIB = 6549 / 4, 8


def settled(daemon, port):
    """Waits until no connection is left and nothing has been added for half a second, and returns the port's
    entry. The kernel reports a destroyed socket later, from a work queue."""
    last = {}

    def quiet():
        entry = daemon.port_entry(port)
        if entry["connections"] or entry["total_bytes"] != last.get("bytes"):
            last.update(bytes=entry["total_bytes"], since=time.monotonic())
        return entry if time.monotonic() - last["since"] > 0.5 else None

    return wait_until(quiet, timeout_s=20, what="the end of all traffic")


def answers_about(daemon, key):
    """Checks the answer to every reading and every reset of the key's traffic."""
    path = f"/api/keys/{key.id}/traffic"
    return ([daemon.get(path + rest) for rest in
             ("", "/simple", "/exact", "/port/exact", "/history", "/monthly")] +
            [daemon.ask("POST", path + rest) for rest in
             ("/reset", "/simple/reset", "/port/reset", "/history/reset")])


def assert_agree(counted, measured):
    for name, bound in FIGURES.items():
        print(name, counted[name], measured[name])
        assert abs(measured[name] - counted[name]) <= bound * counted[name], name


@pytest.mark.parametrize("offloads", [False, True], ids=["frames", "super-packets"])
@pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])
def test_both_modes_agree_on_a_download(lab, start_v2ray, start_unprivileged, start_daemon, version,
                                        offloads):
    lab.offloads(offloads)
    v2ray = start_v2ray(version)
    keys = [key.entry() for key in v2ray.keys]
    exact = start_daemon(keys, name="exact", listen="127.0.0.1:9470")
    estimate = start_unprivileged(keys, pin_dir=str(lab.pin_dir) + "-u")
    for kind in ("vmess-tcp", "vless-tcp"):
        v2ray.download(v2ray.key(kind), SIZE)
    v2ray.stop()
    for kind in ("vmess-tcp", "vless-tcp"):
        port = v2ray.key(kind).port
        counted, measured = settled(exact, port), settled(estimate, port)
        assert_agree(counted, measured)
        assert measured["payload_tx_bytes"] > SIZE


def test_connections_between_two_readings_are_counted(lab, start_v2ray, start_unprivileged,
                                                      start_daemon):
    """Many small downloads. Each connection begins and ends between two readings."""
    v2ray = start_v2ray()
    key = v2ray.key("vless-tcp")
    exact = start_daemon([key.entry()], name="exact", listen="127.0.0.1:9470")
    estimate = start_unprivileged([key.entry()], pin_dir=str(lab.pin_dir) + "-u",
                                  sample_interval_ms=60000)
    for _ in range(10):
        v2ray.download(key, 1000)
    v2ray.stop()
    counted, measured = settled(exact, key.port), settled(estimate, key.port)
    assert counted["payload_tx_bytes"] > 10 * 1000
    assert_agree(counted, measured)


def test_more_connections_end_between_two_readings_than_the_kernel_keeps_ends_of(lab,
                                                                                 start_unprivileged):
    room_mib = int(run("sysctl", "-n", "net.core.rmem_max").stdout) / 2**20
    if room_mib < 1:
        pytest.skip("net.core.rmem_max is below 1 MiB: the buffer overflows if v2meter does not run for a moment")
    connections = int(3 * KEPT_PER_MIB * min(room_mib, ASKED_MIB))
    daemon = start_unprivileged([Key("vless-tcp", 10001).entry()], sample_interval_ms=60000)
    with lab.server.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("0.0.0.0", 10001))
        listener.listen(64)
        for _ in range(connections):
            with lab.client.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
                client.connect((lab.SERVER[4], 10001))
                served, _ = listener.accept()
                served.sendall(bytes(100))
                served.close()
                assert client.recv(101, socket.MSG_WAITALL) == bytes(100)
    entry = settled(daemon, 10001)
    assert entry["payload_tx_bytes"] == connections * 100
    assert "sockets close faster" not in daemon.said()


def test_it_says_everywhere_that_it_is_not_exact_and_why(lab, start_v2ray, start_unprivileged):
    v2ray = start_v2ray()
    daemon = start_unprivileged([key.entry() for key in v2ray.keys])
    accounting = daemon.port_entry(10001)["accounting"]
    assert (accounting["mode"], accounting["exact"]) == ("socket_stats", False)
    assert accounting["unit"] == "wire" and "CAP_BPF" in accounting["reason"]
    for path in ("/health", "/healthz"):
        answer = daemon.ask("GET", path, headers={})
        assert answer.status == 200
        assert answer.json() == {"status": "degraded", "reason": "ebpf_unavailable"}
    status = daemon.get("/api/meter/status").json()
    assert status["accounting"] == {key: accounting[key] for key in ("mode", "exact", "reason")}
    assert (status["reason"], status["detail"]) == ("ebpf_unavailable", accounting["reason"])
    assert [device["attach"] for device in status["devices"]] == ["none"]
    assert not daemon.get("/api/traffic/status").json()["precise_monitor_available"]
    assert daemon.said().count(accounting["reason"]) == 1
    shown = lab.server.run(BUILD / "v2meterctl", "--url", "http://127.0.0.1:9469",
                           "--api-key-file", daemon.state_dir / "api_key", "status").stdout
    assert "ebpf_unavailable" in shown and accounting["reason"] in shown
    v2ray.download(v2ray.key("vless-tcp"), 1000)
    assert daemon.simple()["data"]["ports"]["10001"]["interface_traffic"]["rx_bytes"] > 0


def test_the_librarys_complaints_are_logged_once(start_unprivileged):
    daemon = start_unprivileged([], kind=WithoutBpf)
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: "still cannot be counted exactly" in daemon.said(), what="the reload")
    lines = [line.split("libbpf: ")[1] for line in daemon.said().splitlines() if "libbpf: " in line]
    assert lines and len(set(lines)) == len(lines)


def test_keys_that_change_all_the_time_do_not_fill_the_log(lab, start_unprivileged):
    """At each change of the keys the daemon tries the kernel programs again."""
    daemon = start_unprivileged([])
    for key in (Key("vmess-tcp", 10001), Key("vless-tcp", 10002)):
        daemon.write_keys([key.entry()])
        wait_until(lambda: [each["id"] for each in daemon.get("/api/keys").json()] == [key.id],
                   what="the key")
    assert daemon.said().count("cannot be counted exactly") == 1
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: daemon.said().count("cannot be counted exactly") == 2, what="the answer to who asks")


def test_a_key_with_udp_alone_has_no_figures(lab, start_v2ray, start_unprivileged):
    v2ray = start_v2ray()
    key = v2ray.key("vmess-mkcp")
    daemon = start_unprivileged([each.entry() for each in v2ray.keys])
    for answer in answers_about(daemon, key):
        assert (answer.status, answer.json()["code"]) == (503, "udp_not_counted")
    data = daemon.simple()["data"]
    assert sorted(data["ports"]) == ["10001", "10002"]
    assert list(data["not_counted"]) == [str(key.port)]
    assert data["not_counted"][str(key.port)]["code"] == "udp_not_counted"
    assert daemon.reset(v2ray.keys[0].id).status == 200


def test_pinned_programs_that_went_on_are_not_counted_twice(lab, start_v2ray, start_unprivileged,
                                                            start_daemon):
    """The daemon is exact, then lacks the privilege while the programs stay, then is exact again. The figures
    are those of a daemon that was exact all the time."""
    v2ray = start_v2ray()
    keys = [key.entry() for key in v2ray.keys]
    witness = start_daemon(keys, name="witness", listen="127.0.0.1:9470",
                           pin_dir=str(lab.pin_dir) + "-w")
    daemon = start_unprivileged(keys, running=False)
    key = v2ray.key("vless-tcp")
    prefix, daemon.prefix = daemon.prefix, []
    daemon.start()
    for step in (prefix, []):
        v2ray.download(key, SIZE // 10)
        daemon.stop()
        v2ray.download(key, SIZE // 100)
        daemon.prefix = step
        daemon.start()
        assert daemon.port_entry(key.port)["accounting"]["exact"] == (step == [])
    v2ray.download(key, SIZE // 10)
    v2ray.stop()
    counted, measured = settled(witness, key.port), settled(daemon, key.port)
    for name in FIGURES:
        assert counted[name] <= measured[name] <= counted[name] * (1 + BOUND), name


def test_where_nothing_can_be_counted_nothing_is_told_or_reset(start_unprivileged):
    key = Key("vmess-tcp", 10001)
    daemon = start_unprivileged([key.entry()], kind=Blind)
    assert daemon.ask("GET", "/healthz", headers={}).status == 503
    for answer in answers_about(daemon, key):
        assert (answer.status, answer.json()["code"]) == (503, "unreadable"), answer.body


def test_a_reload_goes_back_to_exact_counting(lab, start_v2ray, start_daemon):
    """The name of the pin directory is taken and later free, while downloads go on. The programs are attached
    to many devices, which takes a while. The bytes of that time must not be missing."""
    devices = [f"slow{number}" for number in range(16)]
    for name, peer in zip(devices[::2], devices[1::2]):
        lab.server.ip("link", "add", name, "type", "veth", "peer", "name", peer)
    v2ray = start_v2ray()
    keys = [key.entry() for key in v2ray.keys]
    witness = start_daemon(keys, name="witness", listen="127.0.0.1:9470")
    taken = lab.pin_dir.with_name(lab.pin_dir.name + "-taken")
    run("bpftool", "map", "create", taken, "type", "array", "key", "4", "value", "4", "entries", "1",
        "name", "v2m_e2e")
    try:
        daemon = start_daemon(keys, pin_dir=str(taken), interfaces=["up0", *devices])
        key = v2ray.key("vmess-tcp")
        assert "Not a directory" in daemon.port_entry(key.port)["accounting"]["reason"]
        downloads = []
        for _ in range(8):
            downloads.append(v2ray.start_download(key, SIZE // 3, SIZE))
            time.sleep(1 / 64)  # the web server sends a block of each download in 1/8 s
        wait_until(lambda: daemon.port_entry(key.port)["tx_bytes"] > SIZE // 10, what="a part")
        daemon.process.signal(signal.SIGHUP)
        wait_until(lambda: "still cannot be counted exactly" in daemon.said() or "keys on" in daemon.said(),
                   what="the reload")
        assert not daemon.port_entry(key.port)["accounting"]["exact"]
        taken.unlink()
        daemon.process.signal(signal.SIGHUP)
        wait_until(lambda: daemon.port_entry(key.port)["accounting"]["exact"], what="exact counting")
        assert daemon.get("/health").json() == {"status": "healthy"}
        assert all(download.running() for download in downloads), "the downloads were too short"
        assert all(download.wait(30) == 0 for download in downloads)
        v2ray.stop()
        assert_agree(settled(witness, key.port), settled(daemon, key.port))
    finally:
        taken.unlink(missing_ok=True) if taken.is_file() else None


def test_a_restart_without_the_programs_counts_on_from_where_it_was(lab, start_v2ray,
                                                                    start_unprivileged):
    v2ray = start_v2ray()
    key = v2ray.key("vless-tcp")
    daemon = start_unprivileged([key.entry()])
    v2ray.download(key, SIZE // 10)
    before = settled(daemon, key.port)["total_bytes"]
    daemon.stop()
    assert "stopping; nothing is counted until the next start" in daemon.said()
    daemon.start()
    assert daemon.port_entry(key.port)["total_bytes"] == before
    v2ray.download(key, SIZE // 10)
    v2ray.stop()
    assert settled(daemon, key.port)["payload_tx_bytes"] > 2 * (SIZE // 10)


def test_another_daemon_is_no_reason_to_fall_back(lab, start_daemon):
    first = start_daemon([])
    second = Daemon(lab, [], name="second", listen="127.0.0.1:9470")
    refused = second.run()
    assert refused.returncode == 2 and str(first.process.pid) in refused.stderr


def test_without_sock_diag_bytes_are_not_told_at_all(start_v2ray, start_unprivileged):
    """Connections are still seen, in /proc. No answer has byte counts."""
    v2ray = start_v2ray()
    daemon = start_unprivileged([key.entry() for key in v2ray.keys], kind=WithoutDiag)
    for path in ("/api/traffic/simple", "/api/traffic/exact", "/api/traffic/ports/exact",
                 f"/api/keys/{v2ray.keys[0].id}/traffic/simple"):
        answer = daemon.get(path, fresh=True)
        assert (answer.status, answer.json()["code"]) == (503, "unreadable"), path
    assert daemon.reset(v2ray.keys[0].id).status == 503
    assert daemon.ask("GET", "/health", headers={}).status == 503
    status = daemon.get("/api/meter/status").json()
    assert status["reason"] == "counters_unreadable"
    assert status["connections"] == 0
    download = v2ray.start_download(v2ray.keys[0], SIZE, SIZE // 4)
    wait_until(lambda: daemon.get("/api/meter/status").json()["connections"] == 1,
               what="the connection, from /proc")
    assert "/proc/net/tcp" in daemon.said()
    download.stop()


def test_a_device_that_refuses_leaves_the_others_exact(lab, start_daemon):
    """If an older qdisc has the place of clsact, our programs cannot be attached."""
    lab.server.ip("link", "add", "odd0", "type", "veth", "peer", "name", "odd1")
    lab.server.ip("address", "add", "10.79.0.1/24", "dev", "odd0")
    lab.server.ip("link", "set", "odd0", "up")
    lab.server.run("tc", "qdisc", "add", "dev", "odd0", "ingress")
    daemon = start_daemon([], interfaces=["up0", "odd0"], attach="clsact")
    assert daemon.get("/health").json() == {"status": "degraded", "reason": "device_refused"}
    status = daemon.get("/api/meter/status").json()
    assert status["accounting"]["exact"]
    assert status["detail"].startswith("odd0 is not counted on: ")
    assert {each["name"]: each["attach"] for each in status["devices"]} == {
        "up0": "clsact", "odd0": "none"}
    lab.server.run("tc", "qdisc", "del", "dev", "odd0", "ingress")
    wait_until(lambda: daemon.get("/health").json() == {"status": "healthy"}, what="odd0")


def test_where_every_device_refuses_it_falls_back(lab, start_v2ray, start_daemon):
    lab.server.run("tc", "qdisc", "add", "dev", "up0", "ingress")
    v2ray = start_v2ray()
    key = v2ray.key("vless-tcp")
    daemon = start_daemon([key.entry()], attach="clsact")
    accounting = daemon.port_entry(key.port)["accounting"]
    assert not accounting["exact"] and "up0" in accounting["reason"]
    v2ray.download(key, SIZE)
    assert settled(daemon, key.port)["payload_tx_bytes"] > SIZE
    lab.server.run("tc", "qdisc", "del", "dev", "up0", "ingress")
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: daemon.port_entry(key.port)["accounting"]["exact"], what="exact counting")


def test_delivered_bytes_are_refused_where_every_device_refuses(lab, start_daemon):
    """Their figures would not grow, and a consumer would take them for no traffic."""
    key = Key("vless-tcp", 10001)
    daemon = start_daemon([key.entry()], attach="clsact", api_bytes="delivered")
    assert daemon.port_entry(key.port)["accounting"]["unit"] == "delivered"
    # It repairs at once, so that it must not see the time between.
    daemon.process.signal(signal.SIGSTOP)
    lab.server.run("tc", "qdisc", "del", "dev", "up0", "clsact")
    lab.server.run("tc", "qdisc", "add", "dev", "up0", "ingress")
    daemon.process.signal(signal.SIGCONT)

    def health():
        answer = daemon.ask("GET", "/health", headers={})
        return answer.status, answer.json().get("reason")

    wait_until(lambda: health() == (200, "device_refused"), what="the refusal")
    # It gives the programs up at the next change.
    daemon.write_keys([key.entry(), Key("vless-tcp", 10002).entry()])
    wait_until(lambda: health() == (503, "delivered_unavailable"), what="the end of the programs")
    answer = daemon.get("/api/traffic/simple")
    assert answer.status == 503 and "data" not in answer.json()
    assert "delivered_unavailable" in [row["reason"] for row in daemon.status()["reasons"]]
    lab.server.run("tc", "qdisc", "del", "dev", "up0", "ingress")
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: daemon.get("/api/traffic/simple").status == 200, what="the figures")
    assert "delivered_unavailable" not in [row["reason"] for row in daemon.status()["reasons"]]
