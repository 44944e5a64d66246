/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The network namespace whose sockets are read: the daemon's own, or the one that "netns" of the
 * configuration names. A named one comes and goes with its container. Nothing else of the daemon is
 * there: bytes are counted on this host's devices.
 */
#ifndef V2METER_COLLECTOR_SOCKET_NETNS_H
#define V2METER_COLLECTOR_SOCKET_NETNS_H

#include <stdint.h>

#include "collector/health.h"
#include "sockets/listeners.h"

struct v2m_socket_netns;

/* name: as v2m_netns_open() takes it; NULL: the daemon's own. A named one is not entered before the
 * first v2m_socket_netns_follow(). NULL: out of memory. */
struct v2m_socket_netns *v2m_socket_netns_new(const char *name, struct v2m_conditions *conditions);
/* Does nothing on NULL. */
void v2m_socket_netns_free(struct v2m_socket_netns *netns);

/* Looks whether the named namespace exists, is gone, or has been replaced. Calls enter inside a new
 * one; if that fails, the namespace counts as gone. Returns whether the namespace has changed. */
bool v2m_socket_netns_follow(struct v2m_socket_netns *netns, int (*enter)(void *context),
			     void *context);
/* Whether there is a namespace now. */
bool v2m_socket_netns_exists(const struct v2m_socket_netns *netns);
/* The number (inode) of the namespace, 0 if there is none. */
uint32_t v2m_socket_netns_inode(const struct v2m_socket_netns *netns);

/* Calls run in the namespace, as v2m_netns_run(). Returns what run returns, or -errno; -ENOENT if
 * there is no namespace. */
int v2m_socket_netns_run(const struct v2m_socket_netns *netns, int (*run)(void *context),
			 void *context);

/* Reads the sockets that listen. If there is no namespace, nobody listens in it. 0, or -errno with
 * *error. */
int v2m_socket_netns_listeners(const struct v2m_socket_netns *netns,
			       struct v2m_listeners *listeners, struct v2m_error *error);

#endif
