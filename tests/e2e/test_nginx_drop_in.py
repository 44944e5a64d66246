# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""packaging/nginx/v2meter.conf in a real nginx, between a stand-in panel and a meter."""

import contextlib
import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from support.lab import wait_until
from support.standins import CTL, ROOT, Key, StandIn, ctl

# If the machine has no nginx, scripts/setup --tests unpacks one here.
UNPACKED = ROOT / "build/nginx/usr/sbin"
NGINX = shutil.which("nginx", path=f"{UNPACKED}:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin")
SNIPPET = ROOT / "packaging/nginx/v2meter.conf"
METER_ADDRESS = "127.0.0.1:9469"
DOCUMENT = ROOT / "docs/drop-in.md"

pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx: scripts/setup --tests fetches it")

KEY_ID = Key(1).id
TRAFFIC = ("GET /api/traffic", "GET /api/traffic/", "GET /api/traffic/simple",
           "GET /api/traffic/ports/exact", "GET /api/traffic/exact", "GET /api/traffic/status",
           "GET /api/traffic/history", "GET /api/traffic/daily/2025-08-04",
           "GET /api/traffic/monthly?year_month=2025-08",
           "POST /api/traffic/history/cleanup?days_to_keep=30",
           f"GET /api/keys/{KEY_ID}/traffic", f"GET /api/keys/{KEY_ID}/traffic/simple",
           f"GET /api/keys/{KEY_ID}/traffic/port/exact", f"GET /api/keys/{KEY_ID}/traffic/exact",
           f"GET /api/keys/{KEY_ID}/traffic/history",
           f"GET /api/keys/{KEY_ID}/traffic/monthly?year_month=2025-08",
           f"POST /api/keys/{KEY_ID}/traffic/reset", f"POST /api/keys/{KEY_ID}/traffic/port/reset",
           f"POST /api/keys/{KEY_ID}/traffic/simple/reset",
           f"POST /api/keys/{KEY_ID}/traffic/history/reset", "GET /api/system/traffic/summary")
PANEL = ("GET /", "GET /api/", "GET /health", "GET /api/keys", "POST /api/keys",
         f"GET /api/keys/{KEY_ID}", f"DELETE /api/keys/{KEY_ID}", f"GET /api/keys/{KEY_ID}/config",
         f"PUT /api/keys/{KEY_ID}/traffic-limit", "GET /api/trafficker", "GET /api/keys/traffic",
         "GET /api/system/ports", "GET /api/system/traffic", "GET /login?next=/api/traffic")


class Echo:
    """Answers every request with its own name and the request, and remembers the request."""

    def __init__(self, name):
        self.name = name
        self.requests = []  # (method and target as received, {header: value}, body)
        self.drop = False   # whether to close the connection after the request has arrived
        echo = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                echo.requests.append((f"{self.command} {self.path}", headers, body))
                if echo.drop:
                    return
                text = json.dumps({"from": echo.name, "detail": "Key not found"}).encode()
                self.send_response(404)
                self.send_header("Content-Type", "application/json")
                self.send_header("ETag", '"w1"')
                self.send_header("Cache-Control", "private, no-cache")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_DELETE = answer

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def replace(text, changes):
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


