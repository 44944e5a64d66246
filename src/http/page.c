// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/page.h"

#include <stdio.h>
#include <string.h>

#include "http/negotiate.h"
#include "http/web_files.h"

/* The page may load its own files and ask its own server, nothing else. It may stand in no frame,
 * so that no other site can make a person click on it. */
static const char security[] =
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
	"img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
	"frame-ancestors 'none'\r\n"
	"Referrer-Policy: no-referrer\r\n"
	"Cross-Origin-Opener-Policy: same-origin\r\n"
	"Cross-Origin-Resource-Policy: same-origin\r\n";

static void answer_file(struct v2m_exchange *exchange, const char *name)
{
	struct mg_connection *connection = exchange->connection;
	struct v2m_http_reply *reply = exchange->reply;
	const struct v2m_web_file *file = NULL;

	for (size_t i = 0; i < v2m_n_web_files && !file; i++)
		if (strcmp(v2m_web_files[i].name, name) == 0)
			file = &v2m_web_files[i];
	if (!file) {
		v2m_http_reply_error(reply, 404, "not_found", "The page has no such file.");
		return;
	}
	reply->type = file->type;
	reply->more_headers = security;
	reply->gzip = v2m_accepts_gzip(mg_get_header(connection, "Accept-Encoding"));
	reply->body = reply->gzip ? &file->gzip : &file->plain;
	snprintf(reply->etag, sizeof(reply->etag), "\"%s%s\"", file->hash,
		 reply->gzip ? "-gzip" : "");
	if (v2m_etag_matches(mg_get_header(connection, "If-None-Match"), reply->etag))
		v2m_http_reply_not_modified(reply);
}

void v2m_http_answer_page(struct v2m_exchange *exchange)
{
	answer_file(exchange, "index.html");
}

/* The page names its files relative to its own path, so the path must not end with a slash. The
 * redirect is relative, too: a proxy may serve all of this below a path of its own. */
void v2m_http_answer_page_slash(struct v2m_exchange *exchange)
{
	static const struct v2m_body empty = { .status = 308 };

	exchange->reply->body = &empty;
	exchange->reply->more_headers = "Location: ../ui\r\n";
}

void v2m_http_answer_page_file(struct v2m_exchange *exchange)
{
	answer_file(exchange, exchange->parameter);
}
