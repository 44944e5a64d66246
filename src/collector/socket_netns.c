// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/socket_netns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "netlink/netns.h"

struct v2m_socket_netns {
	const char *name; /* NULL: the daemon's own */
	struct v2m_conditions *conditions;
	int fd;         /* -1: the daemon's own, or there is none */
	uint32_t inode; /* 0: there is none */
};

struct v2m_socket_netns *v2m_socket_netns_new(const char *name, struct v2m_conditions *conditions)
{
	struct v2m_socket_netns *netns = calloc(1, sizeof(*netns));

	if (!netns)
		return NULL;
	netns->name = name;
	netns->conditions = conditions;
	netns->fd = -1;
	netns->inode = name ? 0 : v2m_netns_own();
	return netns;
}

void v2m_socket_netns_free(struct v2m_socket_netns *netns)
{
	if (!netns)
		return;
	v2m_closep(&netns->fd);
	free(netns);
}

static void leave_netns(struct v2m_socket_netns *netns, const char *why)
{
	if (v2m_conditions_set(netns->conditions, V2M_NETNS_UNAVAILABLE, why))
		v2m_log_warning("no connections are seen: %s", why);
	v2m_closep(&netns->fd);
	netns->fd = -1;
	netns->inode = 0;
}

/* Takes over the descriptor. */
static void enter_netns(struct v2m_socket_netns *netns, int fd, uint32_t inode,
			int (*enter)(void *context), void *context)
{
	int result;

	v2m_closep(&netns->fd);
	netns->fd = fd;
	netns->inode = inode;
	result = v2m_netns_run(fd, enter, context);
	if (result) {
		leave_netns(netns, strerror(-result));
		return;
	}
	v2m_log_info("connections are read from the network namespace %s (%u)", netns->name, inode);
	v2m_conditions_clear(netns->conditions, V2M_NETNS_UNAVAILABLE);
}

bool v2m_socket_netns_follow(struct v2m_socket_netns *netns, int (*enter)(void *context),
			     void *context)
{
	uint32_t before = netns->inode;
	struct v2m_error error = { 0 };
	uint32_t inode = 0;
	int fd;

	if (!netns->name)
		return false;
	fd = v2m_netns_open(netns->name, &inode, &error);
	if (fd < 0)
		leave_netns(netns, error.text);
	else if (inode != before)
		enter_netns(netns, fd, inode, enter, context);
	else
		v2m_closep(&fd);
	return netns->inode != before;
}

bool v2m_socket_netns_exists(const struct v2m_socket_netns *netns)
{
	return !netns->name || netns->fd >= 0;
}

uint32_t v2m_socket_netns_inode(const struct v2m_socket_netns *netns)
{
	return netns->inode;
}

int v2m_socket_netns_run(const struct v2m_socket_netns *netns, int (*run)(void *context),
			 void *context)
{
	if (!v2m_socket_netns_exists(netns))
		return -ENOENT;
	return v2m_netns_run(netns->fd, run, context);
}

struct listing {
	struct v2m_listeners *listeners;
	struct v2m_error *error;
};

static int read_listeners(void *context)
{
	struct listing *listing = context;

	return v2m_listeners_read(listing->listeners, listing->error);
}

int v2m_socket_netns_listeners(const struct v2m_socket_netns *netns,
			       struct v2m_listeners *listeners, struct v2m_error *error)
{
	struct listing listing = { listeners, error };

	memset(listeners, 0, sizeof(*listeners));
	return v2m_socket_netns_exists(netns)
		       ? v2m_socket_netns_run(netns, read_listeners, &listing)
		       : 0;
}
