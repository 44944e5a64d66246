// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/channel.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "process/memory.h"

/* The receiver takes one more descriptor than a message may have, so that it sees the mistake. */
#define FDS_MAX 2

struct header {
	uint32_t kind;
	uint32_t attached; /* enum attached: what the descriptor is */
	uint64_t id;
	uint64_t length; /* of the payload */
};

enum attached {
	ATTACHED_NOTHING,
	ATTACHED_PAYLOAD,
	ATTACHED_DESCRIPTOR,
};

/* As they arrived; a descriptor that is not there is -1. */
struct parcel {
	struct header header;
	uint8_t payload[V2M_CHANNEL_INLINE_MAX];
	size_t length; /* of payload */
	int fds[FDS_MAX];
};

int v2m_channel_pair(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends))
		return -errno;
	return 0;
}

static int send_parcel(int channel, const struct header *header, const void *payload, size_t length,
		       int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec parts[] = {
		{ (void *)header, sizeof(*header) },
		{ (void *)payload, length },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = length ? 2 : 1 };

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	while (sendmsg(channel, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return errno == ECONNRESET ? -EPIPE : -errno;
	return 0;
}

int v2m_channel_send(int channel, const struct v2m_message *message)
{
	struct header header = {
		.kind = message->kind,
		.id = message->id,
		.length = message->length,
	};
	V2M_CLOSE int memory = -1;

	if (message->length <= V2M_CHANNEL_INLINE_MAX) {
		header.attached = message->fd >= 0 ? ATTACHED_DESCRIPTOR : ATTACHED_NOTHING;
		return send_parcel(channel, &header, message->data, message->length, message->fd);
	}
	if (message->fd >= 0)
		return -EMSGSIZE;
	memory = v2m_memory_seal(message->data, message->length);
	if (memory < 0)
		return memory;
	header.attached = ATTACHED_PAYLOAD;
	return send_parcel(channel, &header, NULL, 0, memory);
}

static void close_fds(struct parcel *parcel)
{
	for (size_t i = 0; i < FDS_MAX; i++)
		v2m_closep(&parcel->fds[i]);
}

/* All descriptors that came along, so that none stays open unseen. */
static void take_fds(struct msghdr *message, struct parcel *parcel)
{
	size_t count = 0;

	for (struct cmsghdr *each = CMSG_FIRSTHDR(message); each;
	     each = CMSG_NXTHDR(message, each)) {
		size_t n = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(each) + i * sizeof(fd), sizeof(fd));
			if (count < FDS_MAX)
				parcel->fds[count++] = fd;
			else
				close(fd);
		}
	}
}

/* 1, 0 at the end, or -errno. */
static int receive_parcel(int channel, struct parcel *parcel)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec parts[] = {
		{ &parcel->header, sizeof(parcel->header) },
		{ parcel->payload, sizeof(parcel->payload) },
	};
	struct msghdr message = {
		.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t length;

	while ((length = recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) < 0)
		if (errno != EINTR)
			return errno == ECONNRESET ? 0 : -errno;
	take_fds(&message, parcel);
	if (length == 0 && parcel->fds[0] < 0)
		return 0;
	if ((size_t)length < sizeof(parcel->header) ||
	    (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return -EBADMSG;
	parcel->length = (size_t)length - sizeof(parcel->header);
	return 1;
}

static int open_inline(const struct parcel *parcel, struct v2m_message *message)
{
	if (parcel->header.length != parcel->length)
		return -EBADMSG;
	if (!parcel->length)
		return 0;
	message->copied = malloc(parcel->length);
	if (!message->copied)
		return -ENOMEM;
	memcpy(message->copied, parcel->payload, parcel->length);
	message->data = message->copied;
	return 0;
}

static int open_payload(struct parcel *parcel, size_t max, struct v2m_message *message)
{
	const struct header *header = &parcel->header;
	bool has_one = parcel->fds[0] >= 0 && parcel->fds[1] < 0;
	int result;

	if (header->length > max)
		return -EBADMSG;
	switch (header->attached) {
	case ATTACHED_NOTHING:
		return parcel->fds[0] < 0 ? open_inline(parcel, message) : -EBADMSG;
	case ATTACHED_DESCRIPTOR:
		result = has_one ? open_inline(parcel, message) : -EBADMSG;
		if (!result)
			message->fd = V2M_TAKE_FD(parcel->fds[0]);
		return result;
	case ATTACHED_PAYLOAD:
		if (!has_one || parcel->length)
			return -EBADMSG;
		result = v2m_memory_map(parcel->fds[0], header->length, &message->mapped);
		message->data = message->mapped;
		return result;
	default:
		return -EBADMSG;
	}
}

int v2m_channel_receive(int channel, size_t max, struct v2m_message *message)
{
	struct parcel parcel = { .fds = { -1, -1 } };
	struct v2m_message made = { .fd = -1 };
	int result = receive_parcel(channel, &parcel);

	if (result == 1) {
		made.kind = parcel.header.kind;
		made.id = parcel.header.id;
		made.length = parcel.header.length;
		result = open_payload(&parcel, max, &made);
		if (!result) {
			*message = made;
			result = 1;
		}
	}
	close_fds(&parcel);
	return result;
}

void v2m_message_clear(struct v2m_message *message)
{
	free(message->copied);
	v2m_memory_unmap(message->mapped, message->length);
	v2m_closep(&message->fd);
	*message = (struct v2m_message){ .fd = -1 };
}
