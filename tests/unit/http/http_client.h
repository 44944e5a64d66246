/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An HTTP client for tests: it sends the given bytes as they are and reads one answer. */
#ifndef V2METER_TESTS_HTTP_CLIENT_H
#define V2METER_TESTS_HTTP_CLIENT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct client_answer {
	int status; /* 0: the connection ended without an answer */
	char header[4096];
	char *body;
	size_t length;
};

/* If not 0: each connection comes from another address of 127.0.0.0/8, from this one on. */
static uint32_t client_source;

static inline void client_bind(int fd)
{
	struct sockaddr_in from = { .sin_family = AF_INET };

	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + client_source);
	if (client_source && ++client_source)
		bind(fd, (const struct sockaddr *)&from, sizeof(from));
}

static inline int client_connect(unsigned port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct timeval timeout = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	client_bind(fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

static inline void client_send(int fd, const char *text)
{
	size_t length = strlen(text);

	while (length > 0) {
		ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		text += sent;
		length -= (size_t)sent;
	}
}

/* The value of a header. Every call uses the same buffer. NULL: there is no such header. */
static inline const char *client_answer_header(const struct client_answer *answer, const char *name)
{
	static char value[512];
	char line[64];
	const char *found;

	snprintf(line, sizeof(line), "\r\n%s: ", name);
	found = strcasestr(answer->header, line);
	if (!found)
		return NULL;
	snprintf(value, sizeof(value), "%s", found + strlen(line));
	value[strcspn(value, "\r")] = 0;
	return value;
}

static inline bool read_header(int fd, struct client_answer *answer)
{
	size_t used = 0;

	while (used + 1 < sizeof(answer->header)) {
		if (recv(fd, answer->header + used, 1, 0) != 1)
			return false;
		answer->header[++used] = 0;
		if (used >= 4 && strcmp(answer->header + used - 4, "\r\n\r\n") == 0)
			return sscanf(answer->header, "HTTP/1.1 %d", &answer->status) == 1;
	}
	return false;
}

/* Reads one answer. head: it has no body, even if its headers give a length. */
static inline struct client_answer client_read(int fd, bool head)
{
	struct client_answer answer = { 0 };
	const char *length;

	if (!read_header(fd, &answer))
		return answer;
	length = client_answer_header(&answer, "Content-Length");
	if (length && !head)
		answer.length = strtoul(length, NULL, 10);
	answer.body = calloc(1, answer.length + 1);
	if (answer.length && recv(fd, answer.body, answer.length, MSG_WAITALL) < 0)
		answer.body[0] = 0;
	return answer;
}

/* Sends one request on a new connection. */
static inline struct client_answer client_ask(unsigned port, const char *request)
{
	struct client_answer answer = { 0 };
	int fd = client_connect(port);

	if (fd < 0)
		return answer;
	client_send(fd, request);
	answer = client_read(fd, strncmp(request, "HEAD ", 5) == 0);
	close(fd);
	return answer;
}

/* Sends a request with the tests' API key. more: further header lines, each with its line end. */
static inline struct client_answer client_request(unsigned port, const char *method,
						  const char *path, const char *more)
{
	char request[4096];

	snprintf(request, sizeof(request),
		 "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: test-key\r\n%s\r\n", method, path,
		 more);
	return client_ask(port, request);
}

static inline void client_answer_free(struct client_answer *answer)
{
	free(answer->body);
	answer->body = NULL;
}

#endif
