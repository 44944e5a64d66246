/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The addresses that the server listens on, and which process holds one that is taken. */
#ifndef V2METER_HTTP_LISTEN_H
#define V2METER_HTTP_LISTEN_H

#include "base/string_list.h"
#include "base/error.h"

/* Listening sockets, in the order of their addresses. An array (base/array.h). */
struct v2m_listeners {
	int *items;
	size_t count;
	size_t capacity;
};

/* Listens on every "address:port". 0; -EINVAL; -EADDRINUSE, with the holder's name and pid if /proc
 * shows them; or another -errno. */
int v2m_listen_open(const struct v2m_strings *listen, struct v2m_listeners *listeners,
		    struct v2m_error *error);
void v2m_listeners_close(struct v2m_listeners *listeners);

#endif
