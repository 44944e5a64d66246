/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A connection to a gRPC server, which is kept between calls: HTTP/2 without TLS, one call at a
 * time. A call waits for its answer, but never beyond its deadline. It does not trust the server:
 * an answer that is late, too large, cut off or no gRPC is an error and ends the connection, and
 * the next call makes a new one.
 */
#ifndef V2METER_PROXYAPI_GRPC_H
#define V2METER_PROXYAPI_GRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "proxyapi/grpc_message.h"

struct v2m_grpc;

/* The largest answer that is taken, in bytes. */
#define V2M_GRPC_MAX_ANSWER (32u << 20)

/* Makes the connections to a server. */
struct v2m_grpc_connector {
	/* A non-blocking socket that is connected, or is about to be, or -errno. */
	int (*connect)(void *context);
	void *context;
};

/* Connects at the first call only. source names the server in errors and is copied. 0 or -ENOMEM.
 */
int v2m_grpc_new(const char *source, const struct v2m_grpc_connector *connector,
		 struct v2m_grpc **grpc);
/* For tests: the same on a connected non-blocking socket, which is taken over, and not replaced
 * when it ends. */
int v2m_grpc_new_on(const char *source, int fd, struct v2m_grpc **grpc);
/* NULL: does nothing. */
void v2m_grpc_free(struct v2m_grpc *grpc);

/* How often it has connected. It grows if a server was restarted between two calls. */
unsigned v2m_grpc_connects(const struct v2m_grpc *grpc);

/*
 * Calls a method, such as "/package.Service/Method", and waits for the answer until the deadline
 * (CLOCK_MONOTONIC in nanoseconds). *answer is empty before and the caller's to clear afterwards.
 *
 * 0, or -errno with *error: -EOPNOTSUPP: the server does not know the method; -EREMOTEIO: it
 * answered with another error; -ETIMEDOUT; -EMSGSIZE: the answer is too large; -EPROTO: the answer
 * is no gRPC; -ECONNRESET: the connection ended before the answer; -ENOMEM; or why there is no
 * connection. All but -EOPNOTSUPP may pass.
 */
int v2m_grpc_call(struct v2m_grpc *grpc, const char *method, const struct v2m_grpc_message *request,
		  uint64_t deadline_ns, struct v2m_grpc_message *answer, struct v2m_error *error);

#endif
