// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "json/yaml_doc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/name_index.h"
#include "json/yaml_scalar.h"

/* A list or mapping that is being read. */
struct level {
	json_t *value;
	char *name;   /* of the next member; NULL: a name comes next */
	char *anchor; /* known when the value ends, so that no value can hold itself */
	V2M_ARRAY(json_t *) merged; /* values of "<<" */
};

struct reader {
	yaml_parser_t parser;
	struct v2m_json_doc *doc;
	struct v2m_error *error;
	struct level levels[V2M_YAML_MAX_DEPTH];
	size_t depth;
	V2M_ARRAY(json_t *) anchored;
	struct v2m_name_index anchors; /* a name's place in anchored */
	size_t n_aliases;
	size_t n_values;
};

static int fail(struct reader *reader, const yaml_mark_t *mark, const char *sentence)
{
	return v2m_error_set(reader->error, -EINVAL, "%s:%zu:%zu: %s", reader->doc->path,
			     mark->line + 1, mark->column + 1, sentence);
}

static int out_of_memory(struct reader *reader)
{
	return v2m_error_set(reader->error, -ENOMEM, "%s: out of memory", reader->doc->path);
}

/* libyaml's sentence shows nothing of the text. */
static int fail_syntax(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	char sentence[192];

	if (parser->error == YAML_MEMORY_ERROR)
		return out_of_memory(reader);
	snprintf(sentence, sizeof(sentence), "not YAML: %s",
		 parser->problem ? parser->problem : "cannot be read");
	return fail(reader, &parser->problem_mark, sentence);
}

static bool wants_name(const struct reader *reader)
{
	const struct level *level = reader->depth ? &reader->levels[reader->depth - 1] : NULL;

	return level && json_is_object(level->value) && !level->name;
}

/* Shared constants, such as true, have no place of their own, and names are no values. */
static int note_place(struct reader *reader, const json_t *value, const yaml_mark_t *mark)
{
	struct v2m_place place = { (unsigned)mark->line + 1, (unsigned)mark->column + 1 };

	if (++reader->n_values > V2M_JSON_MAX_VALUES)
		return fail(reader, mark, "expected at most 2097152 values");
	if (json_is_boolean(value) || json_is_null(value) || wants_name(reader))
		return 0;
	return v2m_value_places_add(reader->doc->places, value, place) ? out_of_memory(reader) : 0;
}

static int note_anchor(struct reader *reader, const char *anchor, json_t *value)
{
	if (!anchor)
		return 0;
	if (v2m_name_index_set(&reader->anchors, anchor, reader->anchored.count) ||
	    v2m_array_add(&reader->anchored, value))
		return out_of_memory(reader);
	/* A member with the same name may replace the value where it stands. */
	json_incref(value);
	return 0;
}

/* Puts a value into the list or mapping around it, and takes over the reference. */
static int put_value(struct reader *reader, json_t *value, const yaml_mark_t *mark)
{
	struct level *level = reader->depth ? &reader->levels[reader->depth - 1] : NULL;
	int result;

	if (!level) {
		reader->doc->root = value;
		return 0;
	}
	if (json_is_array(level->value))
		return json_array_append_new(level->value, value) ? out_of_memory(reader) : 0;
	if (!level->name) {
		level->name = json_is_string(value) ? strdup(json_string_value(value)) : NULL;
		json_decref(value);
		return level->name ? 0 : fail(reader, mark, "expected a name");
	}
	if (strcmp(level->name, "<<") == 0) {
		result = v2m_array_add(&level->merged, json_incref(value));
		json_decref(result ? value : NULL);
		json_decref(value);
	} else {
		result = json_object_set_new(level->value, level->name, value);
	}
	free(V2M_TAKE(level->name));
	return result ? out_of_memory(reader) : 0;
}

static json_t *scalar_value(const struct reader *reader, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;

	/* Names are strings; nothing else can be a name in JSON. */
	if (!event->data.scalar.plain_implicit || wants_name(reader))
		return json_stringn(text, length);
	return v2m_yaml_scalar(text, length);
}

static int take_scalar(struct reader *reader, const yaml_event_t *event)
{
	json_t *value = scalar_value(reader, event);
	int result;

	if (!value)
		return fail(reader, &event->start_mark, "expected UTF-8");
	result = note_place(reader, value, &event->start_mark);
	if (!result)
		result = note_anchor(reader, (const char *)event->data.scalar.anchor, value);
	if (result) {
		json_decref(value);
		return result;
	}
	return put_value(reader, value, &event->start_mark);
}

