/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Messages that the other side has no room for yet. The sender never waits: it sends them when the
 * event loop says that there is room again. Not thread-safe. */
#ifndef V2METER_PROCESS_OUTBOX_H
#define V2METER_PROCESS_OUTBOX_H

#include <stdbool.h>

#include "process/channel.h"

struct v2m_outbox {
	struct v2m_outbox_entry *first;
	struct v2m_outbox_entry *last;
	size_t count;
	size_t bytes;
	/* Beyond them a message is refused: the other side does not read. */
	size_t max_count;
	size_t max_bytes;
};

/* Sends the message, or keeps a copy of it until v2m_outbox_flush() can send it. 0; -ENOBUFS if too
 * much is kept already; or another -errno of v2m_channel_send(). */
int v2m_outbox_send(struct v2m_outbox *outbox, int channel, const struct v2m_message *message);
/* Sends what it can of what is kept. 0, also if something is still kept; or -errno. */
int v2m_outbox_flush(struct v2m_outbox *outbox, int channel);
bool v2m_outbox_is_empty(const struct v2m_outbox *outbox);
/* Forgets what is kept. */
void v2m_outbox_clear(struct v2m_outbox *outbox);

#endif
