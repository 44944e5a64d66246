/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The socket calls of civetweb's workers, two for each answer.
 *
 * civetweb 1.15 waits for each request with poll() and then reads it, and it can send one block of
 * memory at a time. This unit defines poll(), recv() and send(), which the shared library calls,
 * for the threads that are workers. A worker's poll() returns at once, because its socket blocks:
 * the following recv() waits. recv() notes where requests are. send() also sends the block that
 * v2m_worker_write() has attached. If civetweb did not call these functions, answers would be
 * slower, and API keys would stay in memory until the next request.
 */
#ifndef V2METER_HTTP_WORKER_SOCKET_H
#define V2METER_HTTP_WORKER_SOCKET_H

#include <civetweb.h>
#include <stdbool.h>
#include <stddef.h>

/* How long a call on the socket waits: for a byte of a request, and for a client to take a byte of
 * its answer. The gate sets this for all connections. */
#define V2M_WORKER_PATIENCE_S 5

/* The calling thread is a worker. */
void v2m_worker_begin(void);
/* The calling worker begins with another connection, whose first request has arrived. Does nothing
 * in other threads. */
void v2m_worker_next(void);
/* Wipes the requests of the connection that has ended, with the API keys in them, and the key that
 * the key ring remembers. civetweb keeps its buffer for the next connection. */
void v2m_worker_forget(void);
/* Sets how long calls on the socket wait, or on the sockets that it accepts. 0 or -errno. */
int v2m_worker_set_patience(int socket);
/* Sends the head and the body of an answer, with one call if there is room for them. False: the
 * client did not take all of them. */
bool v2m_worker_write(struct mg_connection *connection, const char *head, size_t head_length,
		      const char *body, size_t length);

#endif
