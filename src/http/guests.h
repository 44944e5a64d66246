/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How many connections each address has open. */
#ifndef V2METER_HTTP_GUESTS_H
#define V2METER_HTTP_GUESTS_H

#include <pthread.h>
#include <stdint.h>

/* More than there are workers, hence connections: the table is never full. */
#define V2M_GUEST_SLOTS 1024

struct v2m_guest {
	uint32_t address; /* IPv4, network byte order */
	unsigned connections;
};

struct v2m_guests {
	pthread_mutex_t lock;
	struct v2m_guest slots[V2M_GUEST_SLOTS]; /* open addressing; unused: no connections */
};

void v2m_guests_init(struct v2m_guests *guests);
void v2m_guests_destroy(struct v2m_guests *guests);
/* A connection of the address (IPv4, network byte order) begins; each that began ends once. */
void v2m_guests_enter(struct v2m_guests *guests, uint32_t address);
void v2m_guests_leave(struct v2m_guests *guests, uint32_t address);
/* How many connections of the address have entered. */
unsigned v2m_guests_count(struct v2m_guests *guests, uint32_t address);

#endif
