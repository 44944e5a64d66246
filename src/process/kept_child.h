/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A child process that is always there: it is started, the next one is started if it ends, and it
 * is killed if it hangs or says what it must not. Nobody waits for it: a descriptor says when there
 * is something to take in.
 */
#ifndef V2METER_PROCESS_KEPT_CHILD_H
#define V2METER_PROCESS_KEPT_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "process/child.h"
#include "process/channel.h"
#include "process/wire.h"

struct v2m_kept_child;

/* The texts must outlive the child. */
struct v2m_kept_child_options {
	const char *argument;  /* of the process */
	const char *name;      /* the process in the log, as "the process that ..." */
	const char *meanwhile; /* in the log: what holds until the next process runs */
	/* Between the end of a process and the next one. It doubles each time if the processes end
	 * soon, or never send a message of the useful kind. */
	unsigned pause_ms;
	uint32_t useful_kind;
	unsigned silence_ms; /* a process that says nothing for so long hangs; 0: it may be silent
			      */
	size_t said_max;     /* the longest payload that it may send, in bytes */
	bool only_answers;   /* it speaks when it is asked, which take() checks: so it cannot say
				too much */
	/* A process has started. It knows nothing yet. */
	void (*brief)(void *context);
	/* Takes in what the process says. 0; or -errno if that is not allowed, on which the process
	 * is killed. */
	int (*take)(void *context, const struct v2m_message *message);
	/* The process has ended, with a sentence. count: so many in a row ended soon. */
	void (*note_end)(void *context, unsigned count, const char *how);
	void *context;
};

/* The first process starts with v2m_kept_child_start(). 0 or -errno. */
int v2m_kept_child_open(const struct v2m_kept_child_options *options, struct v2m_kept_child **kept);
/* Kills the process. Does nothing on NULL. */
void v2m_kept_child_close(struct v2m_kept_child *kept);

/* Does nothing if it runs, or is about to be started again. */
void v2m_kept_child_start(struct v2m_kept_child *kept);

/* Readable when v2m_kept_child_drain() has something to do. */
int v2m_kept_child_fd(const struct v2m_kept_child *kept);
/* Takes in what the process says, its end, and the time. */
void v2m_kept_child_drain(struct v2m_kept_child *kept);

/* Sends a message if the process runs. A process that does not read it is killed. fd goes along;
 * -1: none. */
void v2m_kept_child_send(struct v2m_kept_child *kept, uint32_t kind, uint64_t id,
			 const struct v2m_wire *payload, int fd);

/* Takes in the protections that the process says it lacks, of enum v2m_protection, and logs them if
 * they have changed. 0, or -EBADMSG if this is nothing that it can say. */
int v2m_kept_child_note_protection(struct v2m_kept_child *kept, struct v2m_wire *wire);

/* Kills the process, for a reason that the log gives. The next one starts as after any end. */
void v2m_kept_child_kill(struct v2m_kept_child *kept, const char *why);

#endif
