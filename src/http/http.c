// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * civetweb, tied down: handlers of ours for every request, no files, no CORS, no log of its own.
 *
 * civetweb 1.15 gives every open connection a worker thread and starts all of them at once. So the
 * limits below are what clients can hold open at a time; measurements are in docs/api-server.md.
 */
#include "http/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/log.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "http/accept_waker.h"
#include "http/body.h"
#include "http/framing.h"
#include "http/listen.h"
#include "http/server.h"
#include "http/stack.h"

#define THREADS 288
/* A request's header has to be here in that time, an answer taken in it. */
#define REQUEST_TIMEOUT_MS "5000"
/* What a connection may idle between two requests. */
#define KEEP_ALIVE_MS "5000"
/* While more connections than this are open, in all or of the same address, every answer ends its
 * connection: idle ones cannot hold the workers that others wait for. Nobody is refused. */
#define KEEP_ALIVE_CONNECTIONS (THREADS / 3)
#define KEEP_ALIVE_OF_ADDRESS  32
/* What is read of a body that is too large before the connection is closed: closing at once would
 * reset it, and the client might never see the answer. */
#define LINGER_BYTES (256 * 1024)
#define BODY_TIME_NS 2000000000u
/* What answers get to leave when it ends, and how often that is looked at. */
#define STOP_WAIT_MS 1000
#define STOP_POLL_MS 1

static struct v2m_http *http_of(const struct mg_connection *connection)
{
	return mg_get_user_context_data(connection);
}

enum body_end {
	BODY_WHOLE,
	BODY_TOO_LARGE,
	BODY_INCOMPLETE,
};

/* Reads and drops the body, at most limit bytes of it. Byte by byte: mg_read() comes back only when
 * it has all it was asked for, however slowly that arrives. A body that stops coming it calls
 * ended.
 */
static enum body_end drain(struct mg_connection *connection, size_t limit)
{
	const long long announced = mg_get_request_info(connection)->content_length;
	uint64_t start_ns = v2m_clock_mono_ns();
	size_t total = 0;
	char byte;
	int count;

	while ((count = mg_read(connection, &byte, 1)) > 0) {
		if (++total > limit)
			return BODY_TOO_LARGE;
		if (v2m_clock_mono_ns() - start_ns > BODY_TIME_NS)
			return BODY_INCOMPLETE;
	}
	if (count < 0 || (announced > 0 && total < (size_t)announced))
		return BODY_INCOMPLETE;
	return BODY_WHOLE;
}

static bool has_body(const struct mg_connection *connection)
{
	return mg_get_request_info(connection)->content_length > 0 ||
	       mg_get_header(connection, "Transfer-Encoding");
}

static void refuse_malformed(struct v2m_reply *reply)
{
	reply->close = true;
	v2m_reply_error(reply, 400, "bad_request",
			"The request is malformed, incomplete, or its headers are larger than "
			"8 KiB or more than 63");
}

/* Hardly anything we serve takes a body, but clients send some. False: it is too large, or not all
 * of it came; what its sender may have given up is not done. */
static bool take_body(struct mg_connection *connection, struct v2m_reply *reply)
{
	enum body_end end = BODY_TOO_LARGE;

	if (mg_get_request_info(connection)->content_length <= V2M_REQUEST_BODY_MAX) {
		v2m_body_invite(connection);
		end = drain(connection, V2M_REQUEST_BODY_MAX);
	}
	if (end == BODY_WHOLE)
		return true;
	if (end == BODY_INCOMPLETE) {
		refuse_malformed(reply);
		return false;
	}
	reply->close = true;
	reply->linger = true;
	v2m_reply_error(reply, 413, "body_too_large", "The request's body is too large");
	return false;
}

/* Notes the connection under its address at its first request: before that civetweb does not tell
 * it. The address is kept as the connection's user data. */
static uint32_t address_of(struct v2m_http *http, struct mg_connection *connection)
{
	uint32_t address = (uint32_t)(uintptr_t)mg_get_user_connection_data(connection);
	struct in_addr parsed;

	if (!address &&
	    inet_pton(AF_INET, mg_get_request_info(connection)->remote_addr, &parsed) == 1) {
		address = parsed.s_addr;
		v2m_address_counts_add(&http->address_counts, address);
		mg_set_user_connection_data(connection, (void *)(uintptr_t)address);
	}
	return address;
}

