/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Messages between two of our processes over a pair of connected sockets (AF_UNIX, SOCK_SEQPACKET).
 * A message has a kind, a number that joins an answer to its question, and a payload. A short
 * payload is in the message itself, a long one in sealed memory whose descriptor is attached.
 *
 * The receiver treats each message as if it came from the internet. What is not exactly as
 * described is refused with -EBADMSG; then the channel is of no use any more.
 */
#ifndef V2METER_PROCESS_CHANNEL_H
#define V2METER_PROCESS_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of a payload in the message itself. */
#define V2M_CHANNEL_INLINE_MAX 8192

struct v2m_message {
	uint32_t kind;
	uint64_t id;
	const void *data; /* the payload; NULL if there is none */
	size_t length;
	/* In a received message, data points to one of these. v2m_message_clear() releases them. */
	void *copied;
	const void *mapped;
	int fd; /* a descriptor that came along besides the payload, or -1 */
};

/* Two connected ends, close-on-exec and non-blocking. 0 or -errno. */
int v2m_channel_pair(int ends[2]);

/* Sends a message without waiting. fd: a descriptor that goes along, which the caller keeps, or -1;
 * then the payload must fit into the message. 0; -EAGAIN if the other side has too many unread
 * messages; or another -errno, -EPIPE if the other side is gone. */
int v2m_channel_send(int channel, const struct v2m_message *message);

/* Receives a message without waiting. max: the longest payload that is allowed. 1; 0 if the other
 * side is gone; -EAGAIN if there is no message; -EBADMSG if it is malformed; or another -errno.
 * *message is the caller's to clear if the result is 1, and is untouched otherwise. */
int v2m_channel_receive(int channel, size_t max, struct v2m_message *message);
void v2m_message_clear(struct v2m_message *message);

#endif
