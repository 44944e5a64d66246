/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A gRPC server for the tests of the client, in a thread, on an abstract socket. It answers each
 * method with what the test has set, or misbehaves as the test asks for.
 */
#ifndef V2METER_TESTS_GRPC_SERVER_H
#define V2METER_TESTS_GRPC_SERVER_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxyapi/grpc.h"

#define N_ANSWERS 16

enum fault {
	FAULT_NONE,
	FAULT_SILENT,     /* never answers */
	FAULT_DIES,       /* closes the connection after half an answer */
	FAULT_HTTP_1,     /* answers as an old web server does */
	FAULT_NOISE,      /* answers with bytes that are no protocol */
	FAULT_LONG,       /* announces four gigabytes */
	FAULT_ENDLESS,    /* sends without an end */
	FAULT_TWO,        /* sends two messages */
	FAULT_COMPRESSED, /* says that the message is compressed */
	FAULT_HTML,       /* answers with a page */
	FAULT_503,        /* answers with another HTTP status */
	FAULT_NO_STATUS,  /* leaves the trailers out */
	FAULT_RESET,      /* resets the stream */
	FAULT_SLOW,       /* answers with a byte at a time */
	FAULT_TLS,        /* refuses handshakes of TLS, and closes if it gets anything else */
};

struct server_answer {
	char path[128];
	uint8_t *data;
	size_t length;
	int status;
};

struct grpc_server {
	char name[64]; /* of the key source */
	int listener;
	int wake[2];
	pthread_t thread;
	pthread_mutex_t lock;
	struct server_answer answers[N_ANSWERS];
	size_t n_answers;
	enum fault fault;
	bool closes; /* after each answer */
	unsigned n_calls;
	unsigned n_connections;
	/* Only the thread uses these. */
	nghttp2_session *session;
	int fd;
	char path[128];
	uint8_t body[1 << 20];
	size_t length;
	size_t sent;
	int status;
	bool is_answered;
	bool ends;
};

static inline ssize_t server_send(nghttp2_session *session, const uint8_t *data, size_t length,
				  int flags, void *context)
{
	struct grpc_server *server = context;
	ssize_t sent;

	(void)session;
	(void)flags;
	sent = send(server->fd, data, server->fault == FAULT_SLOW && length ? 1 : length,
		    MSG_NOSIGNAL);
	return sent < 0 ? NGHTTP2_ERR_CALLBACK_FAILURE : sent;
}

static inline ssize_t server_body(nghttp2_session *session, int32_t stream, uint8_t *buffer,
				  size_t size, uint32_t *flags, nghttp2_data_source *source,
				  void *context)
{
	struct grpc_server *server = context;
	size_t rest = server->length - server->sent;
	size_t n = rest < size ? rest : size;
	char status[16];
	nghttp2_nv trailer = { (uint8_t *)"grpc-status", (uint8_t *)status, 11, 0, 0 };
	nghttp2_nv reason = { (uint8_t *)"grpc-message", (uint8_t *)"not%20this%0Aone", 12, 16, 0 };
	nghttp2_nv trailers[] = { trailer, reason };

	(void)source;
	if (server->fault == FAULT_ENDLESS) {
		memset(buffer, 0, size);
		return (ssize_t)size;
	}
	if (server->ends)
		return NGHTTP2_ERR_DEFERRED;
	if (server->fault == FAULT_DIES) {
		server->ends = true;
		n = n / 2;
	}
	memcpy(buffer, server->body + server->sent, n);
	server->sent += n;
	if (server->sent < server->length)
		return (ssize_t)n;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	server->is_answered = true;
	if (server->fault == FAULT_NO_STATUS)
		return (ssize_t)n;
	*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	snprintf(status, sizeof(status), "%d", server->status);
	trailers[0].valuelen = strlen(status);
	nghttp2_submit_trailer(session, stream, trailers, 2);
	return (ssize_t)n;
}

