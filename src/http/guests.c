// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/guests.h"

#include <stddef.h>
#include <string.h>

void v2m_guests_init(struct v2m_guests *guests)
{
	memset(guests, 0, sizeof(*guests));
	pthread_mutex_init(&guests->lock, NULL);
}

void v2m_guests_destroy(struct v2m_guests *guests)
{
	pthread_mutex_destroy(&guests->lock);
}

static size_t home(uint32_t address)
{
	/* Knuth's multiplicative hash. */
	return (address * 2654435761u) >> 22;
}

/* The slot of the address, or the free one where it belongs. */
static struct v2m_guest *find(struct v2m_guests *guests, uint32_t address)
{
	size_t at = home(address);

	while (guests->slots[at].connections && guests->slots[at].address != address)
		at = (at + 1) % V2M_GUEST_SLOTS;
	return &guests->slots[at];
}

/* Moves back what the freed slot had displaced, so that every search still ends where it should. */
static void close_gap(struct v2m_guests *guests, size_t gap)
{
	for (size_t at = (gap + 1) % V2M_GUEST_SLOTS; guests->slots[at].connections;
	     at = (at + 1) % V2M_GUEST_SLOTS) {
		size_t wanted = home(guests->slots[at].address);

		if ((at + V2M_GUEST_SLOTS - wanted) % V2M_GUEST_SLOTS <
		    (at + V2M_GUEST_SLOTS - gap) % V2M_GUEST_SLOTS)
			continue;
		guests->slots[gap] = guests->slots[at];
		guests->slots[at].connections = 0;
		gap = at;
	}
}

void v2m_guests_enter(struct v2m_guests *guests, uint32_t address)
{
	struct v2m_guest *guest;

	pthread_mutex_lock(&guests->lock);
	guest = find(guests, address);
	guest->address = address;
	guest->connections++;
	pthread_mutex_unlock(&guests->lock);
}

void v2m_guests_leave(struct v2m_guests *guests, uint32_t address)
{
	struct v2m_guest *guest;

	pthread_mutex_lock(&guests->lock);
	guest = find(guests, address);
	if (guest->connections && --guest->connections == 0)
		close_gap(guests, (size_t)(guest - guests->slots));
	pthread_mutex_unlock(&guests->lock);
}

unsigned v2m_guests_count(struct v2m_guests *guests, uint32_t address)
{
	unsigned connections;

	pthread_mutex_lock(&guests->lock);
	connections = find(guests, address)->connections;
	pthread_mutex_unlock(&guests->lock);
	return connections;
}
