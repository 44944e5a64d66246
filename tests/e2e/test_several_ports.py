# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Customers with several ports, and ports with two customers, of a real V2Ray, compared with a capture."""

import json

import pytest

from support.lab import run, wait_until
from support.standins import CTL
from support.v2ray import Key
from support.wire import TCP, UDP, assert_equal_to_capture

SIZE = 2 * 1024 * 1024
PORT = 10443


def configuration(lab, keys):
    path = lab.directory / "served.json"
    path.write_text(json.dumps({"inbounds": [key.inbound() for key in keys]}))
    return str(path)


def key_file(lab, keys):
    path = lab.directory / "served-keys.json"
    path.write_text(json.dumps([key.entry() for key in keys]))
    return str(path)


def port_file(lab, keys):
    """The keys without their ports, and a file that assigns these."""
    path = lab.directory / "ports.json"
    path.write_text(json.dumps({"port_assignments": {
        key.uuid: {"port": key.port, "key_id": key.id, "key_name": key.name, "assigned_at": "2025-08-04"}
        for key in keys}}))
    return str(path)


def sources(lab, kind, keys):
    if kind == "configuration":
        return [configuration(lab, keys)]
    if kind == "key file":
        return [key_file(lab, keys)]
    portless = [{name: value for name, value in key.entry().items() if name != "port"} for key in keys]
    path = lab.directory / "portless.json"
    path.write_text(json.dumps(portless))
    return [str(path), port_file(lab, keys)]


def traffic(daemon, key):
    return daemon.get(f"/api/keys/{key.uuid}/traffic/simple", fresh=True).json()["traffic"]


def ctl(lab, daemon, *words):
    return run(*lab.server.words(CTL, "--url", f"http://127.0.0.1:{daemon.port()}", "--api-key-file",
                                 daemon.state_dir / "api_key", *words)).stdout


def reset(daemon, key):
    answer = daemon.ask("POST", f"/api/keys/{key.uuid}/traffic/simple/reset")
    assert answer.status == 200, answer.body
    return answer.json()


