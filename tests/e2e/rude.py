# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Clients that behave badly, each kind in one asyncio loop in a process of its own.

python3 rude.py PORT [slow|idle|deaf|malformed]... runs those kinds until its stdin closes, and then
prints one line of JSON with what each did."""

import asyncio
import json
import random
import socket
import sys
import threading

KEY = "test-key"
GOOD = f"GET /api/traffic/simple HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n\r\n".encode()
SLOW, IDLE, DEAF, MALFORMED = 200, 1000, 50, 10000
MALFORMED_AT_ONCE = 50
PATIENCE_S = 30


class Rude:
    def __init__(self, port):
        self.port = port
        self.over = False
        self.counts = {}

    def count(self, name):
        self.counts[name] = self.counts.get(name, 0) + 1

    async def forever(self, one):
        while not self.over:
            try:
                await one()
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
                self.count("broken")
                await asyncio.sleep(0.05)

    async def open(self, **options):
        opening = asyncio.open_connection("127.0.0.1", self.port, **options)
        return await asyncio.wait_for(opening, PATIENCE_S)

    async def slow(self):
        """A byte a second, for as long as the server bears it."""
        reader, writer = await self.open()
        self.count("slow connections")
        try:
            for byte in b"GET /api/traffic/simple HTTP/1.1\r\nX-Never-Ends: " + b"x" * 10000:
                writer.write(bytes([byte]))
                await writer.drain()
                try:
                    if not await asyncio.wait_for(reader.read(1), 1):
                        return
                except asyncio.TimeoutError:
                    pass
                if self.over:
                    return
        finally:
            writer.close()

    async def idle(self):
        """One good request, and then nothing until the server ends the connection."""
        reader, writer = await self.open()
        try:
            writer.write(GOOD)
            header = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
            length = int(header.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            self.count("idle connections")
            await asyncio.wait_for(reader.read(1), PATIENCE_S)
        finally:
            writer.close()
        await asyncio.sleep(1)

    async def deaf(self):
        """Many requests at once, and no answer read."""
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await asyncio.wait_for(loop.sock_connect(made, ("127.0.0.1", self.port)), PATIENCE_S)
            await asyncio.wait_for(loop.sock_sendall(made, GOOD * 50), PATIENCE_S)
            self.count("deaf connections")
            await asyncio.sleep(8)
        finally:
            made.close()

    def malformed_request(self):
        kind = random.randrange(5)
        if kind == 0:
            return random.randbytes(200) + b"\r\n\r\n"
        if kind == 1:
            return b"GET " + b"/x" * 9000 + b" HTTP/1.1\r\n\r\n"
        if kind == 2:
            return b"POST /api/keys/x/traffic/reset HTTP/1.1\r\nContent-Length: -1\r\n\r\n"
        if kind == 3:
            return b"GET /api/keys/%00%zz HTTP/1.1\r\nX-API-Key: wrong\r\n\r\n"
        return b"\r\n\r\nGET / HTTP/9.9\r\nA\x00B: c\r\n\r\n"

    async def malformed(self):
        if self.counts.get("malformed requests", 0) >= MALFORMED:
            await asyncio.sleep(0.5)
            return
        self.count("malformed requests")
        reader, writer = await self.open()
        try:
            writer.write(self.malformed_request())
            await asyncio.wait_for(reader.read(4096), PATIENCE_S)
        finally:
            writer.close()

    async def run(self, kinds):
        many = {"slow": SLOW, "idle": IDLE, "deaf": DEAF, "malformed": MALFORMED_AT_ONCE}
        tasks = [asyncio.create_task(self.forever(getattr(self, kind)))
                 for kind in kinds for _ in range(many[kind])]
        await asyncio.to_thread(sys.stdin.read)
        self.over = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def report(rude):
    """Prints the counts whenever a line comes in, so that a test can wait for them."""
    print(json.dumps(rude.counts), flush=True)


if __name__ == "__main__":
    threading.stack_size(256 * 1024)
    made = Rude(int(sys.argv[1]))
    asyncio.run(made.run(sys.argv[2:]))
    report(made)
