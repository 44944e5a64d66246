/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Netlink requests and their answers, one at a time. */
#ifndef V2METER_NETLINK_NETLINK_H
#define V2METER_NETLINK_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct v2m_netlink {
	int fd;
	uint32_t sequence;
};

/* Takes the messages of an answer. visit returns 0 or -errno; after an error the rest of the answer
 * is read and dropped. restart forgets all that visit has collected, because the whole answer comes
 * again; it may be NULL. */
struct v2m_netlink_visitor {
	int (*visit)(const struct nlmsghdr *message, void *context);
	void (*restart)(void *context);
	void *context;
};

/* protocol is a NETLINK_* family. 0, or -errno with netlink->fd at -1. */
int v2m_netlink_open(int protocol, struct v2m_netlink *netlink);
void v2m_netlink_close(struct v2m_netlink *netlink);

/* Walks the messages of a datagram. *message is NULL before the first call. True with the next
 * message, which is whole; false at the end, or if the rest is no whole message. */
bool v2m_netlink_next(const void *datagram, size_t length, const struct nlmsghdr **message);

/* Makes the socket receive the announcements of a multicast group. 0 or -errno. */
int v2m_netlink_join(struct v2m_netlink *netlink, int group);

/* Sends the request, whose sequence number is set here, and visits each message of the answer: a
 * dump or a single message. The kernel marks a dump as interrupted if something changed on the way;
 * it is requested again then, up to five times in all. 0; -EAGAIN if each dump was interrupted;
 * -ETIMEDOUT if the kernel does not answer in five seconds; -errno of the kernel or of the visitor.
 */
int v2m_netlink_ask(struct v2m_netlink *netlink, struct nlmsghdr *request,
		    const struct v2m_netlink_visitor *visitor);

/* Asks rtnetlink for all links, addresses or routes: type is RTM_GETLINK, RTM_GETADDR or
 * RTM_GETROUTE. Returns as v2m_netlink_ask() does. */
int v2m_netlink_dump_all(struct v2m_netlink *netlink, uint16_t type, unsigned char family,
			 const struct v2m_netlink_visitor *visitor);

#endif
