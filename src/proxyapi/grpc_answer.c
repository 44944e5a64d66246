// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proxyapi/grpc_answer.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

/* The code of gRPC for a service or method that the server does not have. */
#define STATUS_UNIMPLEMENTED 12

/* A number of at most three digits; anything else is 999, which no status is. */
static unsigned parse_number(const char *text, size_t length)
{
	unsigned number = 0;

	if (length < 1 || length > 3)
		return 999;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[i]))
			return 999;
		number = 10 * number + (unsigned)(text[i] - '0');
	}
	return number;
}

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes %XX, and shows control characters as '?'. */
static void copy_message(const char *value, size_t length, char *copy, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < length && n + 1 < size; i++) {
		char c = value[i];

		if (c == '%' && i + 2 < length && hex_digit(value[i + 1]) >= 0 &&
		    hex_digit(value[i + 2]) >= 0) {
			c = (char)(hex_digit(value[i + 1]) * 16 + hex_digit(value[i + 2]));
			i += 2;
		}
		if ((unsigned char)c < 32 || c == 127)
			c = '?';
		copy[n++] = c;
	}
	copy[n] = 0;
}

void v2m_grpc_answer_header(struct v2m_grpc_answer *answer, const char *name, const char *value,
			    size_t value_length)
{
	static const char type[] = "application/grpc";

	answer->has_begun = true;
	if (strcmp(name, ":status") == 0) {
		answer->http_status = (int)parse_number(value, value_length);
	} else if (strcmp(name, "content-type") == 0) {
		answer->is_grpc =
			value_length >= strlen(type) && strncasecmp(value, type, strlen(type)) == 0;
	} else if (strcmp(name, "grpc-status") == 0) {
		answer->has_status = true;
		answer->status = parse_number(value, value_length);
	} else if (strcmp(name, "grpc-message") == 0) {
		copy_message(value, value_length, answer->message, sizeof(answer->message));
	}
}

/* The length that the prefix announces. */
static size_t announced(const struct v2m_grpc_answer *answer)
{
	const uint8_t *prefix = answer->bytes;

	return (size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 | (size_t)prefix[3] << 8 |
	       prefix[4];
}

/* The announced length is not believed: memory grows with what arrives. 0 or -ENOMEM. */
static int append(struct v2m_grpc_answer *answer, const uint8_t *data, size_t length)
{
	size_t needed = answer->length + length;

	if (needed > answer->capacity) {
		size_t capacity = answer->capacity ? answer->capacity : 4096;
		uint8_t *bytes;

		while (capacity < needed)
			capacity *= 2;
		bytes = realloc(answer->bytes, capacity);
		if (!bytes)
			return -ENOMEM;
		answer->bytes = bytes;
		answer->capacity = capacity;
	}
	memcpy(answer->bytes + answer->length, data, length);
	answer->length = needed;
	return 0;
}

int v2m_grpc_answer_data(struct v2m_grpc_answer *answer, const uint8_t *data, size_t length)
{
	answer->has_begun = true;
	if (!answer->result && !answer->is_grpc)
		answer->result = -EPROTO;
	if (!answer->result &&
	    answer->length + length > answer->max_length + V2M_GRPC_ANSWER_PREFIX_LEN)
		answer->result = -EMSGSIZE;
	if (!answer->result)
		answer->result = append(answer, data, length);
	if (answer->result || answer->length < V2M_GRPC_ANSWER_PREFIX_LEN)
		return answer->result;
	if (answer->bytes[0] != 0)
		answer->result = -EPROTO; /* compressed, which we did not offer */
	else if (announced(answer) > answer->max_length)
		answer->result = -EMSGSIZE;
	else if (answer->length > V2M_GRPC_ANSWER_PREFIX_LEN + announced(answer))
		answer->result = -EPROTO; /* a second message */
	return answer->result;
}

void v2m_grpc_answer_end(struct v2m_grpc_answer *answer, uint32_t code)
{
	answer->has_ended = true;
	answer->stream_error = code;
}

static bool is_complete(const struct v2m_grpc_answer *answer)
{
	return answer->length >= V2M_GRPC_ANSWER_PREFIX_LEN &&
	       answer->length == V2M_GRPC_ANSWER_PREFIX_LEN + announced(answer);
}

int v2m_grpc_answer_check(const struct v2m_grpc_answer *answer)
{
	if (answer->has_status && answer->is_grpc && answer->status == STATUS_UNIMPLEMENTED)
		return -EOPNOTSUPP;
	if (answer->has_status && answer->is_grpc && answer->status)
		return -EREMOTEIO;
	if (answer->stream_error || answer->http_status != 200 || !answer->is_grpc ||
	    !answer->has_status || !is_complete(answer))
		return -EPROTO;
	return 0;
}

const char *v2m_grpc_answer_why(const struct v2m_grpc_answer *answer,
				char why[static V2M_GRPC_ANSWER_WHY_LEN])
{
	if (answer->result == -EMSGSIZE)
		snprintf(why, V2M_GRPC_ANSWER_WHY_LEN, "the answer is larger than %zu bytes",
			 answer->max_length);
	else if (answer->result == -ENOMEM)
		snprintf(why, V2M_GRPC_ANSWER_WHY_LEN, "out of memory");
	else if (answer->has_status && answer->is_grpc && answer->status)
		snprintf(why, V2M_GRPC_ANSWER_WHY_LEN, "the proxy answers with status %u: %s",
			 answer->status, *answer->message ? answer->message : "without a reason");
	else if (answer->http_status && answer->http_status != 200)
		snprintf(why, V2M_GRPC_ANSWER_WHY_LEN,
			 "expected HTTP status 200, got %d. Is this the port of the proxy's API?",
			 answer->http_status);
	else if (!answer->is_grpc)
		snprintf(why, V2M_GRPC_ANSWER_WHY_LEN,
			 "the answer is not gRPC. Is this the port of the proxy's API?");
	else if (answer->stream_error)
		snprintf(why, V2M_GRPC_ANSWER_WHY_LEN,
			 "the proxy broke off its answer (HTTP/2 error %u)", answer->stream_error);
	else
		snprintf(why, V2M_GRPC_ANSWER_WHY_LEN,
			 "the answer is incomplete: expected one message and a status");
	return why;
}

struct v2m_grpc_message v2m_grpc_answer_take(struct v2m_grpc_answer *answer)
{
	struct v2m_grpc_message message = { .length = answer->length - V2M_GRPC_ANSWER_PREFIX_LEN };

	memmove(answer->bytes, answer->bytes + V2M_GRPC_ANSWER_PREFIX_LEN, message.length);
	message.data = V2M_TAKE(answer->bytes);
	answer->length = 0;
	answer->capacity = 0;
	return message;
}

void v2m_grpc_answer_clear(struct v2m_grpc_answer *answer)
{
	free(answer->bytes);
	answer->bytes = NULL;
	answer->length = 0;
	answer->capacity = 0;
}
