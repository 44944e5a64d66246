/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The answer to a gRPC call, put together from the pieces in which HTTP/2 delivers it: headers, one
 * message behind a prefix of five bytes, and trailers with "grpc-status". The HTTP status is 200
 * also if the call failed.
 */
#ifndef V2METER_PROXYAPI_GRPC_ANSWER_H
#define V2METER_PROXYAPI_GRPC_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxyapi/grpc_message.h"

#define V2M_GRPC_ANSWER_PREFIX_LEN 5
#define V2M_GRPC_ANSWER_WHY_LEN    320

/* Everything besides max_length starts as zeros. */
struct v2m_grpc_answer {
	size_t max_length; /* of the message */
	bool has_begun;    /* something of it has arrived */
	bool has_ended;
	int result; /* why the rest is not taken: -EMSGSIZE, -EPROTO or -ENOMEM; 0: nothing */
	int http_status;
	bool is_grpc;
	bool has_status;
	unsigned status;   /* of gRPC; 0: success */
	char message[160]; /* beside the status, as the server sent it */
	uint32_t stream_error;
	uint8_t *bytes; /* of the message, with its prefix */
	size_t length;
	size_t capacity;
};

void v2m_grpc_answer_header(struct v2m_grpc_answer *answer, const char *name, const char *value,
			    size_t value_length);
/* 0, or answer->result: the rest is not wanted. */
int v2m_grpc_answer_data(struct v2m_grpc_answer *answer, const uint8_t *data, size_t length);
/* code: the error with which HTTP/2 ends the stream; 0: none. */
void v2m_grpc_answer_end(struct v2m_grpc_answer *answer, uint32_t code);

/* After the end: 0, -EOPNOTSUPP, -EREMOTEIO or -EPROTO, see v2m_grpc_call(). */
int v2m_grpc_answer_check(const struct v2m_grpc_answer *answer);
/* Writes and returns the reason of a result that is not 0. What the server says is shown without
 * control characters. */
const char *v2m_grpc_answer_why(const struct v2m_grpc_answer *answer,
				char why[static V2M_GRPC_ANSWER_WHY_LEN]);

/* Moves the message out, after v2m_grpc_answer_check() returned 0. */
struct v2m_grpc_message v2m_grpc_answer_take(struct v2m_grpc_answer *answer);
void v2m_grpc_answer_clear(struct v2m_grpc_answer *answer);

#endif
