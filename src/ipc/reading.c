// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ipc/reading.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ipc/keyset.h"
#include "ipc/status.h"

/* The least that an item of each list takes in a message. */
#define TEXT_SIZE   4
#define SOURCE_SIZE 30
#define ENTRY_SIZE  12
#define LIVE_SIZE   500

/* The longest strings. A note names a place within a file. */
#define TEXT_MAX (V2M_SUBJECT_LEN - 1)
#define NOTE_MAX 4096
/* The kernel has no larger errno. */
#define MAX_ERRNO 4095

static void put_live(struct v2m_wire *wire, struct v2m_live_source *live)
{
	v2m_wire_text(wire, &live->source);
	v2m_wire_text(wire, &live->text);
	if (wire->reading)
		live->length = live->text ? strlen(live->text) : 0;
	v2m_wire_i32(wire, &live->result);
	v2m_put_error(wire, &live->error);
	if (!live->source)
		v2m_wire_refuse(wire);
}

void v2m_put_reading_order(struct v2m_wire *wire, struct v2m_reading_order *order)
{
	struct v2m_live_sources *live = &order->live;

	v2m_put_strings(wire, &order->sources);
	v2m_put_strings(wire, &order->found);
	live->items =
		v2m_wire_array(wire, live->items, &live->count, LIVE_SIZE, sizeof(*live->items));
	if (wire->reading)
		live->capacity = live->count;
	for (size_t i = 0; i < live->count && !wire->failed; i++)
		put_live(wire, &live->items[i]);
	v2m_wire_bool(wire, &order->verbose);
	v2m_wire_bool(wire, &order->watches);
}

static void put_keys(struct v2m_wire *wire, struct v2m_key_list *keys)
{
	keys->items = v2m_wire_array(wire, keys->items, &keys->count,
				     V2M_KEY_WIRE_SIZE + 2 * TEXT_SIZE, sizeof(*keys->items));
	if (wire->reading)
		keys->capacity = keys->count;
	for (size_t i = 0; i < keys->count && !wire->failed; i++) {
		v2m_put_key(wire, &keys->items[i]);
		v2m_wire_text(wire, &keys->items[i].identity);
		v2m_put_strings(wire, &keys->items[i].emails);
	}
}

static void put_source(struct v2m_wire *wire, struct v2m_gathered_source *source)
{
	v2m_wire_text(wire, &source->path);
	v2m_wire_text(wire, &source->kind);
	v2m_wire_size(wire, &source->keys);
	v2m_wire_bool(wire, &source->is_place);
	v2m_wire_bool(wire, &source->absent);
	v2m_wire_i32(wire, &source->result);
	source->failure = v2m_wire_limited(wire, source->failure, V2M_FAILURE_DAMAGED);
	v2m_wire_text(wire, &source->error);
}

static void put_gathered(struct v2m_wire *wire, struct v2m_gathered *gathered)
{
	struct v2m_gathered_sources *sources = &gathered->sources;

	put_keys(wire, &gathered->customers);
	put_keys(wire, &gathered->clients);
	put_keys(wire, &gathered->assignments);
	v2m_put_notes(wire, &gathered->notes);
	sources->items = v2m_wire_array(wire, sources->items, &sources->count, SOURCE_SIZE,
					sizeof(*sources->items));
	if (wire->reading)
		sources->capacity = sources->count;
	for (size_t i = 0; i < sources->count && !wire->failed; i++)
		put_source(wire, &sources->items[i]);
	v2m_put_strings(wire, &gathered->apis);
	v2m_put_access_logs(wire, &gathered->access_logs);
	v2m_wire_bool(wire, &gathered->has_auto);
}

static void put_watched(struct v2m_wire *wire, struct v2m_watch_list *watched)
{
	watched->items = v2m_wire_array(wire, watched->items, &watched->count, ENTRY_SIZE,
					sizeof(*watched->items));
	if (wire->reading)
		watched->capacity = watched->count;
	for (size_t i = 0; i < watched->count && !wire->failed; i++) {
		v2m_wire_i32(wire, &watched->items[i].wd);
		v2m_wire_text(wire, &watched->items[i].name);
		v2m_wire_u32(wire, &watched->items[i].events);
	}
	v2m_put_strings(wire, &watched->endings);
	v2m_wire_i32(wire, &watched->failed);
}

void v2m_put_reading(struct v2m_wire *wire, struct v2m_reading *reading)
{
	put_gathered(wire, &reading->gathered);
	put_watched(wire, &reading->watched);
	v2m_wire_u32(wire, &reading->unprotected);
}

/* Whether a text that may be absent is one that a source may have. */
static bool may_be(const char *text)
{
	return !text || (strlen(text) <= TEXT_MAX && v2m_is_utf8(text));
}

static bool is_text(const char *text)
{
	return text && *text && may_be(text);
}

