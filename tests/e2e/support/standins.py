# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Stand-in servers of the API, for tests of its clients.

A StandIn has keys and figures, and answers the traffic paths as the three generations of the API do: "simple",
"port" (ports/exact and so on) and "exact". A test can give a fault to each generation, and to every other path
by its name. So a StandIn can be an older server or a broken one.
"""

import contextlib
import http.client
import http.server
import json
import os
import pathlib
import re
import socket
import subprocess
import threading
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("V2M_BUILD", ROOT / "build-debug"))
CTL = BUILD / "v2meterctl"
API_KEY = "stand-in-key"
INVALID_KEY = {"detail": "Invalid API key. Use X-API-Key header with the correct key.",
               "code": "unauthorized"}

WHOLE = json.dumps({"status": "success", "data": {"ports": {}}})
# Wrong answers: status, body and type.
WRONG_ANSWERS = {
    "404": (404, '{"detail": "Not Found"}', "application/json"),
    "404 html": (404, "<html>Not Found</html>", "text/html"),
    "405": (405, '{"detail": "Method Not Allowed"}', "application/json"),
    "500": (500, "Internal Server Error", "text/plain"),
    "502": (502, "Internal Server Error", "text/plain"),
    "503": (503, "Internal Server Error", "text/plain"),
    "garbage": (200, b"\x00\xff\xfe{]{\x1b[2J", "application/json"),
    "cut json": (200, WHOLE[:-5], "application/json"),
    "html": (200, "<!doctype html><title>Panel</title>", "text/html"),
    "text json": (200, WHOLE, "text/plain"),
    "wrong shape": (200, '{"data": {"ports": [1, 2]}, "traffic": 7}', "application/json"),
}
# Ways to fail after which a client has to ask the next path.
FAULTS = (*WRONG_ANSWERS, "redirect", "timeout", "close", "close midway")
# Those of them after which a reset may have happened.
UNCERTAIN = ("502", "garbage", "cut json", "wrong shape", "timeout", "close", "close midway")

GENERATIONS = {
    "GET": (("simple", r"/api/traffic/simple"), ("port", r"/api/traffic/ports/exact"),
            ("exact", r"/api/traffic/exact"),
            ("simple", r"/api/keys/([^/]+)/traffic/simple"),
            ("port", r"/api/keys/([^/]+)/traffic/port/exact"),
            ("exact", r"/api/keys/([^/]+)/traffic/exact")),
    "POST": (("simple", r"/api/keys/([^/]+)/traffic/simple/reset"),
             ("port", r"/api/keys/([^/]+)/traffic/port/reset"),
             ("exact", r"/api/keys/([^/]+)/traffic/reset")),
}


def formatted(size):
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1024:
            break
        size /= 1024
    return f"{size} B" if unit == "B" else f"{size:.2f} {unit}"


class Key:
    def __init__(self, number, name=None, port=None, rx=0, tx=0, active=True, connections=0):
        self.id = f"11461131-0644-438d-9429-{number:012x}"
        self.uuid = f"e9828d67-08e2-4942-815d-{number:012x}"
        self.name = name or f"user{number}@example.com"
        self.port = port
        self.rx, self.tx = rx, tx
        self.active = active
        self.connections = connections
        self.resets = 0

    def json(self):
        return {"id": self.id, "name": self.name, "uuid": self.uuid, "is_active": self.active,
                "created_at": "2025-08-04T14:34:13.878594", "port": self.port}

    def entry(self):
        if self.port is None:
            return {"error": f"No port found for UUID: {self.uuid}", "uuid": self.uuid,
                    "port": None, "total_bytes": 0, "connections": 0,
                    "timestamp": 1754307939.255796}
        total = self.rx + self.tx
        return {"port": self.port, "connections": self.connections, "total_bytes": total,
                "rx_bytes": self.rx, "tx_bytes": self.tx, "total_formatted": formatted(total),
                "rx_formatted": formatted(self.rx), "tx_formatted": formatted(self.tx),
                "traffic_rate": 134128.74,
                "interface_traffic": {"rx_bytes": 10, "tx_bytes": 20, "total_bytes": 30,
                                      "timestamp": 1754307939.270004},
                "connection_details": [
                    {"local": f"192.0.2.14:{self.port}", "remote": f"198.51.100.7:{1000 + i}",
                     "state": "ESTAB"} for i in range(self.connections)],
                "timestamp": 1754307939.255796, "source": "simple_monitor",
                "method": "connection_based_estimation", "uuid": self.uuid,
                "key_name": self.name, "key_id": self.id, "is_active": self.active,
                "accounting": {"mode": "ebpf", "exact": True, "unit": "wire"}}

    def stat(self):
        total = self.rx + self.tx
        return {"uuid": self.uuid, "uplink_bytes": self.rx, "downlink_bytes": self.tx,
                "total_bytes": total, "uplink_formatted": formatted(self.rx),
                "downlink_formatted": formatted(self.tx), "total_formatted": formatted(total),
                "uplink_mb": self.rx / 1048576, "downlink_mb": self.tx / 1048576,
                "total_mb": total / 1048576, "connections": self.connections,
                "connection_ratio": 0.0, "connections_count": self.connections,
                "timestamp": 1754307939, "source": "precise_monitor", "method": "port_monitor"}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers requests with what the StandIn of its server says."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        stand_in = self.server.stand_in
        path = self.path.partition("?")[0]
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        stand_in.requests.append((self.command, path, {
            name.lower(): value for name, value in self.headers.items()}))
        fault = stand_in.fault_of(self.command, path)
        if (stand_in.api_key and path != "/health" and
                self.headers.get("X-API-Key") != stand_in.api_key):
            self.send(401, json.dumps(INVALID_KEY))
        elif fault is None:
            status, answer = stand_in.answer(self.command, path)
            self.send(status, json.dumps(answer))
        elif isinstance(fault, tuple):
            self.send(fault[0], json.dumps(fault[1]))
        else:
            self.fail(fault, path)

    do_POST = do_GET

    def fail(self, fault, path):
        if fault in UNCERTAIN:
            # The worst case: the reset was done, and only the answer fails.
            self.server.stand_in.answer(self.command, path)
        if fault in WRONG_ANSWERS:
            self.send(*WRONG_ANSWERS[fault])
        elif fault == "redirect":
            self.send_response(302)
            self.send_header("Location", "/login")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault in ("timeout", "close midway", "close"):
            if fault == "timeout":
                self.server.stand_in.stopping.wait(60)
            elif fault == "close midway":
                self.send(200, WHOLE, extra=1000)
            self.close_connection = True
        else:
            raise AssertionError(fault)

    def send(self, status, body, content_type="application/json", extra=0):
        body = body if isinstance(body, bytes) else body.encode()
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body) + extra))
            self.end_headers()
            self.wfile.write(body)


class StandIn:
    """A server on a free loopback port, as a context manager. The keys of faults are "simple", "port", "exact"
    or a path; the values are one of FAULTS, or (status, object)."""

    def __init__(self, keys=(), faults=None, api_key=API_KEY, meter=None, health=None):
        self.keys = list(keys)
        self.faults = dict(faults or {})
        self.api_key = api_key
        self.meter = meter
        self.health = health or {"status": "healthy"}
        self.requests = []  # (method, path, {header in lower case: value})
        self.stopping = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.stand_in = self
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()

    def paths(self, method=None):
        return [path for verb, path, _ in self.requests if method in (None, verb)]

    def key(self, name):
        for key in self.keys:
            if name == key.id or name.lower() == key.uuid.lower():
                return key
        return None

    def answer(self, method, path):
        """Returns the (status, object) of a server without faults."""
        for generation, pattern in GENERATIONS.get(method, ()):
            match = re.fullmatch(pattern, path)
            if not match:
                continue
            if not match.groups():
                return 200, self._all(generation)
            key = self.key(urllib.parse.unquote(match[1]))
            if key is None:
                return 404, {"detail": "Key not found", "code": "not_found"}
            return (self._reset if method == "POST" else self._one)(generation, key)
        others = {"/health": self.health, "/api/keys": [key.json() for key in self.keys],
                  "/api/system/traffic/summary": self._summary()}
        if method == "GET" and path in others:
            return 200, others[path]
        if method == "GET" and path == "/api/meter/status" and self.meter is not None:
            return 200, self.meter
        return 404, {"detail": "Not Found"}

    def _summary(self):
        return {"summary": {"interface_summary": {
            "eth0": {"rx_bytes": 5 << 30, "tx_bytes": 3 << 20, "total_bytes": (5 << 30) + (3 << 20),
                     "rx_formatted": "5.00 GB", "tx_formatted": "3.00 MB",
                     "total_formatted": "5.00 GB"}}}, "timestamp": 1754307939}

    def _all(self, generation):
        with_port = [key for key in self.keys if key.port is not None]
        if generation == "simple":
            return {"status": "success", "source": "simple_monitor",
                    "timestamp": "2025-08-04T14:45:39.255792",
                    "data": {"ports": {str(key.port): key.entry() for key in with_port},
                             "total_connections": sum(key.connections for key in with_port),
                             "total_bytes": sum(key.rx + key.tx for key in with_port),
                             "timestamp": 1754307939.255792}}
        if generation == "port":
            return {"ports_traffic": {"total_ports": len(with_port), "ports_traffic": {
                        key.uuid: {"port": key.port, "key_name": key.name, "traffic": key.entry()}
                        for key in with_port}},
                    "system_summary": self._summary()["summary"], "source": "port_monitor",
                    "timestamp": 1754307939}
        return {"total_keys": len(self.keys), "active_keys": len(self.keys),
                "total_traffic": formatted(sum(key.rx + key.tx for key in self.keys)),
                "traffic_stats": {"keys_stats": [key.stat() for key in self.keys]},
                "source": "xray_api"}

    def _one(self, generation, key):
        if generation != "simple" and not key.active:
            return 400, {"detail": "Key is not active"}
        if generation == "simple":
            return 200, {"status": "success", "key": key.json(), "traffic": key.entry(),
                         "timestamp": "2025-08-04T14:45:39.255792"}
        if generation == "port":
            return 200, {"key": key.json(), "port_traffic": key.entry(), "source": "port_monitor",
                         "timestamp": 1754307939}
        return 200, {"key": key.json(), "traffic_bytes": key.stat(), "source": "precise_monitor"}

    def _reset(self, generation, key):
        if key.port is None:
            return 200, {"status": "error", "success": False,
                         "message": "Failed to reset traffic stats"}
        closed = {"previous_upload": key.rx, "previous_download": key.tx,
                  "previous_total": key.rx + key.tx}
        key.rx = key.tx = 0
        key.resets += 1
        if generation == "port":
            return 200, {"message": "Port traffic stats reset successfully", "success": True,
                         "key_id": key.id, "uuid": key.uuid, "port": key.port,
                         "source": "port_monitor", "timestamp": 1754307939}
        return 200, {"status": "success", "success": True, "key_id": key.id, "uuid": key.uuid,
                     "message": "Traffic stats reset successfully", "port": key.port, **closed,
                     "timestamp": "2025-08-04T14:45:39.255792"}

    def fault_of(self, method, path):
        for generation, pattern in GENERATIONS.get(method, ()):
            if re.fullmatch(pattern, path) and generation in self.faults:
                return self.faults[generation]
        return self.faults.get(path)


class Front(StandIn):
    """Stands in front of a real server. A path without a fault is passed on to it."""

    def __init__(self, port, api_key, faults):
        super().__init__(faults=faults, api_key=api_key)
        self.behind = port

    def answer(self, method, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.behind, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, headers={"X-API-Key": self.api_key,
                                                      "Cache-Control": "no-cache"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())


def ctl(*words, url=None, key=API_KEY, env=None, timeout=60):
    """Runs v2meterctl. Returns the CompletedProcess, with text."""
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    if key is not None:
        environment["V2METER_API_KEY"] = key
    environment.update(env or {})
    command = [str(CTL), *(["--url", url] if url else []), *words]
    return subprocess.run(command, env=environment, capture_output=True, timeout=timeout,
                          encoding="utf-8", stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def closed_port():
    """A loopback URL on which nobody listens. The port is reserved while the context lasts."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"
