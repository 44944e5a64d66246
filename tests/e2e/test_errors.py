# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every refusal: by the API in the documented form, by the configuration and the key file with the place
of the mistake."""

import datetime
import itertools
import json
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import uuid

import pytest

from conftest import daemons_in, lab_in
from support.lab import wait_until
from support.v2ray import Key

UNAUTHORIZED = {"detail": "Invalid API key. Use X-API-Key header with the correct key.",
                "code": "unauthorized"}
KEY = Key("vmess-tcp", 10001)
OTHER = Key("vless-tcp", 10002)
PORTLESS = {**Key("vmess-tcp", 0).entry()}
del PORTLESS["port"]
SIMPLE = "/api/traffic/simple"
SOURCES = itertools.count(1)


@pytest.fixture(scope="module")
def meter(tmp_path_factory):
    """One daemon for all tests that change nothing in it."""
    with lab_in(tmp_path_factory.mktemp("errors")) as lab, daemons_in(lab) as start:
        yield start([KEY.entry(), OTHER.entry(), PORTLESS])


def is_error(answer, status, code):
    assert (answer.status, answer.json()["code"]) == (status, code), answer.body
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["detail"]
    return answer.json()


# --- the API ---

@pytest.mark.parametrize("headers", [
    {}, {"X-API-Key": "wrong"}, {"X-API-Key": ""}, {"Authorization": "Bearer wrong"},
    {"Authorization": "Basic d3Jvbmc="}, {"Authorization": "Bearer "}, {"X-API-Key": "x" * 5000}],
    ids=["none", "wrong", "empty", "wrong bearer", "basic", "empty bearer", "long"])
@pytest.mark.parametrize("method, path", [
    ("GET", SIMPLE), ("GET", "/api/keys"), ("GET", f"/api/keys/{KEY.id}"),
    ("GET", f"/api/keys/{KEY.id}/traffic/simple"), ("GET", "/nothing"), ("PUT", SIMPLE),
    ("POST", f"/api/keys/{KEY.id}/traffic/simple/reset"), ("POST", "/api/keys")])
def test_without_the_key_there_is_no_answer(meter, method, path, headers):
    # Many wrong keys of one address are answered slowly.
    answer = meter.ask(method, path, headers, source=f"127.1.0.{next(SOURCES)}")
    assert (answer.status, answer.json()) == (401, UNAUTHORIZED)
    assert answer.headers["Content-Type"] == "application/json"


def test_a_part_of_the_key_and_more_than_the_key_are_wrong(meter):
    key = meter.api_key()
    for wrong in (key[:-1], key + "0", key.upper() + " x", key[:-1] + ("0" if key[-1] != "0" else "1")):
        assert meter.ask("GET", SIMPLE, {"X-API-Key": wrong}).status == 401


def test_both_headers_are_taken(meter):
    key = meter.api_key()
    for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"},
                    {"x-api-key": key}, {"authorization": f"bearer {key}"}):
        assert meter.ask("GET", SIMPLE, headers).status == 200


@pytest.mark.parametrize("path", ["/", "/api/", "/health", "/healthz"])
def test_what_is_open_shows_no_data(meter, path):
    answer = meter.ask("GET", path, headers={})
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"
    for secret in (KEY.id, KEY.uuid, KEY.name, "10001", meter.api_key(), str(meter.lab.directory)):
        assert secret not in answer.body.decode()


def test_what_is_open_says_what_the_document_says(meter):
    answers = {path: meter.ask("GET", path, headers={}).json()
               for path in ("/", "/api/", "/health", "/healthz")}
    assert answers["/"] == answers["/api/"]
    assert set(answers["/"]) >= {"message", "version"} and answers["/"]["status"] == "running"
    assert answers["/health"] == {"status": "healthy"}
    assert answers["/healthz"] == {"status": "ok"}


@pytest.mark.parametrize("method, path", [
    ("GET", "/api/keys/{}"), ("GET", "/api/keys/{}/traffic/simple"),
    ("POST", "/api/keys/{}/traffic/simple/reset")])
@pytest.mark.parametrize("key", [str(uuid.uuid4()), "10001", KEY.name, KEY.id[:-1], "%C3%A4", "x" * 200])
def test_an_unknown_key_is_not_found(meter, method, path, key):
    assert is_error(meter.ask(method, path.format(key)), 404,
                    "key_not_found")["detail"] == "Key not found"


@pytest.mark.parametrize("key", ["%00", "a%00b", "%", "%4", "%zz", KEY.id + "%00"])
def test_a_key_that_cannot_be_decoded_is_a_bad_parameter(meter, key):
    answer = meter.get(f"/api/keys/{key}/traffic/simple")
    assert answer.status in (404, 422), answer.body
    assert answer.json()["code"] in ("bad_parameter", "key_not_found")


def test_a_key_is_found_by_id_uuid_and_percent_encoded(meter):
    encoded = "".join(f"%{ord(letter):02x}" for letter in KEY.id)
    for name in (KEY.id, KEY.id.upper(), KEY.uuid, KEY.uuid.upper(), encoded):
        assert meter.get(f"/api/keys/{name}/traffic/simple").json()["key"]["id"] == KEY.id


@pytest.mark.parametrize("method, path, allowed", [
    ("POST", SIMPLE, "GET"), ("DELETE", SIMPLE, "GET"), ("PUT", "/healthz", "GET"),
    ("POST", f"/api/keys/{KEY.id}/traffic/simple", "GET"), ("PATCH", "/", "GET"),
    ("GET", f"/api/keys/{KEY.id}/traffic/simple/reset", "POST"),
    ("DELETE", f"/api/keys/{KEY.id}/traffic/simple/reset", "POST")])
def test_a_wrong_method_is_told_the_right_one(meter, method, path, allowed):
    answer = meter.ask(method, path)
    is_error(answer, 405, "method_not_allowed")
    assert allowed in answer.headers["Allow"].replace(",", " ").split()
    assert method not in answer.headers["Allow"].replace(",", " ").split()


@pytest.mark.parametrize("method, path", [
    ("POST", "/api/keys"), ("DELETE", f"/api/keys/{KEY.id}"), ("PUT", f"/api/keys/{KEY.id}"),
    ("GET", "/api/system/xray/config"), ("POST", "/api/system/restart"), ("GET", "/api/other")])
def test_what_is_the_panels_is_not_served(meter, method, path):
    is_error(meter.ask(method, path), 404, "not_served")


@pytest.mark.parametrize("path", ["/nothing", "/../etc/passwd", "/index.html", "/api/../etc/passwd",
                                  "//", "/%2e%2e/", "/api/keys//traffic/simple"])
def test_what_is_nowhere_is_not_found(meter, path):
    answer = meter.get(path)
    assert answer.status == 404 and answer.json()["code"] in ("not_found", "not_served")


def test_a_small_body_is_ignored_and_a_large_one_refused(meter):
    reset = f"/api/keys/{OTHER.id}/traffic/simple/reset"
    assert meter.ask("POST", reset, body=b"{}").status == 200
    is_error(meter.ask("POST", reset, body=bytes(200000)), 413, "body_too_large")


def test_large_headers_are_refused(meter):
    answer = meter.ask("GET", SIMPLE, {"X-API-Key": meter.api_key(), "X-More": "x" * 20000})
    assert answer.status in (400, 413, 431)
    assert answer.json()["code"] and answer.headers["Content-Type"] == "application/json"


def test_what_is_no_http_is_answered_and_the_next_one_served(meter):
    connection = meter.connect()
    connection.sock.sendall(b"\x00\x01 nonsense\r\n\r\n")
    assert b"200" not in connection.sock.recv(4096)[:15]
    connection.close()
    assert meter.get(SIMPLE).status == 200


def test_a_foreign_page_is_not_let_in(meter):
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "GET",
               "Access-Control-Request-Headers": "x-api-key"}
    for method in ("OPTIONS", "GET"):
        answer = meter.ask(method, SIMPLE, headers)
        assert answer.status == 401 if method == "GET" else answer.status >= 400
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_head_has_the_header_and_no_body(meter):
    whole, head = meter.get(SIMPLE), meter.ask("HEAD", SIMPLE)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole.body))


def test_a_key_without_a_port_has_no_traffic_and_no_reset(meter):
    key = PORTLESS["id"]
    answer = meter.get(f"/api/keys/{key}/traffic/simple")
    traffic = answer.json()["traffic"]
    assert answer.status == 200 and isinstance(traffic.pop("timestamp"), float)
    assert traffic == {"error": f"No port found for UUID: {PORTLESS['uuid']}",
                       "uuid": PORTLESS["uuid"], "port": None, "total_bytes": 0, "connections": 0}
    answer = meter.reset(key)
    assert answer.status == 200
    body = answer.json()
    assert (body["status"], body["success"], body["message"]) == (
        "error", False, "Failed to reset traffic stats")
    assert (body["uuid"], body["port"]) == (PORTLESS["uuid"], None)
    age = datetime.datetime.now() - datetime.datetime.fromisoformat(body["timestamp"])
    assert abs(age.total_seconds()) < 60


def test_a_reset_that_cannot_be_stored_closes_nothing(lab, start_daemon):
    daemon = start_daemon([KEY.entry()])
    with lab.server.entered():
        listener = socket.create_server((lab.SERVER[4], KEY.port))
    with lab.client.socket() as client:
        client.connect((lab.SERVER[4], KEY.port))
        client.sendall(bytes(5000))
        listener.accept()[0].close()
    before = wait_until(lambda: daemon.port_entry(KEY.port)["rx_bytes"] > 5000 and
                        daemon.port_entry(KEY.port)["total_bytes"], what="the bytes")
    ledger = sqlite3.connect(daemon.state_dir / "ledger.db", isolation_level=None)
    ledger.execute("BEGIN IMMEDIATE")
    is_error(daemon.reset(KEY.id), 503, "not_stored")
    assert daemon.port_entry(KEY.port)["total_bytes"] == before
    ledger.execute("ROLLBACK")
    ledger.close()
    assert daemon.reset(KEY.id).json()["previous_total"] == before


def test_the_log_shows_neither_keys_nor_uuids(meter):
    meter.ask("GET", SIMPLE, {"X-API-Key": "a-wrong-key"})
    assert meter.reset(KEY.uuid).status == 200
    said = meter.said()
    for secret in (meter.api_key(), "a-wrong-key", KEY.uuid, PORTLESS["uuid"]):
        assert secret not in said


# --- configuration ---

def refused(daemon, place, status=2):
    """Checks that a start is refused: by its exit status, and by one line that names the place."""
    made = daemon.run()
    lines = [line for line in made.stderr.splitlines() if " error " in line]
    assert made.returncode == status, made.stderr
    assert len(lines) == 1, made.stderr
    assert re.search(place, lines[0]), f"{place!r} is not in {lines[0]!r}"
    return lines[0]


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A daemon that never runs."""
    with lab_in(tmp_path_factory.mktemp("broken")) as lab, daemons_in(lab) as start:
        yield start([KEY.entry()], running=False)


