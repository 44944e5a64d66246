// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "clear.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Finds the next key before it deletes one. A search from the beginning would walk over all places
 * that are empty by now. */
static void clear_hash(const struct bpf_map *map)
{
	int fd = bpf_map__fd(map);
	size_t size = bpf_map__key_size(map);
	char *key = calloc(2, size);
	char *next = key + size;
	bool is_there;

	if (!key)
		abort();
	is_there = bpf_map_get_next_key(fd, NULL, key) == 0;
	while (is_there) {
		is_there = bpf_map_get_next_key(fd, key, next) == 0;
		if (bpf_map_delete_elem(fd, key))
			abort();
		memcpy(key, next, size);
	}
	if (bpf_map_get_next_key(fd, NULL, key) == 0)
		abort();
	free(key);
}

static void clear_mapped(const struct bpf_map *map)
{
	size_t size = (size_t)bpf_map__max_entries(map) * ((bpf_map__value_size(map) + 7u) & ~7u);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (memory == MAP_FAILED)
		abort();
	memset(memory, 0, size);
	munmap(memory, size);
}

/* All with one call: each call takes its time in an emulated machine. */
static void clear_array(const struct bpf_map *map)
{
	uint32_t count = bpf_map__max_entries(map);
	uint32_t *keys = calloc(count, sizeof(*keys));
	void *zeros = calloc(count, bpf_map__value_size(map));

	if (!keys || !zeros)
		abort();
	for (uint32_t i = 0; i < count; i++)
		keys[i] = i;
	if (bpf_map_update_batch(bpf_map__fd(map), keys, zeros, &count, NULL))
		abort();
	free(keys);
	free(zeros);
}

static void clear_percpu_array(const struct bpf_map *map)
{
	void *zeros =
		calloc((size_t)libbpf_num_possible_cpus(), (bpf_map__value_size(map) + 7u) & ~7u);

	if (!zeros)
		abort();
	for (uint32_t i = 0; i < bpf_map__max_entries(map); i++)
		if (bpf_map_update_elem(bpf_map__fd(map), &i, zeros, BPF_ANY))
			abort();
	free(zeros);
}

static void clear_map(const struct bpf_map *map)
{
	if (bpf_map__type(map) == BPF_MAP_TYPE_HASH || bpf_map__type(map) == BPF_MAP_TYPE_LRU_HASH)
		clear_hash(map);
	else if (bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY)
		clear_percpu_array(map);
	else if (bpf_map__type(map) != BPF_MAP_TYPE_ARRAY)
		abort();
	else if (bpf_map__map_flags(map) & BPF_F_MMAPABLE)
		clear_mapped(map);
	else
		clear_array(map);
}

void clear_maps(const struct bpf_object *object)
{
	const struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		/* The constants of the programs are in a map, too. They have no variables. */
		if (!bpf_map__is_internal(map))
			clear_map(map);
		else if (!strstr(bpf_map__name(map), "rodata"))
			abort();
	}
}
