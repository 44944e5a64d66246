/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Attributes the flows of shared slots to their keys: follows the access logs of the proxy, or
 * takes its list of online users if there is no log, and has the kernel label the flows.
 */
#ifndef V2METER_ATTRIBUTION_ATTRIBUTION_H
#define V2METER_ATTRIBUTION_ATTRIBUTION_H

#include "accounting/snapshot.h"
#include "base/connection.h"
#include "base/error.h"
#include "config/config.h"
#include "keys/access_logs.h"
#include "keys/keys.h"
#include "keys/online_users.h"

struct v2m_attribution;
struct v2m_rates;
struct v2m_datapath;

/* The configuration must outlive it. What an earlier process had read is in the state directory; if
 * that file is damaged, the log says so. NULL: out of memory. */
struct v2m_attribution *v2m_attribution_new(const struct v2m_config *config);
/* Does nothing on NULL. */
void v2m_attribution_free(struct v2m_attribution *attribution);

/* Follows the logs that the configurations of the proxies name, if the setting says so. True: these
 * are the first ones, and v2m_attribution_set_keys() is to be called again. is_fresh: as in
 * followed_logs.h. */
bool v2m_attribution_learn(struct v2m_attribution *attribution, const struct v2m_access_logs *found,
			   bool is_fresh);
/* The logs that are followed, in their order: the path, and why the log could not be read last; "":
 * it could. NULL behind the last one. */
const char *v2m_attribution_log(const struct v2m_attribution *attribution, size_t index,
				const char **problem);
/* A sentence about the first log that cannot be read although a shared port needs it; "": there is
 * none. */
void v2m_attribution_judge(const struct v2m_attribution *attribution, struct v2m_error *sentence);

/*
 * Without an access log, users are told apart by the proxies' list of users who are online, see
 * online_owners.h. Whether it is worth asking for:
 */
bool v2m_attribution_wants_online(const struct v2m_attribution *attribution);
/* Takes in a list. True: it is the first one, and v2m_attribution_set_keys() is to be called again.
 * is_fresh: as in followed_logs.h. */
bool v2m_attribution_take_online(struct v2m_attribution *attribution,
				 const struct v2m_online_list *list, bool is_fresh);

/* Has the kernel count for the owners of a new key set, before the last sample with the old set is
 * taken. datapath NULL: no kernel programs, and nothing is attributed. 0 or -errno; bytes stay
 * unattributed then. */
int v2m_attribution_set_keys(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
			     struct v2m_keyset *keyset, struct v2m_error *error);

/* After that sample: it gave what ports counted that are shared only now to the keys that had them
 * alone, and no label takes these bytes again. 0 or -errno. */
int v2m_attribution_begin_ports(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
				struct v2m_error *error);
/* Bytes that were counted until now are accounted without the flows: they are from the maps of an
 * earlier version, or the ledger does not know of them. */
void v2m_attribution_note_new_counts(struct v2m_attribution *attribution);

/* Reads what the logs have, labels flows, and from time to time removes those whose connection has
 * ended. Before a sample. Failures are logged. table: the last dump of the connections. */
void v2m_attribution_follow(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
			    const struct v2m_connection_table *table);
/* The same before a reset: reads the logs to their ends, and leaves what has no owner then with the
 * slots. */
void v2m_attribution_settle(struct v2m_attribution *attribution, struct v2m_datapath *datapath);

/* Room in the kernel's maps, and what is taken. All 0 if no shared slot has owners. */
struct v2m_attribution_room {
	size_t flows; /* open connections that have a place, at the last sweep of flow_sweep.h */
	size_t flows_max;
	size_t users; /* keys on one transport of one shared slot */
	size_t users_max;
};
void v2m_attribution_room(const struct v2m_attribution *attribution,
			  const struct v2m_datapath *datapath, struct v2m_attribution_room *room);

/* As v2m_attributor_take_sessions(). */
uint32_t *v2m_attribution_take_sessions(struct v2m_attribution *attribution, size_t *count);

/* Whether a shared slot is attributed: a user of it was named. */
bool v2m_attribution_covers(const struct v2m_attribution *attribution, const struct v2m_slot *slot);
/* The kernel's owner for the flows of a key on a shared slot by one protocol. V2M_NO_OWNER: none.
 */
uint32_t v2m_attribution_owner(const struct v2m_attribution *attribution,
			       const struct v2m_slot *slot, const struct v2m_key *key,
			       uint8_t protocol);
/* Fills in the owners of the connections of a table that nobody else has yet. */
void v2m_attribution_fill_owners(const struct v2m_attribution *attribution,
				 struct v2m_datapath *datapath, struct v2m_connection_table *table);
/* Fills in how the shared slots of a snapshot are attributed. */
void v2m_attribution_fill(const struct v2m_attribution *attribution, const struct v2m_rates *rates,
			  struct v2m_snapshot *snapshot);

#endif
