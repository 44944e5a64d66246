// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/reply.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/error.h"
#include "base/macros.h"
#include "http/worker_socket.h"

/* More than the longest headers. */
#define HEADERS_MAX 2048

#define LATE_BODY                                                                                  \
	"{\"detail\":\"The request did not arrive within 5 seconds\",\"code\":\"bad_request\"}"
#define LATE_LENGTH  77
#define GUESS_BODY   "{\"detail\":\"" V2M_DETAIL_UNAUTHORIZED "\",\"code\":\"unauthorized\"}"
#define GUESS_LENGTH 94

const char v2m_http_late_request[] =
	"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
	"Content-Length: " V2M_STRINGIFY(
		LATE_LENGTH) "\r\nCache-Control: no-store\r\n"
			     "Connection: close\r\nX-Content-Type-Options: "
			     "nosniff\r\n\r\n" LATE_BODY;
_Static_assert(sizeof(LATE_BODY) - 1 == LATE_LENGTH, "the length of the body is wrong");

const char v2m_http_guesser_refusal[] =
	"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n"
	"Content-Length: " V2M_STRINGIFY(
		GUESS_LENGTH) "\r\nCache-Control: no-store\r\nWWW-Authenticate: Bearer "
			      "realm=\"v2meter\"\r\nConnection: close\r\nX-Content-Type-Options: "
			      "nosniff\r\n\r\n" GUESS_BODY;
_Static_assert(sizeof(GUESS_BODY) - 1 == GUESS_LENGTH, "the length of the body is wrong");

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

/* printf() would take longer for the header than all the rest of an answer that is kept. Inline,
 * the lengths of constants are constants. */
static __attribute__((always_inline)) inline void add_text(struct header *header, const char *text)
{
	size_t length = strlen(text);

	if (length > header->size - header->length)
		return;
	memcpy(header->text + header->length, text, length);
	header->length += length;
}

static __attribute__((always_inline)) inline void add_line(struct header *header, const char *name,
							   const char *value)
{
	add_text(header, name);
	add_text(header, value);
	add_text(header, "\r\n");
}

static void add_number(struct header *header, size_t number)
{
	char digits[24];
	char *first = digits + sizeof(digits) - 1;

	*first = 0;
	do
		*--first = (char)('0' + number % 10);
	while (number /= 10);
	add_text(header, first);
}

/* Each worker formats a second once. gmtime_r() has a lock that all threads share. */
static void add_date(struct header *header)
{
	static __thread time_t second;
	static __thread char date[40];
	time_t now = time(NULL);
	struct tm utc;

	if (now != second)
		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
	second = now;
	add_line(header, "Date: ", date);
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

static void add_status(struct header *header, int status)
{
	add_text(header, "HTTP/1.1 ");
	add_number(header, (size_t)status);
	add_line(header, " ", reason_phrase(status));
}

static void add_length(struct header *header, size_t length)
{
	add_text(header, "Content-Length: ");
	add_number(header, length);
	add_text(header, "\r\n");
}

static size_t write_headers(struct mg_connection *connection, const struct v2m_http_reply *reply,
			    char *text, size_t size)
{
	struct header header = { .text = text, .size = size };
	int status = reply->body->status;

	add_status(&header, status);
	add_date(&header);
	if (status != 304) {
		add_line(&header, "Content-Type: ", reply->type ? reply->type : "application/json");
		add_length(&header, reply->body->length);
	}
	if (reply->gzip && status == 200)
		add_text(&header, "Content-Encoding: gzip\r\n");
	add_line(&header, "Cache-Control: ",
		 reply->window ? "private, no-cache\r\nVary: Accept-Encoding"
		 : reply->type ? "no-cache\r\nVary: Accept-Encoding"
			       : "no-store");
	if (reply->etag[0])
		add_line(&header, "ETag: ", reply->etag);
	if (status == 401)
		add_text(&header, "WWW-Authenticate: Bearer realm=\"v2meter\"\r\n");
	if (status == 405)
		add_line(&header, "Allow: ", reply->allow);
	if (reply->more_headers)
		add_text(&header, reply->more_headers);
	add_connection(&header, connection, reply->close);
	add_text(&header, "X-Content-Type-Options: nosniff\r\n\r\n");
	return header.length;
}

void v2m_http_reply_send(struct mg_connection *connection, struct v2m_http_reply *reply)
{
	char headers[HEADERS_MAX];
	size_t body = reply->head || reply->body->status == 304 ? 0 : reply->body->length;

	if (reply->close)
		mg_disable_connection_keep_alive(connection);
	/* civetweb would go on with further requests that it has read already, and would wait again
	 * for each of their answers. */
	if (!v2m_worker_write(connection, headers,
			      write_headers(connection, reply, headers, sizeof(headers)),
			      reply->body->data, body))
		mg_disable_connection_keep_alive(connection);
	free(reply->own.data);
	v2m_window_unref(reply->window);
}