@pytest.mark.parametrize("member", ["state_dir", "pin_dir"])
@pytest.mark.parametrize("owner, mode", [(1000, 0o700), (0, 0o770), (0, 0o1777)],
                         ids=["foreign", "group", "all"])
def test_a_directory_that_others_could_change_is_refused(broken, member, owner, mode):
    broken.write_config()
    directory = pathlib.Path(broken.config[member])
    directory.mkdir(parents=True)
    try:
        os.chown(directory, owner, 0)
        directory.chmod(mode)
        refused(broken, f"{member}: .*{directory}")
        made = broken.run("--check")
        assert made.returncode == 2 and f"{member}: " in made.stderr
    finally:
        directory.rmdir()
        if broken.state_dir.exists():
            shutil.rmtree(broken.state_dir)


WRONG_MEMBERS = [
    ("listen", 9469), ("listen", "localhost:9469"), ("listen", "127.0.0.1"), ("listen", []),
    ("listen", "127.0.0.1:0"), ("listen", "127.0.0.1:65536"), ("listen", ["127.0.0.1:1", 2]),
    ("listen", "[::1]:9469"), ("api_key", 1), ("api_key", ""), ("api_key", "with spaces in it"),
    ("state_dir", None), ("state_dir", 1), ("state_dir", ""), ("pin_dir", []), ("pin_dir", ""),
    ("pin_dir", "sys/fs/bpf/v2meter"),
    ("interfaces", "up0"), ("interfaces", []), ("interfaces", [1]), ("exclude_interfaces", "up0"),
    ("key_sources", "auto"), ("key_sources", []), ("key_sources", [None]),
    ("api_bytes", "bits"), ("api_bytes", 1), ("attach", "xdp"),
    ("cache_ttl_s", -1), ("cache_ttl_s", 3601), ("cache_ttl_s", "30"), ("cache_ttl_s", 1.5),
    ("cache_ttl_s", True), ("sample_interval_ms", 99), ("sample_interval_ms", 60001),
    ("rate_window_s", 0), ("rate_window_s", 301), ("flush_interval_s", 0),
    ("flush_interval_s", 3601), ("cache_tll_s", 30), ("Listen", "x"),
    ("unknown", None)]


