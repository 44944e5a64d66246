// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "netlink/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/cleanup.h"

#define ATTEMPTS  5
#define TIMEOUT_S 5
/* The kernel puts at most 32 KiB of a dump into one datagram (netlink_dump() in af_netlink.c). A
 * larger buffer would stay partly empty; a smaller one costs system calls. */
#define BUFFER_SIZE 32768

struct answer {
	struct v2m_netlink *netlink;
	const struct v2m_netlink_visitor *visitor;
	bool interrupted;
	bool done;
	int result;
};

int v2m_netlink_open(int protocol, struct v2m_netlink *netlink)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	const struct timeval timeout = { .tv_sec = TIMEOUT_S };

	netlink->sequence = 0;
	netlink->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (netlink->fd < 0)
		return -errno;
	/* The kernel answers at once, so the timeout ends the wait only for an answer that was
	 * lost. An unbound socket would get no announcements: its address is the kernel's, 0. */
	if (setsockopt(netlink->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) ||
	    bind(netlink->fd, (const struct sockaddr *)&any, sizeof(any))) {
		int result = -errno;

		v2m_netlink_close(netlink);
		return result;
	}
	return 0;
}

void v2m_netlink_close(struct v2m_netlink *netlink)
{
	v2m_closep(&netlink->fd);
	netlink->fd = -1;
}

int v2m_netlink_join(struct v2m_netlink *netlink, int group)
{
	return setsockopt(netlink->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group))
		       ? -errno
		       : 0;
}

/* mnl_nlmsg_ok() takes a length of 2 GiB or more for a negative one. */
bool v2m_netlink_next(const void *datagram, size_t length, const struct nlmsghdr **message)
{
	const struct nlmsghdr *last = *message;
	size_t at = 0;

	if (last)
		at = (size_t)((const char *)last - (const char *)datagram) +
		     NLMSG_ALIGN((size_t)last->nlmsg_len);
	if (at > length || length - at < sizeof(**message))
		return false;
	*message = (const void *)((const char *)datagram + at);
	return (*message)->nlmsg_len >= sizeof(**message) && (*message)->nlmsg_len <= length - at;
}

/* Reads the code in the message that ends a dump or reports an error: 0 or -errno. */
static int read_closing_code(const struct nlmsghdr *message)
{
	if (mnl_nlmsg_get_payload_len(message) < sizeof(int))
		return message->nlmsg_type == NLMSG_DONE ? 0 : -EBADMSG;
	return *(const int *)mnl_nlmsg_get_payload(message);
}

static void take_message(struct answer *answer, const struct nlmsghdr *message)
{
	int result = 0;

	/* A message of an earlier answer that was not read to its end. */
	if (message->nlmsg_seq != answer->netlink->sequence)
		return;
	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		answer->interrupted = true;
	if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
		answer->done = true;
		result = read_closing_code(message);
	} else if (message->nlmsg_type >= NLMSG_MIN_TYPE) {
		answer->done = !(message->nlmsg_flags & NLM_F_MULTI);
		if (!answer->result)
			result = answer->visitor->visit(message, answer->visitor->context);
	}
	if (!answer->result && result < 0)
		answer->result = result;
}

static int receive_datagram(struct answer *answer, char *buffer)
{
	const struct nlmsghdr *message = NULL;
	/* MSG_TRUNC: the length is that of the datagram, even if the buffer is too small. */
	ssize_t received = recv(answer->netlink->fd, buffer, BUFFER_SIZE, MSG_TRUNC);

	if (received < 0)
		return errno == EINTR ? 0 : errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (received > BUFFER_SIZE)
		return -EMSGSIZE;
	if (received == 0)
		return -ECONNRESET;
	while (!answer->done && v2m_netlink_next(buffer, (size_t)received, &message))
		take_message(answer, message);
	return 0;
}

static int ask_once(struct v2m_netlink *netlink, struct nlmsghdr *request,
		    const struct v2m_netlink_visitor *visitor)
{
	_Alignas(struct nlmsghdr) char buffer[BUFFER_SIZE];
	struct answer answer = { .netlink = netlink, .visitor = visitor };

	request->nlmsg_seq = ++netlink->sequence;
	if (send(netlink->fd, request, request->nlmsg_len, 0) < 0)
		return -errno;
	while (!answer.done) {
		int result = receive_datagram(&answer, buffer);

		if (result < 0)
			return result;
	}
	if (!answer.result && answer.interrupted)
		return -EAGAIN;
	return answer.result;
}

int v2m_netlink_ask(struct v2m_netlink *netlink, struct nlmsghdr *request,
		    const struct v2m_netlink_visitor *visitor)
{
	int result = -EAGAIN;

	for (int attempt = 0; attempt < ATTEMPTS && result == -EAGAIN; attempt++) {
		if (attempt && visitor->restart)
			visitor->restart(visitor->context);
		result = ask_once(netlink, request, visitor);
	}
	return result;
}

int v2m_netlink_dump_all(struct v2m_netlink *netlink, uint16_t type, unsigned char family,
			 const struct v2m_netlink_visitor *visitor)
{
	_Alignas(struct nlmsghdr) char buffer[64];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	unsigned char *header = mnl_nlmsg_put_extra_header(
		request, type == RTM_GETLINK    ? sizeof(struct ifinfomsg)
			 : type == RTM_GETROUTE ? sizeof(struct rtmsg)
						: sizeof(struct ifaddrmsg));

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	/* The family is the first byte of struct ifinfomsg, rtmsg and ifaddrmsg. */
	*header = family;
	return v2m_netlink_ask(netlink, request, visitor);
}
