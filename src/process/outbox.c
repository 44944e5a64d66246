// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct v2m_outbox_entry {
	struct v2m_outbox_entry *next;
	struct v2m_message message; /* data points to payload; fd is a duplicate */
	char payload[];
};

static int keep_message(struct v2m_outbox *outbox, const struct v2m_message *message)
{
	struct v2m_outbox_entry *entry;

	if (outbox->count >= outbox->max_count ||
	    message->length > outbox->max_bytes - outbox->bytes)
		return -ENOBUFS;
	entry = calloc(1, sizeof(*entry) + message->length);
	if (!entry)
		return -ENOMEM;
	entry->message = *message;
	entry->message.data = entry->payload;
	if (message->length)
		memcpy(entry->payload, message->data, message->length);
	if (message->fd >= 0) {
		entry->message.fd = fcntl(message->fd, F_DUPFD_CLOEXEC, 0);
		if (entry->message.fd < 0) {
			int result = -errno;

			free(entry);
			return result;
		}
	}
	if (outbox->last)
		outbox->last->next = entry;
	else
		outbox->first = entry;
	outbox->last = entry;
	outbox->count++;
	outbox->bytes += message->length;
	return 0;
}

static void drop_first(struct v2m_outbox *outbox)
{
	struct v2m_outbox_entry *entry = outbox->first;

	outbox->first = entry->next;
	if (!outbox->first)
		outbox->last = NULL;
	outbox->count--;
	outbox->bytes -= entry->message.length;
	if (entry->message.fd >= 0)
		close(entry->message.fd);
	free(entry);
}

int v2m_outbox_send(struct v2m_outbox *outbox, int channel, const struct v2m_message *message)
{
	int result = -EAGAIN;

	/* A message does not overtake those that wait. */
	if (!outbox->first)
		result = v2m_channel_send(channel, message);
	return result == -EAGAIN ? keep_message(outbox, message) : result;
}

int v2m_outbox_flush(struct v2m_outbox *outbox, int channel)
{
	while (outbox->first) {
		int result = v2m_channel_send(channel, &outbox->first->message);

		if (result)
			return result == -EAGAIN ? 0 : result;
		drop_first(outbox);
	}
	return 0;
}

bool v2m_outbox_is_empty(const struct v2m_outbox *outbox)
{
	return !outbox->first;
}

void v2m_outbox_clear(struct v2m_outbox *outbox)
{
	while (outbox->first)
		drop_first(outbox);
}
