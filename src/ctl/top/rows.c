// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/top/rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/macros.h"
#include "base/name_index.h"
#include "ctl/ports.h"
#include "ctl/text.h"

/* The columns of the answer that we read. */
enum column { SUBJECT, RX, TX, LIFETIME, CONNECTIONS, RATE, N_COLUMNS };

static const char *const column_names[N_COLUMNS] = {
	"subject", "rx_bytes", "tx_bytes", "lifetime_bytes", "connections", "traffic_rate",
};

/* What the rows are made from. */
struct source {
	size_t places[N_COLUMNS]; /* in a row of the answer */
	const json_t *keys;
	const json_t *shared;
	struct v2m_name_index by_id; /* places in keys */
};

static bool find_columns(const json_t *columns, size_t places[static N_COLUMNS])
{
	for (size_t i = 0; i < N_COLUMNS; i++) {
		json_t *name;
		size_t at;
		bool found = false;

		json_array_foreach ((json_t *)columns, at, name) {
			const char *text = json_string_value(name);

			if (!text || strcmp(text, column_names[i]) != 0)
				continue;
			places[i] = at;
			found = true;
		}
		if (!found)
			return false;
	}
	return true;
}

static const json_t *find_key(const struct source *source, const char *id)
{
	size_t place;

	return v2m_name_index_find(&source->by_id, id, &place) ? json_array_get(source->keys, place)
							       : NULL;
}

static const char *name_of(const struct source *source, const char *id)
{
	const char *name = json_string_value(json_object_get(find_key(source, id), "name"));

	return name && *name ? name : id;
}

/* "3 keys: anna, bert, carl". The caller frees it. */
static char *name_sharers(const struct source *source, const char *subject)
{
	const json_t *ids = json_object_get(source->shared, subject);
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	json_t *id;
	size_t i;

	if (!out)
		return NULL;
	fprintf(out, "%zu keys:", json_array_size(ids));
	json_array_foreach ((json_t *)ids, i, id)
		fprintf(out, "%s %s", i ? "," : "", name_of(source, json_string_value(id) ?: "?"));
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* 0 or -ENOMEM. */
static int name_row(const struct source *source, const char *subject, struct v2m_top_row *row)
{
	V2M_FREE char *sharers = NULL;

	row->is_port = strncmp(subject, "port:", 5) == 0;
	if (row->is_port) {
		sharers = name_sharers(source, subject);
		if (!sharers)
			return -ENOMEM;
		snprintf(row->ports, sizeof(row->ports), "%s", subject + 5);
	} else {
		char ports[V2M_CTL_PORTS_LEN];
		V2M_FREE char *clean =
			v2m_text_clean(v2m_ctl_ports(find_key(source, subject), ports));

		if (!clean)
			return -ENOMEM;
		snprintf(row->ports, sizeof(row->ports), "%s", clean);
	}
	row->subject = strdup(subject);
	row->name = v2m_text_clean(sharers ? sharers : name_of(source, subject));
	return row->subject && row->name ? 0 : -ENOMEM;
}

static bool get_count(const json_t *row, size_t place, uint64_t *count)
{
	const json_t *value = json_array_get(row, place);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*count = (uint64_t)json_integer_value(value);
	return true;
}

static int read_row(const struct source *source, const json_t *values, struct v2m_top_row *row)
{
	const size_t *places = source->places;
	const char *subject = json_string_value(json_array_get(values, places[SUBJECT]));
	const json_t *rate = json_array_get(values, places[RATE]);

	if (!subject || !json_is_number(rate) || !get_count(values, places[RX], &row->rx) ||
	    !get_count(values, places[TX], &row->tx) ||
	    !get_count(values, places[LIFETIME], &row->lifetime) ||
	    !get_count(values, places[CONNECTIONS], &row->connections))
		return -EINVAL;
	row->rate = json_number_value(rate);
	row->rx_rate = row->tx_rate = -1;
	return name_row(source, subject, row);
}

static int read_rows(const struct source *source, const json_t *list, struct v2m_top_rows *rows)
{
	json_t *values;
	size_t i;

	json_array_foreach ((json_t *)list, i, values) {
		struct v2m_top_row *row = v2m_array_append(rows);
		int result = row ? read_row(source, values, row) : -ENOMEM;

		if (result)
			return result;
	}
	return 0;
}

static int index_keys(struct source *source)
{
	json_t *key;
	size_t i;

	json_array_foreach ((json_t *)source->keys, i, key) {
		const char *id = json_string_value(json_object_get(key, "id"));
		int result = id ? v2m_name_index_set(&source->by_id, id, i) : 0;

		if (result)
			return result;
	}
	return 0;
}

int v2m_top_rows_read(const json_t *live, const json_t *keys, struct v2m_top_rows *rows)
{
	const json_t *data = json_object_get(live, "data");
	const json_t *list = json_object_get(data, "rows");
	const json_t *clock = json_object_get(data, "clock_s");
	struct source source = { .keys = keys, .shared = json_object_get(data, "shared") };
	struct v2m_top_rows made = { 0 };
	int result;

	if (!json_is_array(list) || !json_is_number(clock) ||
	    !find_columns(json_object_get(data, "columns"), source.places))
		return -EINVAL;
	made.clock_s = json_number_value(clock);
	made.n_keys = (size_t)json_integer_value(json_object_get(data, "total_keys"));
	made.exact = json_is_true(json_object_get(json_object_get(data, "accounting"), "exact"));
	result = index_keys(&source);
	if (!result)
		result = read_rows(&source, list, &made);
	v2m_name_index_clear(&source.by_id);
	if (result) {
		v2m_top_rows_clear(&made);
		return result;
	}
	v2m_top_rows_clear(rows);
	*rows = made;
	return 0;
}

void v2m_top_rows_clear(struct v2m_top_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->items[i].subject);
		free(rows->items[i].name);
	}
	v2m_array_clear(rows);
}

