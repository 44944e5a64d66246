// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proxyapi/grpc.h"

#include <errno.h>
#include <inttypes.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "proxyapi/grpc_answer.h"
#include "proxyapi/wait.h"

/* The server may send so much before we have read it. */
#define WINDOW_BYTES (1 << 20)

struct v2m_grpc {
	char *source;
	struct v2m_grpc_connector connector;
	int fd; /* -1: not connected */
	nghttp2_session *session;
	bool is_new; /* nobody has called on this connection yet */
	unsigned n_connects;
	/* The call that waits. */
	int32_t stream_id;
	uint8_t *request; /* with the prefix of gRPC */
	size_t request_length;
	size_t request_sent;
	struct v2m_grpc_answer *answer; /* NULL: no call waits */
};

int v2m_grpc_new(const char *source, const struct v2m_grpc_connector *connector,
		 struct v2m_grpc **grpc)
{
	struct v2m_grpc *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->fd = -1;
	made->connector = *connector;
	made->source = strdup(source);
	if (!made->source) {
		free(made);
		return -ENOMEM;
	}
	*grpc = made;
	return 0;
}

static void disconnect(struct v2m_grpc *grpc)
{
	nghttp2_session_del(grpc->session);
	grpc->session = NULL;
	v2m_closep(&grpc->fd);
	grpc->fd = -1;
}

void v2m_grpc_free(struct v2m_grpc *grpc)
{
	if (!grpc)
		return;
	disconnect(grpc);
	free(grpc->source);
	free(grpc);
}

unsigned v2m_grpc_connects(const struct v2m_grpc *grpc)
{
	return grpc->n_connects;
}

static ssize_t send_bytes(nghttp2_session *session, const uint8_t *data, size_t length, int flags,
			  void *context)
{
	const struct v2m_grpc *grpc = context;
	ssize_t sent = send(grpc->fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);

	(void)session;
	(void)flags;
	if (sent >= 0)
		return sent;
	if (errno == EAGAIN || errno == EINTR)
		return NGHTTP2_ERR_WOULDBLOCK;
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* The answer of the stream; NULL: nobody waits for this stream. */
static struct v2m_grpc_answer *answer_of(const struct v2m_grpc *grpc, int32_t stream_id)
{
	return stream_id == grpc->stream_id ? grpc->answer : NULL;
}

static int take_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		       size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags,
		       void *context)
{
	struct v2m_grpc_answer *answer = answer_of(context, frame->hd.stream_id);

	(void)session;
	(void)flags;
	(void)name_length;
	if (answer)
		v2m_grpc_answer_header(answer, (const char *)name, (const char *)value,
				       value_length);
	return 0;
}

static int take_data(nghttp2_session *session, uint8_t flags, int32_t stream_id,
		     const uint8_t *data, size_t length, void *context)
{
	struct v2m_grpc_answer *answer = answer_of(context, stream_id);

	(void)session;
	(void)flags;
	if (answer && v2m_grpc_answer_data(answer, data, length))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return 0;
}

static int end_stream(nghttp2_session *session, int32_t stream_id, uint32_t code, void *context)
{
	struct v2m_grpc_answer *answer = answer_of(context, stream_id);

	(void)session;
	if (answer)
		v2m_grpc_answer_end(answer, code);
	return 0;
}

static ssize_t give_request(nghttp2_session *session, int32_t stream_id, uint8_t *buffer,
			    size_t size, uint32_t *flags, nghttp2_data_source *source,
			    void *context)
{
	struct v2m_grpc *grpc = context;
	size_t rest = grpc->request_length - grpc->request_sent;
	size_t n = rest < size ? rest : size;

	(void)session;
	(void)stream_id;
	(void)source;
	memcpy(buffer, grpc->request + grpc->request_sent, n);
	grpc->request_sent += n;
	if (grpc->request_sent == grpc->request_length)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

/* 0 or -ENOMEM. */
static int make_session(struct v2m_grpc *grpc)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 16384 },
	};
	nghttp2_session_callbacks *callbacks;
	int result;

	if (nghttp2_session_callbacks_new(&callbacks))
		return -ENOMEM;
	nghttp2_session_callbacks_set_send_callback(callbacks, send_bytes);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, take_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, take_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, end_stream);
	result = nghttp2_session_client_new(&grpc->session, callbacks, grpc);
	nghttp2_session_callbacks_del(callbacks);
	if (!result)
		result = nghttp2_submit_settings(grpc->session, NGHTTP2_FLAG_NONE, settings,
						 sizeof(settings) / sizeof(*settings));
	if (!result)
		result = nghttp2_session_set_local_window_size(grpc->session, NGHTTP2_FLAG_NONE, 0,
							       WINDOW_BYTES);
	return result ? -ENOMEM : 0;
}

