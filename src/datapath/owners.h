/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The owners of flows: each is a key on one transport of a shared slot, with counters of its own.
 */
#ifndef V2METER_DATAPATH_OWNERS_H
#define V2METER_DATAPATH_OWNERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/port_rule.h"
#include "base/sample.h"

struct v2m_datapath;

/*
 * Makes these the owners, at most one for each rule. A rule that was there before keeps its owner
 * and its counters, unless another one has got the owner meanwhile. The flows of an owner that left
 * are removed; the next sample has its last bytes. indices gets the owner of each rule,
 * V2M_NO_OWNER if there are more than the map holds. Returns how many owners are new or have come
 * back; -EBUSY: the only free owners have just left, so take a sample and call this again; or
 * another -errno.
 */
int v2m_owners_set(struct v2m_datapath *datapath, const struct v2m_owner_rule *rules, size_t count,
		   uint32_t *indices, struct v2m_error *error);

/* Reads the counters of all owners into the sample. 0 or -errno. */
int v2m_owners_read(const struct v2m_datapath *datapath, struct v2m_sample *sample);
/* Reads the sessions of all owners that were ever used, ascending by owner. The caller frees
 * *owners. 0 or -errno. */
int v2m_owners_read_sessions(const struct v2m_datapath *datapath,
			     struct v2m_owner_sessions **owners, size_t *count);
/* The descriptors of the maps to which v2m_sessions_set_flows() has to add. They stay the
 * datapath's. */
struct v2m_owner_maps {
	int flows;
	int sessions;
};
struct v2m_owner_maps v2m_owners_maps(const struct v2m_datapath *datapath);
/* How many owners there are, and how many owners and flows there is room for. */
struct v2m_owner_room {
	size_t owners;
	size_t owners_max;
	size_t flows_max;
};
struct v2m_owner_room v2m_owners_room(const struct v2m_datapath *datapath);
/* To be called after a sample that succeeded: owners that left need not be read again. */
void v2m_owners_were_read(struct v2m_datapath *datapath);

/* Reads which owners are in use. 0 or -errno. */
int v2m_owners_open(struct v2m_datapath *datapath, struct v2m_error *error);

#endif
