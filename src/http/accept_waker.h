/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Wakes the thread that accepts connections, which sleeps until there is one. */
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

/* Connects to the address again and again, and sends nothing, until that is refused or
 * v2m_accept_waker_stop() is called. Does nothing where there can be no thread for it. */
void v2m_accept_waker_start(struct v2m_accept_waker *waker, const struct sockaddr_in *address);
void v2m_accept_waker_stop(struct v2m_accept_waker *waker);

#endif
