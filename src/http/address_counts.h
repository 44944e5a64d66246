/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How many connections each address has open. */
#ifndef V2METER_HTTP_ADDRESS_COUNTS_H
#define V2METER_HTTP_ADDRESS_COUNTS_H

#include <pthread.h>
#include <stdint.h>

/* More than there are workers, hence connections: the table is never full. */
#define V2M_ADDRESS_SLOTS 1024

struct v2m_address_count {
	uint32_t address; /* IPv4, network byte order */
	unsigned connections;
};

struct v2m_address_counts {
	pthread_mutex_t lock;
	/* Open addressing; unused: no connections. */
	struct v2m_address_count slots[V2M_ADDRESS_SLOTS];
};

void v2m_address_counts_init(struct v2m_address_counts *counts);
void v2m_address_counts_destroy(struct v2m_address_counts *counts);
/* A connection of the address (IPv4, network byte order) begins; each that began ends once. */
void v2m_address_counts_add(struct v2m_address_counts *counts, uint32_t address);
void v2m_address_counts_remove(struct v2m_address_counts *counts, uint32_t address);
/* How many connections of the address are open. */
unsigned v2m_address_counts_get(struct v2m_address_counts *counts, uint32_t address);

#endif
