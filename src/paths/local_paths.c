// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/local_paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "paths/local_flows.h"

#define SECOND_NS UINT64_C(1000000000)

/* A connection of the last dump, and what it had carried by then. */
struct known {
	uint64_t cookie;
	uint64_t bytes;
};

struct slot {
	struct v2m_local_path path;
	bool blind;     /* the last dump had connections whose bytes are not known */
	bool was_blind; /* so had the dump before */
	uint64_t base_bytes;
	uint64_t base_ns;
	uint64_t mattered_ns; /* 0: never */
};

struct known_list {
	struct known *items;
	size_t count;
	size_t capacity;
};

struct slot_list {
	struct slot *items; /* ascending by slot_port */
	size_t count;
	size_t capacity;
};

struct v2m_local_paths {
	uint64_t window_ns;
	struct known_list known; /* ascending by cookie */
	struct slot_list slots;
	struct v2m_local_flows flows;
};

struct v2m_local_paths *v2m_local_paths_new(unsigned window_s)
{
	struct v2m_local_paths *paths = calloc(1, sizeof(*paths));

	if (paths)
		paths->window_ns = window_s * SECOND_NS;
	return paths;
}

void v2m_local_paths_free(struct v2m_local_paths *paths)
{
	if (!paths)
		return;
	v2m_array_clear(&paths->known);
	v2m_array_clear(&paths->slots);
	v2m_local_flows_clear(&paths->flows);
	free(paths);
}

const struct v2m_foreign_flows *v2m_local_paths_udp(struct v2m_local_paths *paths,
						    const struct v2m_port_rule *rules,
						    size_t n_rules)
{
	v2m_local_flows_look(&paths->flows, rules, n_rules);
	return &paths->flows.found;
}

static int compare_known(const void *left, const void *right)
{
	const struct known *a = left;
	const struct known *b = right;

	return a->cookie < b->cookie ? -1 : a->cookie > b->cookie;
}

static uint64_t bytes_before(const struct known_list *list, uint64_t cookie)
{
	const struct known wanted = { .cookie = cookie };
	const struct known *found = list->count ? bsearch(&wanted, list->items, list->count,
							  sizeof(wanted), compare_known)
						: NULL;

	return found ? found->bytes : 0;
}

static struct slot *find_slot(const struct slot_list *list, uint16_t slot_port)
{
	size_t low = 0;
	size_t high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list->items[middle].path.slot_port < slot_port)
			low = middle + 1;
		else
			high = middle;
	}
	return &list->items[low];
}

/* The slot's entry, made if there is none. Room is reserved. */
static struct slot *take_slot(struct slot_list *list, uint16_t slot_port, uint64_t now_ns)
{
	struct slot *slot = find_slot(list, slot_port);
	size_t index = (size_t)(slot - list->items);

	if (index < list->count && slot->path.slot_port == slot_port)
		return slot;
	memmove(slot + 1, slot, (list->count - index) * sizeof(*slot));
	list->count++;
	*slot = (struct slot){ .path.slot_port = slot_port, .base_ns = now_ns };
	return slot;
}

static void add_connection(struct v2m_local_paths *paths, struct known_list *known,
			   const struct v2m_connection *connection, uint64_t now_ns)
{
	struct slot *slot = take_slot(&paths->slots, connection->slot_port, now_ns);
	uint64_t bytes = connection->rx_bytes + connection->tx_bytes;
	uint64_t before = bytes_before(&paths->known, connection->cookie);

	slot->path.connections++;
	if (!connection->tcp_header) {
		slot->blind = true;
		return;
	}
	slot->path.bytes += bytes > before ? bytes - before : 0;
	known->items[known->count++] = (struct known){ connection->cookie, bytes };
}

static void judge(struct slot *slot, uint64_t window_ns, uint64_t now_ns)
{
	bool much = slot->path.bytes - slot->base_bytes >= V2M_LOCAL_PATH_MIN_BYTES;

	if (much || (slot->blind && slot->was_blind))
		slot->mattered_ns = now_ns;
	if (much || now_ns - slot->base_ns >= window_ns) {
		slot->base_bytes = slot->path.bytes;
		slot->base_ns = now_ns;
	}
	slot->path.matters = slot->mattered_ns && now_ns - slot->mattered_ns < window_ns;
}

/* How many connections of the dump come from this host, and how many slots they may add. */
static size_t count_local(const struct v2m_connection_table *table)
{
	size_t count = 0;

	for (size_t i = 0; i < table->count; i++)
		count += v2m_connection_is_local(&table->connections[i]);
	return count;
}

int v2m_local_paths_add(struct v2m_local_paths *paths, const struct v2m_connection_table *table,
			bool (*is_counted)(const void *context, uint16_t slot_port),
			const void *context)
{
	size_t most = count_local(table);
	struct known_list known = { .items = calloc(most + 1, sizeof(*known.items)) };

	if (!known.items || v2m_array_reserve(&paths->slots, most + 1)) {
		free(known.items);
		return -ENOMEM;
	}
	known.capacity = most + 1;
	for (size_t i = 0; i < paths->slots.count; i++) {
		struct slot *slot = &paths->slots.items[i];

		slot->was_blind = slot->blind;
		slot->blind = false;
		slot->path.connections = 0;
	}
	for (size_t i = 0; i < table->count; i++)
		if (v2m_connection_is_local(&table->connections[i]) &&
		    !is_counted(context, table->connections[i].slot_port))
			add_connection(paths, &known, &table->connections[i], table->mono_ns);
	for (size_t i = 0; i < paths->slots.count; i++)
		judge(&paths->slots.items[i], paths->window_ns, table->mono_ns);
	v2m_array_clear(&paths->known);
	if (known.count)
		qsort(known.items, known.count, sizeof(*known.items), compare_known);
	paths->known = known;
	return 0;
}

const struct v2m_local_path *v2m_local_paths_find(const struct v2m_local_paths *paths,
						  uint16_t slot_port)
{
	const struct slot *slot = find_slot(&paths->slots, slot_port);

	if (slot == paths->slots.items + paths->slots.count || slot->path.slot_port != slot_port)
		return NULL;
	return &slot->path;
}

const struct v2m_local_path *v2m_local_paths_worst(const struct v2m_local_paths *paths,
						   size_t *count)
{
	const struct v2m_local_path *worst = NULL;

	*count = 0;
	for (size_t i = 0; i < paths->slots.count; i++) {
		const struct v2m_local_path *path = &paths->slots.items[i].path;

		if (!path->matters)
			continue;
		++*count;
		if (!worst || path->bytes > worst->bytes)
			worst = path;
	}
	return worst;
}