static bool is_crowded(struct v2m_http *http, struct mg_connection *connection)
{
	unsigned own = v2m_address_counts_get(&http->address_counts, address_of(http, connection));

	return own > KEEP_ALIVE_OF_ADDRESS ||
	       __atomic_load_n(&http->open_connections, __ATOMIC_RELAXED) > KEEP_ALIVE_CONNECTIONS;
}

static int answer_request(struct v2m_http *http, struct mg_connection *connection, bool last)
{
	const struct mg_request_info *info = mg_get_request_info(connection);
	struct v2m_reply reply = { .head = strcmp(info->request_method, "HEAD") == 0 };
	int status;

	reply.close = last || info->num_headers == 0 || is_crowded(http, connection);
	if (v2m_framing_is_ambiguous(connection)) {
		refuse_malformed(&reply);
	} else if (!v2m_routes_open(info->local_uri_raw) &&
		   !v2m_http_authorized(http, connection)) {
		reply.close = true;
		v2m_reply_error(&reply, 401, "unauthorized",
				"Invalid API key. Use X-API-Key header with the correct key.");
	} else if (v2m_routes_read_body(info->request_method, info->local_uri_raw) ||
		   !has_body(connection) || take_body(connection, &reply)) {
		v2m_routes_answer(http, connection, &reply);
	}
	status = reply.body->status;
	v2m_reply_send(connection, &reply);
	if (reply.linger)
		drain(connection, LINGER_BYTES);
	return status;
}

/* Sequentially consistent: either the request sees that the server stops, or that waits for it. */
static int begin_request(struct mg_connection *connection)
{
	struct v2m_http *http = http_of(connection);
	int status;

	__atomic_add_fetch(&http->in_flight, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&http->stopping, __ATOMIC_SEQ_CST)) {
		__atomic_sub_fetch(&http->in_flight, 1, __ATOMIC_SEQ_CST);
		return answer_request(http, connection, true);
	}
	status = answer_request(http, connection, false);
	__atomic_sub_fetch(&http->in_flight, 1, __ATOMIC_SEQ_CST);
	return status;
}

/* civetweb cuts answers off where it is told to stop, and that of a reset which has been done must
 * not get lost: nobody else knows what it closed. */
static void let_answers_leave(struct v2m_http *http)
{
	const struct timespec step = { .tv_nsec = STOP_POLL_MS * 1000000 };

	__atomic_store_n(&http->stopping, true, __ATOMIC_SEQ_CST);
	for (int ms = 0; ms < STOP_WAIT_MS; ms += STOP_POLL_MS) {
		if (__atomic_load_n(&http->in_flight, __ATOMIC_SEQ_CST) == 0)
			return;
		nanosleep(&step, NULL);
	}
}

/* What civetweb itself refuses, before there is a request to route. It does not tell a request that
 * is malformed from one that is too long, too slow or of wrong length. */
static int http_error(struct mg_connection *connection, int status, const char *message)
{
	struct v2m_reply reply = { .close = true };

	(void)message;
	if (status == 505)
		v2m_reply_error(&reply, status, "http_version",
				"This version of HTTP is not supported");
	else if (status < 500)
		refuse_malformed(&reply);
	else
		v2m_reply_error(&reply, 503, "http_error", "The request cannot be answered now");
	v2m_reply_send(connection, &reply);
	return 0;
}

/* At the start its messages say why it failed; later they are about single clients, and must not
 * let those fill the log. */
static int log_message(const struct mg_connection *connection, const char *message)
{
	struct v2m_http *http = http_of(connection);

	v2m_log(http && http->started ? V2M_LOG_DEBUG : V2M_LOG_WARNING, "http: %s", message);
	return 1;
}

static int init_connection(const struct mg_connection *connection, void **data)
{
	*data = NULL;
	__atomic_add_fetch(&http_of(connection)->open_connections, 1, __ATOMIC_RELAXED);
	return 0;
}

/* The last that still has the connection's user data. */
static void connection_close(const struct mg_connection *connection)
{
	struct v2m_http *http = http_of(connection);
	uint32_t address = (uint32_t)(uintptr_t)mg_get_user_connection_data(connection);

	__atomic_sub_fetch(&http->open_connections, 1, __ATOMIC_RELAXED);
	if (address)
		v2m_address_counts_remove(&http->address_counts, address);
}

