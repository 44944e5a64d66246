/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The number of open connections of each address. */
#ifndef V2METER_HTTP_ADDRESS_COUNTS_H
#define V2METER_HTTP_ADDRESS_COUNTS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"

struct v2m_address_counts {
	pthread_mutex_t lock;
	struct v2m_table table;
};

/* Makes room for max addresses at the same time. Beyond that, an address is not counted if memory
 * runs out. 0 or -ENOMEM. */
int v2m_address_counts_init(struct v2m_address_counts *counts, size_t max);
void v2m_address_counts_destroy(struct v2m_address_counts *counts);
/* Counts a connection that begins or ends. The address is IPv4 in network byte order. Each
 * connection that began ends once. */
void v2m_address_counts_add(struct v2m_address_counts *counts, uint32_t address);
void v2m_address_counts_remove(struct v2m_address_counts *counts, uint32_t address);
/* The number of open connections of the address. */
unsigned v2m_address_counts_get(struct v2m_address_counts *counts, uint32_t address);

#endif
