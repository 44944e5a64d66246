/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Wakes the thread that accepts connections. It sleeps until there is a connection. */
#ifndef V2METER_HTTP_ACCEPT_WAKER_H
#define V2METER_HTTP_ACCEPT_WAKER_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>

struct v2m_accept_waker {
	struct sockaddr_in address;
	bool done; /* atomic */
	bool started;
	pthread_t thread;
};

/* Starts a thread that connects to the address again and again and sends nothing. It ends when a
 * connection is refused or v2m_accept_waker_stop() is called. If no thread can be made, nothing
 * happens. */
void v2m_accept_waker_start(struct v2m_accept_waker *waker, const struct sockaddr_in *address);
/* Ends the thread, if there is one. */
void v2m_accept_waker_stop(struct v2m_accept_waker *waker);

#endif
