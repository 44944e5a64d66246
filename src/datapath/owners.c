// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/owners.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/table.h"
#include "base/transport.h"
#include "datapath/flows.h"
#include "datapath/grace.h"
#include "datapath/map_list.h"
#include "datapath/state.h"

/* The identity of an owner, as the key of a table. */
struct identity {
	uint16_t first_port;
	uint8_t protocol;
	char key[V2M_OWNER_KEY_LEN];
};

struct place {
	struct identity identity;
	uint32_t owner;
};

static struct v2m_table_key key_of_place(const void *element)
{
	const struct place *place = element;

	return (struct v2m_table_key){ &place->identity, sizeof(place->identity) };
}

static const struct v2m_table_type places = { sizeof(struct place), key_of_place };

/* All bytes are set, also those between the members. */
static void make_identity(uint16_t first_port, uint8_t protocol, const char *key,
			  struct identity *identity)
{
	memset(identity, 0, sizeof(*identity));
	identity->first_port = first_port;
	identity->protocol = protocol;
	snprintf(identity->key, sizeof(identity->key), "%s", key);
}

/* --- the memory of owner_counters --- */

/* One part: the counters of a CPU, or those of the labels, in one direction. */
static struct v2m_owner_counters *map_part(const struct v2m_datapath *datapath, uint32_t part,
					   unsigned count)
{
	size_t first = v2m_owner_index(datapath->owners_max, part / 2, part % 2, 0);
	void *memory = mmap(NULL, count * sizeof(struct v2m_owner_counters), PROT_READ | PROT_WRITE,
			    MAP_SHARED, datapath->maps[V2M_MAP_OWNER_COUNTERS],
			    (off_t)(first * sizeof(struct v2m_owner_counters)));

	return memory == MAP_FAILED ? NULL : memory;
}

static void unmap_part(struct v2m_owner_counters *counters, unsigned count)
{
	munmap(counters, count * sizeof(*counters));
}

static uint32_t n_parts(const struct v2m_datapath *datapath)
{
	return ((uint32_t)datapath->cpu_ids + 1) * 2;
}

/* --- reading --- */

static void add_live(struct v2m_flow *sum, const struct v2m_flow *flow)
{
	sum->packets += __atomic_load_n(&flow->packets, __ATOMIC_RELAXED);
	sum->wire_bytes += __atomic_load_n(&flow->wire_bytes, __ATOMIC_RELAXED);
	sum->payload_bytes += __atomic_load_n(&flow->payload_bytes, __ATOMIC_RELAXED);
}

static struct v2m_flow_sessions read_sessions(const struct v2m_flow_sessions *live)
{
	return (struct v2m_flow_sessions){
		.opened = __atomic_load_n(&live->opened, __ATOMIC_RELAXED),
		.closed = __atomic_load_n(&live->closed, __ATOMIC_RELAXED),
		.rx_bytes = __atomic_load_n(&live->rx_bytes, __ATOMIC_RELAXED),
		.tx_bytes = __atomic_load_n(&live->tx_bytes, __ATOMIC_RELAXED),
	};
}

static void add_owners(const struct v2m_datapath *datapath, struct v2m_sample *sample)
{
	for (uint32_t i = 1; i < datapath->used_owners; i++) {
		const struct v2m_owner_use *use = &datapath->owners[i];
		struct v2m_owner_sample *sum = &sample->owners[sample->n_owners];

		if (!use->current && !use->leaving)
			continue;
		sum->owner = i;
		sum->port = use->owner.first_port;
		sum->transports = use->owner.protocol == IPPROTO_TCP ? V2M_TCP : V2M_UDP;
		sum->assigned_ns = use->owner.assigned_ns;
		memcpy(sum->key, use->owner.key, sizeof(sum->key));
		sample->n_owners++;
	}
}

int v2m_owners_read(const struct v2m_datapath *datapath, struct v2m_sample *sample)
{
	unsigned used = datapath->used_owners;

	sample->owners = calloc(used + 1, sizeof(*sample->owners));
	if (!sample->owners)
		return -ENOMEM;
	add_owners(datapath, sample);
	for (uint32_t part = 0; part < n_parts(datapath) && sample->n_owners; part++) {
		struct v2m_owner_counters *counters = map_part(datapath, part, used);

		if (!counters)
			return -errno;
		for (size_t i = 0; i < sample->n_owners; i++) {
			struct v2m_owner_sample *sum = &sample->owners[i];

			add_live(part % 2 ? &sum->tx : &sum->rx, &counters[sum->owner].flow);
		}
		unmap_part(counters, used);
	}
	return 0;
}