class Nginx:
    """A panel's nginx under its own prefix, with or without our snippet."""

    def __init__(self, prefix, panel, meter):
        self.prefix, self.panel, self.meter = prefix, panel, meter
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (prefix / "logs").mkdir(parents=True)
        self.configure(True)

    def configure(self, drop_in):
        (self.prefix / "snippets").mkdir(exist_ok=True)
        (self.prefix / "snippets/v2meter.conf").write_text(
            replace(SNIPPET.read_text(), {METER_ADDRESS: self.meter}))
        # The server {} of docs/drop-in.md, with the addresses of this test.
        server = replace(DOCUMENT.read_text().split("```nginx\n")[1].split("```")[0], {
            "listen 443 ssl;": f"listen 127.0.0.1:{self.port};",
            "127.0.0.1:8000": self.panel,
            "include snippets/v2meter.conf;": "include snippets/v2meter.conf;" * drop_in})
        temporary = "\n".join(f"{kind}_temp_path tmp_{kind};" for kind in
                              ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.prefix / "nginx.conf").write_text(f"""
            daemon off; pid nginx.pid; error_log logs/error.log info; worker_processes 1;
            {"user root;" if os.geteuid() == 0 else ""}
            events {{ worker_connections 64; }}
            http {{
                access_log off; {temporary}
                {server}
            }}""")

    def __enter__(self):
        command = [NGINX, "-p", f"{self.prefix}/", "-c", "nginx.conf", "-e", "logs/error.log"]
        check = subprocess.run([*command, "-t"], capture_output=True, timeout=30, text=True)
        assert check.returncode == 0, check.stderr
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_until(self.is_up, what="nginx listens")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(15)

    def is_up(self):
        assert self.process.poll() is None, (self.prefix / "logs/error.log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def ask(self, request, headers=None, body=None):
        """Returns (status, headers, text)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            method, target = request.split(" ", 1)
            connection.request(method, target, body, headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()

    def who_answers(self, request):
        return json.loads(self.ask(request)[2])["from"]


@pytest.fixture
def drop_in(tmp_path):
    with Echo("panel") as panel, Echo("meter") as meter, \
            Nginx(tmp_path / "nginx", panel.address, meter.address) as nginx:
        yield nginx, panel, meter


def test_only_the_traffic_paths_go_to_the_meter(drop_in):
    nginx, panel, meter = drop_in
    for request in TRAFFIC:
        assert nginx.who_answers(request) == "meter", request
    for request in PANEL:
        assert nginx.who_answers(request) == "panel", request
    assert [request for request, _, _ in meter.requests] == list(TRAFFIC)
    assert [request for request, _, _ in panel.requests] == list(PANEL)


def test_a_request_arrives_at_the_meter_as_it_was_sent(drop_in):
    nginx, _, meter = drop_in
    request = "POST /api/keys/user%40example.com%20%C3%BC%25/traffic/simple/reset?x=%2F&y"
    headers = {"X-API-Key": "k1", "Authorization": "Bearer k2", "Cache-Control": "no-cache",
               "If-None-Match": '"w0"', "Accept-Encoding": "gzip"}
    nginx.ask(request, headers, b"{}")
    received, received_headers, body = meter.requests[0]
    assert received == request and body == b"{}"
    assert headers.items() <= {name: received_headers.get(name.lower()) for name in headers}.items()


def test_the_meters_answer_reaches_the_consumer_as_it_is(drop_in):
    status, headers, text = drop_in[0].ask("GET /api/traffic/simple")
    assert status == 404 and json.loads(text)["detail"] == "Key not found"
    assert headers["Content-Type"] == "application/json"
    assert headers["ETag"] == '"w1"' and headers["Cache-Control"] == "private, no-cache"


def test_a_reset_whose_answer_is_lost_is_not_sent_again(drop_in):
    nginx, panel, meter = drop_in
    meter.drop = True
    assert nginx.ask(f"POST /api/keys/{KEY_ID}/traffic/simple/reset")[0] == 502
    assert len(meter.requests) == 1 and panel.requests == []


def test_without_the_meter_nobody_else_answers_for_traffic(drop_in):
    nginx, panel, meter = drop_in
    meter.server.shutdown()
    meter.server.server_close()
    assert nginx.ask("GET /api/traffic/simple")[0] == 502
    assert panel.requests == []
    assert nginx.who_answers("GET /api/keys") == "panel"


def test_taking_the_include_out_gives_traffic_back_to_the_panel(drop_in):
    nginx, _, _ = drop_in
    assert nginx.who_answers("GET /api/traffic/simple") == "meter"
    nginx.configure(False)
    nginx.process.send_signal(signal.SIGHUP)
    wait_until(lambda: nginx.who_answers("GET /api/traffic/simple") == "panel",
               what="the reload")
    nginx.configure(True)
    nginx.process.send_signal(signal.SIGHUP)
    wait_until(lambda: nginx.who_answers("GET /api/traffic/simple") == "meter",
               what="the reload")


@pytest.mark.skipif(not CTL.exists(), reason=f"{CTL} is not built")
def test_our_own_client_works_through_the_panels_address(tmp_path):
    """The list of keys is the panel's and has another form. So v2meterctl uses the ids as they are given."""
    key = Key(1, port=10001, rx=3 << 20, tx=1)
    with Echo("panel") as panel, StandIn([key]) as meter, \
            Nginx(tmp_path / "nginx", panel.address, f"127.0.0.1:{meter.port}") as nginx:
        shown = ctl("show", key.id, url=nginx.url)
        assert shown.returncode == 0 and f"{(3 << 20) + 1} bytes" in shown.stdout
        reset = ctl("--json", "reset", key.id, url=nginx.url)
        assert json.loads(reset.stdout)["previous_total"] == (3 << 20) + 1 and key.resets == 1
        status = ctl("status", url=nginx.url)
        assert status.returncode == 0 and "eth0" in status.stdout


def test_a_real_meter_behind_nginx_answers_for_traffic_alone(lab, start_daemon, tmp_path):
    key = Key(1, port=10001)
    meter = start_daemon([key.json()])
    with lab.server.entered(), Echo("panel") as panel, \
            Nginx(tmp_path / "nginx", panel.address, f"127.0.0.1:{meter.port()}") as nginx:
        headers = {"X-API-Key": meter.api_key()}
        status, got, text = nginx.ask("GET /api/traffic/simple", headers)
        assert status == 200 and got["Content-Type"].startswith("application/json")
        port = json.loads(text)["data"]["ports"]["10001"]
        assert port["uuid"] == key.uuid and port["accounting"]["exact"] is True
        assert nginx.ask("GET /api/traffic/simple")[0] == 401
        for name in (key.id, key.uuid.upper()):
            status, _, text = nginx.ask(f"POST /api/keys/{name}/traffic/simple/reset", headers)
            assert status == 200 and json.loads(text)["success"] is True
        assert nginx.who_answers("GET /api/keys") == "panel"
        run = ctl("status", url=nginx.url, key=meter.api_key())
        assert run.returncode == 0 and "ebpf, exact" in run.stdout and run.stderr == ""
