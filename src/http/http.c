// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * civetweb does as little as possible: our handler answers every request. civetweb serves no files,
 * sends no CORS headers and writes no log of its own.
 *
 * civetweb 1.15 gives every open connection a worker thread, and starts all threads at once. So the
 * limits below are what clients can hold open at the same time. docs/api-server.md has the
 * measurements.
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

#include "api/error.h"
#include "base/log.h"
#include "base/clock.h"
#include "http/address_counts.h"
#include "http/attempts.h"
#include "http/auth.h"
#include "http/body.h"
#include "http/framing.h"
#include "http/gate.h"
#include "http/host.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/service.h"
#include "http/stack.h"
#include "http/worker_socket.h"

#define THREADS 224
/* The type by which civetweb tells its workers from its other threads. */
#define WORKER_THREAD 1
/* Time for a request's header to arrive, and for a client to take its answer. */
#define REQUEST_TIMEOUT_MS 5000
/* How long a connection may idle between two requests. */
#define KEEP_ALIVE_MS "5000"
/* If more connections than this are open, in total or from one address, every answer ends its
 * connection. So idle connections cannot hold the workers that others wait for. Nobody is refused.
 */
#define KEEP_ALIVE_CONNECTIONS 96
#define KEEP_ALIVE_OF_ADDRESS  32
/* Bytes of a request's body that are read and dropped. Only an import of totals has a larger body.
 */
#define REQUEST_BODY_MAX (16 * 1024)
/* Bytes of a body that are still read after a refusal. If we closed at once, the kernel would reset
 * the connection, and the client might never see the answer. */
#define LINGER_BYTES (256 * 1024)
#define DETAIL_FOREIGN                                                                             \
	"This server does not answer under that name. \"hosts\" in its configuration can allow "   \
	"it."
/* Time for answers to leave when the server stops, and the pause between two looks. */
#define STOP_WAIT_MS 1000
#define STOP_POLL_MS 1

struct v2m_http {
	struct mg_context *context;
	struct v2m_gate *gate;
	unsigned port; /* of the first listener */
	bool started;
	unsigned open_connections; /* atomic */
	unsigned in_flight; /* atomic; requests that arrived before the server was stopping */
	bool stopping;      /* atomic */
	struct v2m_address_counts address_counts;
	struct v2m_attempts attempts;
	struct v2m_key_ring *api_keys;
	const struct v2m_strings *hosts;
	struct v2m_http_service service;
};

static struct v2m_http *http_of(const struct mg_connection *connection)
{
	return mg_get_user_context_data(connection);
}

static void refuse_malformed(struct v2m_http_reply *reply)
{
	reply->close = true;
	v2m_http_reply_error(reply, 400, "bad_request",
			     "The request is malformed, incomplete, or its headers are larger than "
			     "8 KiB or more than 63");
}

/* Reads and drops the body: some clients send one although our paths take none. False: the body is
 * too large or incomplete, and the reply is an error. The request is then not carried out, because
 * its client may have given it up. */
static bool take_body(struct mg_connection *connection, struct v2m_http_reply *reply)
{
	enum v2m_body_end end = V2M_BODY_TOO_LARGE;

	if (mg_get_request_info(connection)->content_length <= REQUEST_BODY_MAX) {
		v2m_body_invite(connection);
		end = v2m_body_drop(connection, REQUEST_BODY_MAX);
	}
	if (end == V2M_BODY_WHOLE)
		return true;
	if (end == V2M_BODY_INCOMPLETE) {
		refuse_malformed(reply);
		return false;
	}
	reply->close = true;
	reply->linger = true;
	v2m_http_reply_error(reply, 413, "body_too_large", "The request's body is too large");
	return false;
}

/* The connection's address, which is counted at the first request: civetweb does not tell it
 * earlier. The address is kept as the connection's user data. */
static uint32_t count_address(struct v2m_http *http, struct mg_connection *connection)
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
	uint32_t address = count_address(http, connection);
	unsigned all = __atomic_load_n(&http->open_connections, __ATOMIC_RELAXED);

	/* If all are few, so are those of the address, and no lock is taken to count them. */
	return all > KEEP_ALIVE_CONNECTIONS ||
	       (all > KEEP_ALIVE_OF_ADDRESS &&
		v2m_address_counts_get(&http->address_counts, address) > KEEP_ALIVE_OF_ADDRESS);
}

/* Whether the server does not answer this path under the name that the request gives. If "hosts"
 * names none, a request with an API key has proved enough: a page that does not know the key cannot
 * send it. */
static bool is_foreign(const struct v2m_http *http, const struct mg_connection *connection)
{
	const char *path = mg_get_request_info(connection)->local_uri_raw;

	return !v2m_host_is_ours(mg_get_header(connection, "Host"), http->hosts) &&
	       !v2m_routes_any_host(path) && (http->hosts->count || v2m_routes_open(path));
}

