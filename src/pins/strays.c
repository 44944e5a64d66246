// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pins/strays.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "pins/map_shape.h"

/* Nobody nests pins deeper. */
#define DEPTH_MAX 16

struct search {
	const char *own;
	const char *name;
	uint32_t map_id;
	V2M_ARRAY(struct v2m_pins) found;
};

/* The top directory of the bpffs: above it is another device. */
static int find_top(const char *dir, char top[PATH_MAX])
{
	struct stat below;
	struct stat above;

	if (!realpath(dir, top) || stat(top, &below))
		return -errno;
	for (char *slash = strrchr(top, '/'); slash && slash != top; slash = strrchr(top, '/')) {
		*slash = 0;
		if (stat(top, &above))
			return -errno;
		if (above.st_dev != below.st_dev) {
			*slash = '/';
			return 0;
		}
	}
	return 0;
}

static int note_if_ours(struct search *search, const struct v2m_pins *pins)
{
	V2M_CLOSE int map = -1;
	struct stat own;
	struct stat other;

	if (stat(search->own, &own) == 0 && stat(pins->dir, &other) == 0 &&
	    own.st_ino == other.st_ino)
		return 0;
	map = v2m_pin_get(pins, search->name);
	if (map < 0 || v2m_map_id(map) != search->map_id)
		return 0;
	return v2m_array_add(&search->found, *pins);
}

/* Directories that we may not read are others'. */
static int search_below(struct search *search, const char *dir, unsigned depth)
{
	DIR *stream = opendir(dir);
	struct v2m_pins pins = { 0 };
	struct dirent *entry;
	int result = 0;

	while (stream && result == 0 && (entry = readdir(stream))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
		    v2m_pins_init(&pins, dir, entry->d_name))
			continue;
		result = note_if_ours(search, &pins);
		if (result == 0 && depth < DEPTH_MAX)
			result = search_below(search, pins.dir, depth + 1);
	}
	if (stream)
		closedir(stream);
	return result;
}

int v2m_strays_walk(const struct v2m_pins *own, const char *name, int map,
		    int (*visit)(const struct v2m_pins *stray, void *context), void *context)
{
	struct search search = { .own = own->dir, .name = name, .map_id = v2m_map_id(map) };
	char top[PATH_MAX];
	int result = search.map_id ? find_top(own->dir, top) : -errno;

	if (result == 0)
		result = search_below(&search, top, 0);
	/* Only now, as they are renamed. */
	for (size_t i = 0; i < search.found.count && result == 0; i++)
		result = visit(&search.found.items[i], context);
	v2m_array_clear(&search.found);
	return result;
}

bool v2m_pin_is_link(int fd)
{
	/* bpf_link_new_fd() of the kernel writes the first, bpf_link_prime() the second. */
	static const char *const names[] = { "anon_inode:bpf-link", "anon_inode:bpf_link" };
	char target[64] = "";
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		return false;
	return strcmp(target, names[0]) == 0 || strcmp(target, names[1]) == 0;
}
