# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""v2meterctl and the Python client against servers that are older, broken or gone.

The same tests run for both. A Client asks, and its output is converted to one form.
"""

import json
import logging
import socket
import sys

import pytest

from support import standins
from support.lab import wait_until
from support.standins import API_KEY, FAULTS, ROOT, UNCERTAIN, Front, Key, StandIn, closed_port, ctl

sys.path.insert(0, str(ROOT / "scripts"))
import v2meter_client  # noqa: E402

TIMEOUT_S = 1.5
GENERATIONS = ("simple", "port", "exact")


class Ctl:
    """Returns (outcome, value); outcome is done, refused, unreached or unknown."""

    outcomes = {0: "done", 1: "refused", 3: "unreached", 4: "unknown"}

    def ask(self, url, *words, api_key=API_KEY):
        self.run = ctl("--timeout", str(TIMEOUT_S), "--json", "-v", *words, url=url, key=api_key)
        outcome = self.outcomes[self.run.returncode]
        return outcome, json.loads(self.run.stdout) if outcome == "done" else self.run.stderr

    def all(self, url, **more):
        outcome, value = self.ask(url, "status", **more)
        if outcome != "done":
            return outcome, value
        answer = value["traffic"]
        if "data" in answer:
            entries = answer["data"]["ports"].values()
        elif "ports_traffic" in answer:
            entries = [port["traffic"] for port in answer["ports_traffic"]["ports_traffic"].values()]
        else:
            entries = answer["traffic_stats"]["keys_stats"]
        return outcome, {entry["uuid"]: entry["total_bytes"] for entry in entries}

    def one(self, url, key_id, **more):
        outcome, value = self.ask(url, "show", key_id, **more)
        if outcome != "done":
            return outcome, value
        traffic = value.get("traffic") or value.get("port_traffic") or value["traffic_bytes"]
        return outcome, traffic["total_bytes"]

    def reset(self, url, key_id, **more):
        return self.ask(url, "reset", key_id, **more)

    def told(self, caplog):
        return self.run.stderr


class Python:
    def ask(self, url, name, *words, api_key=API_KEY):
        client = v2meter_client.V2MeterClient(url, api_key, TIMEOUT_S)
        try:
            return "done", getattr(client, name)(*words)
        except v2meter_client.Refused as error:
            return "refused", str(error)
        except v2meter_client.ResetUnknown as error:
            return "unknown", str(error)
        except v2meter_client.V2MeterError as error:
            return "refused" if (error.status or 0) >= 400 else "unreached", str(error)

    def all(self, url, **more):
        outcome, value = self.ask(url, "get_traffic_stats", **more)
        if outcome == "done":
            value = {key["uuid"]: key["total_bytes"] for key in value}
        return outcome, value

    def one(self, url, key_id, **more):
        outcome, value = self.ask(url, "get_key_traffic_stats", key_id, **more)
        return outcome, value["total_bytes"] if outcome == "done" else value

    def reset(self, url, key_id, **more):
        return self.ask(url, "reset_key_traffic", key_id, **more)

    def told(self, caplog):
        return caplog.text


@pytest.fixture(params=(Ctl, Python), ids=("v2meterctl", "python"))
def client(request, caplog):
    if request.param is Ctl and not standins.CTL.exists():
        pytest.skip(f"{standins.CTL} is not built")
    caplog.set_level(logging.DEBUG, "v2meter_client")
    return request.param()


def keys():
    return [Key(1, port=10001, rx=100, tx=23), Key(2, port=10002, rx=7, tx=2 ** 53)]


def traffic_requests(server, method="GET"):
    return [path for path in server.paths(method) if "/traffic" in path and "system" not in path]


def test_the_simple_path_is_enough_where_it_answers(client, caplog):
    with StandIn(keys()) as server:
        assert client.all(server.url) == ("done", {key.uuid: key.rx + key.tx
                                                   for key in server.keys})
        assert traffic_requests(server) == ["/api/traffic/simple"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_simple_path_is_made_good_by_ports_exact(client, fault, caplog):
    with StandIn(keys(), {"simple": fault}) as server:
        key = server.keys[1]
        assert client.all(server.url)[1][key.uuid] == 7 + 2 ** 53
        assert traffic_requests(server) == ["/api/traffic/simple", "/api/traffic/ports/exact"]
        assert "answered by /api/traffic/ports/exact" in client.told(caplog)
        assert client.one(server.url, key.id) == ("done", 7 + 2 ** 53)


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_both_newer_paths_are_made_good_by_exact(client, fault, caplog):
    with StandIn(keys(), {"simple": fault, "port": fault}) as server:
        key = server.keys[1]
        assert client.all(server.url)[1] == {k.uuid: k.rx + k.tx for k in server.keys}
        assert "answered by /api/traffic/exact" in client.told(caplog)
        assert client.one(server.url, key.id) == ("done", 7 + 2 ** 53)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_with_no_usable_answer_is_said_to_have_none(client, fault, caplog):
    with StandIn(keys(), dict.fromkeys(GENERATIONS, fault)) as server:
        wanted = "refused" if fault[0] in "45" else "unreached"
        outcome, message = client.all(server.url)
        assert outcome == wanted
        assert f"no usable answer from {server.url}" in message
        assert "\x1b" not in message and "\0" not in message
        assert len(traffic_requests(server)) == 3
        assert client.one(server.url, server.keys[0].id)[0] == wanted


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in UNCERTAIN])
@pytest.mark.parametrize("broken", (1, 2))
def test_a_reset_that_did_nothing_is_asked_of_the_next_path(client, fault, broken, caplog):
    with StandIn(keys(), dict.fromkeys(GENERATIONS[:broken], fault)) as server:
        key = server.keys[0]
        outcome, answer = client.reset(server.url, key.id)
        assert outcome == "done" and "reset successfully" in answer["message"]
        assert key.resets == 1 and (key.rx, key.tx) == (0, 0)
        end = ("port/reset", "traffic/reset")[broken - 1]
        assert server.paths("POST")[-1].endswith(end) and len(server.paths("POST")) == broken + 1
        assert f"answered by /api/keys/{key.id}/traffic" in client.told(caplog)


@pytest.mark.parametrize("fault", UNCERTAIN)
@pytest.mark.parametrize("broken", (0, 1, 2))
def test_a_reset_that_may_have_happened_is_never_sent_again(client, fault, broken):
    faults = dict.fromkeys(GENERATIONS[:broken], "404")
    with StandIn(keys(), {**faults, GENERATIONS[broken]: fault}) as server:
        outcome, message = client.reset(server.url, server.keys[0].id)
        assert outcome == "unknown"
        assert "known" in message
        assert server.keys[0].resets == 1
        assert len(server.paths("POST")) == broken + 1


def test_a_reset_that_no_path_knows_is_refused(client):
    with StandIn(keys(), dict.fromkeys(GENERATIONS, "404")) as server:
        outcome, message = client.reset(server.url, server.keys[0].id)
        assert outcome == "refused" and "404" in message
        assert server.keys[0].resets == 0


def test_a_reset_tells_what_it_closed(client):
    with StandIn(keys()) as server:
        outcome, answer = client.reset(server.url, server.keys[1].uuid)
        assert outcome == "done" and answer["previous_total"] == 7 + 2 ** 53
        assert server.keys[1].resets == 1


@pytest.mark.parametrize("ask", ("all", "one", "reset"))
def test_a_wrong_api_key_is_a_definite_no(client, ask):
    with StandIn(keys()) as server:
        words = () if ask == "all" else (server.keys[0].id,)
        outcome, message = getattr(client, ask)(server.url, *words, api_key="wrong")
        assert outcome == "refused" and "Invalid API key" in message
        assert len(server.requests) == 1
        assert server.keys[0].resets == 0


@pytest.mark.parametrize("status, detail", (
    (404, "Key not found"), (409, "This key shares its port with others"),
    (400, "Key is not active"), (403, "Forbidden"), (422, [{"msg": "not a key"}])))
@pytest.mark.parametrize("ask", ("one", "reset"))
def test_a_definite_no_is_not_asked_again(client, ask, status, detail):
    with StandIn(keys(), {"simple": (status, {"detail": detail})}) as server:
        outcome, message = getattr(client, ask)(server.url, server.keys[0].id)
        assert outcome == "refused"
        assert (detail if isinstance(detail, str) else "422") in message or \
            "not a key" in message
        assert len([path for path in server.paths() if "/traffic" in path]) == 1


def test_a_reset_of_a_key_without_a_port_is_refused(client):
    with StandIn([Key(1)]) as server:
        outcome, message = client.reset(server.url, server.keys[0].id)
        assert outcome == "refused" and "Failed to reset traffic stats" in message
        assert len(server.paths("POST")) == 1


def test_a_key_without_a_port_has_no_traffic(client):
    with StandIn([Key(1)]) as server:
        assert client.one(server.url, server.keys[0].id) == ("done", 0)
        assert len(traffic_requests(server)) == 1


@pytest.mark.parametrize("ask", ("all", "one", "reset"))
def test_a_server_that_is_not_there_is_not_reached(client, ask):
    with closed_port() as url:
        words = () if ask == "all" else ("some-key",)
        outcome, message = getattr(client, ask)(url, *words)
        assert outcome == "unreached" and f"cannot reach {url}" in message


def test_the_client_bypasses_the_cache_and_sends_its_key(client):
    with StandIn(keys()) as server:
        client.all(server.url)
        client.reset(server.url, server.keys[0].id)
        for _, _, headers in server.requests:
            assert headers["cache-control"] == "no-cache"
            assert headers["x-api-key"] == API_KEY


def test_a_redirect_does_not_carry_the_api_key_elsewhere(client):
    with StandIn(keys(), dict.fromkeys(GENERATIONS, "redirect")) as server:
        assert client.all(server.url)[0] == "unreached"
        assert "/login" not in server.paths()


def test_an_id_is_percent_encoded(client):
    key = Key(1, port=10001, rx=3)
    key.id = "a b/c?d#e%ü"
    with StandIn([key]) as server:
        assert client.one(server.url, key.id) == ("done", 3)


def test_a_key_list_that_cannot_be_had_leaves_the_id_as_given(client):
    with StandIn(keys(), {"/api/keys": "404"}) as server:
        assert client.one(server.url, server.keys[0].id) == ("done", 123)


def test_figures_that_are_no_natural_numbers_are_another_shape(client):
    for wrong in (-1, "1", 1.5, None, True):
        with StandIn(keys()) as server:
            entry = {**server.keys[0].entry(), "rx_bytes": wrong}
            server.faults["simple"] = (200, {"data": {"ports": {"10001": entry}}})
            assert client.all(server.url)[0] == "done"
            assert traffic_requests(server)[-1] == "/api/traffic/ports/exact"


def test_the_python_client_shows_the_api_key_to_no_proxy(monkeypatch):
    with StandIn(keys()) as server, StandIn(keys()) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert v2meter_client.V2MeterClient(server.url, API_KEY).get_traffic_stats()
        assert proxy.requests == []


def test_the_real_meter_answers_the_same_on_every_path(client, lab, start_daemon):
    """The newer paths are taken away one after the other. The figures stay the same, and resets work."""
    key = Key(1, port=10001)
    meter = start_daemon([key.json()])
    payload, headers, sent = 1000, 14 + 20 + 8, 10
    for broken in (0, 1, 2):
        with lab.client.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            for _ in range(sent):
                datagrams.sendto(bytes(payload), (lab.SERVER[4], key.port))
        with lab.server.entered(), \
                Front(meter.port(), meter.api_key(), dict.fromkeys(GENERATIONS[:broken], "500")) \
                as front:
            wanted = sent * (payload + headers)
            reached = {"api_key": meter.api_key()}
            wait_until(lambda: meter.port_entry(key.port)["total_bytes"] == wanted,
                       what="the datagrams")
            assert client.all(front.url, **reached) == ("done", {key.uuid: wanted})
            assert client.one(front.url, key.id, **reached) == ("done", wanted)
            assert client.reset(front.url, key.id, **reached)[0] == "done"
            assert client.one(front.url, key.id, **reached) == ("done", 0)
            assert len(front.paths("POST")) == broken + 1


FIGURES = {"uuid", "port", "key_name", "uplink_bytes", "downlink_bytes", "total_bytes",
           "uplink_formatted", "downlink_formatted", "total_formatted", "uplink_mb",
           "downlink_mb", "total_mb", "connections", "traffic_rate", "interface_traffic",
           "connection_details", "timestamp", "source", "method"}


@pytest.mark.parametrize("broken", (0, 1, 2))
def test_the_python_client_returns_one_form_whichever_path_answered(broken):
    faults = dict.fromkeys(GENERATIONS[:broken], "404")
    with StandIn([Key(1, port=10001, rx=1 << 20, tx=3 << 20, connections=2)], faults) as server:
        client = v2meter_client.V2MeterClient(server.url, API_KEY, TIMEOUT_S)
        for figures in (client.get_traffic_stats()[0],
                        client.get_key_traffic_stats(server.keys[0].uuid)):
            assert set(figures) == FIGURES
            assert figures["uuid"] == server.keys[0].uuid
            assert (figures["uplink_bytes"], figures["downlink_bytes"]) == (1 << 20, 3 << 20)
            assert figures["total_formatted"] == "4.00 MB" and figures["total_mb"] == 4.0
            assert figures["connections"] == 2
            if broken < 2:
                assert figures["port"] == 10001 and figures["traffic_rate"] == 134128.74
                assert len(figures["connection_details"]) == 2
                assert figures["key_name"] == "user1@example.com"


def test_the_python_client_names_no_owner_of_a_shared_port():
    with StandIn([Key(1, port=443, rx=5)]) as server:
        entry = {**server.keys[0].entry(), "uuid": None, "shared": True,
                 "keys": [{"id": "a", "name": "x"}, {"id": "b", "name": "y"}]}
        server.faults["simple"] = (200, {"data": {"ports": {"443": entry}}})
        client = v2meter_client.V2MeterClient(server.url, API_KEY)
        assert [(f["uuid"], f["port"], f["total_bytes"]) for f in client.get_traffic_stats()] == \
            [(None, 443, 5)]
        server.faults["simple"] = "404"
        server.faults["port"] = (200, {"ports_traffic": {"ports_traffic": {
            "port:443": {"port": 443, "key_name": None, "traffic": entry}}}})
        assert [(f["uuid"], f["port"], f["total_bytes"]) for f in client.get_traffic_stats()] == \
            [(None, 443, 5)]


@pytest.mark.parametrize("size, text", ((0, "0 B"), (1023, "1023 B"), (1024, "1.00 KB"),
                                        (33323549, "31.78 MB"), (1 << 50, "1.00 PB"),
                                        (1 << 62, "4096.00 PB")))
def test_the_python_client_formats_sizes_as_the_api_does(size, text):
    assert v2meter_client.format_bytes(size) == text