static int fail(const struct v2m_grpc *grpc, int result, const char *why, struct v2m_error *error)
{
	return v2m_error_set_class(
		error, result == -EOPNOTSUPP ? V2M_FAILURE_NOT_SUPPORTED : V2M_FAILURE_PASSING,
		result, "%.160s: %s", grpc->source, why);
}

static int refuse_to_connect(void *context)
{
	(void)context;
	return -ENOTCONN;
}

int v2m_grpc_new_on(const char *source, int fd, struct v2m_grpc **grpc)
{
	const struct v2m_grpc_connector once = { .connect = refuse_to_connect };
	struct v2m_grpc *made;

	if (v2m_grpc_new(source, &once, &made))
		return -ENOMEM;
	if (make_session(made)) {
		v2m_grpc_free(made);
		return -ENOMEM;
	}
	made->fd = fd;
	made->is_new = true;
	*grpc = made;
	return 0;
}

static int open_connection(struct v2m_grpc *grpc, uint64_t deadline_ns, struct v2m_error *error)
{
	V2M_CLOSE int fd = grpc->connector.connect(grpc->connector.context);
	int result = fd < 0 ? fd : v2m_wait_connected(fd, deadline_ns);

	if (result == -ETIMEDOUT || result == -EAGAIN)
		return fail(grpc, -ETIMEDOUT, "the proxy's API does not accept connections", error);
	if (result)
		return v2m_error_set_class(error, V2M_FAILURE_PASSING, result,
					   "%.160s: the proxy's API cannot be reached: %s",
					   grpc->source, strerror(-result));
	grpc->fd = V2M_TAKE_FD(fd);
	grpc->is_new = true;
	grpc->n_connects++;
	return make_session(grpc) ? fail(grpc, -ENOMEM, "out of memory", error) : 0;
}

/* Takes in what has arrived, without waiting. 0; -EAGAIN: nothing has; -ECONNRESET; or -EPROTO. */
static int receive(struct v2m_grpc *grpc)
{
	uint8_t buffer[65536];
	ssize_t n = recv(grpc->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -EAGAIN : -ECONNRESET;
	if (n == 0)
		return -ECONNRESET;
	return nghttp2_session_mem_recv(grpc->session, buffer, (size_t)n) < 0 ? -EPROTO : 0;
}

/* Whether a kept connection can still be used: the server may have ended it since. */
static bool is_usable(struct v2m_grpc *grpc, uint64_t deadline_ns)
{
	int result;

	if (grpc->fd < 0 || grpc->is_new)
		return grpc->is_new;
	do
		result = receive(grpc);
	while (!result && v2m_clock_mono_ns() < deadline_ns);
	return result == -EAGAIN && nghttp2_session_check_request_allowed(grpc->session);
}

static nghttp2_nv header(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value),
			     NGHTTP2_NV_FLAG_NONE };
}

/* 0 or -ENOMEM. */
static int submit(struct v2m_grpc *grpc, const char *method, uint64_t deadline_ns)
{
	uint64_t now_ns = v2m_clock_mono_ns();
	uint64_t left_ms = deadline_ns > now_ns ? (deadline_ns - now_ns) / 1000000 + 1 : 1;
	const nghttp2_data_provider body = { .read_callback = give_request };
	char timeout[24];
	nghttp2_nv headers[] = {
		header(":method", "POST"),         header(":scheme", "http"),
		header(":authority", "localhost"), header(":path", method),
		header("te", "trailers"),          header("content-type", "application/grpc"),
		header("grpc-timeout", ""),
	};

	snprintf(timeout, sizeof(timeout), "%" PRIu64 "m", left_ms < 99999999 ? left_ms : 99999999);
	headers[6] = header("grpc-timeout", timeout);
	grpc->request_sent = 0;
	grpc->stream_id = nghttp2_submit_request(grpc->session, NULL, headers,
						 sizeof(headers) / sizeof(*headers), &body, NULL);
	return grpc->stream_id < 0 ? -ENOMEM : 0;
}

