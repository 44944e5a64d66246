/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The number of open connections of each address. */
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
/* Counts a connection that begins or ends. The address is IPv4 in network byte order. Each
 * connection that began ends once. */
void v2m_address_counts_add(struct v2m_address_counts *counts, uint32_t address);
void v2m_address_counts_remove(struct v2m_address_counts *counts, uint32_t address);
/* The number of open connections of the address. */
unsigned v2m_address_counts_get(struct v2m_address_counts *counts, uint32_t address);

#endif
