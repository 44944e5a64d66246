/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A child process: this program again, started by exec, so that its memory holds nothing of ours.
 * It inherits the standard descriptors, and one end of a channel. Its environment has the variables
 * for the log and the time zone, or all except our own.
 */
#ifndef V2METER_PROCESS_CHILD_H
#define V2METER_PROCESS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "process/confine.h"

/* Where the child finds its end of the channel. */
#define V2M_CHILD_CHANNEL 3

struct v2m_child {
	pid_t pid;   /* 0: there is no child */
	int pidfd;   /* readable when the child has ended */
	int channel; /* our end */
};
#define V2M_CHILD_NONE ((struct v2m_child){ .pidfd = -1, .channel = -1 })

/* Starts the child with this only argument. with_environment: it gets all variables except those
 * whose names begin with V2METER_, which may hold the API key. 0, or -errno with a sentence. */
int v2m_child_start(const char *argument, bool with_environment, struct v2m_child *child,
		    struct v2m_error *error);
/* Waits until the child has ended, at most that long; 0: does not wait. True: it has ended, how
 * gets "status 1" or "signal 9 (Killed)", and everything of the child is released. */
bool v2m_child_wait(struct v2m_child *child, int timeout_ms, char *how, size_t size);
/* Ends the conversation: the child still reads what was sent, and then sees the end. */
void v2m_child_hang_up(struct v2m_child *child);
/* Hangs up, on which the child ends, waits a second and a half, then kills it.
 * Does nothing if there is no child. */
void v2m_child_stop(struct v2m_child *child);

/* Kills the child, and waits for its end at most that long: it may hang in the kernel. It is
 * forgotten either way. Does nothing if there is no child. */
void v2m_child_kill(struct v2m_child *child, int timeout_ms);

/* In the child, after it has given its privileges up: it dies together with its parent, and leaves
 * it to the parent to handle the signals that end both. */
void v2m_child_follow_parent(void);

/* In a child that has one thread and does not serve: it gives up everything except these system
 * calls, those that every such process needs (child.c), and what the options leave it, and follows
 * its parent. If memory runs out, it is the first that the kernel ends. Returns the enum
 * v2m_protection bits that are missing. */
unsigned v2m_child_confine(const struct v2m_confine_options *options, const int *calls,
			   size_t count);

#endif