@pytest.mark.parametrize("member, value", WRONG_MEMBERS,
                         ids=[f"{member}={json.dumps(value)[:20]}" for member, value in WRONG_MEMBERS])
def test_a_wrong_member_is_named_with_its_place(broken, member, value):
    broken.config_file.write_text(json.dumps({**broken.config, "zzz": 0}).replace(
        '"zzz": 0', f'\n  "{member}": {json.dumps(value)}\n'))
    if member in broken.config:
        text = {key: kept for key, kept in broken.config.items() if key != member}
        broken.config_file.write_text(json.dumps(text)[:-1] +
                                      f',\n  "{member}": {json.dumps(value)}\n}}')
    refused(broken, rf"v2meterd\.json:2:\d+: .*{member}")
    assert not broken.lab.pin_dir.exists() and not broken.state_dir.exists()


@pytest.mark.parametrize("text, place", [
    ("", r"v2meterd\.json"), ("{", r"v2meterd\.json:1:"), ('{"listen":}', r"v2meterd\.json:1:"),
    ('{\n "cache_ttl_s": 1,\n}', r"v2meterd\.json:3:"), ("[]", r"v2meterd\.json:1:1"),
    ('{\n "cache_ttl_s": 1,\n "cache_ttl_s": 2}', r"v2meterd\.json:3:"),
    ('{\n "cache_ttl_s": 1000000000000000000000000000000}', r"v2meterd\.json:2:"),
    ('{} {}', r"v2meterd\.json:1:"), ('{"listen": "\xff"}', r"v2meterd\.json")],
    ids=["empty", "open", "no value", "comma", "list", "twice", "large", "two", "utf8"])
