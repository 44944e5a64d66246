// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "json/json_doc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/file.h"

/* Deeper than any value that an error is about. */
#define MAX_STEPS 16

void v2m_json_doc_clear(struct v2m_json_doc *doc)
{
	free(doc->path);
	free(doc->text);
	free(doc->parsed);
	json_decref(doc->root);
	v2m_value_places_free(doc->places);
	memset(doc, 0, sizeof(*doc));
}

static char *copy_text(const char *text, size_t length)
{
	char *copy = malloc(length + 1);

	if (copy) {
		memcpy(copy, text, length);
		copy[length] = 0;
	}
	return copy;
}

/* jansson's sentence ends with the token where it stopped, "... near 'TOKEN'". The token may be a
 * credential and is cut off. jansson stands behind the token, so its length leads back to its
 * start. */
static int report_syntax_error(const struct v2m_json_doc *doc, json_error_t *parse,
			       struct v2m_error *error)
{
	size_t offset = parse->position > 0 ? (size_t)parse->position : 0;
	char *near = strstr(parse->text, " near ");
	size_t token = near ? strlen(near) - strlen(" near ") : 0;
	const char *end = "";
	struct v2m_place place;

	if (near && near[strlen(" near ")] == '\'' && token >= 2 && token - 2 <= offset)
		offset -= token - 2;
	else if (near)
		end = ", but the file ends here";
	if (near)
		*near = 0;
	if (*end && strcmp(parse->text, "unexpected token") == 0)
		snprintf(parse->text, sizeof(parse->text), "a value expected");
	/* A name of jansson's own would say nothing to an operator. */
	if (strstr(parse->text, "JSON_ALLOW_NUL"))
		snprintf(parse->text, sizeof(parse->text), "\\u0000 is not allowed");
	place = v2m_text_place(doc->text, doc->length, offset);
	return v2m_error_set(error, -EINVAL, "%s:%u:%u: not JSON: %s%s", doc->path, place.line,
			     place.column, parse->text, end);
}

int v2m_json_doc_parse(const char *path, const char *text, size_t length,
		       enum v2m_json_dialect dialect, struct v2m_json_doc *doc,
		       struct v2m_error *error)
{
	V2M_CLEANUP(v2m_json_doc_clear)
	struct v2m_json_doc made = { .length = length, .dialect = dialect };
	size_t flags = JSON_DECODE_ANY | (dialect == V2M_JSON_STRICT ? JSON_REJECT_DUPLICATES
								     : JSON_DISABLE_EOF_CHECK);
	json_error_t parse;

	made.path = strdup(path);
	made.text = copy_text(text, length);
	made.parsed = copy_text(text, length);
	if (!made.path || !made.text || !made.parsed)
		return v2m_error_set(error, -ENOMEM, "%s: out of memory", path);
	if (dialect == V2M_JSON_V2RAY) {
		v2m_json_blank_comments(made.parsed, length);
		v2m_json_tame_numbers(made.parsed, length);
	}
	if (v2m_json_count_values(made.parsed, length) > V2M_JSON_MAX_VALUES)
		return v2m_error_set(error, -EINVAL, "%s:1:1: expected at most %u values", path,
				     V2M_JSON_MAX_VALUES);
	made.root = json_loadb(made.parsed, length, flags, &parse);
	if (!made.root)
		return report_syntax_error(&made, &parse, error);
	made.end = (size_t)parse.position;
	*doc = made;
	made = (struct v2m_json_doc){ 0 };
	return 0;
}

int v2m_json_doc_read(const char *path, char **text, size_t *length, struct v2m_error *error)
{
	return v2m_read_regular(path, V2M_JSON_MAX_BYTES, text, length, error);
}

int v2m_json_doc_load(const char *path, struct v2m_json_doc *doc, struct v2m_error *error)
{
	V2M_FREE char *text = NULL;
	size_t length;
	int result = v2m_json_doc_read(path, &text, &length, error);

	if (result)
		return result;
	return v2m_json_doc_parse(path, text, length, V2M_JSON_STRICT, doc, error);
}

struct v2m_json_node v2m_json_root(const struct v2m_json_doc *doc)
{
	return (struct v2m_json_node){ .doc = doc, .value = doc->root };
}

