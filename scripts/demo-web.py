#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A web server for the demo and the end-to-end tests: demo-web.py ADDRESS PORT

The name of a file is its size: http://ADDRESS:PORT/1048576 has that many bytes. /1048576?65536 comes at no more
than 65536 bytes a second."""

import http.server
import socketserver
import sys
import time

BLOCK = bytes(65536)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            left, rate = (int(number) for number in (self.path[1:] + "?0").split("?")[:2])
        except ValueError:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(left))
        self.end_headers()
        while left > 0:
            left -= self.wfile.write(BLOCK[:min(left, rate // 8 or left)])
            time.sleep(1 / 8 if rate else 0)

    def log_message(self, *arguments):
        pass


# HTTPServer would ask the DNS for its own name, which takes seconds if there is no DNS.
class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = daemon_threads = True


Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
