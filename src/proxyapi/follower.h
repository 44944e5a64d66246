/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Follows the inbounds and users of running proxies in a thread of its own, so that nobody else
 * waits for a proxy. A user who was added or removed is known within five seconds.
 */
#ifndef V2METER_PROXYAPI_FOLLOWER_H
#define V2METER_PROXYAPI_FOLLOWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "proxyapi/stats.h"

struct v2m_follower;

/* More than the proxies of one host. */
#define V2M_FOLLOWER_MAX 64

/* How often each API is asked. */
#define V2M_FOLLOWER_INTERVAL_NS (4 * UINT64_C(1000000000))

/* interval_ns: V2M_FOLLOWER_INTERVAL_NS, or another time in tests. 0 or -errno. The thread starts
 * with the first API. */
int v2m_follower_new(uint64_t interval_ns, struct v2m_follower **follower);
/* Ends the thread, which takes at most V2M_FOLLOWER_TIMEOUT_NS. NULL: does nothing. */
void v2m_follower_free(struct v2m_follower *follower);
#define V2M_FOLLOWER_TIMEOUT_NS (2 * UINT64_C(1000000000))

/* Readable when a text or an error has changed since v2m_follower_drain(). */
int v2m_follower_fd(const struct v2m_follower *follower);
void v2m_follower_drain(struct v2m_follower *follower);

/* Adds what all proxies that are followed have counted for their users to an empty list, if a proxy
 * has answered again since *number, which is set then. 1: it has; 0: none has; or -ENOMEM. */
int v2m_follower_stats(struct v2m_follower *follower, struct v2m_proxy_stats *stats,
		       uint64_t *number);

/*
 * Gives what an API said last: the inbounds and users, as a V2Ray configuration; malloc'd. From the
 * first call on, the API is followed. 0; or -errno with *error and *text NULL: -EAGAIN: it has not
 * answered yet; -EOPNOTSUPP: it cannot list its inbounds; -EINVAL: source is no address of an API;
 * else why it does not answer. *text is set also with a result below 0 if it answered earlier.
 *
 * waits: whether a source that is new is asked before the function returns.
 */
int v2m_follower_text(struct v2m_follower *follower, const char *source, bool waits, char **text,
		      size_t *length, struct v2m_error *error);

#endif