def test_a_configuration_that_is_no_json_is_refused_with_its_place(broken, text, place):
    broken.config_file.write_bytes(text.encode("latin-1"))
    refused(broken, place)


def test_a_configuration_that_is_not_there_is_named(broken):
    broken.config_file.unlink()
    refused(broken, r"v2meterd\.json")


@pytest.mark.parametrize("options", [["--nonsense"], ["surplus"], ["--check", "--detach"]])
def test_a_wrong_option_is_answered_by_the_usage(broken, options):
    broken.write_config()
    made = broken.run(*options)
    assert made.returncode == 2 and "usage: v2meterd" in made.stderr


# --- the key file ---

def entry(**changes):
    made = {**OTHER.entry(), **changes}
    return json.dumps({member: value for member, value in made.items() if value != "absent"})


@pytest.mark.parametrize("second, place", [
    ("{", r"keys\.json:\d+:\d+: "), ("7", r"keys\.json:3:\d+: .*object"),
    (entry(port=0), r"keys\.json:3:\d+: .*port.*1.*65535"),
    (entry(port=65536), r"keys\.json:3:\d+: .*port.*1.*65535"),
    (entry(port=-1), r"keys\.json:3:\d+: .*port"), (entry(port="443"), r"keys\.json:3:\d+: .*port"),
    (entry(port=443.5), r"keys\.json:3:\d+: .*port"),
    (entry(port=KEY.port), rf"keys\.json:3:\d+: .*port {KEY.port} .*line 2"),
    (entry(id=KEY.id), rf"keys\.json:3:\d+: .*{KEY.id}.*line 2"),
    (entry(uuid=KEY.uuid), r"keys\.json:3:\d+: .*uuid.*line 2"),
    (entry(uuid=KEY.uuid.upper()), r"keys\.json:3:\d+: .*uuid.*line 2"),
    (entry(uuid="absent"), r"keys\.json:3:\d+: .*uuid"), (entry(uuid=5), r"keys\.json:3:\d+: .*uuid"),
    (entry(uuid=""), r"keys\.json:3:\d+: .*uuid"), (entry(id=5), r"keys\.json:3:\d+: .*id"),
    (entry(name=5), r"keys\.json:3:\d+: .*name"),
    (entry(is_active="yes"), r"keys\.json:3:\d+: .*is_active"),
    (entry(transport="sctp"), r"keys\.json:3:\d+: .*transport.*tcp.*udp.*both"),
    (entry(created_at=5), r"keys\.json:3:\d+: .*created_at")],
    ids=["open", "number", "port 0", "port 65536", "port -1", "port text", "port fraction",
         "same port", "same id", "same uuid", "same uuid in capitals", "no uuid", "uuid number",
         "uuid empty", "id number", "name number", "is_active text", "transport", "created_at"])
def test_a_broken_key_is_refused_with_its_place(broken, second, place):
    broken.write_config()
    broken.write_keys(f"[\n{json.dumps(KEY.entry())},\n{second}\n]")
    line = refused(broken, place)
    assert KEY.uuid not in line and OTHER.uuid not in line, "the uuid, a credential, is in the message"


@pytest.mark.parametrize("text, place", [
    ("", r"keys\.json"), ("7", r"keys\.json.*key file"), ('"keys"', r"keys\.json.*key file"),
    ("[\n\n}", r"keys\.json:3:"), ("[1,\n2]x", r"keys\.json:2:")],
    ids=["empty", "number", "text", "brace", "more"])
def test_a_key_file_that_is_none_is_refused_with_its_place(broken, text, place):
    broken.write_config()
    broken.write_keys(text)
    refused(broken, place)


def test_a_key_file_that_is_not_there_is_named(broken):
    broken.write_config()
    broken.key_file.unlink(missing_ok=True)
    made = broken.run()
    assert made.returncode == 2 and "keys.json" in made.stderr
