/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The listening sockets of this host that only this host can reach, by /proc/net. */
#ifndef V2METER_DISCOVERY_LISTENING_H
#define V2METER_DISCOVERY_LISTENING_H

#include <stddef.h>
#include <stdint.h>

/* All processes together have at most so many. */
#define V2M_PROXY_LISTENERS_MAX 64

/* A listening socket on a loopback address, or a unix socket. */
struct v2m_proxy_listener {
	char *source;   /* as a key source: "xray-api://127.0.0.1:10085" */
	uint64_t inode; /* of the socket, which no other socket has */
};

/* An array (base/array.h). */
struct v2m_proxy_listeners {
	struct v2m_proxy_listener *items;
	size_t count;
	size_t capacity;
};

/* Ordered numbers of sockets. An array (base/array.h). */
struct v2m_inodes {
	uint64_t *items;
	size_t count;
	size_t capacity;
};

/* Adds the sockets with these inodes that listen on a loopback address, or are unix sockets.
 * source: only those that have it; NULL: all. 0 or -ENOMEM. */
int v2m_listening_find(const char *proc, const struct v2m_inodes *inodes, const char *source,
		       struct v2m_proxy_listeners *listeners);

#endif