static int take_alias(struct reader *reader, const yaml_event_t *event)
{
	size_t place;

	if (++reader->n_aliases > V2M_YAML_MAX_ALIASES)
		return fail(reader, &event->start_mark, "expected at most 10000 aliases");
	if (!v2m_name_index_find(&reader->anchors, (const char *)event->data.alias.anchor, &place))
		return fail(reader, &event->start_mark, "the alias names no anchor before it");
	return put_value(reader, json_incref(reader->anchored.items[place]), &event->start_mark);
}

static int open_level(struct reader *reader, json_t *value, const yaml_char_t *anchor,
		      const yaml_mark_t *mark)
{
	struct level *level = &reader->levels[reader->depth];
	int result = value ? note_place(reader, value, mark) : out_of_memory(reader);

	if (!result && reader->depth == V2M_YAML_MAX_DEPTH)
		result = fail(reader, mark, "expected at most 64 levels");
	if (!result && wants_name(reader))
		result = fail(reader, mark, "expected a name");
	if (result) {
		json_decref(value);
		return result;
	}
	*level = (struct level){ .value = value };
	reader->depth++;
	level->anchor = anchor ? strdup((const char *)anchor) : NULL;
	return anchor && !level->anchor ? out_of_memory(reader) : 0;
}

static void clear_level(struct level *level)
{
	for (size_t i = 0; i < level->merged.count; i++)
		json_decref(level->merged.items[i]);
	v2m_array_clear(&level->merged);
	free(level->name);
	free(level->anchor);
	json_decref(level->value);
	*level = (struct level){ 0 };
}

static int merge_into(json_t *mapping, json_t *from)
{
	json_t *item;
	size_t i;

	if (json_is_object(from))
		return json_object_update_missing(mapping, from);
	json_array_foreach (from, i, item) {
		if (json_is_object(item) && json_object_update_missing(mapping, item))
			return -ENOMEM;
	}
	return 0;
}

static int close_level(struct reader *reader, const yaml_mark_t *mark)
{
	struct level *level = &reader->levels[reader->depth - 1];
	json_t *value = json_incref(level->value);
	int result = 0;

	for (size_t i = 0; i < level->merged.count && !result; i++)
		if (merge_into(value, level->merged.items[i]))
			result = out_of_memory(reader);
	if (!result)
		result = note_anchor(reader, level->anchor, value);
	clear_level(level);
	reader->depth--;
	if (result) {
		json_decref(value);
		return result;
	}
	return put_value(reader, value, mark);
}

static int take_event(struct reader *reader, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return take_scalar(reader, event);
	case YAML_ALIAS_EVENT:
		return take_alias(reader, event);
	case YAML_SEQUENCE_START_EVENT:
		return open_level(reader, json_array(), event->data.sequence_start.anchor,
				  &event->start_mark);
	case YAML_MAPPING_START_EVENT:
		return open_level(reader, json_object(), event->data.mapping_start.anchor,
				  &event->start_mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_level(reader, &event->start_mark);
	default:
		return 0;
	}
}

static int read_events(struct reader *reader)
{
	bool more = true;
	int result = 0;

	while (more && !result) {
		yaml_event_t event;

		if (!yaml_parser_parse(&reader->parser, &event))
			return fail_syntax(reader);
		more = event.type != YAML_DOCUMENT_END_EVENT && event.type != YAML_STREAM_END_EVENT;
		result = take_event(reader, &event);
		yaml_event_delete(&event);
	}
	return result;
}

static int read_text(struct reader *reader, const char *text, size_t length)
{
	int result;

	if (!yaml_parser_initialize(&reader->parser))
		return out_of_memory(reader);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)text, length);
	result = read_events(reader);
	while (reader->depth)
		clear_level(&reader->levels[--reader->depth]);
	yaml_parser_delete(&reader->parser);
	for (size_t i = 0; i < reader->anchored.count; i++)
		json_decref(reader->anchored.items[i]);
	v2m_array_clear(&reader->anchored);
	v2m_name_index_clear(&reader->anchors);
	return result;
}

int v2m_yaml_doc_parse(const char *path, const char *text, size_t length, struct v2m_json_doc *doc,
		       struct v2m_error *error)
{
	V2M_CLEANUP(v2m_json_doc_clear)
	struct v2m_json_doc made = { .dialect = V2M_JSON_V2RAY };
	struct reader reader = { .doc = &made, .error = error };
	int result;

	made.path = strdup(path);
	made.text = strdup("");
	made.parsed = strdup("");
	made.places = calloc(1, sizeof(*made.places));
	if (!made.path || !made.text || !made.parsed || !made.places)
		return v2m_error_set(error, -ENOMEM, "%s: out of memory", path);
	result = read_text(&reader, text, length);
	if (!result && !made.root)
		result = v2m_error_set(error, -EINVAL, "%s:1:1: not YAML: a value expected", path);
	if (result)
		return result;
	v2m_value_places_sort(made.places);
	*doc = made;
	made = (struct v2m_json_doc){ 0 };
	return 0;
}
