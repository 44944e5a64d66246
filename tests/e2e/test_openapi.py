# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""docs/openapi.yaml and the server agree: every served answer is documented, and every documented answer is
served. It is the real HTTP server on a meter in memory, which a test can tell to fail."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import time

import pytest

from support.lab import Lab, wait_until
from support.openapi import Checker, Mismatch

yaml = pytest.importorskip("yaml", reason="python3-yaml is not installed")

ROOT = pathlib.Path(__file__).parents[2]
BUILD = pathlib.Path(os.environ.get("V2M_BUILD", ROOT / "build-debug"))
DOCUMENT = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())
KEY = {"X-API-Key": "test-key"}
GOOD = {"key_id": "key-1", "date": "2025-08-04", "file": "app.js"}
BODIES = {"/api/meter/import": '{"format": "v2meter-totals", "version": 1, "ledger": "another",'
                               ' "document": "one", "subjects": []}'}
OPERATIONS = [(method.upper(), path) for path, operations in DOCUMENT["paths"].items()
              for method in operations if method != "parameters"]
ALL_METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


class Server:
    def __init__(self, *options):
        self.process = subprocess.Popen([BUILD / "http_server", *options], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        assert line and line[0] == "listening", "the server did not start"
        self.port = int(line[1])

    def order(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def ask(self, method, path, headers=KEY, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def stop(self):
        self.process.stdin.close()
        return self.process.wait(30)


@pytest.fixture(scope="module")
def server():
    made = Server("-n", "3", "-m", "9", "-s", "-w", "0")
    yield made
    assert made.stop() == 0


@pytest.fixture(autouse=True)
def readable(server):
    yield
    server.order("readable")


@pytest.fixture(scope="module")
def checker():
    made = Checker(DOCUMENT)
    made.saw_daemon = made.saw_fallback = made.saw_ports = made.saw_shared = False
    return made


def resolve(part):
    while "$ref" in part:
        found = DOCUMENT
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


def operation(method, path):
    return DOCUMENT["paths"][path][method.lower()]


def documented(method, path):
    return {int(status) for status in operation(method, path)["responses"]}


def content_of(method, path, status):
    responses = operation(method, path)["responses"]
    return resolve(responses.get(str(status), responses.get(status))).get("content", {})


def schema_of(method, path, status):
    return content_of(method, path, status).get("application/json", {}).get("schema")


def fill(path, **values):
    return path.format(**{**GOOD, **values})


def probes(server, method, path):
    """Makes an operation give every answer that it can give."""
    post = method == "POST"
    open_to_all = operation(method, path).get("security") == []
    yield server.ask(method, fill(path))
    if not open_to_all:
        yield server.ask(method, fill(path), headers={})
    for key in ("inactive", "portless", "shared-a", "nobody", "%zz"):
        if "{key_id}" in path:
            yield server.ask(method, fill(path, key_id=key))
    if "{file}" in path:
        for name in ("style.css", "icon.svg", "index.html", "nothing.js", "%zz"):
            yield server.ask(method, fill(path, file=name))
    if "{date}" in path:
        yield server.ask(method, fill(path, date="2025-02-30"))
        yield server.ask(method, fill(path, date="1999-01-01"))
    for query in ("year_month=x", "days_to_keep=x", "year_month=2025-08", "days_to_keep=1",
                  "from=x", "from=2025-10-26&to=2025-10-26"):
        yield server.ask(method, f"{fill(path)}?{query}")
    if post:
        yield server.ask(method, fill(path), body=b"x" * 20000)
        yield server.ask(method, fill(path), body=b"{}")
        yield server.ask(method, fill(path), headers={**KEY, "Content-Length": f"{(64 << 20) + 1}"})
    else:
        yield server.ask(method, fill(path), headers={**KEY, "If-None-Match": "*"})
    for order in ("unreadable", "unstored", "degraded", "unhealthy", "bad document",
                  "own document"):
        server.order(order)
        yield server.ask(method, fill(path))
    server.order("readable")


def test_every_route_is_documented_and_every_documented_path_is_a_route():
    """The routes are read from the source, because the server does not tell them."""
    source = (ROOT / "src/http/routes.c").read_text()
    table = source.split("static const struct v2m_route routes[] = {")[1].split("\n};")[0]
    routes = set()
    for kind, method, pattern in re.findall(r'(ROUTE|OPEN|RENDERED|HISTORY|RESET)\('
                                            r'(?:"([A-Z]+)",\s*)?"(/[^"]*)"', table):
        line = next(each for each in table.splitlines() if f'"{pattern}"' in each)
        if "answer_not_served" in line and kind == "ROUTE" and method != "GET":
            continue
        if kind == "RESET":
            method = "POST"
        name = "{date}" if "/daily/" in pattern else "{file}" if "/ui/" in pattern else "{key_id}"
        routes.add((method or "GET", pattern.replace("{}", name)))
    assert len(routes) > 20
    assert routes == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=" ".join)
def test_an_operation_answers_as_documented(server, checker, method, path):
    answered = set()
    for status, headers, body in probes(server, method, path):
        answered.add(status)
        assert status in documented(method, path), f"{status} is not documented: {body}"
        if status == 304:
            assert body == b"" and headers["ETag"]
            continue
        if status == 308:
            assert body == b"" and headers["Location"]
            continue
        media_type = headers["Content-Type"].partition(";")[0]
        assert media_type in content_of(method, path, status)
        if media_type != "application/json":
            assert body
            continue
        checker.check(json.loads(body), schema_of(method, path, status), f"{method} {path}")
    assert answered == documented(method, path)


def key_entry(key_id, number, **more):
    return {"id": key_id, "uuid": f"00000000-0000-4000-8000-00000000000{number}",
            "name": f"{key_id}@example.com", "created_at": "2025-08-04T14:34:13.878594",
            "is_active": True, **more}


@contextlib.contextmanager
def visitor(lab, port):
    """A client that has a connection with some traffic, and sent a datagram that was answered."""
    with lab.server.socket(socket.AF_INET, socket.SOCK_STREAM) as listener, \
            lab.client.socket(socket.AF_INET, socket.SOCK_STREAM) as client, \
            lab.server.socket(socket.AF_INET, socket.SOCK_DGRAM) as answers, \
            lab.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as questions:
        listener.bind((Lab.SERVER[4], port))
        listener.listen()
        client.connect((Lab.SERVER[4], port))
        with listener.accept()[0] as accepted:
            client.sendall(b"a question")
            assert accepted.recv(100)
            accepted.sendall(b"an answer")
            assert client.recv(100)
            answers.bind((Lab.SERVER[4], port))
            questions.sendto(b"one more", (Lab.SERVER[4], port))
            answers.sendto(b"as well", answers.recvfrom(100)[1])
            yield client


def test_the_daemon_answers_as_documented(lab, start_daemon, checker):
    """The whole daemon, with its real counters and ledger."""
    daemon = start_daemon([key_entry("key-1", 1, port=21001), key_entry("portless", 2)], budget={"bytes": 10**12},
                          port_aliases={"443": 21001})
    with visitor(lab, 21001):
        wait_until(lambda: daemon.get("/api/keys/key-1/traffic/peers", fresh=True).json()["udp_peers"],
                   what="the datagram's peer")
        check_daemon(daemon, checker)
    assert daemon.stop() == 0
    for path in daemon.state_dir.glob("ledger.db*"):
        path.unlink()
    daemon.start()
    status = daemon.status()
    assert status["set_aside"]
    checker.check(status, schema_of("GET", "/api/meter/status", 200), "the status after the ledger was lost")
    checker.saw_daemon = True


def check_daemon(daemon, checker):
    for method, path in OPERATIONS:
        if path.startswith("/ui"):
            continue
        for key in ("key-1", "portless") if "{key_id}" in path else ("",):
            answer = daemon.ask(method, fill(path, key_id=key), body=BODIES.get(path))
            assert answer.status == 200, answer.body
            if schema_of(method, path, 200) is None:
                continue
            checker.check(json.loads(answer.body), schema_of(method, path, 200),
                          f"{method} {path} of {key}")


def udp_inbound(port, *numbers):
    return {"port": port, "protocol": "vmess", "streamSettings": {"network": "kcp"},
            "settings": {"clients": [{"id": key_entry("", number)["uuid"], "email": f"udp-{number}"}
                                     for number in numbers]}}


def not_counted(daemon):
    return daemon.simple()["data"]["not_counted"]


def test_a_daemon_that_cannot_count_a_port_says_so_as_documented(lab, start_unprivileged, checker):
    """Without eBPF, UDP is not counted: on a key's own port, on one that two keys share, on a range, and on one
    that lost its key."""
    source = lab.directory / "v2ray.json"
    inbounds = [udp_inbound(21009, 6), udp_inbound(21002, 7), udp_inbound(21003, 8, 9),
                udp_inbound("21060-21070", 5)]
    source.write_text(json.dumps({"inbounds": inbounds}))
    daemon = start_unprivileged([], key_sources=[str(source)])
    with lab.server.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((Lab.SERVER[4], 21009))
        source.write_text(json.dumps({"inbounds": inbounds[1:]}))
        wait_until(lambda: not_counted(daemon).get("21009", {}).get("orphaned"), what="the port without a key")
        for path in ("/api/traffic/simple", "/api/traffic/ports/exact"):
            answer = daemon.get(path)
            checker.check(answer.json(), schema_of("GET", path, 200), path)
    assert set(not_counted(daemon)) == {"21002", "21003", "21009", "21060"}
    checker.saw_fallback = True


def tcp_inbound(port, *numbers, **more):
    inbound = {**udp_inbound(port, *numbers), **more}
    return {**inbound, "streamSettings": {"network": "tcp"}}


def test_keys_with_several_ports_are_answered_as_documented(lab, start_daemon, checker):
    """A key with a port, a range and a port by UDP; a port by transport; a shared port; one behind it; an inbound
    without users, which is noted."""
    source = lab.directory / "v2ray.json"
    shared = tcp_inbound(21010, 5, 6)
    shared["settings"]["fallbacks"] = [{"dest": 21011}]
    inbounds = [tcp_inbound(21007, 9), tcp_inbound(21004, 1), tcp_inbound("21020-21040", 1), udp_inbound(21005, 1),
                tcp_inbound(21006, 2), udp_inbound(21006, 3), shared,
                tcp_inbound(21011, 7, listen="127.0.0.1"), udp_inbound("21050-21060", 8), tcp_inbound(21012)]
    source.write_text(json.dumps({"inbounds": inbounds}))
    daemon = start_daemon([], key_sources=[str(source)], budget={"bytes": 10**12})
    with visitor(lab, 21004), visitor(lab, 21006), visitor(lab, 21010):
        check_answers(daemon, checker, {200, 409})
    with lab.server.entered():
        listener = socket.create_server((Lab.SERVER[4], 21007))
    with listener:
        source.write_text(json.dumps({"inbounds": inbounds[1:]}))
        wait_until(lambda: daemon.port_entry(21007).get("orphaned"), what="the port without a key")
        check_answers(daemon, checker, {200, 409})
    checker.saw_ports = True


def test_users_of_a_shared_port_are_answered_as_documented(lab, start_daemon, checker):
    source = lab.directory / "v2ray.json"
    source.write_text(json.dumps({"inbounds": [tcp_inbound(21010, 5, 6)]}))
    log = lab.directory / "access.log"
    log.touch()
    daemon = start_daemon([], key_sources=[str(source)], access_logs=[str(log)], budget={"bytes": 10**12})
    with visitor(lab, 21010) as client:
        address, port = client.getsockname()[:2]
        names = [key["name"] for key in daemon.get("/api/keys").json()]
        line = (f"{time.strftime('%Y/%m/%d %H:%M:%S')} from tcp:{address}:{port} accepted tcp:a:80 [in >> out] "
                "email: {}\n")
        # Two users of one connection, so that there is a reason, too.
        log.write_text("".join(map(line.format, names)))
        wait_until(lambda: "reason" in daemon.port_entry(21010)["accounting"].get("attribution", {}),
                   what="the users in the log")
        check_answers(daemon, checker, {200})
    checker.saw_shared = True


def check_answers(daemon, checker, statuses):
    names = [key["id"] for key in daemon.get("/api/keys").json()]
    for method, path in OPERATIONS:
        if path.startswith("/ui"):
            continue
        for key in names if "{key_id}" in path else ("",):
            if method == "GET":
                answer = daemon.get(fill(path, key_id=key), fresh=True)
                assert answer.status in statuses, answer.body
                if schema_of(method, path, answer.status) is None:
                    continue
                checker.check(json.loads(answer.body), schema_of(method, path, answer.status),
                              f"{method} {path} of {key}")


@pytest.mark.parametrize("path", DOCUMENT["paths"])
def test_a_method_that_is_not_documented_is_not_served(server, path):
    methods = {method for method, each in OPERATIONS if each == path}
    allowed = methods | ({"HEAD"} if "GET" in methods else set())
    for method in set(ALL_METHODS) - methods:
        status, headers, body = server.ask(method, fill(path))
        if status == 404:
            assert path in ("/api/keys", "/api/keys/{key_id}")
            assert json.loads(body)["code"] == "not_served"
        else:
            assert status == 405
            assert set(headers["Allow"].split(", ")) == allowed


def test_head_answers_as_get(server):
    for method, path in OPERATIONS:
        if method == "GET":
            status, headers, body = server.ask("HEAD", fill(path))
            assert (status, body) == (308 if path == "/ui/" else 200, b"")
            assert int(headers["Content-Length"]) > 0 or status == 308


def test_no_documented_member_is_missing_from_all_answers(checker):
    """Runs after the others. A second server gives the answers that the first one cannot give."""
    other = Server("-n", "1", "-m", "5", "-d", "2", "-x", "-w", "0")
    try:
        for path in ("/api/traffic/simple", "/api/traffic/ports/exact"):
            status, _, body = other.ask("GET", path)
            assert status == 200
            checker.check(json.loads(body), schema_of("GET", path, 200), path)
    finally:
        assert other.stop() == 0
    if not (checker.saw_daemon and checker.saw_fallback and checker.saw_ports and checker.saw_shared):
        pytest.skip("only the daemon serves some members, and it could not run here")
    assert not checker.never_seen(), checker.never_seen()


def test_every_reason_of_health_is_documented():
    served = re.findall(r'\{ "([a-z_]+)",', (ROOT / "src/collector/health.c").read_text())
    explained = re.findall(r"^\.It Li ([a-z_]+)$", (ROOT / "docs/man/v2meterd.8").read_text(), re.MULTILINE)
    assert served == explained == DOCUMENT["components"]["schemas"]["Reason"]["enum"]
    for language in (ROOT / "web").glob("lang-*.js"):
        told = re.findall(r"^    reason_([a-z_]+):", language.read_text(), re.MULTILINE)
        assert sorted(told) == sorted(served), language


@pytest.mark.parametrize(("value", "problem"), [
    ({"detail": "x", "code": "y", "more": 1}, "more is not documented"),
    ({"detail": "x"}, "code is missing"),
    ({"detail": 1, "code": "y"}, "1 is not"),
    ({"detail": "x", "code": "Y Z"}, "does not match"),
    ([], "is no Error"),
])
def test_the_checker_finds_what_is_wrong(value, problem):
    with pytest.raises(Mismatch, match=problem):
        Checker(DOCUMENT).check(value, {"$ref": "#/components/schemas/Error"}, "here")
