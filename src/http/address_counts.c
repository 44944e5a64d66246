// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/address_counts.h"

struct address_count {
	uint32_t address; /* IPv4, network byte order */
	unsigned connections;
};

static struct v2m_table_key key_of_count(const void *element)
{
	const struct address_count *count = element;

	return (struct v2m_table_key){ &count->address, sizeof(count->address) };
}

static const struct v2m_table_type type = { sizeof(struct address_count), key_of_count };

int v2m_address_counts_init(struct v2m_address_counts *counts, size_t max)
{
	int result;

	counts->table = (struct v2m_table){ .type = &type };
	result = v2m_table_reserve(&counts->table, max);
	if (result == 0)
		pthread_mutex_init(&counts->lock, NULL);
	return result;
}

void v2m_address_counts_destroy(struct v2m_address_counts *counts)
{
	v2m_table_clear(&counts->table);
	pthread_mutex_destroy(&counts->lock);
}

static struct address_count *find_count(struct v2m_address_counts *counts, uint32_t address)
{
	return v2m_table_find(&counts->table, &address, sizeof(address));
}

void v2m_address_counts_add(struct v2m_address_counts *counts, uint32_t address)
{
	const struct address_count first = { address, 1 };
	struct address_count *count;

	pthread_mutex_lock(&counts->lock);
	count = find_count(counts, address);
	if (count)
		count->connections++;
	else
		v2m_table_add(&counts->table, &first);
	pthread_mutex_unlock(&counts->lock);
}

void v2m_address_counts_remove(struct v2m_address_counts *counts, uint32_t address)
{
	struct address_count *count;

	pthread_mutex_lock(&counts->lock);
	count = find_count(counts, address);
	if (count && --count->connections == 0)
		v2m_table_remove(&counts->table, count);
	pthread_mutex_unlock(&counts->lock);
}

unsigned v2m_address_counts_get(struct v2m_address_counts *counts, uint32_t address)
{
	const struct address_count *count;
	unsigned connections;

	pthread_mutex_lock(&counts->lock);
	count = find_count(counts, address);
	connections = count ? count->connections : 0;
	pthread_mutex_unlock(&counts->lock);
	return connections;
}
