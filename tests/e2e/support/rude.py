# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Rude clients of an HTTP server, all at once, until they are ended: rude.py PORT API_KEY REPORT

1,000 clients send a byte a second, 1,000 send nothing, 1,000 keep idle connections, 400 send requests that they do not end, 20
never read the answers they ask for, and 8 send 10,000 malformed requests together. A connection that the server closes is opened again. The file REPORT is
rewritten twice a second. It says how many clients of each kind there are now, and how many malformed requests
were sent and refused."""

import asyncio
import contextlib
import itertools
import json
import os
import random
import resource
import socket
import sys

DRIPPING, SILENT, IDLE, WITHHOLDING, DEAF, MALFORMING = 1000, 1000, 1000, 400, 20, 8
MALFORMED = 10_000
DEAF_REQUESTS = 50
HEAD = b"GET /api/traffic/simple HTTP/1.1\r\nX-Slow: "

state = dict.fromkeys(("dripping", "silent", "idle", "deaf", "malformed", "refused", "reopened"), 0)


async def drip(port, _):
    """A request that never comes to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    state["dripping"] += 1
    try:
        for byte in itertools.chain(HEAD, itertools.repeat(ord("a"))):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(1)
    finally:
        state["dripping"] -= 1
        writer.close()


async def be_silent(port, _):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    state["silent"] += 1
    try:
        await reader.read()
    finally:
        state["silent"] -= 1
        writer.close()


async def idle(port, _):
    """One request, and then nothing for as long as the server bears it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        state["idle"] += 1
        try:
            while await reader.read(4096):
                pass
        finally:
            state["idle"] -= 1
    finally:
        writer.close()
    # A pool of keep-alive connections opens the next one only when it is needed.
    await asyncio.sleep(random.uniform(1, 3))


async def withhold(port, _):
    """Announces a body and does not send it, or ends the headers in a way that is none for civetweb."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(random.choice((b"GET /healthz HTTP/1.1\r\nContent-Length: 9\r\n\r\n", b"GET /healthz HTTP/1.1\n\r\n")))
        while await reader.read(4096):
            pass
    finally:
        writer.close()
    await asyncio.sleep(random.uniform(1, 3))


async def stay_deaf(port, key):
    """A client with the key, whose answers fill its buffer and then the server's."""
    loop = asyncio.get_running_loop()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        await loop.sock_connect(deaf, ("127.0.0.1", port))
        request = f"GET /api/traffic/simple HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n\r\n"
        state["deaf"] += 1
        try:
            await loop.sock_sendall(deaf, request.encode() * DEAF_REQUESTS)
            await asyncio.sleep(8)
        finally:
            state["deaf"] -= 1


def malformed(number):
    return (b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: 5x\r\n\r\n", os.urandom(200) + b"\r\n\r\n",
            b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n")[number % 10]


async def malform(port, _):
    if state["malformed"] >= MALFORMED:
        await asyncio.sleep(60)
    state["malformed"] += 1
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(malformed(state["malformed"]))
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(1024), 10)
        state["refused"] += answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 505 "))
    finally:
        writer.close()


async def forever(client, port, key):
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            await client(port, key)
        state["reopened"] += 1
        await asyncio.sleep(0 if client is malform else 0.1)


async def report(path):
    while True:
        with open(path + ".new", "w") as file:
            json.dump(state, file)
        os.replace(path + ".new", path)
        await asyncio.sleep(0.5)


async def main():
    port, key, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    clients = [drip] * DRIPPING + [be_silent] * SILENT + [idle] * IDLE + [withhold] * WITHHOLDING
    clients += [stay_deaf] * DEAF + [malform] * MALFORMING
    await asyncio.gather(report(path), *(forever(client, port, key) for client in clients))


asyncio.run(main())
