/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Wakes the thread that accepts connections, which sleeps until there is one. */
#ifndef V2METER_HTTP_KNOCK_H
#define V2METER_HTTP_KNOCK_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>

struct v2m_knock {
	struct sockaddr_in door;
	bool done; /* atomic */
	bool started;
	pthread_t thread;
};

/* Connects to the door again and again, and says nothing there, until nobody opens any more or
 * v2m_knock_end() is called. Does nothing where there can be no thread for it. */
void v2m_knock_begin(struct v2m_knock *knock, const struct sockaddr_in *door);
void v2m_knock_end(struct v2m_knock *knock);

#endif
