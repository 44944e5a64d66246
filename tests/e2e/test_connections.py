# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Compares connections and connection_details with `ss -tn` during the life of a connection."""

import collections
import socket

import pytest

from support.lab import wait_until
from support.v2ray import Key

PORT = 10001
STATES = ("ESTAB", "CLOSE-WAIT", "LAST-ACK")


def ss(lab):
    """The connections of the port that ss shows, in the three states that the API lists."""
    found = collections.Counter()
    for line in lab.server.run("ss", "-Htn").stdout.splitlines():
        state, _, _, local, remote = line.split()[:5]
        if local.rpartition(":")[2] == str(PORT) and state in STATES:
            found[(state, local, remote)] += 1
    return found


def api(daemon):
    entry = daemon.port_entry(PORT)
    found = collections.Counter((each["state"], each["local"], each["remote"])
                                for each in entry["connection_details"])
    assert entry["connections"] == sum(found.values())
    return found


def states(found):
    return sorted(state for state, _, _ in found.elements())


@pytest.fixture
def both(lab, start_daemon):
    """Gives both(expected), which checks that ss and the API agree and show these states. A connection may change
    between the two readings, so they are repeated until it did not."""
    daemon = start_daemon([Key("vmess-tcp", PORT).entry(), Key("vless-tcp", PORT + 1).entry()])

    def check(*expected):
        def agree():
            before, answer, after = ss(lab), api(daemon), ss(lab)
            return before == after and states(before) == sorted(expected) and (before, answer)
        said, answer = wait_until(agree, what=f"ss shows {expected}")
        assert answer == said
        return answer

    return check


class Listener:
    def __init__(self, lab, address):
        self.lab = lab
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with lab.server.entered():
            self.socket = socket.create_server((address, PORT), family=family,
                                               dualstack_ipv6=address == "::")

    def connect(self, address):
        """Returns (the server's end, the client's end)."""
        with self.lab.client.entered():
            scope = {"proto": socket.IPPROTO_TCP}
            family, kind, proto, _, target = socket.getaddrinfo(address, PORT, type=socket.SOCK_STREAM,
                                                                **scope)[0]
            client = socket.socket(family, kind, proto)
            client.settimeout(10)
            client.connect(target)
        return self.socket.accept()[0], client


def test_no_more_connections_are_listed_than_the_configuration_says(lab, start_daemon):
    daemon = start_daemon([Key("vmess-tcp", PORT).entry()], connection_details_max=2)
    listener = Listener(lab, "0.0.0.0")
    held = [listener.connect(lab.SERVER[4]) for _ in range(3)]
    wait_until(lambda: daemon.port_entry(PORT)["connections"] == len(held), what="three connections")
    entry = daemon.port_entry(PORT)
    assert len(entry["connection_details"]) == 2 and entry["connection_details_truncated"] is True
    for end in held.pop():
        end.close()
    wait_until(lambda: daemon.port_entry(PORT)["connections"] == len(held), what="two connections")
    entry = daemon.port_entry(PORT)
    assert len(entry["connection_details"]) == 2 and "connection_details_truncated" not in entry


def test_a_connection_is_shown_from_its_opening_to_its_end(lab, both):
    listener = Listener(lab, "0.0.0.0")
    both()
    server, client = listener.connect(lab.SERVER[4])
    assert list(both("ESTAB")) == [("ESTAB", f"{lab.SERVER[4]}:{PORT}",
                                    "%s:%d" % client.getsockname())]
    client.close()
    both("CLOSE-WAIT")
    server.close()
    both()


def test_a_connection_whose_last_ack_never_comes_is_shown(lab, both):
    listener = Listener(lab, "0.0.0.0")
    server, client = listener.connect(lab.SERVER[4])
    client.close()
    both("CLOSE-WAIT")
    # From now on nothing that the server sends arrives.
    lab.client.ip("link", "set", "up0", "down")
    server.close()
    both("LAST-ACK")
    lab.client.ip("link", "set", "up0", "up")
    both()


def test_ipv4_on_a_dual_stack_socket_is_shown_as_ss_shows_it(lab, both):
    listener = Listener(lab, "::")
    ends = [listener.connect(lab.SERVER[4]), listener.connect(lab.SERVER[6])]
    shown = {local for _, local, _ in both("ESTAB", "ESTAB")}
    assert shown == {f"[::ffff:{lab.SERVER[4]}]:{PORT}", f"[{lab.SERVER[6]}]:{PORT}"}
    for server, client in ends:
        client.close()
        server.close()
    both()


def test_a_link_local_connection_is_shown_as_ss_shows_it(lab, both):
    listener = Listener(lab, "::")
    ends = listener.connect(lab.link_local(lab.server) + "%up0")
    both("ESTAB")
    for end in ends:
        end.close()


def test_many_connections_of_every_state_are_shown(lab, both):
    listener = Listener(lab, "0.0.0.0")
    ends = [listener.connect(lab.SERVER[4]) for _ in range(60)]
    for _, client in ends[:20]:
        client.close()
    both(*["CLOSE-WAIT"] * 20, *["ESTAB"] * 40)
    lab.client.ip("link", "set", "up0", "down")
    for server, _ in ends[:10]:
        server.close()
    both(*["LAST-ACK"] * 10, *["CLOSE-WAIT"] * 10, *["ESTAB"] * 40)


def test_states_other_than_the_three_are_not_shown(lab, both):
    """A listening socket, and a socket in FIN-WAIT-2, because the server closed it first."""
    listener = Listener(lab, "0.0.0.0")
    server, client = listener.connect(lab.SERVER[4])
    server.close()
    both()
    assert "FIN-WAIT-2" in lab.server.run("ss", "-Htan").stdout
    client.close()


def test_connections_of_a_real_v2ray_are_shown(lab, start_v2ray, start_daemon):
    v2ray = start_v2ray()
    daemon = start_daemon([key.entry() for key in v2ray.keys])
    v2ray.start_download(v2ray.key("vmess-tcp"), 1 << 20, rate=65536)

    def agree():
        before, answer, after = ss(lab), api(daemon), ss(lab)
        return before and before == after and (before, answer)

    said, answer = wait_until(agree, what="a connection")
    assert answer == said
    assert {local for _, local, _ in answer} == {f"[::ffff:{lab.SERVER[4]}]:{PORT}"}
    ports = daemon.simple()["data"]["ports"]
    # The kernel does not know the connections of mKCP.
    assert ports["10003"]["connections"] == 0 and ports["10003"]["connection_details"] == []