static struct v2m_json_node make_child(const struct v2m_json_node *parent,
				       struct v2m_json_step step, json_t *value)
{
	return (struct v2m_json_node){
		.doc = parent->doc,
		.parent = parent,
		.step = step,
		.value = json_is_null(value) ? NULL : value,
	};
}

/* *name becomes the name as the object has it. */
static json_t *find_in_any_case(json_t *object, const char **name)
{
	const char *wanted = *name;
	json_t *found = NULL;
	const char *member;
	json_t *value;

	json_object_foreach (object, member, value) {
		if (strcasecmp(member, wanted) != 0)
			continue;
		*name = member;
		found = value;
	}
	return found;
}

struct v2m_json_node v2m_json_member(const struct v2m_json_node *parent, const char *name)
{
	json_t *value = parent->doc->dialect == V2M_JSON_V2RAY
				? find_in_any_case(parent->value, &name)
				: json_object_get(parent->value, name);

	return make_child(parent, (struct v2m_json_step){ .member = name }, value);
}

struct v2m_json_node v2m_json_hidden_member(const struct v2m_json_node *parent, const char *name)
{
	struct v2m_json_node node = v2m_json_member(parent, name);

	node.step.hidden = true;
	return node;
}

struct v2m_json_node v2m_json_item(const struct v2m_json_node *parent, size_t index)
{
	return make_child(parent, (struct v2m_json_step){ .index = index },
			  json_array_get(parent->value, index));
}

/* Writes the steps from the root to the node and returns their number. */
static size_t steps_to(const struct v2m_json_node *node, struct v2m_json_step steps[MAX_STEPS])
{
	size_t n = 0;
	size_t i;

	for (const struct v2m_json_node *at = node; at->parent && n < MAX_STEPS; at = at->parent)
		n++;
	i = n;
	for (const struct v2m_json_node *at = node; i > 0; at = at->parent)
		steps[--i] = at->step;
	return n;
}

/* Writes "inbounds[2].port". In a file that is a list, the line already says which item is meant,
 * so only the member is named. */
static void write_path(const struct v2m_json_step *steps, size_t n, char *path, size_t size)
{
	size_t used = 0;

	path[0] = 0;
	if (n > 1 && !steps[0].member) {
		steps++;
		n--;
	}
	for (size_t i = 0; i < n && used < size; i++) {
		int length;

		if (steps[i].member)
			length = snprintf(path + used, size - used, "%s%s", i ? "." : "",
					  steps[i].hidden ? "*" : steps[i].member);
		else
			length = snprintf(path + used, size - used, "[%zu]", steps[i].index);
		used += length > 0 ? (size_t)length : 0;
	}
}

/* The place of the value, or of the nearest one around it. */
static struct v2m_place find_place(const struct v2m_json_node *node)
{
	struct v2m_place place = { 1, 1 };

	while (node && !v2m_value_places_find(node->doc->places, node->value, &place))
		node = node->parent;
	return place;
}

struct v2m_place v2m_json_node_place(const struct v2m_json_node *node)
{
	struct v2m_json_step steps[MAX_STEPS];
	size_t n = steps_to(node, steps);

	if (!node->doc->text)
		return (struct v2m_place){ 0 };
	if (node->doc->places)
		return find_place(node);
	return v2m_text_place(node->doc->text, node->doc->length,
			      v2m_json_find(node->doc->parsed, node->doc->length, steps, n));
}

void v2m_json_node_path(const struct v2m_json_node *node, char path[static V2M_JSON_PATH_LEN])
{
	struct v2m_json_step steps[MAX_STEPS];

	write_path(steps, steps_to(node, steps), path, V2M_JSON_PATH_LEN);
}

bool v2m_json_doc_has_rest(const struct v2m_json_doc *doc)
{
	size_t at = doc->end;

	while (at < doc->length && strchr(" \t\r\n", doc->parsed[at]))
		at++;
	return at < doc->length;
}

