// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/render.h"

#include <errno.h>
#include <string.h>

#include "ctl/size.h"
#include "ctl/text.h"
#include "ctl/text_table.h"

/* A table with more columns is hard to read. --json has the rest. */
#define COLUMNS_MAX 12
/* Objects below this depth are printed as JSON. */
#define DEPTH_MAX 3

static const struct v2m_text_column pair[] = { { NULL, false }, { NULL, false } };

enum v2m_outcome v2m_render_done(int printed)
{
	if (printed)
		v2m_note("%s", strerror(-printed));
	return printed ? V2M_REFUSED : V2M_DONE;
}

enum v2m_outcome v2m_render_json(const json_t *document)
{
	/* 16 digits hold Unix seconds with microseconds. 17 would show 0.1 as 0.10000000000000001.
	 */
	V2M_FREE char *dump =
		json_dumps(document, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(16));
	V2M_FREE char *safe = dump ? v2m_text_clean_json(dump) : NULL;

	if (!safe)
		return v2m_render_done(-ENOMEM);
	puts(safe);
	return V2M_DONE;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);

	return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

/* Whether value is {"packets", "bytes"}: a cell shows only its bytes. */
static bool is_tally(const json_t *value)
{
	return json_object_size(value) == 2 && json_is_integer(json_object_get(value, "packets")) &&
	       json_is_integer(json_object_get(value, "bytes"));
}

static bool is_simple(const json_t *value)
{
	return is_tally(value) || (!json_is_object(value) && !json_is_array(value));
}

static void add_value(const struct v2m_ctl *ctl, struct v2m_text_table *table, const char *name,
		      const json_t *value)
{
	bool tally = is_tally(value);
	const json_t *bytes = tally ? json_object_get(value, "bytes") : value;
	char size[V2M_CTL_SIZE_LEN];
	V2M_FREE char *dump = NULL;

	if (!value || json_is_null(value)) {
		v2m_text_table_cell(table, V2M_STYLE_QUIET, "-");
	} else if (json_is_boolean(value)) {
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, json_is_true(value) ? "yes" : "no");
	} else if (json_is_string(value)) {
		v2m_text_table_cell(table,
				    ends_with(name, "error") ? V2M_STYLE_BAD : V2M_STYLE_PLAIN,
				    "%s", json_string_value(value));
	} else if (json_is_integer(bytes) && json_integer_value(bytes) >= 0 &&
		   (tally || ends_with(name, "_bytes"))) {
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s",
				    v2m_ctl_size(ctl, (uint64_t)json_integer_value(bytes), size));
	} else {
		dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(16));
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", dump ? dump : "?");
	}
}

/* Prints the simple members of an object, one on each line. */
static enum v2m_outcome render_pairs(const struct v2m_ctl *ctl, const json_t *object)
{
	V2M_TEXT_TABLE *table = v2m_text_table_new(pair, V2M_ARRAY_LEN(pair));
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)object, name, value) {
		if (!is_simple(value) || json_is_null(value))
			continue;
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "  %s", name);
		add_value(ctl, table, name, value);
	}
	return v2m_render_done(v2m_text_table_print(table, stdout, ctl->colour));
}

/* The members of all rows that fit into a cell, in the order in which they first appear. A member
 * that is null in every row gets no column. */
static size_t find_columns(const json_t *rows, struct v2m_text_column *columns)
{
	size_t n = 0;
	const char *name;
	json_t *value;
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		json_object_foreach (row, name, value) {
			size_t known = 0;

			while (known < n && strcmp(columns[known].title, name) != 0)
				known++;
			if (known == n && n < COLUMNS_MAX && !json_is_null(value) &&
			    (!json_is_object(value) || is_tally(value)))
				columns[n++] =
					(struct v2m_text_column){ name, json_is_number(value) ||
										is_tally(value) };
		}
	}
	return n;
}