/* A path or a sentence. It is only shown. */
static bool is_shown(char *text, size_t max)
{
	if (!text || strlen(text) > max)
		return false;
	if (!v2m_is_utf8(text))
		v2m_text_make_plain(text);
	return true;
}

static bool are_allowed_emails(const struct v2m_strings *emails)
{
	for (size_t i = 0; i < emails->count; i++)
		if (!*emails->items[i] || strlen(emails->items[i]) > V2M_KEY_EMAIL_MAX ||
		    !v2m_is_utf8(emails->items[i]))
			return false;
	return true;
}

static bool is_allowed_key(struct v2m_key *key, bool is_assignment)
{
	if (!is_text(key->uuid) || !is_shown(key->source, PATH_MAX) || key->aliases.count ||
	    key->n_spans > V2M_MAX_KEY_SPANS)
		return false;
	if (!may_be(key->created_at) || !may_be(key->short_id) || !may_be(key->sni))
		return false;
	if (key->identity &&
	    (!*key->identity || !v2m_is_utf8(key->identity) || strlen(key->identity) > PATH_MAX))
		return false;
	if (!are_allowed_emails(&key->emails))
		return false;
	return is_assignment ? may_be(key->id) && may_be(key->name)
			     : is_text(key->id) && is_text(key->name);
}

static bool are_allowed_keys(struct v2m_key_list *keys, bool are_assignments)
{
	for (size_t i = 0; i < keys->count; i++)
		if (!is_allowed_key(&keys->items[i], are_assignments))
			return false;
	return true;
}

static bool are_allowed_notes(struct v2m_key_notes *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		if (!is_shown(notes->items[i].file, PATH_MAX) ||
		    !is_shown(notes->items[i].member, NOTE_MAX) ||
		    !is_shown(notes->items[i].reason, NOTE_MAX))
			return false;
	return notes->count <= V2M_KEY_NOTES_MAX;
}

static bool are_allowed_sources(struct v2m_gathered_sources *sources)
{
	if (sources->count > V2M_GATHERED_SOURCES_MAX)
		return false;
	for (size_t i = 0; i < sources->count; i++) {
		struct v2m_gathered_source *source = &sources->items[i];

		if (!is_shown(source->path, PATH_MAX) || !is_shown(source->kind, TEXT_MAX) ||
		    source->keys > V2M_GATHERED_KEYS_MAX || source->result > 0 ||
		    source->result < -MAX_ERRNO || !source->result != !source->error)
			return false;
		if (source->error && !is_shown(source->error, NOTE_MAX))
			return false;
	}
	return true;
}

static bool are_allowed_apis(const struct v2m_strings *apis)
{
	for (size_t i = 0; i < apis->count; i++)
		if (!is_text(apis->items[i]))
			return false;
	return apis->count <= V2M_GATHERED_SOURCES_MAX;
}

static bool are_allowed_logs(const struct v2m_access_logs *logs)
{
	for (size_t i = 0; i < logs->count; i++) {
		const struct v2m_access_log *log = &logs->items[i];

		if (!is_shown(log->source, PATH_MAX) ||
		    (log->path && (strlen(log->path) >= PATH_MAX || !v2m_is_utf8(log->path))))
			return false;
		if (log->kind == V2M_ACCESS_LOG_FILE && (!log->path || *log->path != '/'))
			return false;
	}
	return logs->count <= V2M_GATHERED_SOURCES_MAX;
}

static bool are_allowed_names(const struct v2m_watch_list *watched)
{
	for (size_t i = 0; i < watched->count; i++)
		if (watched->items[i].wd < 0 ||
		    (watched->items[i].name && strlen(watched->items[i].name) > NAME_MAX + 8))
			return false;
	return watched->count <= V2M_WATCH_MAX && watched->endings.count <= TEXT_MAX &&
	       watched->failed <= 0 && watched->failed >= -MAX_ERRNO;
}

bool v2m_reading_is_allowed(struct v2m_reading *reading)
{
	struct v2m_gathered *gathered = &reading->gathered;

	return v2m_gathered_count(gathered) <= V2M_GATHERED_KEYS_MAX &&
	       v2m_gathered_count_spans(gathered, 0, 0, 0) <= V2M_GATHERED_SPANS_MAX &&
	       are_allowed_keys(&gathered->customers, false) &&
	       are_allowed_keys(&gathered->clients, false) &&
	       are_allowed_keys(&gathered->assignments, true) &&
	       are_allowed_notes(&gathered->notes) && are_allowed_sources(&gathered->sources) &&
	       are_allowed_apis(&gathered->apis) && are_allowed_logs(&gathered->access_logs) &&
	       are_allowed_names(&reading->watched);
}

void v2m_reading_order_clear(struct v2m_reading_order *order)
{
	v2m_strings_clear(&order->sources);
	v2m_strings_clear(&order->found);
	v2m_live_sources_clear(&order->live);
}

void v2m_reading_clear(struct v2m_reading *reading)
{
	v2m_gathered_clear(&reading->gathered);
	v2m_watch_list_clear(&reading->watched);
}