/* Replies with an error to a request that may not be answered. */
static bool refuse_request(struct v2m_http *http, const struct mg_connection *connection,
			   const struct v2m_auth *auth, struct v2m_http_reply *reply)
{
	uint32_t address = (uint32_t)(uintptr_t)mg_get_user_connection_data(connection);

	if (v2m_framing_is_ambiguous(connection)) {
		refuse_malformed(reply);
		return true;
	}
	if (is_foreign(http, connection)) {
		reply->close = true;
		v2m_http_reply_error(reply, 421, "host_not_allowed", DETAIL_FOREIGN);
		return true;
	}
	if (auth->valid || v2m_routes_open(mg_get_request_info(connection)->local_uri_raw))
		return false;
	if (auth->presented)
		v2m_attempts_note(&http->attempts, address, v2m_clock_mono_ns());
	reply->close = true;
	v2m_http_reply_error(reply, 401, "unauthorized", V2M_DETAIL_UNAUTHORIZED);
	return true;
}

/* Whether the connection may go on after this request. Only the first request of a connection waits
 * for its turn, so an address that guesses keys gets a connection for each. */
static bool must_close(struct v2m_http *http, struct mg_connection *connection,
		       const struct v2m_auth *auth)
{
	return mg_get_request_info(connection)->num_headers == 0 || is_crowded(http, connection) ||
	       (!auth->valid &&
		v2m_attempts_is_slow(&http->attempts, count_address(http, connection),
				     v2m_clock_mono_ns()));
}

/* False: the body cannot be dropped, and the reply is an error. A client without a valid API key is
 * answered before its body is read, and its connection ends: bodies that are announced and never
 * come would hold the workers. */
static bool pass_body(struct mg_connection *connection, const struct v2m_auth *auth,
		      struct v2m_http_reply *reply)
{
	const struct mg_request_info *info = mg_get_request_info(connection);

	if (!v2m_body_is_announced(connection) ||
	    v2m_routes_read_body(info->request_method, info->local_uri_raw))
		return true;
	if (auth->valid)
		return take_body(connection, reply);
	reply->close = true;
	return true;
}

static int answer_request(struct v2m_http *http, struct mg_connection *connection, bool last)
{
	const struct mg_request_info *info = mg_get_request_info(connection);
	struct v2m_http_reply reply = { .head = strcmp(info->request_method, "HEAD") == 0 };
	struct v2m_auth auth = { 0 };
	int status;

	v2m_auth_read(http->api_keys, connection, &auth);
	reply.close = must_close(http, connection, &auth) || last;
	if (!refuse_request(http, connection, &auth, &reply) &&
	    pass_body(connection, &auth, &reply))
		v2m_routes_answer(&http->service, connection, &auth, &reply);
	explicit_bzero(&auth, sizeof(auth));
	status = reply.body->status;
	v2m_http_reply_send(connection, &reply);
	if (reply.linger)
		v2m_body_drop(connection, LINGER_BYTES);
	return status;
}

/* Sequentially consistent: either the request sees that the server is stopping, or the stop sees
 * the request and waits for it. */
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

/* civetweb cuts answers off when it is told to stop. The answer to a reset must not get lost: only
 * this answer has the bytes that the reset closed. */
void v2m_http_drain(struct v2m_http *http)
{
	const struct timespec step = { .tv_nsec = STOP_POLL_MS * 1000000 };

	v2m_gate_close(http->gate);
	__atomic_store_n(&http->stopping, true, __ATOMIC_SEQ_CST);
	for (int ms = 0; ms < STOP_WAIT_MS; ms += STOP_POLL_MS) {
		if (__atomic_load_n(&http->in_flight, __ATOMIC_SEQ_CST) == 0)
			return;
		nanosleep(&step, NULL);
	}
}

/* Answers a request that civetweb itself refuses. It gives the same status for a malformed request,
 * a too long one, a too slow one and one of wrong length. */
static int http_error(struct mg_connection *connection, int status, const char *message)
{
	struct v2m_http_reply reply = { .close = true };

	(void)message;
	if (status == 505)
		v2m_http_reply_error(&reply, status, "http_version",
				     "This version of HTTP is not supported");
	else if (status < 500)
		refuse_malformed(&reply);
	else
		v2m_http_reply_error(&reply, 503, "http_error",
				     "The request cannot be answered now");
	v2m_http_reply_send(connection, &reply);
	return 0;
}

/* civetweb's messages during the start say why the start failed. Later ones are about single
 * clients, which must not be able to fill the log. */
static int log_message(const struct mg_connection *connection, const char *message)
{
	struct v2m_http *http = http_of(connection);

	v2m_log(http && http->started ? V2M_LOG_DEBUG : V2M_LOG_WARNING, "http: %s", message);
	return 1;
}

static int init_connection(const struct mg_connection *connection, void **data)
{
	*data = NULL;
	v2m_worker_next();
	__atomic_add_fetch(&http_of(connection)->open_connections, 1, __ATOMIC_RELAXED);
	return 0;
}

/* The last callback in which the connection still has its user data. */
static void connection_close(const struct mg_connection *connection)
{
	struct v2m_http *http = http_of(connection);
	uint32_t address = (uint32_t)(uintptr_t)mg_get_user_connection_data(connection);

	__atomic_sub_fetch(&http->open_connections, 1, __ATOMIC_RELAXED);
	if (address)
		v2m_address_counts_remove(&http->address_counts, address);
}

