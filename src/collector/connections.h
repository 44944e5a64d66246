/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The connections of the monitored ports: a dump of those that exist now, and the sessions, which
 * the kernel counts as connections open and close.
 */
#ifndef V2METER_COLLECTOR_CONNECTIONS_H
#define V2METER_COLLECTOR_CONNECTIONS_H

#include "accounting/raw_port.h"
#include "accounting/snapshot.h"
#include "collector/socket_netns.h"
#include "keys/keys.h"
#include "paths/local_paths.h"

struct v2m_connections;
struct v2m_datapath;

/* Opens the sockets of the namespace, and enters a named one if it exists. window_s: how long a
 * path that is not counted is reported. pin_dir and netns must outlive the connections. 0 or
 * -errno; -EIO if the daemon's own sockets cannot be listed. */
int v2m_connections_open(const char *pin_dir, unsigned window_s, struct v2m_socket_netns *netns,
			 struct v2m_connections **connections, struct v2m_error *error);
/* Does nothing on NULL. */
void v2m_connections_close(struct v2m_connections *connections);

/* Follows the namespace. Returns whether it has changed: the ports have to be set again then. */
bool v2m_connections_follow_netns(struct v2m_connections *connections);

/* Has the kernel count sessions, if it can, and add them to the owners of the datapath. NULL: the
 * dumps are compared. Call it when the byte source has changed. Failures are logged. */
void v2m_connections_count_sessions(struct v2m_connections *connections,
				    const struct v2m_datapath *datapath);
/* Whether it is known what open connections deliver. */
bool v2m_connections_measure_delivered(const struct v2m_connections *connections);
/* Whether the same is known of each owner of flows. */
bool v2m_connections_know_owners(const struct v2m_connections *connections);
/* Looks at all open sockets. Does nothing if that is not measured. Failures are logged. */
void v2m_connections_pass(struct v2m_connections *connections);
/* Whether an answer is worth another look, see v2m_sessions_pass_is_due(). */
bool v2m_connections_pass_is_due(const struct v2m_connections *connections);
/* As v2m_connections_pass(), enters connections that began here as below, and reads the session
 * counters of owners and slots. Failures are logged; the last readings stay then. datapath: of the
 * owners; NULL: there are none. */
void v2m_connections_read_delivered(struct v2m_connections *connections,
				    const struct v2m_datapath *datapath);
/* Counts the sessions of the key set's slots, and of the owners of their flows. Call it after the
 * last readings of slots that leave were accounted. Open connections that began on this host with a
 * port of theirs are foreign to the programs from then on; datapath may be NULL. Failures are
 * logged. */
void v2m_connections_set_slots(struct v2m_connections *connections, const struct v2m_keyset *keyset,
			       const struct v2m_datapath *datapath);

/* Reads the session counters of slots. Failures are logged; the last readings stay then. */
void v2m_connections_read_sessions(struct v2m_connections *connections);
/* Dumps the connections of the key set's ports. The session counters were read just before: a
 * connection that closes in between is then in neither of them, and in the next reading. In the
 * other order it would be in both. 0 or -errno, logged. The caller may fill in the peers of *table
 * before it passes it to v2m_connections_replace(). */
int v2m_connections_dump(struct v2m_connections *connections, const struct v2m_keyset *keyset,
			 struct v2m_connection_table **table);
/* Makes a dump the last one, and takes over the reference to it. */
void v2m_connections_replace(struct v2m_connections *connections,
			     struct v2m_connection_table *table);
/* Adds the last dump to the paths of local connections, as v2m_local_paths_add(), and returns what
 * v2m_local_paths_worst() does. */
const struct v2m_local_path *v2m_connections_find_paths(struct v2m_connections *connections,
							bool (*is_counted)(const void *context,
									   uint16_t slot_port),
							const void *context, size_t *count);
/* The slot to which most UDP sockets of this host itself send over the loopback device, where it is
 * not counted; how many sockets, and how many such slots. 0: none. */
uint16_t v2m_connections_find_senders(const struct v2m_connections *connections, size_t *sockets,
				      size_t *slots);

/* Whether the last dump is so old that the next tick takes one, unless that may wait. */
bool v2m_connections_dump_is_due(const struct v2m_connections *connections);

/* The last dump; NULL before the first one. */
struct v2m_connection_table *v2m_connections_table(const struct v2m_connections *connections);
/* The session counters as last read. ports are the caller's to free, and owners are valid until the
 * next reading. 0 or -ENOMEM. */
int v2m_connections_sessions(const struct v2m_connections *connections,
			     struct v2m_session_counts *counts);
/* Frees the ports. Does nothing if there are none. */
void v2m_session_counts_clear(struct v2m_session_counts *counts);
/* Fills in the members of a slot's view that are about connections. */
void v2m_connections_fill(const struct v2m_connections *connections, const struct v2m_slot *slot,
			  struct v2m_slot_view *view);
/* Fills in the sessions of an owner of flows; zeros if they are not known. */
void v2m_connections_fill_owner(const struct v2m_connections *connections, uint32_t owner,
				struct v2m_sessions_view *view);

#endif
