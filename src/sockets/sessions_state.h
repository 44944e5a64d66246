/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The members of v2m_sessions. Only sessions.c, session_counts.c and session_pass.c use them. */
#ifndef V2METER_SOCKETS_SESSIONS_STATE_H
#define V2METER_SOCKETS_SESSIONS_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "pins/pins.h"
#include "sockets/look_pace.h"

enum v2m_sessions_map {
	V2M_SESSIONS_COUNTERS, /* the first one: a renamed directory is known by it */
	V2M_SESSIONS_STARTS,
	V2M_SESSIONS_SCOPE,
	V2M_SESSIONS_PORTS,
	V2M_SESSIONS_DELIVERED,
	V2M_SESSIONS_SOCKETS,
	V2M_SESSIONS_SOCKETS_BY_ADDRESS,
	V2M_SESSIONS_CLAIMS,
	V2M_SESSIONS_FLOWS,
	V2M_SESSIONS_OWNERS,
	V2M_SESSIONS_N_MAPS,
};

struct v2m_sessions {
	struct v2m_pins pins;
	struct sessions_bpf *object;
	struct bpf_link *pass; /* runs the program for open sockets; NULL: the kernel has none */
	int maps[V2M_SESSIONS_N_MAPS]; /* descriptors that the object owns */
	int owner_sessions;        /* pattern of the map of maps, the caller's; -1: the usual one */
	bool attach_anew;          /* a map is new, so an attached program does not write to it */
	bool notes_sockets;        /* an attached program makes notes of its sockets in our maps */
	uint32_t untracked;        /* as last logged */
	bool read_failed;          /* the last reading, and that was logged */
	struct v2m_look_pace look; /* the last look at all sockets */
};

#endif
