/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Runs the asking process: starts it with the first API, starts the next one if it ends, and kills
 * it if it hangs or says what it must not. Nobody waits for it: a descriptor says when there is
 * something to take in.
 */
#ifndef V2METER_SUPPLY_ASKER_H
#define V2METER_SUPPLY_ASKER_H

#include <stdbool.h>
#include <stdint.h>

#include "process/channel.h"
#include "process/wire.h"

struct v2m_asker;

struct v2m_asker_owner {
	/* A process has started. It knows nothing yet. */
	void (*brief)(void *context);
	/* Takes in what the process says. 0; or -errno if that is not allowed, on which the process
	 * is killed. */
	int (*take)(void *context, const struct v2m_message *message);
	/* The process has ended, with a sentence. count: so many in a row ended soon. */
	void (*note_end)(void *context, unsigned count, const char *how);
	void *context;
};

/* argument: that of the asking process. pause_ms: between the end of a process and the next one; it
 * doubles each time if the processes end soon. The first one starts with v2m_asker_start(). 0 or
 * -errno. */
int v2m_asker_open(const char *argument, unsigned pause_ms, const struct v2m_asker_owner *owner,
		   struct v2m_asker **asker);
/* Kills the process. Does nothing on NULL. */
void v2m_asker_close(struct v2m_asker *asker);

/* Does nothing if it runs, or is about to be started again. */
void v2m_asker_start(struct v2m_asker *asker);

/* Readable when v2m_asker_drain() has something to do. */
int v2m_asker_fd(const struct v2m_asker *asker);
/* Takes in what the process says, its end, and the time. */
void v2m_asker_drain(struct v2m_asker *asker);

/* Sends a message if the process runs. A process that does not read it is killed. fd goes along;
 * -1: none. */
void v2m_asker_send(struct v2m_asker *asker, uint32_t kind, uint64_t id,
		    const struct v2m_wire *payload, int fd);

#endif