@pytest.mark.parametrize("kind", ["configuration", "key file", "port file"])
def test_two_keys_on_one_port_number_by_tcp_and_by_udp_do_not_share(lab, start_v2ray, start_daemon, capture, kind):
    by_tcp, by_udp = keys = [Key("vless-tcp", PORT), Key("vmess-mkcp", PORT)]
    daemon = start_daemon([], key_sources=sources(lab, kind, keys))
    v2ray = start_v2ray(keys=keys)
    v2ray.download(by_tcp, SIZE)
    closed = reset(daemon, by_tcp)["previous_total"]
    v2ray.download(by_udp, SIZE)
    v2ray.download(by_tcp, SIZE // 2)
    v2ray.stop()
    capture.settle()
    tcp, udp = capture.tally(PORT, TCP), capture.tally(PORT, UDP)
    both = capture.tally(PORT)
    first, second = traffic(daemon, by_tcp), traffic(daemon, by_udp)
    assert first["owners"] == second["owners"] == "by_transport"
    assert closed > SIZE
    assert first["total_bytes"] + closed == tcp.rx.wire + tcp.tx.wire
    assert_equal_to_capture(second, udp)
    entry = daemon.port_entry(PORT)
    assert entry["owners"] == "by_transport" and "shared" not in entry and entry["uuid"] is None
    shares = {share["transport"]: share["total_bytes"] for share in entry["keys"]}
    assert shares == {"tcp": first["total_bytes"], "udp": udp.rx.wire + udp.tx.wire}
    assert entry["total_bytes"] + closed == both.rx.wire + both.tx.wire
    history = {key.uuid: daemon.get(f"/api/keys/{key.uuid}/traffic/history", fresh=True).json()["data"]
               for key in keys}
    assert history[by_tcp.uuid]["total_traffic"]["total_bytes"] == tcp.rx.wire + tcp.tx.wire
    assert history[by_udp.uuid]["total_traffic"]["total_bytes"] == udp.rx.wire + udp.tx.wire


class Fallback(Key):
    """Listens on an abstract socket, and is reached over WebSocket at the port of another inbound."""

    def inbound(self):
        inbound = {**super().inbound(), "listen": "@v2m-fallback"}
        del inbound["port"]
        return {**inbound, "streamSettings": {"network": "ws", "wsSettings": {"path": "/ws"}}}

    def outbound(self, address):
        return {**super().outbound(address),
                "streamSettings": {"network": "ws", "wsSettings": {"path": "/ws"}}}


class Front(Key):
    def inbound(self):
        inbound = super().inbound()
        inbound["settings"]["fallbacks"] = [{"path": "/ws", "dest": "@v2m-fallback"},
                                            {"dest": "127.0.0.2:8080"}]
        return inbound


def test_bytes_of_a_fallback_are_not_billed_to_the_users_in_front(lab, start_v2ray, start_daemon, capture):
    alice, bob = keys = [Front("vless-tcp", PORT), Fallback("vless-ws", PORT)]
    daemon = start_daemon([], key_sources=[configuration(lab, keys)])
    v2ray = start_v2ray(keys=keys)
    v2ray.download(bob, SIZE)
    # A stranger who knows nothing but the address gets the web server of the other fallback.
    fetched = lab.client.run("curl", "-sS", "-o", "/dev/null", "-w", "%{size_download}",
                             f"http://{lab.SERVER[4]}:{PORT}/{SIZE}").stdout
    assert fetched == str(SIZE)
    v2ray.stop()
    capture.settle()
    tally = capture.tally(PORT)
    entry = daemon.port_entry(PORT)
    assert entry["owners"] == "shared" and entry["shared"] is True
    assert {key["uuid"] for key in entry["keys"]} == {alice.uuid, bob.uuid}
    assert entry["total_bytes"] == tally.rx.wire + tally.tx.wire > 2 * SIZE
    assert entry["unattributed"]["total_bytes"] == entry["total_bytes"]
    for key in keys:
        answer = daemon.ask("GET", f"/api/keys/{key.uuid}/traffic/simple")
        assert answer.status == 409 and answer.json()["code"] == "shared_port"


def test_a_customer_of_two_inbounds_is_one_key_with_one_reset(lab, start_v2ray, start_daemon, capture):
    first, second = Key("vmess-tcp", PORT), Key("vless-tcp", PORT + 1)
    second.uuid, second.name = first.uuid, first.name
    keys = [first, second]
    daemon = start_daemon([], key_sources=[configuration(lab, keys)])
    v2ray = start_v2ray(keys=keys)
    v2ray.download(first, SIZE)
    v2ray.download(second, SIZE)
    closed = reset(daemon, first)["previous_total"]
    v2ray.download(second, SIZE // 2)
    v2ray.stop()
    capture.settle()
    tallies = [capture.tally(key.port) for key in keys]
    entry = traffic(daemon, first)
    assert [part["port"] for part in entry["by_port"]] == [PORT, PORT + 1]
    assert sum(part["total_bytes"] for part in entry["by_port"]) == entry["total_bytes"]
    assert entry["total_bytes"] + closed == sum(each.rx.wire + each.tx.wire for each in tallies)
    assert closed > 2 * SIZE and entry["by_port"][1]["total_bytes"] > SIZE // 2
    shown = ctl(lab, daemon, "show", str(PORT + 1))
    assert f"Port {PORT}/tcp" in shown and f"Port {PORT + 1}/tcp" in shown
    assert f"{PORT}, {PORT + 1}" in ctl(lab, daemon, "keys")
    ports = daemon.simple()["data"]
    assert sum(ports["ports"][str(key.port)]["total_bytes"] for key in keys) == ports["total_bytes"]
    assert ports["total_bytes"] == entry["total_bytes"]
    # A restart changes nothing of it.
    daemon.kill()
    daemon.start()
    wait_until(lambda: traffic(daemon, first)["total_bytes"] == entry["total_bytes"], what="the same total")
    assert traffic(daemon, first)["by_port"] == entry["by_port"]


class Shared(Key):
    """An inbound that two keys share once the second one has joined."""
    joined = None

    def inbound(self):
        inbound = super().inbound()
        if self.joined:
            inbound["settings"]["clients"] += self.joined.inbound()["settings"]["clients"]
        return inbound


def test_a_second_user_takes_nothing_from_the_first_ones_time_alone(lab, start_v2ray, start_daemon, capture):
    first, second = keys = [Shared("vmess-tcp", PORT), Key("vmess-tcp", PORT)]
    second.name = "second@example.com"
    daemon = start_daemon([], key_sources=[configuration(lab, [first])])
    v2ray = start_v2ray(keys=[first])
    v2ray.download(first, SIZE)
    v2ray.stop()
    capture.settle()
    tally = capture.tally(PORT)
    first.joined = second
    configuration(lab, [first])
    wait_until(lambda: daemon.port_entry(PORT)["owners"] == "shared", what="the second user")
    # Nothing has passed since, so nothing is unknown: the figures go on, and a reset closes them.
    alone = traffic(daemon, first)
    assert_equal_to_capture(alone, tally)
    assert alone["owners"] == "shared" and alone["unattributed"]["total_bytes"] == 0
    closed = reset(daemon, first)["previous_total"]
    assert closed == tally.rx.wire + tally.tx.wire and traffic(daemon, first)["total_bytes"] == 0
    refused = daemon.ask("GET", f"/api/keys/{second.uuid}/traffic/simple")
    assert refused.status == 409 and refused.json()["counted_alone"]["total_bytes"] == 0
    # From the first byte on that may be either's, neither has a sum.
    v2ray = start_v2ray(keys=[first])
    v2ray.download(first, SIZE)
    v2ray.stop()
    daemon.kill()
    daemon.start()
    for key in keys:
        answer = daemon.ask("GET", f"/api/keys/{key.uuid}/traffic/simple")
        assert answer.status == 409 and answer.json()["code"] == "shared_port"
        assert daemon.ask("POST", f"/api/keys/{key.uuid}/traffic/simple/reset").status == 409
    history = daemon.get(f"/api/keys/{first.uuid}/traffic/history", fresh=True).json()["data"]
    assert history["shares_port"] is True and history["total_traffic"]["total_bytes"] == closed
    entry = daemon.port_entry(PORT)
    assert entry["unattributed"]["total_bytes"] == entry["total_bytes"] > SIZE
