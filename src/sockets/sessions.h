/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sessions: each TCP connection of the monitored ports from its accept to its end. A program at the
 * kernel's tracepoint for changes of a socket's state (bpf/sessions.bpf.c) counts them. It needs
 * the kernel's BTF, Linux 5.5, and CAP_BPF with CAP_PERFMON; if these are missing, the daemon works
 * without sessions. The program is pinned under <pin_dir>/sessions_v<ABI>/, so it goes on while the
 * daemon is away.
 */
#ifndef V2METER_SOCKETS_SESSIONS_H
#define V2METER_SOCKETS_SESSIONS_H

#include "base/connection.h"
#include "base/error.h"
#include "base/port_rule.h"

struct v2m_sessions;

/* Takes over the pinned program and maps, or starts anew. pin_dir exists, and the caller holds its
 * lock. 0; -EPERM, -ENOENT, -ESRCH, -EOPNOTSUPP and the like if this kernel or the privileges do
 * not allow it. owner_sessions: the map that v2m_sessions_set_flows() will get; -1: one of
 * V2M_MAX_OWNERS. */
int v2m_sessions_open(const char *pin_dir, int owner_sessions, struct v2m_sessions **sessions,
		      struct v2m_error *error);
/* Closes the descriptors; the pinned program goes on. Does nothing on NULL. */
void v2m_sessions_close(struct v2m_sessions *sessions);

/* The delivered bytes of ports that leave are lost unless they were read after a pass; a pass after
 * this one begins those of new ports. Counts the sessions on exactly the ports of these rules, in
 * the network namespace with that inode number. If several rules have a port, the first one counts
 * it. A slot whose first port stays keeps its counters. 0 or -errno. */
int v2m_sessions_set(struct v2m_sessions *sessions, const struct v2m_port_rule *rules,
		     size_t n_rules, uint32_t netns, struct v2m_error *error);

/* Has the programs add what connections of shared ports do to their flows and owners: these are the
 * maps flows and owner_sessions of bpf_abi.h. They stay until others are set. 0 or -errno. */
int v2m_sessions_set_flows(struct v2m_sessions *sessions, int flows, int owner_sessions);

/* The sessions of one slot. */
struct v2m_session_reading {
	uint16_t port; /* the first port of the slot */
	struct v2m_session_counters counters;
	struct v2m_session_delivered delivered; /* zeros if they are not measured */
	bool repeats; /* delivered may have bytes of MPTCP connections twice */
};

/* Whether the kernel lets us see what open connections deliver (Linux 5.9). */
bool v2m_sessions_measure_delivered(const struct v2m_sessions *sessions);
/* Brings the delivered bytes up to date: looks at each TCP socket of the calling thread's network
 * namespace. Connections that were open before their port was counted are counted from the first
 * pass on. Adds to began those of them that this host opened, and to which the kernel gave the
 * port. Does nothing if delivered bytes are not measured. 0 or -errno. */
int v2m_sessions_pass(struct v2m_sessions *sessions, struct v2m_foreign_flows *began);

/* Whether an answer is worth another pass, see look_pace.h. */
bool v2m_sessions_pass_is_due(const struct v2m_sessions *sessions);

/* Pins and attaches again what somebody has removed since. If that fails, the next call tries
 * again. */
void v2m_sessions_keep(struct v2m_sessions *sessions);

/* Reads the counters of all slots, ascending by port. 0 or -errno, which the log says once; the
 * caller frees the array. */
int v2m_sessions_read(struct v2m_sessions *sessions, struct v2m_session_reading **readings,
		      size_t *n_readings);

/* Sets when the connections of the table opened, as far as the program saw it. No other thread may
 * have the table yet. known is the dump before, or NULL; each connection in it saves a system call.
 */
void v2m_sessions_date(struct v2m_sessions *sessions, const struct v2m_connection_table *known,
		       struct v2m_connection_table *table);

/* Removes the pinned program and maps under pin_dir; takes the lock for that. 0 or -errno; -EBUSY
 * if a daemon runs. */
int v2m_sessions_remove(const char *pin_dir, struct v2m_error *error);

#endif
