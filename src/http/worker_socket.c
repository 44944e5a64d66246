// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* With it, the C library's headers make poll() an inline function. */
#undef _FORTIFY_SOURCE

#include "http/worker_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "apikeys/key_ring.h"

/* civetweb splits each wait for a request or for its body into pieces of this length. Its other
 * waits are shorter, or are not for input. */
#define PIECE_MS 2000

enum state {
	NO_WORKER,
	ARRIVED,  /* the first request is in the socket */
	READ,     /* the first request has been read, or a part of it */
	BLOCKING, /* the socket blocks */
};

/* A block that leaves with the next one that is sent, behind it. */
struct attached {
	const char *data;
	size_t length;
	size_t sent;
};

/* Where civetweb reads requests to, and what it has read of this connection. */
struct requests {
	char *start; /* NULL: nothing yet */
	size_t size;
	size_t used;
};

static __thread enum state state;
static __thread struct requests requests;
static __thread int connection_fd; /* unless state is NO_WORKER or ARRIVED */
static __thread struct attached attached;

void v2m_worker_begin(void)
{
	state = ARRIVED;
}

void v2m_worker_next(void)
{
	if (state != NO_WORKER)
		state = ARRIVED;
	requests = (struct requests){ 0 };
}

void v2m_worker_forget(void)
{
	v2m_key_ring_forget();
	if (requests.start)
		explicit_bzero(requests.start, requests.used);
	requests = (struct requests){ 0 };
}

int v2m_worker_set_patience(int socket)
{
	const struct timeval patience = { .tv_sec = V2M_WORKER_PATIENCE_S };

	if (setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)))
		return -errno;
	return 0;
}

/* Whether the worker can read without waiting here. A connection that ends after one request, as
 * most do, never changes its mode. */
static bool may_read(int socket)
{
	if (state == ARRIVED) {
		connection_fd = socket;
		state = READ;
		return true;
	}
	if (socket != connection_fd)
		return false;
	if (state == READ && fcntl(socket, F_SETFL, 0) == 0)
		state = BLOCKING;
	return state == BLOCKING;
}

/* The C library declares that poll() only writes to its first argument. */
#pragma GCC diagnostic push
#ifndef __clang__ /* which has no such warning */
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct timespec timeout = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000L,
	};

	if (state != NO_WORKER && count == 1 && (fds->events & POLLIN) && timeout_ms >= PIECE_MS &&
	    may_read(fds->fd)) {
		fds->revents = POLLIN;
		return 1;
	}
	/* Not every architecture has the system call poll(). */
	return (int)syscall(SYS_ppoll, fds, count, timeout_ms < 0 ? NULL : &timeout, NULL, 0);
}
#pragma GCC diagnostic pop

/* The first read of a connection has the whole buffer. A body may go to another one, which may not
 * exist any more when the connection ends. */
static void note_received(char *buffer, size_t length, size_t received)
{
	size_t end;

	if (!requests.start)
		requests = (struct requests){ .start = buffer, .size = length };
	if (buffer < requests.start || buffer >= requests.start + requests.size)
		return;
	end = (size_t)(buffer - requests.start) + received;
	if (end > requests.used)
		requests.used = end;
}

ssize_t recv(int fd, void *buffer, size_t length, int flags)
{
	ssize_t received = recvfrom(fd, buffer, length, flags, NULL, NULL);

	if (state != NO_WORKER && received > 0)
		note_received(buffer, length, (size_t)received);
	return received;
}

/* A client that has taken nothing for so long is given up. civetweb would wait once more. */
static ssize_t end_late(ssize_t sent)
{
	if (sent < 0 && errno == EAGAIN && state == BLOCKING)
		errno = ETIMEDOUT;
	return sent;
}

ssize_t send(int fd, const void *data, size_t length, int flags)
{
	struct iovec parts[] = {
		{ .iov_base = (void *)data, .iov_len = length },
		{ .iov_base = (void *)attached.data, .iov_len = attached.length },
	};
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = attached.length ? 2 : 1 };
	ssize_t sent = end_late(sendmsg(fd, &message, flags));

	if (sent <= 0 || (size_t)sent <= length)
		return sent;
	attached.sent = (size_t)sent - length;
	return (ssize_t)length;
}

bool v2m_worker_write(struct mg_connection *connection, const char *head, size_t head_length,
		      const char *body, size_t length)
{
	size_t sent;
	int head_sent;

	attached = (struct attached){ .data = body, .length = length };
	head_sent = mg_write(connection, head, head_length);
	sent = attached.sent;
	attached = (struct attached){ 0 };
	if (head_sent != (int)head_length)
		return false;
	return sent == length ||
	       mg_write(connection, body + sent, length - sent) == (int)(length - sent);
}
