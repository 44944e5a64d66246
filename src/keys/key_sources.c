// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/key_sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/format.h"
#include "base/log.h"
#include "base/name_index.h"
#include "keys/formats/formats.h"
#include "keys/formats/source_read.h"
#include "base/string_list.h"
#include "base/uuid.h"
#include "base/cleanup.h"

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

int v2m_key_sources_paths(const struct v2m_strings *sources, const char *auto_root,
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

static size_t count_gathered(const struct v2m_gathered *gathered)
{
	return gathered->customers.count + gathered->clients.count + gathered->assignments.count;
}

/* The state while the sources are read. */
struct loading {
	const struct v2m_source_options *options;
	struct v2m_gathered gathered;
	struct v2m_source_report report;
	const struct v2m_source_report *before; /* of the last reading */
	struct v2m_error *error;                /* of the first source that failed */
	int result;
};

static void keep_first_error(struct loading *loading, int result, const struct v2m_error *error)
{
	if (loading->result)
		return;
	loading->result = result;
	if (loading->error)
		*loading->error = *error;
}

static void run_out_of_memory(struct loading *loading)
{
	struct v2m_error error;

	keep_first_error(loading, v2m_error_set(&error, -ENOMEM, "out of memory"), &error);
}

static void log_notes(const struct v2m_key_notes *notes)
{
	char text[V2M_KEY_NOTE_LEN];

	for (size_t i = 0; i < notes->count; i++) {
		v2m_key_note_format(&notes->items[i], text);
		if (notes->items[i].kind == V2M_NOTE_MISSING)
			v2m_log_warning("%s", text);
		else
			v2m_log_info("%s", text);
	}
	if (notes->n_more)
		v2m_log_warning("%zu more notes on the key sources are not shown", notes->n_more);
}

/* Reads one source. If it fails, the others are still read, so that the report names every error.
 */
static void load_path(struct loading *loading, const char *path, bool may_be_absent)
{
	const struct v2m_source_entry *earlier = v2m_source_report_find(loading->before, path);
	size_t had = earlier ? earlier->good_keys : 0;
	size_t before = count_gathered(&loading->gathered);
	struct v2m_error error = { 0 };
	const char *kind;
	size_t count;
	int result;

	if (may_be_absent && !had && access(path, F_OK) && (errno == ENOENT || errno == ENOTDIR))
		return;
	result = v2m_source_read(path, &loading->gathered, &kind, &error);
	count = count_gathered(&loading->gathered) - before;
	if (!result && !count && had)
		result = v2m_error_set_class(&error, V2M_FAILURE_CONFIGURATION, -ENODATA,
					     "%s: it has no keys any more, of %zu. If this is "
					     "meant, restart the meter",
					     path, had);
	if (result)
		keep_first_error(loading, result, &error);
	if (v2m_source_report_add(&loading->report, path, kind, count,
				  result ? error.text : NULL)) {
		run_out_of_memory(loading);
		return;
	}
	if (!count)
		loading->report.items[loading->report.count - 1].good_keys = had;
}

static void load_auto(struct loading *loading)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings places = { 0 };
	const struct v2m_keyset *previous = loading->options->previous;
	size_t before = loading->report.count;
	struct v2m_error error;

	if (add_auto_places(loading->options->auto_root, &places))
		run_out_of_memory(loading);
	for (size_t i = 0; i < places.count; i++)
		load_path(loading, places.items[i], true);
	if (loading->report.count > before)
		return;
	if (previous && previous->n_keys)
		keep_first_error(loading,
				 v2m_error_set(&error, -ENOENT,
					       "auto: the key sources are gone: none of its places "
					       "exists any more"),
				 &error);
	else
		v2m_log_warning("auto: there are no keys yet: none of its places exists (v2meterd "
				"--key-places lists them)");
}

/* Finds, by uuid in lower case, the keys of the earlier set that have a date. 0 or -ENOMEM. */
static int index_dates(const struct v2m_keyset *previous, struct v2m_name_index *places)
{
	for (size_t i = 0; previous && i < previous->n_keys; i++) {
		char subject[V2M_SUBJECT_LEN];

		v2m_key_subject(&previous->keys[i], subject, sizeof(subject));
		if (previous->keys[i].created_at && v2m_name_index_set(places, subject, i))
			return -ENOMEM;
	}
	return 0;
}