/* A request touches 12 KiB of the stack or more, and most workers idle most of the time. */
static void connection_closed(const struct mg_connection *connection)
{
	(void)connection;
	v2m_worker_forget();
	v2m_stack_release();
}

static void *init_thread(const struct mg_context *context, int type)
{
	(void)context;
	if (type == WORKER_THREAD)
		v2m_worker_begin();
	v2m_stack_note();
	/* The start has touched a page that waiting for a connection does not need. */
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

static struct mg_context *start_civetweb(struct v2m_http *http)
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
		/* civetweb does not start without a socket of its own. The gate takes its place. */
		"listening_ports",
		"127.0.0.1:0",
		"num_threads",
		V2M_STRINGIFY(THREADS),
		"request_timeout_ms",
		V2M_STRINGIFY(REQUEST_TIMEOUT_MS),
		"enable_keep_alive",
		"yes",
		"keep_alive_timeout_ms",
		KEEP_ALIVE_MS,
		"max_request_size",
		V2M_REQUEST_HEADER_MAX,
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

/* A wrong API key waits if its address has presented many. */
static uint64_t find_turn(void *context, uint32_t address, const char *header, size_t length)
{
	struct v2m_http *http = context;
	uint64_t now_ns = v2m_clock_mono_ns();
	struct v2m_auth auth = { 0 };
	uint64_t turn_ns;

	if (!v2m_attempts_is_slow(&http->attempts, address, now_ns))
		return 0;
	v2m_auth_peek(http->api_keys, header, length, &auth);
	explicit_bzero(auth.text, sizeof(auth.text));
	if (!auth.presented || auth.valid)
		return 0;
	turn_ns = v2m_attempts_take_turn(&http->attempts, address, now_ns);
	return turn_ns == V2M_NO_TURN ? V2M_GATE_REFUSE : turn_ns;
}

/* The thread of civetweb that accepts connections sees the stop at once, because the gate does not
 * let it sleep any more. */
static void stop_civetweb(struct v2m_http *http)
{
	v2m_gate_shut(http->gate);
	mg_stop(http->context);
	mg_exit_library();
}

static unsigned port_of(int listener)
{
	struct sockaddr_in address = { 0 };
	socklen_t size = sizeof(address);

	getsockname(listener, (struct sockaddr *)&address, &size);
	return ntohs(address.sin_port);
}

static void free_http(struct v2m_http *http)
{
	v2m_gate_free(http->gate);
	v2m_address_counts_destroy(&http->address_counts);
	v2m_attempts_destroy(&http->attempts);
	free(http);
}

/* The gate first looks which listening sockets there are, to find the one of civetweb. */
static int start_threads(struct v2m_http *http, const struct v2m_listeners *listeners)
{
	const struct v2m_gate_rules rules = {
		.timeout_ms = REQUEST_TIMEOUT_MS,
		.late = v2m_http_late_request,
		.turn = find_turn,
		.refused = v2m_http_guesser_refusal,
		.context = http,
	};
	int result;

	http->gate = v2m_gate_prepare();
	if (!http->gate)
		return -ENOMEM;
	v2m_stack_limit();
	mg_init_library(MG_FEATURES_DEFAULT);
	http->context = start_civetweb(http);
	if (!http->context) {
		mg_exit_library();
		return -EIO;
	}
	result = v2m_gate_install(http->gate, listeners, &rules);
	if (result)
		stop_civetweb(http);
	return result;
}

int v2m_http_start(const struct v2m_http_options *options, struct v2m_http **http,
		   struct v2m_error *error)
{
	struct v2m_http *made = calloc(1, sizeof(*made));
	int result;

	/* civetweb gives every connection a thread, so there are no more addresses than threads. */
	if (!made || v2m_address_counts_init(&made->address_counts, THREADS)) {
		free(made);
		return v2m_error_set(error, -ENOMEM, "http: out of memory");
	}
	v2m_attempts_init(&made->attempts);
	made->api_keys = options->api_keys;
	made->hosts = options->hosts;
	made->service.meter = options->meter;
	made->service.api_bytes = options->api_bytes;
	made->service.metrics = options->metrics;
	made->port = port_of(options->listeners->items[0]);
	result = make_start_id(made->service.start_id);
	if (!result)
		result = start_threads(made, options->listeners);
	if (result) {
		free_http(made);
		return v2m_error_set(error, result, "http: cannot start: %s", strerror(-result));
	}
	made->started = true;
	*http = made;
	return 0;
}

int v2m_http_accept(struct v2m_http *http, struct v2m_error *error)
{
	int result = v2m_gate_accept(http->gate);

	return result ? v2m_error_set(error, result, "http: cannot accept connections: %s",
				      strerror(-result))
		      : 0;
}

void v2m_http_stop(struct v2m_http *http)
{
	if (!http)
		return;
	v2m_http_drain(http);
	stop_civetweb(http);
	free_http(http);
}

unsigned v2m_http_port(const struct v2m_http *http)
{
	return http->port;
}
