/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds connections that come from this host itself to a port that is not counted on the loopback
 * device: those of a front, a tunnel or a relay on the same host. Their packets pass the loopback
 * device alone, so no program counts them. The time is that of the dumps.
 */
#ifndef V2METER_PATHS_LOCAL_PATHS_H
#define V2METER_PATHS_LOCAL_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/connection.h"
#include "base/port_rule.h"

/* So many bytes of payload in one window are more than a program sends that only looks whether the
 * port is open. */
#define V2M_LOCAL_PATH_MIN_BYTES 65536

/* The connections of one slot that come from this host itself. */
struct v2m_local_path {
	uint16_t slot_port;
	size_t connections; /* in the last dump */
	/* Payload that dumps saw such connections carry, both directions, since the start. Only the
	 * last bytes of each connection can be missing. */
	uint64_t bytes;
	bool matters; /* it carried more than the minimum in this window, or how much is unknown */
};

struct v2m_local_paths;

/* window_s: how long a path matters after it carried bytes. NULL: out of memory. */
struct v2m_local_paths *v2m_local_paths_new(unsigned window_s);
/* Does nothing on NULL. */
void v2m_local_paths_free(struct v2m_local_paths *paths);

/* Takes in a dump. is_counted: whether the slot is counted on the loopback device, or need not be
 * counted. 0, or -ENOMEM with nothing changed. */
int v2m_local_paths_add(struct v2m_local_paths *paths, const struct v2m_connection_table *table,
			bool (*is_counted)(const void *context, uint16_t slot_port),
			const void *context);

/* UDP flows of this host to its own ports that the rules count elsewhere than on the loopback
 * device, as connection tracking showed them last (paths/local_flows.h). They are valid until the
 * next call. */
const struct v2m_foreign_flows *v2m_local_paths_udp(struct v2m_local_paths *paths,
						    const struct v2m_port_rule *rules,
						    size_t n_rules);

/* The path of a slot. NULL: it had no such connection. */
const struct v2m_local_path *v2m_local_paths_find(const struct v2m_local_paths *paths,
						  uint16_t slot_port);
/* The path with the most bytes of those that matter, and how many do. NULL: none. */
const struct v2m_local_path *v2m_local_paths_worst(const struct v2m_local_paths *paths,
						   size_t *count);

#endif
