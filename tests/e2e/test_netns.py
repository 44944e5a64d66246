# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A real V2Ray in its own network namespace behind DNAT, as in a container."""

import pytest

from support.lab import Lab, Namespace, run, wait_until
from support.v2ray import V2Ray
from support.wire import assert_equal_to_capture

ADDRESS, GATEWAY = "10.78.0.2", "10.78.0.1"
SIZE = 1 << 20
RULES = f"""
table ip nat {{
	chain prerouting {{
		type nat hook prerouting priority -100;
		iifname "up0" tcp dport 10001-10003 dnat to {ADDRESS}
		iifname "up0" udp dport 10001-10003 dnat to {ADDRESS}
	}}
}}
"""


class Container:
    """Stands in for the lab: V2Ray's server runs in here, and its clients connect to the host."""

    SERVER = Lab.SERVER

    def __init__(self, lab):
        self.lab, self.client, self.directory = lab, lab.client, lab.directory
        rules = lab.directory / "nft"
        rules.write_text(RULES)
        lab.server.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        lab.server.run("nft", "-f", rules)
        self.start()

    def start(self):
        self.server = Namespace(self.lab.name + "-box")
        run("ip", "link", "add", "box0", "netns", self.lab.server.name, "type", "veth", "peer",
            "name", "eth0", "netns", self.server.name)
        self.lab.server.ip("address", "add", GATEWAY + "/24", "dev", "box0")
        self.lab.server.ip("link", "set", "box0", "up")
        self.server.ip("address", "add", ADDRESS + "/24", "dev", "eth0")
        self.server.ip("link", "set", "eth0", "up")
        self.server.ip("route", "add", "default", "via", GATEWAY)

    def close(self):
        """Deletes the namespace. The veth pair goes with it when the last socket in it is closed."""
        self.server.close()
        wait_until(lambda: "box0" not in self.lab.server.ip("link").stdout, what="box0's end")


@pytest.fixture
def container(lab, v2ray_version):
    made = Container(lab)
    yield made
    made.close()


def spec(container, v2ray, kind):
    """The ways to name a namespace."""
    if kind == "path":
        return str(container.server.path)
    if kind == "pid":
        return v2ray.server.pid
    path = container.directory / "v2ray.pid"
    path.write_text(f"{v2ray.server.pid}\n")
    return str(path)


def connections(namespace):
    lines = namespace.run("ss", "-Htn", "state", "established", "sport", "=", ":10001").stdout
    return sorted(tuple(line.split()[2:4]) for line in lines.splitlines())


@pytest.mark.parametrize("kind", ["path", "pid", "pid file"])
def test_connections_are_the_containers_and_bytes_the_uplinks(lab, start_daemon, container, capture,
                                                              kind):
    lab.offloads(False)
    container.server.run("ethtool", "-K", "eth0", "tso", "off", "gso", "off", "tx", "off")
    lab.server.run("ethtool", "-K", "box0", "tso", "off", "gso", "off", "gro", "off", "tx", "off")
    v2ray = V2Ray(container)
    daemon = start_daemon([key.entry() for key in v2ray.keys], netns=spec(container, v2ray, kind))
    key = v2ray.key("vmess-tcp")
    download = v2ray.start_download(key, SIZE, SIZE // 4)
    wait_until(lambda: daemon.port_entry(key.port)["connections"], what="a connection")
    entry = daemon.port_entry(key.port)
    assert sorted((each["local"], each["remote"])
                  for each in entry["connection_details"]) == connections(container.server)
    assert f"{ADDRESS}]:10001" in entry["connection_details"][0]["local"]
    assert connections(lab.server) == []
    assert daemon.get("/health").json() == {"status": "healthy"}
    assert download.wait(30) == 0
    v2ray.stop()
    capture.settle()
    counted = capture.tally(key.port)
    assert counted.tx.payload > SIZE
    assert_equal_to_capture(daemon.port_entry(key.port), counted)
    wait_until(lambda: daemon.port_entry(key.port)["sessions"]["closed"] == 1, what="its end")
    sessions = daemon.port_entry(key.port)["sessions"]
    # On a busy machine TCP may send a segment twice. Sessions count it once.
    assert (sessions["rx_bytes"], sessions["tx_bytes"]) == tuple(way.payload - way.repeated
                                                                 for way in (counted.rx, counted.tx))


def test_a_container_that_is_started_anew_is_followed(lab, start_daemon, container):
    v2ray = V2Ray(container)
    path = str(container.server.path)
    daemon = start_daemon([key.entry() for key in v2ray.keys], netns=path)
    v2ray.download(v2ray.key("vmess-tcp"), 1000)
    before = daemon.port_entry(10001)["sessions"]["opened"]
    assert before > 0
    v2ray.stop()
    container.close()
    wait_until(lambda: daemon.get("/health").json() ==
               {"status": "degraded", "reason": "netns_unavailable"}, what="the container's end")
    assert daemon.port_entry(10001)["connections"] == 0
    assert daemon.said().count("no connections are seen") == 1
    container.start()
    v2ray = V2Ray(container)
    wait_until(lambda: daemon.get("/health").json() == {"status": "healthy"}, what="its return")
    download = v2ray.start_download(v2ray.key("vmess-tcp"), SIZE, SIZE // 2)
    wait_until(lambda: daemon.port_entry(10001)["connections"], what="a connection")
    wait_until(lambda: daemon.port_entry(10001)["sessions"]["opened"] > before, what="a session")
    assert download.wait(30) == 0


def test_without_the_programs_the_containers_sockets_count(lab, start_daemon, container):
    """The name of the pin directory is taken, so the daemon falls back to socket statistics."""
    taken = lab.pin_dir.with_name(lab.pin_dir.name + "-taken")
    run("bpftool", "map", "create", taken, "type", "array", "key", "4", "value", "4", "entries", "1",
        "name", "v2m_e2e")
    v2ray = V2Ray(container)
    daemon = start_daemon([key.entry() for key in v2ray.keys], netns=str(container.server.path),
                          pin_dir=str(taken))
    assert not daemon.port_entry(10001)["accounting"]["exact"]
    taken.unlink()
    v2ray.download(v2ray.key("vless-tcp"), SIZE)
    wait_until(lambda: daemon.port_entry(10002)["payload_tx_bytes"] > SIZE, what="the bytes")


def test_a_file_that_names_no_namespace_is_said_to_be_none(lab, start_daemon):
    path = lab.directory / "nonsense"
    path.write_text("nothing\n")
    daemon = start_daemon([], netns=str(path))
    assert "neither a network namespace nor a file with a pid" in daemon.said()
    assert daemon.get("/health").json()["reason"] == "netns_unavailable"