int v2m_owners_read_sessions(const struct v2m_datapath *datapath,
			     struct v2m_owner_sessions **owners, size_t *count)
{
	unsigned used = datapath->used_owners;
	V2M_FREE struct v2m_owner_sessions *list = calloc(used, sizeof(*list));
	const struct v2m_flow_sessions *counters;
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	counters = mmap(NULL, used * sizeof(*counters), PROT_READ, MAP_SHARED,
			datapath->maps[V2M_MAP_OWNER_SESSIONS], 0);
	if (counters == MAP_FAILED)
		return -errno;
	for (uint32_t i = 1; i < used; i++)
		list[n++] = (struct v2m_owner_sessions){
			.owner = i,
			.assigned_ns = datapath->owners[i].owner.assigned_ns,
			.counts = read_sessions(&counters[i]),
		};
	munmap((void *)counters, used * sizeof(*counters));
	*owners = V2M_TAKE(list);
	*count = n;
	return 0;
}

struct v2m_owner_room v2m_owners_room(const struct v2m_datapath *datapath)
{
	struct v2m_owner_room room = { .owners_max = datapath->owners_max - 1,
				       .flows_max = datapath->flows_max };

	for (uint32_t i = 1; i < datapath->used_owners; i++)
		room.owners += datapath->owners[i].current;
	return room;
}

struct v2m_owner_maps v2m_owners_maps(const struct v2m_datapath *datapath)
{
	return (struct v2m_owner_maps){ datapath->maps[V2M_MAP_FLOWS],
					datapath->maps[V2M_MAP_OWNER_SESSIONS] };
}

void v2m_owners_were_read(struct v2m_datapath *datapath)
{
	for (uint32_t i = 1; i < datapath->used_owners; i++)
		datapath->owners[i].leaving = false;
}

int v2m_owners_open(struct v2m_datapath *datapath, struct v2m_error *error)
{
	struct v2m_owner owner;
	int result = 0;

	datapath->owners = calloc(datapath->owners_max, sizeof(*datapath->owners));
	if (!datapath->owners)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	datapath->used_owners = 1;
	for (uint32_t i = 1; i < datapath->owners_max && !result; i++) {
		result = bpf_map_lookup_elem(datapath->maps[V2M_MAP_OWNERS], &i, &owner);
		/* They are assigned from the first on. */
		if (result || !owner.assigned_ns)
			break;
		owner.key[sizeof(owner.key) - 1] = 0;
		datapath->owners[i] = (struct v2m_owner_use){ .owner = owner, .current = true };
		datapath->used_owners = i + 1;
	}
	return result ? v2m_error_set(error, result, "cannot read owners: %s", strerror(-result))
		      : 0;
}

/* --- setting the owners --- */

/* State of one call. */
struct setting {
	struct v2m_datapath *datapath;
	const struct v2m_owner_rule *rules;
	size_t count;
	uint32_t *indices;
	struct v2m_table by_identity;
	bool *wanted; /* by owner */
	int n_new;    /* owners that were not current before */
};

/* Owners that have left, too: a key that comes back goes on with its counters. So no two owners
 * have one identity, and the next process finds the owner that the flows have. */
static int list_owners(struct setting *setting)
{
	int result = 0;

	for (uint32_t i = 1; i < setting->datapath->used_owners && !result; i++) {
		const struct v2m_owner_use *use = &setting->datapath->owners[i];
		struct place place = { .owner = i };

		make_identity(use->owner.first_port, use->owner.protocol, use->owner.key,
			      &place.identity);
		result = v2m_table_add(&setting->by_identity, &place);
	}
	return result;
}

static void note_current(struct setting *setting, uint32_t owner)
{
	setting->n_new += !setting->datapath->owners[owner].current;
	setting->datapath->owners[owner].current = true;
}

static void keep_owners(struct setting *setting)
{
	for (size_t i = 0; i < setting->count; i++) {
		const struct v2m_owner_rule *rule = &setting->rules[i];
		struct identity identity;
		const struct place *place;

		make_identity(rule->first_port, rule->protocol, rule->key, &identity);
		place = v2m_table_find(&setting->by_identity, &identity, sizeof(identity));
		setting->indices[i] = place ? place->owner : V2M_NO_OWNER;
		if (!place)
			continue;
		setting->wanted[place->owner] = true;
		note_current(setting, place->owner);
	}
}

/* The flows of owners that left lose their labels. */
static int remove_flows(struct setting *setting)
{
	V2M_FREE struct v2m_flow_entry *entries = NULL;
	size_t count = 0;
	int result = v2m_flows_read(setting->datapath, false, &entries, &count);

	for (size_t i = 0; i < count && !result; i++) {
		uint32_t owner = entries[i].state.owner;

		if (owner != V2M_NO_OWNER &&
		    (owner >= setting->datapath->owners_max || !setting->wanted[owner]))
			result = v2m_flows_remove(setting->datapath, &entries[i].key, 1);
	}
	return result ? result : v2m_grace_period();
}

static bool retires(const struct setting *setting, uint32_t owner)
{
	return setting->datapath->owners[owner].current && !setting->wanted[owner];
}

