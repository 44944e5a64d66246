# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The usual way of serving such figures, to compare with: FastAPI, an answer rendered for every
request, and connections found by one `ss` per port whose result is kept for 30 seconds.
Reads the key file of V2M_BENCH_KEYS; the API key is V2M_BENCH_API_KEY."""

import datetime
import json
import os
import subprocess
import time

from fastapi import FastAPI, Header, HTTPException

KEYS = json.load(open(os.environ["V2M_BENCH_KEYS"]))
API_KEY = os.environ["V2M_BENCH_API_KEY"]
CACHE_S = 30

app = FastAPI()
cache = {}


def formatted(count):
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024 or unit == "GB":
            return f"{count} B" if unit == "B" else f"{count:.2f} {unit}"
        count /= 1024


def connections_of(port):
    when, found = cache.get(port, (0, None))
    if found is None or time.monotonic() - when > CACHE_S:
        lines = subprocess.run(["ss", "-Htn", f"sport = :{port}"], capture_output=True,
                               text=True, check=True).stdout.splitlines()
        words = [line.split() for line in lines]
        found = [{"local": word[3], "remote": word[4], "state": word[0]} for word in words]
        cache[port] = (time.monotonic(), found)
    return found


def interface_traffic():
    rx = tx = 0
    for line in open("/proc/net/dev").read().splitlines()[2:]:
        name, _, figures = line.partition(":")
        if name.strip() != "lo":
            rx += int(figures.split()[0])
            tx += int(figures.split()[8])
    return {"rx_bytes": rx, "tx_bytes": tx, "total_bytes": rx + tx, "timestamp": time.time()}


def entry_of(key, device, found, share):
    rx, tx = int(device["rx_bytes"] * share), int(device["tx_bytes"] * share)
    return {"port": key["port"], "connections": len(found), "total_bytes": rx + tx,
            "rx_bytes": rx, "tx_bytes": tx, "total_formatted": formatted(rx + tx),
            "rx_formatted": formatted(rx), "tx_formatted": formatted(tx), "traffic_rate": 0.0,
            "interface_traffic": device, "connection_details": found, "timestamp": time.time(),
            "source": "simple_monitor", "method": "connection_based_estimation",
            "uuid": key["uuid"]}


@app.get("/api/traffic/simple")
def simple(x_api_key: str = Header(None)):
    if x_api_key != API_KEY:
        raise HTTPException(401, "Invalid API key. Use X-API-Key header with the correct key.")
    device = interface_traffic()
    found = {key["port"]: connections_of(key["port"]) for key in KEYS}
    total = sum(map(len, found.values()))
    ports = {str(key["port"]): entry_of(key, device, found[key["port"]],
                                        len(found[key["port"]]) / total if total else 0)
             for key in KEYS}
    return {"status": "success",
            "data": {"ports": ports, "total_connections": total,
                     "total_bytes": sum(port["total_bytes"] for port in ports.values()),
                     "timestamp": time.time()},
            "source": "simple_monitor", "timestamp": datetime.datetime.now().isoformat()}
