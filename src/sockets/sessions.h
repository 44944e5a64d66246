/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every TCP connection of the monitored ports as it opens and as it closes, from a program at the
 * kernel's tracepoint for changes of a socket's state (bpf/sessions.bpf.c). Needs the kernel's BTF,
 * Linux 5.5, and CAP_BPF with CAP_PERFMON; whoever cannot have it does without. Pinned under
 * <pin_dir>/sessions_v<ABI>/: it goes on while the daemon is away.
 */
#ifndef V2METER_SOCKETS_SESSIONS_H
#define V2METER_SOCKETS_SESSIONS_H

#include "base/connection.h"
#include "base/error.h"

struct v2m_sessions;

/* Takes over what is pinned, or begins. pin_dir exists, and its lock is held. 0; -EPERM, -ENOENT,
 * -ESRCH, -EOPNOTSUPP and the like where it cannot be had, with the reason in *error. */
int v2m_sessions_open(const char *pin_dir, struct v2m_sessions **sessions, struct v2m_error *error);
/* Closes descriptors; what is pinned goes on. Does nothing on NULL. */
void v2m_sessions_close(struct v2m_sessions *sessions);

/* Counts the sockets of exactly these ports (ascending) in the network namespace with that inode
 * number. A port that stays keeps its counters. 0 or -errno. */
int v2m_sessions_set(struct v2m_sessions *sessions, const uint16_t *ports, size_t n_ports,
		     uint32_t netns, struct v2m_error *error);

/* One port's connections. */
struct v2m_session_reading {
	uint16_t port;
	struct v2m_session_counters counters;
};

/* Pins and attaches again what somebody has removed under us. Where that cannot be done now,
 * the next call tries again. */
void v2m_sessions_keep(struct v2m_sessions *sessions);

/* Reads the counters of all ports that are counted, ascending; the array is the caller's to free. 0
 * or -errno. */
int v2m_sessions_read(struct v2m_sessions *sessions, struct v2m_session_reading **readings,
		      size_t *n_readings);

/* Fills in when the table's connections opened, as far as that was seen; nobody else may know of
 * the table yet. known, the dump before or NULL, saves asking the kernel for those it has. */
void v2m_sessions_date(struct v2m_sessions *sessions, const struct v2m_connection_table *known,
		       struct v2m_connection_table *table);

/* Removes what this module has pinned under pin_dir, for which it takes the lock. 0 or -errno;
 * -EBUSY if a daemon runs. */
int v2m_sessions_remove(const char *pin_dir, struct v2m_error *error);

#endif
