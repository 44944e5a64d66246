// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "reading/gather.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "keys/formats/formats.h"
#include "keys/formats/source_read.h"

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
		result = strcmp(sources->items[i], V2M_SOURCE_AUTO) == 0
				 ? add_auto_places(auto_root, &made)
				 : v2m_strings_add(&made, sources->items[i]);
		if (result)
			return result;
	}
	*paths = made;
	made = (struct v2m_strings){ 0 };
	return 0;
}

struct gathering {
	const struct v2m_gather_options *options;
	struct v2m_gathered *gathered;
	size_t n_spans; /* of all keys so far */
};

/* Reads a source, and refuses it if it brings too much. */
static int read_source(struct gathering *gathering, const char *path, const char **kind,
		       struct v2m_error *error)
{
	static const struct v2m_live_sources nobody;
	const struct v2m_gather_options *options = gathering->options;
	struct v2m_gathered *gathered = gathering->gathered;
	size_t customers = gathered->customers.count;
	size_t clients = gathered->clients.count;
	size_t assignments = gathered->assignments.count;
	int result = v2m_source_read(path, options->live ? options->live : &nobody, gathered, kind,
				     error);

	gathering->n_spans += v2m_gathered_count_spans(gathered, customers, clients, assignments);
	if (!result && v2m_gathered_count(gathered) > V2M_GATHERED_KEYS_MAX)
		return v2m_error_set(error, -EINVAL,
				     "%s: expected at most %d keys in all sources together", path,
				     V2M_GATHERED_KEYS_MAX);
	if (!result && gathering->n_spans > V2M_GATHERED_SPANS_MAX)
		return v2m_error_set(error, -EINVAL,
				     "%s: expected at most %d ports and ranges of all keys "
				     "together, in all sources",
				     path, V2M_GATHERED_SPANS_MAX);
	return result;
}

/* access(2) asks for the real user, who may not search the directory; stat(2) for what this process
 * may do by CAP_DAC_READ_SEARCH. */
static bool is_absent(const char *path)
{
	struct stat info;

	return stat(path, &info) && (errno == ENOENT || errno == ENOTDIR);
}

/* Reads one source. Its failure stands in what is gathered. 0 or -ENOMEM. */
static int gather_path(struct gathering *gathering, const char *path, bool is_place)
{
	struct v2m_gathered *gathered = gathering->gathered;
	size_t before = v2m_gathered_count(gathered);
	bool absent = is_place && is_absent(path);
	struct v2m_gathered_source *added;
	struct v2m_error error = { 0 };
	const char *kind = "file";
	int result;

	/* The last one that is allowed has said so for all that follow. */
	if (gathered->sources.count >= V2M_GATHERED_SOURCES_MAX)
		return 0;
	if (gathering->options->at)
		gathering->options->at(path);
	result = gathered->sources.count < V2M_GATHERED_SOURCES_MAX - 1
			 ? read_source(gathering, path, &kind, &error)
			 : v2m_error_set(&error, -EINVAL, "%s: expected fewer than %d key sources",
					 path, V2M_GATHERED_SOURCES_MAX);
	if (v2m_gathered_add_source(gathered, path, kind, result, &error))
		return -ENOMEM;
	added = &gathered->sources.items[gathered->sources.count - 1];
	/* Nobody gets the keys of a source that failed. */
	added->keys = result ? 0 : v2m_gathered_count(gathered) - before;
	added->is_place = is_place;
	added->absent = absent && result;
	return 0;
}

static int gather_places(struct gathering *gathering)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings places = { 0 };
	int result = add_auto_places(gathering->options->auto_root, &places);

	gathering->gathered->has_auto = true;
	for (size_t i = 0; i < places.count && !result; i++)
		if (!v2m_key_place_is_replaced(gathering->options->auto_root, places.items[i]))
			result = gather_path(gathering, places.items[i], true);
	return result;
}

/* Whether a source that has been read is the path, or a directory with it. */
static bool is_known(const struct v2m_gathered *gathered, const char *path)
{
	for (size_t i = 0; i < gathered->sources.count; i++) {
		const struct v2m_gathered_source *source = &gathered->sources.items[i];
		size_t length = strlen(source->path);

		if (!source->absent && strncmp(path, source->path, length) == 0 &&
		    (!path[length] || path[length] == '/'))
			return true;
	}
	return false;
}

/* Whether a source can be read. What it brings is forgotten. */
static bool can_read(const struct gathering *gathering, const char *path, struct v2m_error *error)
{
	static const struct v2m_live_sources nobody;
	V2M_CLEANUP(v2m_gathered_clear) struct v2m_gathered tried = { 0 };
	const struct v2m_live_sources *live = gathering->options->live;
	const char *kind;

	return v2m_source_read(path, live ? live : &nobody, &tried, &kind, error) == 0;
}

/* Reads a source that was found with a running proxy. Nobody has asked for these sources: one that
 * cannot be read is told, and costs nothing else. 0 or -ENOMEM. */
static int gather_found(struct gathering *gathering, const char *path)
{
	struct v2m_key_notes *notes = &gathering->gathered->notes;
	struct v2m_error error = { 0 };

	if (is_known(gathering->gathered, path))
		return 0;
	if (gathering->options->at)
		gathering->options->at(path);
	if (!can_read(gathering, path, &error)) {
		v2m_key_note_file(notes, V2M_NOTE_REMARK, path,
				  "a running proxy was started with it, but it cannot be read: %s",
				  error.text);
		return 0;
	}
	v2m_key_note_file(notes, V2M_NOTE_REMARK, path,
			  v2m_is_live_source(path)
				  ? "it is read because it is the API of a running proxy"
				  : "it is read because a running proxy was started with it");
	/* It stands for a place: with it, "auto" has found something. */
	return gather_path(gathering, path, true);
}

int v2m_gather_sources(const struct v2m_strings *sources, const struct v2m_gather_options *options,
		       struct v2m_gathered *gathered)
{
	struct gathering gathering = { .options = options, .gathered = gathered };
	int result = 0;

	for (size_t i = 0; i < sources->count && !result; i++)
		result = strcmp(sources->items[i], V2M_SOURCE_AUTO) == 0
				 ? gather_places(&gathering)
				 : gather_path(&gathering, sources->items[i], false);
	for (size_t i = 0; options->found && i < options->found->count && !result; i++)
		result = gather_found(&gathering, options->found->items[i]);
	return result;
}