/* Fills the body with the message and its prefix. */
static inline void server_load(struct grpc_server *server, const struct server_answer *answer)
{
	size_t length = answer ? answer->length : 0;

	assert_true(length + 10 < sizeof(server->body));
	server->sent = 0;
	server->length = length + 5;
	memset(server->body, 0, 5);
	for (int i = 0; i < 4; i++)
		server->body[4 - i] = (uint8_t)(length >> 8 * i);
	if (length)
		memcpy(server->body + 5, answer->data, length);
	server->status = answer ? answer->status : 12;
	if (server->fault == FAULT_LONG)
		memset(server->body + 1, 255, 4);
	if (server->fault == FAULT_COMPRESSED)
		server->body[0] = 1;
	if (server->fault == FAULT_TWO) {
		memset(server->body + server->length, 0, 5);
		server->length += 5;
	}
	if (server->fault == FAULT_ENDLESS)
		memcpy(server->body, "\0\1\0\0\0", 5);
}

static inline void server_reply(struct grpc_server *server, int32_t stream)
{
	const char *type = server->fault == FAULT_HTML ? "text/html" : "application/grpc";
	const char *status = server->fault == FAULT_503 ? "503" : "200";
	nghttp2_nv headers[] = {
		{ (uint8_t *)":status", (uint8_t *)status, 7, 3, 0 },
		{ (uint8_t *)"content-type", (uint8_t *)type, 12, strlen(type), 0 },
	};
	nghttp2_data_provider body = { .read_callback = server_body };
	const struct server_answer *answer = NULL;

	server->n_calls++;
	for (size_t i = 0; i < server->n_answers; i++)
		if (strcmp(server->answers[i].path, server->path) == 0)
			answer = &server->answers[i];
	server_load(server, answer);
	if (server->fault == FAULT_RESET)
		nghttp2_submit_rst_stream(server->session, 0, stream, NGHTTP2_INTERNAL_ERROR);
	else if (server->fault != FAULT_SILENT)
		nghttp2_submit_response(server->session, stream, headers, 2, &body);
}

static inline int server_header(nghttp2_session *session, const nghttp2_frame *frame,
				const uint8_t *name, size_t name_length, const uint8_t *value,
				size_t value_length, uint8_t flags, void *context)
{
	struct grpc_server *server = context;

	(void)session;
	(void)frame;
	(void)name_length;
	(void)flags;
	if (strcmp((const char *)name, ":path") == 0)
		snprintf(server->path, sizeof(server->path), "%.*s", (int)value_length, value);
	return 0;
}

/* The name of an inbound in the request becomes a part of the path: "/Service/Method#tag". */
static inline int server_data(nghttp2_session *session, uint8_t flags, int32_t stream,
			      const uint8_t *data, size_t length, void *context)
{
	struct grpc_server *server = context;
	size_t used = strlen(server->path);

	(void)session;
	(void)flags;
	(void)stream;
	if (length > 7 && data[5] == 10)
		snprintf(server->path + used, sizeof(server->path) - used, "#%.*s", (int)length - 7,
			 data + 7);
	return 0;
}

static inline int server_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	(void)session;
	if (frame->hd.type == NGHTTP2_DATA && frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		server_reply(context, frame->hd.stream_id);
	return 0;
}

static inline void server_open_session(struct grpc_server *server)
{
	nghttp2_session_callbacks *callbacks;

	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_send_callback(callbacks, server_send);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, server_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, server_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, server_frame);
	nghttp2_session_server_new(&server->session, callbacks, server);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_submit_settings(server->session, 0, NULL, 0);
	server->is_answered = false;
	server->ends = false;
}

/* False: the connection has ended. */
static inline bool server_exchange(struct grpc_server *server)
{
	uint8_t buffer[16384];
	ssize_t n = recv(server->fd, buffer, sizeof(buffer), 0);
	bool goes_on;

	if (n <= 0)
		return false;
	pthread_mutex_lock(&server->lock);
	if (server->fault == FAULT_TLS) {
		goes_on = false;
		if (buffer[0] == 22)
			send(server->fd, "\x15\x03\x03\x00\x02\x02\x28", 7, MSG_NOSIGNAL);
	} else if (server->fault == FAULT_HTTP_1 || server->fault == FAULT_NOISE) {
		const char *text = server->fault == FAULT_NOISE
					   ? "\x16\x03\x01 noise that goes on for a while"
					   : "HTTP/1.1 400 Bad Request\r\n\r\nno HTTP/2 here";

		send(server->fd, text, strlen(text), MSG_NOSIGNAL);
		goes_on = true;
	} else {
		goes_on = nghttp2_session_mem_recv(server->session, buffer, (size_t)n) >= 0 &&
			  nghttp2_session_send(server->session) == 0 && !server->ends &&
			  !(server->closes && server->is_answered);
	}
	pthread_mutex_unlock(&server->lock);
	return goes_on;
}