V2M_PRINTF(3, 0)
static int fail_at(const struct v2m_json_node *node, struct v2m_error *error, const char *format,
		   va_list arguments)
{
	struct v2m_place place = v2m_json_node_place(node);
	char sentence[sizeof(error->text)];
	char path[V2M_JSON_PATH_LEN];

	v2m_json_node_path(node, path);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	if (!node->doc->text)
		return v2m_error_set(error, -EINVAL, "%s: %s%s%s", node->doc->path, path,
				     *path ? ": " : "", sentence);
	return v2m_error_set(error, -EINVAL, "%s:%u:%u: %s%s%s", node->doc->path, place.line,
			     place.column, path, *path ? ": " : "", sentence);
}

int v2m_json_fail(const struct v2m_json_node *node, struct v2m_error *error, const char *format,
		  ...)
{
	va_list arguments;
	int result;

	va_start(arguments, format);
	result = fail_at(node, error, format, arguments);
	va_end(arguments);
	return result;
}

static void describe_value(const struct v2m_json_node *node, char *text, size_t size)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",
		[JSON_STRING] = "a string",  [JSON_REAL] = "a fraction",
		[JSON_TRUE] = "true",        [JSON_FALSE] = "false",
		[JSON_NULL] = "null",        [JSON_INTEGER] = "a number",
	};

	if (!node->value)
		snprintf(text, size, "nothing");
	else if (json_is_integer(node->value))
		snprintf(text, size, "%lld", (long long)json_integer_value(node->value));
	else if (json_is_string(node->value) && json_string_length(node->value) == 0)
		snprintf(text, size, "an empty string");
	else if (json_is_string(node->value))
		snprintf(text, size, "a string of %zu byte%s", json_string_length(node->value),
			 json_string_length(node->value) == 1 ? "" : "s");
	else if (json_is_array(node->value) && json_array_size(node->value) == 0)
		snprintf(text, size, "an empty list");
	else
		snprintf(text, size, "%s", names[json_typeof(node->value)]);
}

int v2m_json_expected(const struct v2m_json_node *node, struct v2m_error *error, const char *what)
{
	char got[64];

	describe_value(node, got, sizeof(got));
	return v2m_json_fail(node, error, "expected %s, got %s", what, got);
}

int v2m_json_object(const struct v2m_json_node *node, struct v2m_error *error)
{
	return json_is_object(node->value) ? 0 : v2m_json_expected(node, error, "an object");
}

int v2m_json_array(const struct v2m_json_node *node, struct v2m_error *error)
{
	return json_is_array(node->value) ? 0 : v2m_json_expected(node, error, "a list");
}

int v2m_json_only(const struct v2m_json_node *node, const char *const *names, size_t n_names,
		  struct v2m_error *error)
{
	const char *name;
	json_t *value;

	json_object_foreach (node->value, name, value) {
		struct v2m_json_node member = v2m_json_member(node, name);
		size_t i = 0;

		while (i < n_names && strcmp(name, names[i]) != 0)
			i++;
		if (i == n_names)
			return v2m_json_fail(&member, error, "unknown member");
	}
	return 0;
}

int v2m_json_integer(const struct v2m_json_node *node, long long min, long long max,
		     long long *value, struct v2m_error *error)
{
	char what[96];

	if (json_is_integer(node->value) && json_integer_value(node->value) >= min &&
	    json_integer_value(node->value) <= max) {
		*value = json_integer_value(node->value);
		return 0;
	}
	snprintf(what, sizeof(what), "an integer from %lld to %lld", min, max);
	return v2m_json_expected(node, error, what);
}

int v2m_json_boolean(const struct v2m_json_node *node, bool *value, struct v2m_error *error)
{
	if (!json_is_boolean(node->value))
		return v2m_json_expected(node, error, "true or false");
	*value = json_is_true(node->value);
	return 0;
}

int v2m_json_string(const struct v2m_json_node *node, size_t max, char **value,
		    struct v2m_error *error)
{
	size_t length = json_string_length(node->value);
	char what[64];
	char *copy;

	if (!json_is_string(node->value) || length == 0 || length > max) {
		snprintf(what, sizeof(what), "a string of 1 to %zu bytes", max);
		return v2m_json_expected(node, error, what);
	}
	copy = strdup(json_string_value(node->value));
	if (!copy)
		return v2m_error_set(error, -ENOMEM, "%s: out of memory", node->doc->path);
	free(*value);
	*value = copy;
	return 0;
}
