// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The network namespace whose sockets are read: our own, or the one that the configuration names,
 * which comes and goes with the container that it belongs to. Nothing else of the daemon is there:
 * bytes are counted on this host's devices.
 */
#include "netlink/netns.h"

#include <errno.h>
#include <string.h>

#include "collector/internal.h"
#include "base/log.h"
#include "base/cleanup.h"

static int open_sockets(void *context)
{
	struct v2m_collector *collector = context;
	struct v2m_error error = { 0 };
	int result = v2m_sockets_open(&collector->sockets, &error);

	if (result)
		v2m_log_error("%s", error.text);
	else if (v2m_sockets_want_details(collector->sockets, true))
		v2m_log_warning("connections are listed without their bytes and times");
	return result;
}

static void set_unavailable(struct v2m_collector *collector, bool unavailable)
{
	if (unavailable == collector->condition.netns_unavailable)
		return;
	collector->condition.netns_unavailable = unavailable;
	publish_condition(collector);
}

static void leave(struct v2m_collector *collector, const char *why)
{
	if (!collector->condition.netns_unavailable)
		v2m_log_warning("no connections are seen: %s", why);
	v2m_error_set(&collector->netns_error, 0, "%s", why);
	v2m_sockets_close(V2M_TAKE(collector->sockets));
	v2m_closep(&collector->netns_fd);
	collector->netns_fd = -1;
	collector->netns = 0;
	set_unavailable(collector, true);
}

/* Takes over the descriptor. */
static void enter(struct v2m_collector *collector, int fd, uint32_t inode)
{
	int result;

	v2m_sockets_close(V2M_TAKE(collector->sockets));
	v2m_closep(&collector->netns_fd);
	collector->netns_fd = fd;
	collector->netns = inode;
	result = v2m_netns_run(fd, open_sockets, collector);
	if (result) {
		leave(collector, strerror(-result));
		return;
	}
	v2m_log_info("connections are read from the network namespace %s (%u)",
		     collector->config->netns, inode);
	set_unavailable(collector, false);
}

bool netns_follow(struct v2m_collector *collector)
{
	uint32_t before = collector->netns;
	struct v2m_error error = { 0 };
	uint32_t inode = 0;
	int fd;

	if (!collector->config->netns)
		return false;
	fd = v2m_netns_open(collector->config->netns, &inode, &error);
	if (fd < 0) {
		leave(collector, error.text);
	} else if (inode != before) {
		enter(collector, fd, inode);
	} else {
		v2m_closep(&fd);
	}
	return collector->netns != before;
}

int netns_open(struct v2m_collector *collector, struct v2m_error *error)
{
	collector->netns = v2m_netns_own();
	if (!collector->config->netns)
		return open_sockets(collector)
			       ? v2m_error_set(error, -EIO, "TCP sockets cannot be listed")
			       : 0;
	collector->netns = 0;
	netns_follow(collector);
	return 0;
}

void netns_close(struct v2m_collector *collector)
{
	v2m_sockets_close(V2M_TAKE(collector->sockets));
	v2m_closep(&collector->netns_fd);
	collector->netns_fd = -1;
}

int netns_run(struct v2m_collector *collector, int (*run)(void *context), void *context)
{
	if (collector->config->netns && collector->netns_fd < 0)
		return -ENOENT;
	return v2m_netns_run(collector->netns_fd, run, context);
}
