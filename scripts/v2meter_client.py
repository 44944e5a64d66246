#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A client of the traffic API of v2meter, and of the older servers with the same API.

Copy this file beside your bot; it needs nothing but Python 3.8 and its standard library.

    from v2meter_client import V2MeterClient, V2MeterError

    meter = V2MeterClient("http://127.0.0.1:9469", api_key="...")
    for key in meter.get_traffic_stats():
        print(key["key_name"], key["total_formatted"])

All figures come as dictionaries with these members, from every kind of server:

    uuid, port, key_name    the key; None if the server does not say. If several keys share a port,
                            uuid is None, and the bytes belong to all of them together.
    uplink_bytes            what the user sent (the server's rx), since the last reset
    downlink_bytes          what the user received (the server's tx)
    total_bytes             the sum of the two
    *_formatted, *_mb       the same as text ("31.78 MB") and in units of 1048576 bytes
    connections             open TCP connections now
    traffic_rate            bytes per second now, or None
    interface_traffic       the server's network devices together, or {}
    connection_details      [{"local", "remote", "state"}, ...], or []
    timestamp, source, method
"""

import http.client
import json
import logging
import urllib.error
import urllib.parse
import urllib.request

log = logging.getLogger("v2meter_client")


class V2MeterError(Exception):
    """There is no usable answer. status is the HTTP status, or None if there was no answer."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


class Refused(V2MeterError):
    """The server refused (wrong API key, unknown key, shared port). Asking again does not help."""


class ResetUnknown(V2MeterError):
    """A reset was sent and may have happened, but its answer was lost. It is not sent again, because a
    second reset would lose the previous_* figures. Read the key's traffic to see what happened."""


class _Failed(Exception):
    """This path gave no usable answer. done says whether a reset may have happened."""

    def __init__(self, message, status=None, done=False):
        super().__init__(message)
        self.status, self.done = status, done


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None  # another server must not get the API key


class V2MeterClient:
    def __init__(self, url="http://127.0.0.1:9469", api_key=None, timeout=5.0):
        """timeout: seconds that the server may stay silent."""
        self.url = url.rstrip("/")
        self.timeout = timeout
        self.headers = {"Accept": "application/json", "Cache-Control": "no-cache"}
        if api_key:
            self.headers["X-API-Key"] = api_key.strip()
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())

    def get_traffic_stats(self):
        """Returns a list with every key's figures."""
        return self._ask("GET", (("/api/traffic/simple", self._all_simple),
                                 ("/api/traffic/ports/exact", self._all_ports),
                                 ("/api/traffic/exact", self._all_exact)))

    def get_key_traffic_stats(self, key_id):
        """Returns one key's figures, by the key's id or uuid."""
        base = f"/api/keys/{urllib.parse.quote(str(key_id), safe='')}/traffic"
        return self._ask("GET", ((base + "/simple", self._one("traffic")),
                                 (base + "/port/exact", self._one("port_traffic")),
                                 (base + "/exact", self._one("traffic_bytes"))))

    def reset_key_traffic(self, key_id):
        """Starts a key's count anew and returns the server's answer. "previous_total" and so on, if the
        server gives them, are exactly the bytes that this reset closed."""
        base = f"/api/keys/{urllib.parse.quote(str(key_id), safe='')}/traffic"
        return self._ask("POST", ((base + "/simple/reset", self._reset_done),
                                  (base + "/port/reset", self._reset_done),
                                  (base + "/reset", self._reset_done)))

    # The fallback: the newest path first, and after an error the next older one.

    def _ask(self, method, routes):
        last = None
        for path, read in routes:
            try:
                answer = self._request(method, path)
                try:
                    result = read(answer)
                except (KeyError, TypeError, ValueError, AttributeError) as problem:
                    raise _Failed(f"an answer of another form ({problem!r})", 200, True)
                log.log(logging.WARNING if last else logging.DEBUG, "answered by %s", path)
                return result
            except _Failed as failure:
                log.error("%s %s%s: %s", method, self.url, path, failure)
                if method == "POST" and failure.done:
                    raise ResetUnknown(f"reset sent, outcome unknown: {failure}", failure.status)
                last = failure
        raise V2MeterError(f"no usable answer from {self.url}: {last}", last.status)

    def _request(self, method, path):
        """Returns the JSON of one answer. Raises Refused for a definite no, _Failed if the next path may work."""
        request = urllib.request.Request(self.url + path, method=method, headers=self.headers,
                                         data=b"" if method == "POST" else None)
        try:
            with self._opener.open(request, timeout=self.timeout) as response:
                if response.status != 200:
                    raise _Failed(f"HTTP {response.status}", response.status, True)
                kind = response.headers.get_content_type()
                if kind != "application/json":
                    raise _Failed(f"an answer of type {kind}", 200)
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            self._judge(error)
        except urllib.error.URLError as error:
            if isinstance(error.reason, (BrokenPipeError, ConnectionResetError)):
                raise _Failed(str(error.reason), None, True)
            log.error("%s %s%s: %s", method, self.url, path, error.reason)
            raise V2MeterError(f"cannot reach {self.url}: {error.reason}")
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            raise _Failed(f"{type(error).__name__}: {error}", None, True)

    @staticmethod
    def _judge(error):
        """Raises Refused for a definite no, and _Failed if the server does not know the path or has a problem."""
        try:
            detail = json.loads(error.read())["detail"]
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
            detail = None
        if (error.code == 401 or (error.code in (400, 403, 409, 422) and detail is not None)
                or (error.code == 404 and detail == "Key not found")):
            log.error("refused: HTTP %d, %s", error.code, detail)
            raise Refused(str(detail or f"HTTP {error.code}"), error.code)
        # A gateway that lost its server does not know whether the reset happened.
        raise _Failed(f"HTTP {error.code}" + (f", {detail}" if detail else ""), error.code,
                      error.code in (408, 502, 504))

    # The forms of answers. Each raises KeyError, TypeError or ValueError if the answer has another form.

    def _all_simple(self, answer):
        return [self._figures(entry) for entry in answer["data"]["ports"].values()]

    def _all_ports(self, answer):
        return [self._figures(port["traffic"], {"uuid": uuid, "name": port.get("key_name"),
                                                "port": port.get("port")})
                for uuid, port in answer["ports_traffic"]["ports_traffic"].items()]

    def _all_exact(self, answer):
        return [self._figures(stat) for stat in answer["traffic_stats"]["keys_stats"]]

    def _one(self, member):
        return lambda answer: self._figures(answer[member], answer["key"])

    @staticmethod
    def _figures(entry, key=None):
        """Converts an entry of any form to the figures that callers get."""
        key = key or {}
        if "error" in entry and entry["port"] is None:  # a key without a port has no traffic
            up = down = 0
        elif "uplink_bytes" in entry:
            up, down = entry["uplink_bytes"], entry["downlink_bytes"]
        else:
            up, down = entry["rx_bytes"], entry["tx_bytes"]
        if type(up) is not int or type(down) is not int or min(up, down) < 0:
            raise ValueError("byte counts that are not whole numbers from 0")
        shared = entry.get("shared", False)
        figures = {
            "uuid": None if shared else entry.get("uuid") or key.get("uuid"),
            "port": entry.get("port") or key.get("port"),
            "key_name": entry.get("key_name") or key.get("name"),
        }
        for name, size in (("uplink", up), ("downlink", down), ("total", up + down)):
            figures[f"{name}_bytes"] = size
            figures[f"{name}_formatted"] = format_bytes(size)
            figures[f"{name}_mb"] = size / 1048576
        figures["connections"] = entry.get("connections", 0)
        figures["traffic_rate"] = entry.get("traffic_rate")
        figures["interface_traffic"] = entry.get("interface_traffic") or {}
        figures["connection_details"] = entry.get("connection_details") or []
        for name in ("timestamp", "source", "method"):
            figures[name] = entry.get(name)
        return figures

    @staticmethod
    def _reset_done(answer):
        if (answer.get("status") == "success" or answer.get("success") is True
                or "reset successfully" in str(answer.get("message")).lower()):
            return answer
        if answer.get("status") == "error" or answer.get("success") is False:
            log.error("refused: %s", answer.get("message"))
            raise Refused(str(answer.get("message")), 200)
        raise ValueError("the answer says neither done nor refused")


def format_bytes(size):
    """Writes a size as the API does: "0 B", "1.00 KB", "31.78 MB"."""
    if size < 1024:
        return f"{size} B"
    for unit in ("KB", "MB", "GB", "TB", "PB"):
        size /= 1024
        if size < 1024 or unit == "PB":
            return f"{size:.2f} {unit}"