static inline void server_serve(struct grpc_server *server)
{
	struct pollfd entries[] = { { server->fd, POLLIN, 0 }, { server->wake[0], POLLIN, 0 } };

	server_open_session(server);
	while (poll(entries, 2, -1) > 0 && !entries[1].revents)
		if (!server_exchange(server))
			break;
	nghttp2_session_del(server->session);
	close(server->fd);
}

static inline void *server_run(void *context)
{
	struct grpc_server *server = context;
	struct pollfd entries[] = { { server->listener, POLLIN, 0 },
				    { server->wake[0], POLLIN, 0 } };

	while (poll(entries, 2, -1) > 0 && !entries[1].revents) {
		server->fd = accept(server->listener, NULL, NULL);
		if (server->fd < 0)
			continue;
		pthread_mutex_lock(&server->lock);
		server->n_connections++;
		pthread_mutex_unlock(&server->lock);
		server_serve(server);
	}
	return NULL;
}

static inline struct grpc_server *server_start(void)
{
	static unsigned number;
	struct grpc_server *server = calloc(1, sizeof(*server));
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "v2m-%d-%u",
			      getpid(), number++);

	snprintf(server->name, sizeof(server->name), "xray-api+unix:@%s", address.sun_path + 1);
	server->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(
		bind(server->listener, (struct sockaddr *)&address,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)),
		0);
	assert_int_equal(listen(server->listener, 8), 0);
	assert_int_equal(pipe(server->wake), 0);
	pthread_mutex_init(&server->lock, NULL);
	assert_int_equal(pthread_create(&server->thread, NULL, server_run, server), 0);
	return server;
}

static inline void server_stop(struct grpc_server *server)
{
	assert_int_equal(write(server->wake[1], "x", 1), 1);
	pthread_join(server->thread, NULL);
	close(server->listener);
	close(server->wake[0]);
	close(server->wake[1]);
	for (size_t i = 0; i < server->n_answers; i++)
		free(server->answers[i].data);
	free(server);
}

static inline void server_misbehave(struct grpc_server *server, enum fault fault)
{
	pthread_mutex_lock(&server->lock);
	server->fault = fault;
	pthread_mutex_unlock(&server->lock);
}

/* Sets the answer to a method, in place of an earlier one. */
static inline void server_answer(struct grpc_server *server, const char *path, const void *data,
				 size_t length, int status)
{
	struct server_answer *answer = NULL;

	pthread_mutex_lock(&server->lock);
	for (size_t i = 0; i < server->n_answers; i++)
		if (strcmp(server->answers[i].path, path) == 0)
			answer = &server->answers[i];
	if (!answer) {
		assert_true(server->n_answers < N_ANSWERS);
		answer = &server->answers[server->n_answers++];
	}
	free(answer->data);
	snprintf(answer->path, sizeof(answer->path), "%s", path);
	answer->data = malloc(length + 1);
	memcpy(answer->data, data, length);
	answer->length = length;
	answer->status = status;
	pthread_mutex_unlock(&server->lock);
}

/* How often somebody has connected. */
static inline unsigned server_connections(struct grpc_server *server)
{
	unsigned n;

	pthread_mutex_lock(&server->lock);
	n = server->n_connections;
	pthread_mutex_unlock(&server->lock);
	return n;
}

static inline int server_connect(void *context)
{
	const struct grpc_server *server = context;
	const char *name = strchr(server->name, '@') + 1;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s", name);
	if (connect(fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)))) {
		int result = -errno;

		close(fd);
		return result;
	}
	return fd;
}

static inline struct v2m_grpc_connector server_connector(struct grpc_server *server)
{
	return (struct v2m_grpc_connector){ server_connect, server };
}

static inline int server_client(struct grpc_server *server, struct v2m_grpc **grpc)
{
	const struct v2m_grpc_connector connector = server_connector(server);

	return v2m_grpc_new(server->name, &connector, grpc);
}

#endif