/* What a request needs of the stack is 12 KiB and more; most workers idle most of the time. */
static void connection_closed(const struct mg_connection *connection)
{
	(void)connection;
	v2m_stack_release();
}

static void *init_thread(const struct mg_context *context, int type)
{
	(void)context;
	(void)type;
	v2m_stack_note();
	/* Most workers never see a connection; starting has taken a page more than waiting does. */
	v2m_stack_release();
	return NULL;
}

/* 0 or -errno. */
static int make_start_id(char id[static 17])
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -errno;
	snprintf(id, 17, "%016" PRIx64, random);
	return 0;
}

static struct mg_context *start_civetweb(struct v2m_http *http, const char *ports)
{
	const struct mg_callbacks callbacks = {
		.begin_request = begin_request,
		.http_error = http_error,
		.log_message = log_message,
		.init_connection = init_connection,
		.connection_close = connection_close,
		.connection_closed = connection_closed,
		.init_thread = init_thread,
	};
	const char *options[] = {
		"listening_ports",
		ports,
		"num_threads",
		V2M_STRINGIFY(THREADS),
		"request_timeout_ms",
		REQUEST_TIMEOUT_MS,
		"enable_keep_alive",
		"yes",
		"keep_alive_timeout_ms",
		KEEP_ALIVE_MS,
		"max_request_size",
		V2M_REQUEST_HEADER_MAX,
		"listen_backlog",
		"1024",
		"tcp_nodelay",
		"1",
		"decode_url",
		"no",
		"enable_auth_domain_check",
		"no",
		"access_control_allow_origin",
		"",
		"access_control_allow_methods",
		"",
		"access_control_allow_headers",
		"",
		NULL,
	};

	return mg_start(&callbacks, http, options);
}

int v2m_http_start(const struct v2m_http_options *options, struct v2m_http **http,
		   struct v2m_error *error)
{
	V2M_FREE struct v2m_http *made = calloc(1, sizeof(*made));
	V2M_FREE char *ports = v2m_listen_join(options->listen);
	int result;

	if (!made || !ports)
		return v2m_error_set(error, -ENOMEM, "http: out of memory");
	if (!options->api_key || !options->api_key[0] || strlen(options->api_key) > V2M_API_KEY_MAX)
		return v2m_error_set(error, -EINVAL, "api_key: expected 1 to %d characters",
				     V2M_API_KEY_MAX);
	result = make_start_id(made->start_id);
	if (result)
		return v2m_error_set(error, result, "http: no random numbers: %s",
				     strerror(-result));
	result = v2m_listen_check(options->listen, error);
	if (result == 0)
		result = v2m_endpoint_parse(options->listen->items[0], &made->address);
	if (result)
		return result;
	strcpy(made->api_key, options->api_key);
	made->meter = options->meter;
	made->api_bytes = options->api_bytes;
	v2m_address_counts_init(&made->address_counts);
	mg_init_library(MG_FEATURES_DEFAULT);
	made->context = start_civetweb(made, ports);
	if (!made->context) {
		mg_exit_library();
		v2m_address_counts_destroy(&made->address_counts);
		return v2m_error_set(error, -EIO, "http: cannot start on %s", ports);
	}
	made->started = true;
	*http = V2M_TAKE(made);
	return 0;
}

/* civetweb's accepting thread looks every 2 s (SOCKET_TIMEOUT_QUANTUM) whether it is to stop, and
 * after every connection. */
static void stop_civetweb(struct v2m_http *http)
{
	struct sockaddr_in address = http->address;
	struct v2m_accept_waker waker;

	address.sin_port = htons((uint16_t)v2m_http_port(http));
	v2m_accept_waker_start(&waker, &address);
	mg_stop(http->context);
	v2m_accept_waker_stop(&waker);
}

void v2m_http_stop(struct v2m_http *http)
{
	if (!http)
		return;
	let_answers_leave(http);
	stop_civetweb(http);
	mg_exit_library();
	v2m_address_counts_destroy(&http->address_counts);
	free(http);
}

unsigned v2m_http_port(const struct v2m_http *http)
{
	struct mg_server_port port = { 0 };

	return mg_get_server_ports(http->context, 1, &port) == 1 ? (unsigned)port.port : 0;
}
