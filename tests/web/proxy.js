// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A reverse proxy that serves another server below a path of its own, as nginx does with a location and a slash.

import {createServer, request} from "node:http";

export function startProxy(prefix, port) {
  const server = createServer((asked, answer) => {
    if (!asked.url.startsWith(prefix)) {
      answer.writeHead(404).end();
      return;
    }
    const path = asked.url.slice(prefix.length - 1);
    const onwards = request({host: "127.0.0.1", port, method: asked.method, path, headers: asked.headers}, (reply) => {
      answer.writeHead(reply.statusCode, reply.headers);
      reply.pipe(answer);
    });
    onwards.on("error", () => answer.writeHead(502).end());
    asked.pipe(onwards);
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}
