/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The byte source: the kernel programs, which are exact; otherwise the TCP sockets' own counters
 * (socket statistics); otherwise none, and no answer is given about bytes. The choice is made at
 * the start and at each reload. While the source changes back to the programs, both exist.
 */
#ifndef V2METER_COLLECTOR_BYTE_SOURCE_H
#define V2METER_COLLECTOR_BYTE_SOURCE_H

#include <systemd/sd-event.h>

#include "base/port_rule.h"
#include "base/connection.h"
#include "base/sample.h"
#include "collector/socket_netns.h"
#include "config/config.h"
#include "keys/keys.h"

struct v2m_byte_source;
struct v2m_datapath;

/* Loads the kernel programs, or falls back. The configuration, the conditions and netns must
 * outlive the byte source. 0, or -errno if the operator has to change something: another daemon
 * runs, or pin_dir is not usable. */
int v2m_byte_source_open(sd_event *event, const struct v2m_config *config,
			 struct v2m_conditions *conditions, struct v2m_socket_netns *netns,
			 struct v2m_byte_source **source, struct v2m_error *error);
/* The pinned programs go on counting. Does nothing on NULL. */
void v2m_byte_source_close(struct v2m_byte_source *source);

/* Whether the kernel programs are the source. */
bool v2m_byte_source_is_exact(const struct v2m_byte_source *source);
/* Whether bytes are counted at all. */
bool v2m_byte_source_counts(const struct v2m_byte_source *source);
/* Whether anything of the slot is counted. Socket statistics do not count UDP. */
bool v2m_byte_source_counts_slot(const struct v2m_byte_source *source, const struct v2m_slot *slot);
/* Why the source is not exact; "" if it is. */
const char *v2m_byte_source_reason(const struct v2m_byte_source *source);
/* The kernel programs, to attach them; NULL if there are none. */
struct v2m_datapath *v2m_byte_source_programs(const struct v2m_byte_source *source);

/* Counts the slots of the key set. Returns how many could not be placed, or -errno; -EBUSY: rules
 * that leave still have their slots. Then account a v2m_byte_source_read_programs(), and call it
 * again. */
int v2m_byte_source_set_slots(struct v2m_byte_source *source, const struct v2m_keyset *keyset,
			      struct v2m_error *error);
/* The ports under which ports of keys are published, as of the last v2m_byte_source_set_slots(). */
const struct v2m_port_aliases *v2m_byte_source_aliases(const struct v2m_byte_source *source);
/* Readable when a NAT rule has changed; -1: nobody tells. */
int v2m_byte_source_rules_fd(const struct v2m_byte_source *source);
/* Whether rules have changed, and the slots have to be set again. At most once a second. */
bool v2m_byte_source_rules_are_due(struct v2m_byte_source *source);
/* Reads the counters into an empty sample, as v2m_datapath_read(). -EOPNOTSUPP if bytes are not
 * counted. */
int v2m_byte_source_read(struct v2m_byte_source *source, struct v2m_sample *sample,
			 struct v2m_error *error);
/* Reads what the maps of the programs hold, even while socket statistics are the source. */
int v2m_byte_source_read_programs(struct v2m_byte_source *source, struct v2m_sample *sample,
				  struct v2m_error *error);
/* Fills in the UDP peers of a table that nobody else has yet. The table has none if the programs
 * are not the source, or cannot tell; the latter is logged. */
void v2m_byte_source_fill_peers(struct v2m_byte_source *source, struct v2m_connection_table *table);

/* Accounts and stores one sample of an earlier version, and empties it. 0 or -errno. */
typedef int (*v2m_byte_source_store)(void *context, struct v2m_sample *sample,
				     struct v2m_error *error);
/* Hands over what earlier versions, whose maps had another layout, counted until our programs took
 * their place. Call it before the first sample of our own maps. If store fails, the old maps stay
 * for the next start. */
void v2m_byte_source_take_over_previous(struct v2m_byte_source *source, v2m_byte_source_store store,
					void *context);

/* Gives up the programs and takes the socket statistics. The ports have to be set again. */
void v2m_byte_source_fall_back(struct v2m_byte_source *source, const char *reason);
/* Opens the socket statistics anew after the namespace has changed: other sockets, whose counters
 * begin at 0. The ports have to be set again. */
void v2m_byte_source_reopen_stats(struct v2m_byte_source *source);

/* The way back to the programs, in steps: load them beside the socket statistics, which stay the
 * source; then, when they count, make them the source, or unload them. 0 or -errno. */
int v2m_byte_source_load_programs(struct v2m_byte_source *source, struct v2m_error *error);
void v2m_byte_source_use_programs(struct v2m_byte_source *source);
void v2m_byte_source_unload_programs(struct v2m_byte_source *source, const char *reason);

/* Logs again what was logged once. */
void v2m_byte_source_log_again(struct v2m_byte_source *source);

#endif
