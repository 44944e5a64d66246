// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "reading/gather.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "keys/formats/formats.h"
#include "keys/formats/source_read.h"

#define AUTO "auto"

static int add_place(const char *root, const char *place, struct v2m_strings *paths)
{
	V2M_FREE char *path = NULL;

	if (asprintf(&path, "%s%s", root ? root : "", place) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return v2m_strings_add(paths, path);
}

/* The places of all formats: everything that is there is read. */
static int add_auto_places(const char *root, struct v2m_strings *paths)
{
	size_t n_formats;
	const struct v2m_key_format *formats = v2m_key_formats(&n_formats);

	for (size_t i = 0; i < n_formats; i++)
		for (const char *const *place = formats[i].places; *place; place++)
			if (add_place(root, *place, paths))
				return -ENOMEM;
	return 0;
}

int v2m_key_places(struct v2m_strings *paths)
{
	return add_auto_places(NULL, paths);
}

int v2m_gather_paths(const struct v2m_strings *sources, const char *auto_root,
		     struct v2m_strings *paths)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings made = { 0 };

	for (size_t i = 0; i < sources->count; i++) {
		int result;

		if (v2m_is_live_source(sources->items[i]))
			continue;
		result = strcmp(sources->items[i], AUTO) == 0
				 ? add_auto_places(auto_root, &made)
				 : v2m_strings_add(&made, sources->items[i]);

		if (result)
			return result;
	}
	*paths = made;
	made = (struct v2m_strings){ 0 };
	return 0;
}

/* Reads one source. Its failure stands in *gathered. 0 or -ENOMEM. */
static int gather_path(const char *path, bool is_place, const struct v2m_live_sources *live,
		       struct v2m_gathered *gathered)
{
	size_t before = v2m_gathered_count(gathered);
	bool absent = is_place && access(path, F_OK) && (errno == ENOENT || errno == ENOTDIR);
	struct v2m_gathered_source *added;
	struct v2m_error error = { 0 };
	const char *kind;
	int result = v2m_source_read(path, live, gathered, &kind, &error);

	if (v2m_gathered_add_source(gathered, path, kind, result, &error))
		return -ENOMEM;
	added = &gathered->sources.items[gathered->sources.count - 1];
	added->keys = v2m_gathered_count(gathered) - before;
	added->is_place = is_place;
	added->absent = absent && result;
	return 0;
}

static int gather_places(const char *auto_root, const struct v2m_live_sources *live,
			 struct v2m_gathered *gathered)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings places = { 0 };
	int result = add_auto_places(auto_root, &places);

	gathered->has_auto = true;
	for (size_t i = 0; i < places.count && !result; i++)
		result = gather_path(places.items[i], true, live, gathered);
	return result;
}

int v2m_gather(const struct v2m_strings *sources, const char *auto_root,
	       const struct v2m_live_sources *live, struct v2m_gathered *gathered)
{
	int result = 0;

	for (size_t i = 0; i < sources->count && !result; i++)
		result = strcmp(sources->items[i], AUTO) == 0
				 ? gather_places(auto_root, live, gathered)
				 : gather_path(sources->items[i], false, live, gathered);
	return result;
}