static double value_of(const struct v2m_top_row *row, enum v2m_top_sort sort)
{
	switch (sort) {
	case V2M_TOP_BY_DOWN:
		return row->tx_rate;
	case V2M_TOP_BY_UP:
		return row->rx_rate;
	case V2M_TOP_BY_TOTAL:
		return (double)row->rx + (double)row->tx;
	case V2M_TOP_BY_LIFETIME:
		return (double)row->lifetime;
	case V2M_TOP_BY_CONNECTIONS:
		return (double)row->connections;
	default:
		return row->rate;
	}
}

struct order {
	enum v2m_top_sort sort;
	bool reversed;
};

/* Rows that are equal stay in the order of their names and subjects, so that they do not jump. */
static int compare_rows(const void *left, const void *right, void *context)
{
	const struct v2m_top_row *a = left;
	const struct v2m_top_row *b = right;
	const struct order *order = context;
	int names = strverscmp(a->name, b->name);
	double difference = 0;

	if (!names)
		names = strcmp(a->subject, b->subject);
	if (order->sort == V2M_TOP_BY_NAME)
		return order->reversed ? -names : names;
	difference = value_of(b, order->sort) - value_of(a, order->sort);
	if (difference == 0)
		return names;
	return (difference > 0) != order->reversed ? 1 : -1;
}

void v2m_top_rows_sort(struct v2m_top_rows *rows, enum v2m_top_sort sort, bool reversed)
{
	struct order order = { sort, reversed };

	if (rows->count)
		qsort_r(rows->items, rows->count, sizeof(*rows->items), compare_rows, &order);
}

bool v2m_top_row_fits(const struct v2m_top_row *row, const char *text)
{
	return strcasestr(row->name, text) || strcasestr(row->subject, text) ||
	       strcasestr(row->ports, text);
}
