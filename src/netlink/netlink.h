/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Netlink requests and their answers, one at a time; for src/kernel alone. */
#ifndef V2METER_NETLINK_NETLINK_H
#define V2METER_NETLINK_NETLINK_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

struct v2m_netlink {
	int fd;
	uint32_t sequence;
};

/* What to do with an answer's messages. visit returns 0 or -errno; after an error the rest of the
 * answer is read and dropped. restart forgets what the answer has brought so far: it comes again.
 */
struct v2m_netlink_visitor {
	int (*visit)(const struct nlmsghdr *message, void *context);
	void (*restart)(void *context);
	void *context;
};

/* protocol is a NETLINK_* family. 0 or -errno; netlink->fd is -1 on failure. */
int v2m_netlink_open(int protocol, struct v2m_netlink *netlink);
void v2m_netlink_close(struct v2m_netlink *netlink);

/* Sends the request (its sequence number is set here) and visits every message of the answer, a
 * dump or a single one. A dump that the kernel marks as interrupted, because what it describes
 * changed on the way, is taken again, up to five times in all. 0; -EAGAIN where it was interrupted
 * every time; -ETIMEDOUT where the kernel does not answer; the kernel's or the visitor's -errno. */
int v2m_netlink_ask(struct v2m_netlink *netlink, struct nlmsghdr *request,
		    const struct v2m_netlink_visitor *visitor);

/* Asks rtnetlink for everything of a kind: RTM_GETLINK, RTM_GETADDR or RTM_GETROUTE. As above. */
int v2m_netlink_dump_all(struct v2m_netlink *netlink, uint16_t type, unsigned char family,
			 const struct v2m_netlink_visitor *visitor);

#endif
