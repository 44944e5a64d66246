# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What v2meter-notify talks to: a daemon whose answers the test sets, and a receiver of webhooks that fails."""

import contextlib
import http.server
import json
import threading
import time


class Server:
    """Answers on a port of its own, each request in a thread, until it is closed."""

    def __init__(self, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    answer(self, body)

            do_GET = do_POST = handle_one

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def reply(handler, status, body=b"{}", **headers):
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": len(body), **headers}.items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()
    handler.wfile.write(body)


class FakeDaemon(Server):
    """answers is a dictionary from path to (status, JSON). Other paths are 404. It wants the key "k"."""

    def __init__(self):
        self.answers = {"/api/meter/status": (200, {"reasons": [], "devices": []}),
                        "/api/meter/keys": (200, {"data": {"keys": []}})}
        super().__init__(self.answer)

    def answer(self, handler, body):
        status, value = self.answers.get(handler.path, (404, {"detail": "Not found"}))
        if handler.headers.get("X-API-Key") != "k" and handler.path != "/health":
            status, value = 401, {"detail": "no"}
        reply(handler, status, json.dumps(value).encode())

    def set_keys(self, *keys):
        self.answers["/api/meter/keys"] = (200, {"data": {"keys": [
            {"uuid": key["id"], "name": key["id"], "is_active": True, "ports": [], "used_bytes": 0,
             "limit_bytes": None, "expires_at_s": None, **key} for key in keys]}})


class Receiver(Server):
    """Takes webhooks. plan has what to do with the next requests: an HTTP status, (status, headers), "hang", or
    "close"; when it is empty, each is answered with 200. got has each accepted body, tried each that arrived with
    its time."""

    def __init__(self):
        self.plan, self.got, self.tried = [], [], []
        self.arrived = threading.Event()
        self.release = threading.Event()
        super().__init__(self.answer)

    def answer(self, handler, body):
        what = self.plan.pop(0) if self.plan else 200
        value = json.loads(body)
        self.tried.append((time.monotonic(), handler.path, value))
        self.arrived.set()
        if what == "hang":
            self.release.wait(30)
            handler.close_connection = True
        elif what == "close":
            handler.close_connection = True
        else:
            status, headers = what if isinstance(what, tuple) else (what, {})
            if status == 200:
                self.got.append(value)
            reply(handler, status, b'{"description": "no, by the receiver"}', **headers)

    def close(self):
        self.release.set()
        super().close()
