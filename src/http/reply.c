// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/api_json.h"
#include "http/server.h"

/* Header and body of this much together leave in one write, and so in one segment or two. */
#define SINGLE_WRITE 8192

static const char out_of_memory[] = "{\"detail\":\"Out of memory.\",\"code\":\"out_of_memory\"}";

static const struct v2m_body out_of_memory_body = {
	.status = 503,
	.data = (char *)out_of_memory,
	.length = sizeof(out_of_memory) - 1,
};

void v2m_reply_own(struct v2m_reply *reply, int result)
{
	reply->body = result ? &out_of_memory_body : &reply->own;
}

void v2m_reply_error(struct v2m_reply *reply, int status, const char *code, const char *detail)
{
	v2m_reply_own(reply, v2m_api_error(status, code, detail, &reply->own));
}

/* Of the statuses we send; civetweb's own list has a misspelt one. */
static const char *reason_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{ 200, "OK" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 422, "Unprocessable Content" },
		{ 431, "Request Header Fields Too Large" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < V2M_ARRAY_LEN(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Error";
}

static int write_header(struct mg_connection *connection, const struct v2m_reply *reply,
			char *header, size_t size)
{
	const struct mg_request_info *info = mg_get_request_info(connection);
	bool http10 = info->http_version && strcmp(info->http_version, "1.0") == 0;
	int status = reply->body->status;
	time_t now = time(NULL);
	char date[40];
	struct tm utc;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
	return snprintf(header, size,
			"HTTP/1.1 %d %s\r\n"
			"Date: %s\r\n"
			"Content-Type: application/json\r\n"
			"Content-Length: %zu\r\n"
			"Cache-Control: %s\r\n"
			"X-Content-Type-Options: nosniff\r\n"
			"%s%s%s%s%s\r\n",
			status, reason_phrase(status), date, reply->body->length,
			reply->window ? "private, no-cache" : "no-store",
			status == 401 ? "WWW-Authenticate: Bearer realm=\"v2meter\"\r\n" : "",
			status == 405 ? "Allow: " : "", status == 405 ? reply->allow : "",
			status == 405 ? "\r\n" : "",
			reply->close ? "Connection: close\r\n"
			: http10     ? "Connection: keep-alive\r\n"
				     : "");
}

void v2m_reply_send(struct mg_connection *connection, struct v2m_reply *reply)
{
	char buffer[SINGLE_WRITE];
	size_t header;
	size_t body = reply->head ? 0 : reply->body->length;

	if (reply->close)
		mg_disable_connection_keep_alive(connection);
	header = (size_t)write_header(connection, reply, buffer, sizeof(buffer));
	if (header + body <= sizeof(buffer)) {
		memcpy(buffer + header, reply->body->data, body);
		mg_write(connection, buffer, header + body);
	} else if (mg_write(connection, buffer, header) == (int)header) {
		mg_write(connection, reply->body->data, body);
	}
	free(reply->own.data);
	v2m_window_unref(reply->window);
}
