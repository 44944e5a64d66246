# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Slow and rude clients: meanwhile one with the key is answered, and memory stays small."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import pytest

import rude

BUILD = pathlib.Path(os.environ.get("V2M_BUILD", pathlib.Path(__file__).parents[2] / "build-debug"))
SERVER = BUILD / "http_server"
P99_S = 0.2
MEMORY_KIB = 24 * 1024
MEASURED_S = 12


def is_sanitized():
    return b"__asan_init" in SERVER.read_bytes()


class Server:
    def __init__(self, *options):
        self.process = subprocess.Popen([SERVER, *options], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        assert line and line[0] == "listening", "the server did not start"
        self.port = int(line[1])

    def peak_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])

    def stop(self):
        self.process.stdin.close()
        return self.process.wait(30)


@pytest.fixture
def server():
    made = Server("-n", "100", "-m", "200", "-w", "3000")
    yield made
    assert made.stop() == 0


@contextlib.contextmanager
def rude_clients(port, *kinds):
    """Yields a dictionary, which at the end is filled with what they did."""
    did = {}
    here = pathlib.Path(rude.__file__)
    process = subprocess.Popen([sys.executable, here, str(port), *kinds], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    try:
        yield did
    finally:
        out, _ = process.communicate(timeout=60)
    did.update(json.loads(out))


def one_request(port):
    """On a connection of its own; what the answer took, in seconds."""
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 30) as made:
        made.sendall(rude.GOOD)
        data = b""
        while b"\r\n\r\n" not in data:
            received = made.recv(65536)
            assert received, "the server ended the connection"
            data += received
        header, body = data.split(b"\r\n\r\n", 1)
        length = int(header.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(body) < length:
            received = made.recv(65536)
            assert received, "the server ended the connection"
            body += received
    assert header.startswith(b"HTTP/1.1 200"), header
    return time.monotonic() - start


def p99(times):
    return sorted(times)[int(len(times) * 0.99)]


def measure(port, seconds=MEASURED_S):
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        times.append(one_request(port))
        time.sleep(0.01)
    return times


@pytest.mark.parametrize("kinds", [["slow"], ["idle"], ["deaf"], ["malformed"],
                                   ["slow", "idle", "deaf", "malformed"]], ids="+".join)
def test_an_authenticated_request_is_answered_among_rude_clients(server, kinds):
    with rude_clients(server.port, *kinds) as did:
        times = measure(server.port)
    print(f"{kinds}: p99 {1000 * p99(times):.1f} ms of {len(times)}, "
          f"peak {server.peak_kib()} KiB, {did}")
    for kind, least in (("slow", rude.SLOW), ("idle", rude.IDLE), ("deaf", rude.DEAF)):
        if kind in kinds:
            assert did[f"{kind} connections"] >= least, "the clients were not rude enough"
    if "malformed" in kinds:
        assert did["malformed requests"] >= rude.MALFORMED
    # The sanitizers cost time, and memory that says nothing.
    assert p99(times) < P99_S * (5 if is_sanitized() else 1)
    if is_sanitized() and len(kinds) > 1:
        pytest.skip("memory means nothing under the sanitizers; the rest of this test has passed")
    assert is_sanitized() or server.peak_kib() < MEMORY_KIB


def test_a_body_a_byte_at_a_time_ends(server):
    with socket.create_connection(("127.0.0.1", server.port), 30) as made:
        made.sendall(b"POST /api/keys/key-1/traffic/reset HTTP/1.1\r\nX-API-Key: test-key\r\n"
                     b"Content-Length: 1000\r\n\r\n")
        made.settimeout(0.5)
        start = time.monotonic()
        answer = b""
        while not answer and time.monotonic() - start < 30:
            try:
                made.sendall(b"x")
                answer = made.recv(4096)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"Connection: close" in answer


def test_a_wrong_key_from_the_same_address_does_not_shut_out_a_right_one(server):
    wrong = b"GET /api/keys HTTP/1.1\r\nX-API-Key: wrong\r\n\r\n"
    for _ in range(1000):
        with socket.create_connection(("127.0.0.1", server.port), 30) as made:
            made.sendall(wrong)
            assert made.recv(4096).startswith(b"HTTP/1.1 401")
    assert one_request(server.port) < 5


def test_an_address_with_many_connections_loses_keep_alive_and_nothing_else(server):
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 30))
                for _ in range(80)]
        closing = []
        for connection in made:
            connection.sendall(b"HEAD /api/keys HTTP/1.1\r\nX-API-Key: test-key\r\n\r\n")
            answer = connection.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200")
            closing.append(b"Connection: close" in answer)
        assert not closing[0] and closing[-1]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
            connection.sendall(b"HEAD /api/keys HTTP/1.1\r\nX-API-Key: test-key\r\n\r\n")
            if b"Connection: close" not in connection.recv(4096):
                return
        time.sleep(0.1)
    pytest.fail("keep-alive did not come back")
