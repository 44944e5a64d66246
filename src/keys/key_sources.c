// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/key_sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/log.h"
#include "base/name_index.h"
#include "keys/key_join.h"
#include "base/uuid.h"
#include "base/cleanup.h"

/* The state while the sources are joined. */
struct joining {
	const struct v2m_source_options *options;
	struct v2m_gathered *gathered;
	struct v2m_source_report report;
	const struct v2m_source_report *before; /* of the last reading */
	struct v2m_error *error;                /* of the first source that failed */
	int result;
};

static void keep_first_error(struct joining *joining, int result, const struct v2m_error *error)
{
	if (joining->result)
		return;
	joining->result = result;
	if (joining->error)
		*joining->error = *error;
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

/* Says what is wrong with a source; 0: nothing. had: the keys that it had before. */
static int judge_source(const struct v2m_gathered_source *source, size_t had,
			struct v2m_error *error)
{
	if (source->result)
		return v2m_error_set_class(error, source->failure, source->result, "%s",
					   source->error);
	if (source->keys || !had)
		return 0;
	return v2m_error_set_class(error, V2M_FAILURE_CONFIGURATION, -ENODATA,
				   "%s: it has no keys any more, of %zu. If this is meant, restart "
				   "the meter",
				   source->path, had);
}

/* Reports a source. If it fails, the others are still reported. 0 or -ENOMEM. */
static int report_source(struct joining *joining, const struct v2m_gathered_source *source)
{
	const struct v2m_source_entry *earlier =
		v2m_source_report_find(joining->before, source->path);
	size_t had = earlier ? earlier->good_keys : 0;
	struct v2m_error error = { 0 };
	int result;

	if (source->absent && !had)
		return 0;
	result = judge_source(source, had, &error);
	if (result)
		keep_first_error(joining, result, &error);
	if (v2m_source_report_add(&joining->report, source->path, source->kind, source->keys,
				  result ? error.text : NULL))
		return -ENOMEM;
	if (!source->keys)
		joining->report.items[joining->report.count - 1].good_keys = had;
	return 0;
}

/* No place of "auto" exists. */
static void miss_places(struct joining *joining)
{
	const struct v2m_keyset *previous = joining->options->previous;
	struct v2m_error error;

	if (previous && previous->n_keys)
		keep_first_error(joining,
				 v2m_error_set(&error, -ENOENT,
					       "auto: the key sources are gone: none of its places "
					       "exists any more"),
				 &error);
	else
		v2m_log_warning("auto: there are no keys yet: none of its places exists (v2meterd "
				"--key-places lists them)");
}

static void report_sources(struct joining *joining)
{
	const struct v2m_gathered_sources *sources = &joining->gathered->sources;
	bool has_place = false;
	struct v2m_error error;

	for (size_t i = 0; i < sources->count; i++) {
		size_t before = joining->report.count;

		if (report_source(joining, &sources->items[i]))
			keep_first_error(joining, v2m_error_set(&error, -ENOMEM, "out of memory"),
					 &error);
		if (sources->items[i].is_place && joining->report.count > before)
			has_place = true;
	}
	if (joining->gathered->has_auto && !has_place)
		miss_places(joining);
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

static int make_keyset(struct joining *joining, struct v2m_keyset **keyset)
{
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list keys = { 0 };
	struct v2m_error error = { 0 };
	struct v2m_keyset *made;
	int result = v2m_key_join(joining->gathered, joining->options->previous, &keys, &error);

	if (result)
		return v2m_error_set(joining->error, result, "%s", error.text);
	if (joining->options->claims)
		result = v2m_claims_follow(joining->options->claims, &keys,
					   &joining->gathered->notes);
	if (!result)
		result = date_keys(&keys, joining->options);
	if (!result)
		result = add_aliases(&keys, joining->options);
	if (!result)
		result = v2m_key_list_seal(&keys, &made);
	if (result)
		return v2m_error_set(joining->error, result, "out of memory");
	joining->report.refused_ports = made->slots.n_refused;
	if (made->slots.n_refused)
		v2m_log_error(
			"%zu ports or ranges are not counted, because at most %d can be: ranges "
			"are left out before single ports, and the last keys before the others",
			made->slots.n_refused, V2M_MAX_SLOTS);
	*keyset = made;
	return 0;
}

int v2m_key_sources_join(struct v2m_gathered *gathered, const struct v2m_source_options *options,
			 struct v2m_keyset **keyset, struct v2m_source_report *report,
			 struct v2m_error *error)
{
	struct joining joining = {
		.options = options, .gathered = gathered, .before = report, .error = error
	};

	report_sources(&joining);
	if (!joining.result)
		joining.result = make_keyset(&joining, keyset);
	v2m_key_notes_move(&joining.report.notes, &gathered->notes);
	joining.report.access_logs = gathered->access_logs;
	gathered->access_logs = (struct v2m_access_logs){ 0 };
	log_notes(&joining.report.notes);
	v2m_gathered_clear(gathered);
	v2m_source_report_clear(report);
	*report = joining.report;
	return joining.result;
}
