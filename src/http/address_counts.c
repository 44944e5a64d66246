// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/address_counts.h"

#include <stddef.h>
#include <string.h>

void v2m_address_counts_init(struct v2m_address_counts *counts)
{
	memset(counts, 0, sizeof(*counts));
	pthread_mutex_init(&counts->lock, NULL);
}

void v2m_address_counts_destroy(struct v2m_address_counts *counts)
{
	pthread_mutex_destroy(&counts->lock);
}

static size_t home(uint32_t address)
{
	/* Knuth's multiplicative hash. */
	return (address * 2654435761u) >> 22;
}

/* The slot of the address, or the free slot for it. */
static struct v2m_address_count *find(struct v2m_address_counts *counts, uint32_t address)
{
	size_t at = home(address);

	while (counts->slots[at].connections && counts->slots[at].address != address)
		at = (at + 1) % V2M_ADDRESS_SLOTS;
	return &counts->slots[at];
}

/* Moves entries back that the freed slot had displaced. Otherwise a search would end at the gap. */
static void close_gap(struct v2m_address_counts *counts, size_t gap)
{
	for (size_t at = (gap + 1) % V2M_ADDRESS_SLOTS; counts->slots[at].connections;
	     at = (at + 1) % V2M_ADDRESS_SLOTS) {
		size_t wanted = home(counts->slots[at].address);

		if ((at + V2M_ADDRESS_SLOTS - wanted) % V2M_ADDRESS_SLOTS <
		    (at + V2M_ADDRESS_SLOTS - gap) % V2M_ADDRESS_SLOTS)
			continue;
		counts->slots[gap] = counts->slots[at];
		counts->slots[at].connections = 0;
		gap = at;
	}
}

void v2m_address_counts_add(struct v2m_address_counts *counts, uint32_t address)
{
	struct v2m_address_count *slot;

	pthread_mutex_lock(&counts->lock);
	slot = find(counts, address);
	slot->address = address;
	slot->connections++;
	pthread_mutex_unlock(&counts->lock);
}

void v2m_address_counts_remove(struct v2m_address_counts *counts, uint32_t address)
{
	struct v2m_address_count *slot;

	pthread_mutex_lock(&counts->lock);
	slot = find(counts, address);
	if (slot->connections && --slot->connections == 0)
		close_gap(counts, (size_t)(slot - counts->slots));
	pthread_mutex_unlock(&counts->lock);
}

unsigned v2m_address_counts_get(struct v2m_address_counts *counts, uint32_t address)
{
	unsigned connections;

	pthread_mutex_lock(&counts->lock);
	connections = find(counts, address)->connections;
	pthread_mutex_unlock(&counts->lock);
	return connections;
}
