// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/error.h"
#include "base/macros.h"

/* A reply of at most this size, header and body together, leaves in one write, so in one or two
 * segments. */
#define SINGLE_WRITE 4096

static const char out_of_memory[] = "{\"detail\":\"Out of memory.\",\"code\":\"out_of_memory\"}";

static const struct v2m_body out_of_memory_body = {
	.status = 503,
	.data = (char *)out_of_memory,
	.length = sizeof(out_of_memory) - 1,
};

static const struct v2m_body not_modified = { .status = 304 };

void v2m_http_reply_own(struct v2m_http_reply *reply, int result)
{
	reply->body = result ? &out_of_memory_body : &reply->own;
}

void v2m_http_reply_error(struct v2m_http_reply *reply, int status, const char *code,
			  const char *detail)
{
	v2m_http_reply_own(reply, v2m_api_error(status, code, detail, &reply->own));
}

/* For every status that we send. civetweb has a list too, with a spelling mistake in it. */
static const char *reason_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{ 200, "OK" },
		{ 304, "Not Modified" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < V2M_ARRAY_LEN(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Error";
}

void v2m_http_reply_not_modified(struct v2m_http_reply *reply)
{
	reply->body = &not_modified;
}

/* A header that is being written. */
struct header {
	char *text;
	size_t size;
	size_t length;
};

V2M_PRINTF(2, 3) static void add_text(struct header *header, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(header->text + header->length, header->size - header->length, format,
			   arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < header->size - header->length)
		header->length += (size_t)length;
}

static void add_date(struct header *header)
{
	time_t now = time(NULL);
	char date[40];
	struct tm utc;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
	add_text(header, "Date: %s\r\n", date);
}

static void add_connection(struct header *header, const struct mg_connection *connection,
			   bool close)
{
	const char *version = mg_get_request_info(connection)->http_version;

	if (close)
		add_text(header, "Connection: close\r\n");
	else if (version && strcmp(version, "1.0") == 0)
		add_text(header, "Connection: keep-alive\r\n");
}

static size_t write_headers(struct mg_connection *connection, const struct v2m_http_reply *reply,
			    char *text, size_t size)
{
	struct header header = { .text = text, .size = size };
	int status = reply->body->status;

	add_text(&header, "HTTP/1.1 %d %s\r\n", status, reason_phrase(status));
	add_date(&header);
	if (status != 304)
		add_text(&header, "Content-Type: %s\r\nContent-Length: %zu\r\n",
			 reply->type ? reply->type : "application/json", reply->body->length);
	if (reply->gzip && status == 200)
		add_text(&header, "Content-Encoding: gzip\r\n");
	add_text(&header, "Cache-Control: %s\r\n",
		 reply->window ? "private, no-cache\r\nVary: Accept-Encoding"
		 : reply->type ? "no-cache\r\nVary: Accept-Encoding"
			       : "no-store");
	if (reply->etag[0])
		add_text(&header, "ETag: %s\r\n", reply->etag);
	if (status == 401)
		add_text(&header, "WWW-Authenticate: Bearer realm=\"v2meter\"\r\n");
	if (status == 405)
		add_text(&header, "Allow: %s\r\n", reply->allow);
	if (reply->more_headers)
		add_text(&header, "%s", reply->more_headers);
	add_connection(&header, connection, reply->close);
	add_text(&header, "X-Content-Type-Options: nosniff\r\n\r\n");
	return header.length;
}

void v2m_http_reply_send(struct mg_connection *connection, struct v2m_http_reply *reply)
{
	char buffer[SINGLE_WRITE];
	size_t header;
	size_t body = reply->head || reply->body->status == 304 ? 0 : reply->body->length;

	if (reply->close)
		mg_disable_connection_keep_alive(connection);
	header = write_headers(connection, reply, buffer, sizeof(buffer));
	if (header + body <= sizeof(buffer)) {
		if (body)
			memcpy(buffer + header, reply->body->data, body);
		mg_write(connection, buffer, header + body);
	} else if (mg_write(connection, buffer, header) == (int)header) {
		mg_write(connection, reply->body->data, body);
	}
	free(reply->own.data);
	v2m_window_unref(reply->window);
}