/* Waits until there is something to receive, or room for what is to be sent. */
static int wait_for_server(const struct v2m_grpc *grpc, uint64_t deadline_ns)
{
	bool wants_write = nghttp2_session_want_write(grpc->session);

	/* After an error of the protocol, nghttp2 has said goodbye to the server. */
	if (!wants_write && !nghttp2_session_want_read(grpc->session))
		return -EPROTO;
	return v2m_wait_until(grpc->fd, wants_write, deadline_ns);
}

/* Sends and receives until the stream ends. 0, -ETIMEDOUT, -ECONNRESET or -EPROTO. */
static int exchange(struct v2m_grpc *grpc, uint64_t deadline_ns)
{
	int result = 0;

	while (!grpc->answer->has_ended && !result) {
		/* A server that closes may have said why: that is still received. */
		bool is_cut = nghttp2_session_send(grpc->session) != 0;

		result = receive(grpc);
		if (!result && v2m_clock_mono_ns() >= deadline_ns)
			result = -ETIMEDOUT; /* it may send forever */
		if (result != -EAGAIN)
			continue;
		result = is_cut ? -ECONNRESET : wait_for_server(grpc, deadline_ns);
	}
	/* The last frames, such as updates of the window. */
	if (!result && nghttp2_session_send(grpc->session))
		result = -ECONNRESET;
	return grpc->answer->has_ended ? 0 : result;
}

static const char *explain(int result)
{
	switch (result) {
	case -ETIMEDOUT:
		return "the proxy's API did not answer in time";
	case -ECONNRESET:
		return "the proxy's API closed the connection before its answer was complete";
	case -ENOMEM:
		return "out of memory";
	default:
		return "the answer is not HTTP/2. Is this the port of the proxy's API?";
	}
}

/* One attempt on the connection that there is. */
static int attempt(struct v2m_grpc *grpc, const char *method, uint64_t deadline_ns,
		   struct v2m_grpc_answer *answer, struct v2m_error *error)
{
	char why[V2M_GRPC_ANSWER_WHY_LEN];
	int result;

	grpc->answer = answer;
	grpc->is_new = false;
	result = submit(grpc, method, deadline_ns);
	if (!result)
		result = exchange(grpc, deadline_ns);
	grpc->answer = NULL;
	grpc->stream_id = 0;
	if (answer->result)
		result = answer->result; /* why the receiver gave up */
	if (result) {
		disconnect(grpc);
		return fail(grpc, result,
			    answer->result ? v2m_grpc_answer_why(answer, why) : explain(result),
			    error);
	}
	result = v2m_grpc_answer_check(answer);
	if (result == -EPROTO)
		disconnect(grpc);
	return result ? fail(grpc, result, v2m_grpc_answer_why(answer, why), error) : 0;
}

static int make_request(struct v2m_grpc *grpc, const struct v2m_grpc_message *request,
			struct v2m_error *error)
{
	grpc->request_length = request->length + V2M_GRPC_ANSWER_PREFIX_LEN;
	grpc->request = calloc(1, grpc->request_length);
	if (!grpc->request)
		return fail(grpc, -ENOMEM, "out of memory", error);
	for (size_t i = 0; i < 4; i++)
		grpc->request[4 - i] = (uint8_t)(request->length >> 8 * i);
	if (request->length)
		memcpy(grpc->request + V2M_GRPC_ANSWER_PREFIX_LEN, request->data, request->length);
	return 0;
}

int v2m_grpc_call(struct v2m_grpc *grpc, const char *method, const struct v2m_grpc_message *request,
		  uint64_t deadline_ns, struct v2m_grpc_message *message, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_grpc_answer_clear)
	struct v2m_grpc_answer answer = { .max_length = V2M_GRPC_MAX_ANSWER };
	bool is_kept = is_usable(grpc, deadline_ns);
	int result = make_request(grpc, request, error);

	if (!result && !is_kept) {
		disconnect(grpc);
		result = open_connection(grpc, deadline_ns, error);
	}
	if (!result)
		result = attempt(grpc, method, deadline_ns, &answer, error);
	/* A kept connection may end at the moment of the call: the server has not seen the call. */
	if (result == -ECONNRESET && is_kept && !answer.has_begun) {
		result = open_connection(grpc, deadline_ns, error);
		if (!result)
			result = attempt(grpc, method, deadline_ns, &answer, error);
	}
	free(V2M_TAKE(grpc->request));
	if (!result)
		*message = v2m_grpc_answer_take(&answer);
	return result;
}
