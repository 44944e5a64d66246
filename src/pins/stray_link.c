// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pins/stray_link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "pins/strays.h"

static int take_back(const struct v2m_link_pins *of, const char *path)
{
	char place[PATH_MAX];
	int result = v2m_pin_path(of->pins, of->link, place);

	if (result)
		return result;
	if (access(place, F_OK) == 0)
		return unlink(path) ? -errno : 0;
	return rename(path, place) ? -errno : 0;
}

static int empty_stray(const struct v2m_pins *stray, void *context)
{
	const struct v2m_link_pins *of = context;
	char path[PATH_MAX];
	int result = v2m_pin_path(stray, of->link, path);

	if (result == 0 && access(path, F_OK) == 0)
		result = take_back(of, path);
	if (result)
		return result;
	for (size_t i = 0; i < of->n_maps; i++)
		if (v2m_pin_path(stray, of->maps[i], path) == 0)
			unlink(path);
	/* The directory stays if it has a pin of somebody else. */
	(void)rmdir(stray->dir);
	v2m_log_warning("%s had been renamed: its pins are back in %s", stray->dir, of->pins->dir);
	return 0;
}

/* Takes back a link that has another name in the directory. Returns 1 if it did. */
static int take_back_renamed(const char *name, void *context)
{
	const struct v2m_link_pins *of = context;
	V2M_CLOSE int fd = v2m_pin_get(of->pins, name);
	char path[PATH_MAX];
	int result;

	if (strcmp(name, of->link) == 0 || fd < 0 || !v2m_pin_is_link(fd))
		return 0;
	result = v2m_pin_path(of->pins, name, path);
	if (result == 0)
		result = take_back(of, path);
	if (result == 0)
		v2m_log_warning("%s had been renamed and is back", path);
	return result ? result : 1;
}

int v2m_stray_link_take_back(const struct v2m_link_pins *of, int map)
{
	struct v2m_link_pins copy = *of;
	int result = v2m_strays_walk(of->pins, of->maps[0], map, empty_stray, &copy);

	if (result)
		return result;
	do {
		result = v2m_directory_walk(of->pins->dir, take_back_renamed, &copy);
	} while (result == 1);
	return result;
}