/* An owner whose flows could not be removed stays current, so that nobody else gets it. */
static int retire(struct setting *setting)
{
	uint32_t used = setting->datapath->used_owners;
	uint32_t first = 1;
	int result;

	while (first < used && !retires(setting, first))
		first++;
	result = first < used ? remove_flows(setting) : 0;
	for (uint32_t i = first; i < used && !result; i++) {
		if (!retires(setting, i))
			continue;
		setting->datapath->owners[i].current = false;
		setting->datapath->owners[i].leaving = true;
	}
	return result;
}

/* An owner that was never used, otherwise the one that was assigned longest ago and left. */
static uint32_t find_free(const struct setting *setting)
{
	const struct v2m_datapath *datapath = setting->datapath;
	uint32_t oldest = V2M_NO_OWNER;

	if (datapath->used_owners < datapath->owners_max)
		return datapath->used_owners;
	for (uint32_t i = 1; i < datapath->owners_max; i++) {
		const struct v2m_owner_use *use = &datapath->owners[i];

		if (use->current || use->leaving)
			continue;
		if (oldest == V2M_NO_OWNER ||
		    use->owner.assigned_ns < datapath->owners[oldest].owner.assigned_ns)
			oldest = i;
	}
	return oldest;
}

/* Clears the counters of an owner in every part. No flow has the owner. */
static int clear_counters(const struct v2m_datapath *datapath, uint32_t owner)
{
	static const struct v2m_flow_sessions none;

	for (uint32_t part = 0; part < n_parts(datapath); part++) {
		uint32_t index = v2m_owner_index(datapath->owners_max, part / 2, part % 2, owner);
		struct v2m_owner_counters counters = { .owner = owner, .tx = part % 2 };
		int result = bpf_map_update_elem(datapath->maps[V2M_MAP_OWNER_COUNTERS], &index,
						 &counters, BPF_ANY);

		if (result)
			return result;
	}
	return bpf_map_update_elem(datapath->maps[V2M_MAP_OWNER_SESSIONS], &owner, &none, BPF_ANY);
}

static int claim(struct setting *setting, uint32_t i, const struct v2m_owner_rule *rule)
{
	struct v2m_datapath *datapath = setting->datapath;
	struct v2m_owner_use *use = &datapath->owners[i];
	uint64_t now_ns = (uint64_t)v2m_clock_real_us() * 1000;
	struct v2m_owner owner = {
		/* Must differ from any earlier use, even if the clock was set back. */
		.assigned_ns =
			now_ns > use->owner.assigned_ns ? now_ns : use->owner.assigned_ns + 1,
		.first_port = rule->first_port,
		.protocol = rule->protocol,
	};
	int result = clear_counters(datapath, i);

	snprintf(owner.key, sizeof(owner.key), "%s", rule->key);
	if (!result)
		result = bpf_map_update_elem(datapath->maps[V2M_MAP_OWNERS], &i, &owner, BPF_ANY);
	if (result)
		return result;
	*use = (struct v2m_owner_use){ .owner = owner };
	note_current(setting, i);
	if (i >= datapath->used_owners)
		datapath->used_owners = i + 1;
	return 0;
}

/* 0; -EBUSY if only owners that have just left are free; or another -errno. Owners beyond the map
 * stay V2M_NO_OWNER. */
static int claim_owners(struct setting *setting)
{
	for (size_t i = 0; i < setting->count; i++) {
		uint32_t owner;
		int result;

		if (setting->indices[i] != V2M_NO_OWNER)
			continue;
		owner = find_free(setting);
		if (owner == V2M_NO_OWNER) {
			for (uint32_t k = 1; k < setting->datapath->owners_max; k++)
				if (setting->datapath->owners[k].leaving)
					return -EBUSY;
			return 0;
		}
		result = claim(setting, owner, &setting->rules[i]);
		if (result)
			return result;
		setting->indices[i] = owner;
	}
	return 0;
}

int v2m_owners_set(struct v2m_datapath *datapath, const struct v2m_owner_rule *rules, size_t count,
		   uint32_t *indices, struct v2m_error *error)
{
	V2M_FREE bool *wanted = calloc(datapath->owners_max, sizeof(*wanted));
	struct setting setting = {
		.datapath = datapath,
		.rules = rules,
		.count = count,
		.indices = indices,
		.by_identity = { .type = &places },
		.wanted = wanted,
	};
	int result = wanted ? list_owners(&setting) : -ENOMEM;

	if (!result) {
		keep_owners(&setting);
		result = retire(&setting);
	}
	if (!result)
		result = claim_owners(&setting);
	v2m_table_clear(&setting.by_identity);
	return result ? v2m_error_set(error, result, "cannot set the owners of flows: %s",
				      strerror(-result))
		      : setting.n_new;
}
