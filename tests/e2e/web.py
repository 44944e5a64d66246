# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A web server whose files are as large as their names say: web.py ADDRESS PORT"""

import http.server
import sys

BLOCK = bytes(65536)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        left = int(self.path[1:])
        self.send_response(200)
        self.send_header("Content-Length", str(left))
        self.end_headers()
        while left:
            left -= self.wfile.write(BLOCK[:left])


http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