static enum v2m_outcome render_rows(const struct v2m_ctl *ctl, const json_t *rows)
{
	struct v2m_text_column columns[COLUMNS_MAX];
	size_t n = find_columns(rows, columns);
	V2M_TEXT_TABLE *table = v2m_text_table_new(columns, n);
	json_t *row;
	size_t i;

	if (n == 0)
		return V2M_DONE;
	json_array_foreach (rows, i, row)
		for (size_t column = 0; column < n; column++)
			add_value(ctl, table, columns[column].title,
				  json_object_get(row, columns[column].title));
	return v2m_render_done(v2m_text_table_print(table, stdout, ctl->colour));
}

/* The objects in the rows that are too large for a cell, as {"member": {"row's name": object}}.
 * Each member becomes a table of its own. */
static json_t *collect_inner_tables(const json_t *rows)
{
	json_t *tables = json_object();
	const char *name;
	json_t *value;
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		const char *owner = json_string_value(json_object_get(row, "name"));

		json_object_foreach (row, name, value) {
			if (!owner || !json_is_object(value) || is_tally(value))
				continue;
			if (!json_object_get(tables, name))
				json_object_set_new(tables, name, json_object());
			json_object_set(json_object_get(tables, name), owner, value);
		}
	}
	return tables;
}

/* The rows of an array of objects, or of an object of objects, whose names become the first member
 * of each row. NULL: value is neither. */
static json_t *make_rows(const json_t *value)
{
	json_t *rows = json_array();
	const char *name;
	json_t *row;
	size_t i;

	if (json_is_array(value)) {
		json_array_foreach (value, i, row)
			if (!json_is_object(row) || json_array_append(rows, row))
				goto none;
	}
	json_object_foreach ((json_t *)value, name, row) {
		json_t *named = json_pack("{s:s}", "name", name);

		if (!json_is_object(row) || json_object_update_missing(named, row) ||
		    json_array_append(rows, named)) {
			json_decref(named);
			goto none;
		}
		json_decref(named);
	}
	if (json_array_size(rows))
		return rows;
none:
	json_decref(rows);
	return NULL;
}

static enum v2m_outcome render_level(const struct v2m_ctl *ctl, const json_t *object,
				     const char *prefix, unsigned depth);

static enum v2m_outcome render_section(const struct v2m_ctl *ctl, const json_t *value,
				       const char *name, unsigned depth)
{
	V2M_FREE char *title = v2m_text_clean(name);
	json_t *rows = make_rows(value);
	json_t *inner = collect_inner_tables(rows);
	enum v2m_outcome outcome = V2M_DONE;

	printf("\n%s%s%s\n", v2m_style_begin(V2M_STYLE_TITLE, ctl->colour), title ? title : "?",
	       v2m_style_end(V2M_STYLE_TITLE, ctl->colour));
	if (rows) {
		outcome = render_rows(ctl, rows);
		if (outcome == V2M_DONE && depth < DEPTH_MAX)
			outcome = render_level(ctl, inner, name, depth + 1);
	} else if (json_is_object(value) && depth < DEPTH_MAX) {
		outcome = render_level(ctl, value, name, depth + 1);
	} else if (json_is_array(value) && json_array_size(value) == 0) {
		puts("  none");
	} else {
		outcome = v2m_render_json(value);
	}
	json_decref(inner);
	json_decref(rows);
	return outcome;
}

static enum v2m_outcome render_level(const struct v2m_ctl *ctl, const json_t *object,
				     const char *prefix, unsigned depth)
{
	enum v2m_outcome outcome = render_pairs(ctl, object);
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)object, name, value) {
		V2M_FREE char *path = NULL;

		if (is_simple(value) || outcome != V2M_DONE)
			continue;
		if (asprintf(&path, "%s%s%s", prefix, *prefix ? "." : "", name) < 0) {
			path = NULL;
			return v2m_render_done(-ENOMEM);
		}
		outcome = render_section(ctl, value, path, depth);
	}
	return outcome;
}

enum v2m_outcome v2m_render_object(const struct v2m_ctl *ctl, const json_t *object)
{
	return render_level(ctl, object, "", 0);
}