static int date_key(struct v2m_key *key, const struct v2m_name_index *places,
		    const struct v2m_source_options *options)
{
	char subject[V2M_SUBJECT_LEN];
	char text[V2M_FORMAT_TIME_LEN];
	int64_t seen_us = 0;
	size_t place;

	v2m_key_subject(key, subject, sizeof(subject));
	if (v2m_name_index_find(places, subject, &place)) {
		key->created_at = strdup(options->previous->keys[place].created_at);
	} else {
		if (options->first_seen_us)
			seen_us = options->first_seen_us(options->context, subject);
		v2m_format_time(seen_us ? seen_us : options->now_us, text);
		key->created_at = strdup(text);
	}
	return key->created_at ? 0 : -ENOMEM;
}

/* Gives a date to the keys whose source has none. */
static int date_keys(struct v2m_key_list *keys, const struct v2m_source_options *options)
{
	V2M_CLEANUP(v2m_name_index_clear) struct v2m_name_index places = { 0 };
	int result = index_dates(options->previous, &places);

	for (size_t i = 0; i < keys->count && !result; i++)
		if (!keys->items[i].created_at)
			result = date_key(&keys->items[i], &places, options);
	return result;
}

/* An earlier version made a key for each port of a client with several ports. Its id was a UUIDv5
 * of the identity and the port. 0 or -ENOMEM. */
static int add_aliases_of_span(struct v2m_key *key, const struct v2m_span *span,
			       const struct v2m_source_options *options)
{
	char subject[V2M_SUBJECT_LEN];
	char name[V2M_SUBJECT_LEN + 8];
	char id[V2M_UUID_LEN];

	v2m_key_subject(key, subject, sizeof(subject));
	for (unsigned port = span->first_port; port <= span->last_port; port++) {
		snprintf(name, sizeof(name), "%s:%u", key->identity ? key->identity : subject,
			 port);
		v2m_uuid5(name, id);
		if (strcmp(id, subject) != 0 && options->knows_subject(options->context, id) &&
		    v2m_strings_add(&key->aliases, id))
			return -ENOMEM;
	}
	return 0;
}

/* Names of keys that were joined are aliases only if something was counted for them. */
static void keep_known_aliases(struct v2m_key *key, const struct v2m_source_options *options)
{
	size_t n = 0;

	for (size_t i = 0; i < key->aliases.count; i++) {
		char *alias = key->aliases.items[i];

		if (options->knows_subject && options->knows_subject(options->context, alias))
			key->aliases.items[n++] = alias;
		else
			free(alias);
	}
	key->aliases.count = n;
}

/* 0 or -ENOMEM. */
static int add_aliases(struct v2m_key_list *keys, const struct v2m_source_options *options)
{
	int result = 0;

	for (size_t i = 0; i < keys->count; i++)
		keep_known_aliases(&keys->items[i], options);
	for (size_t i = 0; options->knows_subject && i < keys->count; i++)
		for (size_t k = 0; k < keys->items[i].n_spans && !result; k++)
			result = add_aliases_of_span(&keys->items[i], &keys->items[i].spans[k],
						     options);
	return result;
}

static int make_keyset(struct loading *loading, struct v2m_keyset **keyset)
{
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list keys = { 0 };
	struct v2m_error error = { 0 };
	struct v2m_keyset *made;
	int result = v2m_key_join(&loading->gathered, &keys, &error);

	if (result)
		return v2m_error_set(loading->error, result, "%s", error.text);
	result = date_keys(&keys, loading->options);
	if (!result)
		result = add_aliases(&keys, loading->options);
	if (!result)
		result = v2m_key_list_seal(&keys, &made);
	if (result)
		return v2m_error_set(loading->error, result, "out of memory");
	loading->report.refused_ports = made->slots.n_refused;
	if (made->slots.n_refused)
		v2m_log_error(
			"%zu ports or ranges are not counted, because at most %d can be: ranges "
			"are left out before single ports, and the last keys before the others",
			made->slots.n_refused, V2M_MAX_SLOTS);
	*keyset = made;
	return 0;
}

int v2m_key_sources_load(const struct v2m_strings *sources,
			 const struct v2m_source_options *options, struct v2m_keyset **keyset,
			 struct v2m_source_report *report, struct v2m_error *error)
{
	struct loading loading = { .options = options, .before = report, .error = error };

	loading.gathered.previous = options->previous;
	loading.gathered.live = options->live;

	for (size_t i = 0; i < sources->count; i++) {
		if (strcmp(sources->items[i], AUTO) == 0)
			load_auto(&loading);
		else
			load_path(&loading, sources->items[i], false);
	}
	if (!loading.result)
		loading.result = make_keyset(&loading, keyset);
	v2m_key_notes_move(&loading.report.notes, &loading.gathered.notes);
	log_notes(&loading.report.notes);
	v2m_gathered_clear(&loading.gathered);
	v2m_source_report_clear(report);
	*report = loading.report;
	return loading.result;
}
