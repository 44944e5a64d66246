// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/document.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "json/json_doc.h"
#include "accounting/slot_items.h"
#include "base/array.h"
#include "base/cleanup.h"

typedef int (*parse_date)(const char *text, int32_t *date);

static int read_u64(const struct v2m_json_node *object, const char *name, uint64_t *value,
		    struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(object, name);
	long long number;
	int result = v2m_json_integer(&node, 0, LLONG_MAX, &number, error);

	if (result == 0)
		*value = (uint64_t)number;
	return result;
}

static int read_time(const struct v2m_json_node *object, const char *name, int64_t *value,
		     struct v2m_error *error)
{
	uint64_t number = 0;
	int result = read_u64(object, name, &number, error);

	*value = (int64_t)number;
	return result;
}

static int read_u32(const struct v2m_json_node *object, const char *name, long long max,
		    uint32_t *value, struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(object, name);
	long long number;
	int result = v2m_json_integer(&node, 0, max, &number, error);

	if (result == 0)
		*value = (uint32_t)number;
	return result;
}

/* The offsets of a counter in struct v2m_totals. */
struct counter_place {
	size_t rx;
	size_t tx;
};

#define PLACE(name, rx_member, tx_member, ...)                                                     \
	{ offsetof(struct v2m_totals, rx_member), offsetof(struct v2m_totals, tx_member) },
static const struct counter_place places[] = { V2M_TOTALS_COUNTERS(PLACE, ) };
#define NAME(name, ...) #name,
static const char *const counter_names[] = { V2M_TOTALS_COUNTERS(NAME, ) };

/* The counters of one direction, in the order of their numbers in the document. */
struct flow_layout {
	size_t count;
	struct counter_place places[V2M_DOCUMENT_MAX_COUNTERS];
};

/* The layout of documents that do not name their counters, as the first version wrote them:
 * packets, wire bytes and payload bytes. */
static void make_first_layout(struct flow_layout *layout)
{
	layout->count = 3;
	memcpy(layout->places, places, 3 * sizeof(places[0]));
}

static int find_counter(const char *name, struct counter_place *place)
{
	for (size_t i = 0; i < V2M_ARRAY_LEN(places); i++)
		if (strcmp(name, counter_names[i]) == 0) {
			*place = places[i];
			return 0;
		}
	return -ENOENT;
}

static int read_layout(const struct v2m_json_node *root, struct flow_layout *layout,
		       struct v2m_error *error)
{
	struct v2m_json_node list = v2m_json_member(root, "flow");
	int result;

	make_first_layout(layout);
	if (!list.value)
		return 0;
	result = v2m_json_array(&list, error);
	if (result)
		return result;
	layout->count = json_array_size(list.value);
	if (layout->count == 0 || layout->count > V2M_DOCUMENT_MAX_COUNTERS)
		return v2m_json_fail(&list, error, "expected 1 to %d names of counters",
				     V2M_DOCUMENT_MAX_COUNTERS);
	for (size_t i = 0; i < layout->count; i++) {
		struct v2m_json_node item = v2m_json_item(&list, i);
		V2M_FREE char *name = NULL;

		result = v2m_json_string(&item, V2M_JSON_MAX_STRING, &name, error);
		if (result)
			return result;
		if (find_counter(name, &layout->places[i]))
			return v2m_json_fail(&item, error,
					     "this version knows no counter of that name");
	}
	return 0;
}

/* Reads an array of exactly count numbers. */
static int read_numbers(const struct v2m_json_node *node, uint64_t *numbers, size_t count,
			struct v2m_error *error)
{
	int result = v2m_json_array(node, error);

	if (result)
		return result;
	if (json_array_size(node->value) != count)
		return v2m_json_fail(node, error, "expected %zu numbers, got %zu", count,
				     json_array_size(node->value));
	for (size_t i = 0; i < count; i++) {
		struct v2m_json_node item = v2m_json_item(node, i);
		long long number;

		result = v2m_json_integer(&item, 0, LLONG_MAX, &number, error);
		if (result)
			return result;
		numbers[i] = (uint64_t)number;
	}
	return 0;
}

static struct v2m_totals make_totals(const struct flow_layout *layout, const uint64_t *numbers)
{
	struct v2m_totals totals = { 0 };

	for (size_t i = 0; i < layout->count; i++) {
		const struct counter_place *place = &layout->places[i];

		memcpy((char *)&totals + place->rx, &numbers[i], sizeof(*numbers));
		memcpy((char *)&totals + place->tx, &numbers[layout->count + i], sizeof(*numbers));
	}
	return totals;
}

static int read_totals(const struct v2m_json_node *object, const char *name,
		       const struct flow_layout *layout, struct v2m_totals *totals,
		       struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(object, name);
	uint64_t numbers[2 * V2M_DOCUMENT_MAX_COUNTERS];
	int result = read_numbers(&node, numbers, 2 * layout->count, error);

	if (result == 0)
		*totals = make_totals(layout, numbers);
	return result;
}

/* Reads totals that are subtracted from lifetime. */
static int read_baseline(const struct v2m_json_node *object, const char *name,
			 const struct flow_layout *layout, const struct v2m_totals *lifetime,
			 struct v2m_totals *totals, struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(object, name);
	int result = read_totals(object, name, layout, totals, error);

	if (result == 0 && v2m_totals_are_below(lifetime, totals))
		return v2m_json_fail(&node, error, "expected no more than lifetime");
	return result;
}

/* The numbers of slots: a port, or 65536 more for a slot without TCP. */
static int read_slot_number(const struct v2m_json_node *part, uint32_t *slot_number,
			    struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(part, "slot");
	int result = read_u32(part, "slot", V2M_SLOT_NUMBERS - 1, slot_number, error);

	if (result == 0 && *slot_number % (V2M_SLOT_NUMBERS / 2) == 0)
		return v2m_json_expected(&node, error, "the number of a slot");
	return result;
}

/* Adds a part to those of the subject, and its totals to *sum. */
static int read_part(const struct v2m_json_node *node, const struct flow_layout *layout,
		     struct v2m_subject *subject, struct v2m_totals *sum, struct v2m_error *error)
{
	struct v2m_part read = { 0 };
	struct v2m_part *part;
	int result = v2m_json_object(node, error);

	if (result == 0)
		result = read_slot_number(node, &read.slot_number, error);
	if (result == 0)
		result = read_totals(node, "lifetime", layout, &read.lifetime, error);
	if (result == 0)
		result = read_baseline(node, "baseline", layout, &read.lifetime, &read.baseline,
				       error);
	if (result)
		return result;
	if (v2m_parts_find(&subject->parts, read.slot_number))
		return v2m_json_fail(node, error, "expected every slot once");
	part = v2m_parts_make(&subject->parts, read.slot_number);
	if (!part)
		return -ENOMEM;
	*part = read;
	*sum = v2m_totals_add(*sum, read.lifetime);
	return 0;
}

/* Reads the totals of each slot, which a key with several slots has. Together they are no more than
 * those of the subject. */
static int read_parts(const struct v2m_json_node *object, const struct flow_layout *layout,
		      struct v2m_subject *subject, struct v2m_error *error)
{
	struct v2m_json_node list = v2m_json_member(object, "parts");
	struct v2m_totals sum = { 0 };
	int result;

	if (!list.value)
		return 0;
	result = v2m_json_array(&list, error);
	for (size_t i = 0; result == 0 && i < json_array_size(list.value); i++) {
		struct v2m_json_node item = v2m_json_item(&list, i);

		result = read_part(&item, layout, subject, &sum, error);
	}
	if (result == 0 && v2m_totals_are_below(&subject->lifetime, &sum))
		return v2m_json_fail(&list, error, "expected no more than lifetime in all");
	return result;
}

static int read_figures(const struct v2m_json_node *node, const struct flow_layout *layout,
			struct v2m_history_figures *figures, struct v2m_error *error)
{
	uint64_t numbers[2 * V2M_DOCUMENT_MAX_COUNTERS + 2];
	const uint64_t *rest = numbers + 2 * layout->count;
	int result = read_numbers(node, numbers, 2 * layout->count + 2, error);

	if (result)
		return result;
	if (rest[0] > UINT32_MAX)
		return v2m_json_fail(node, error, "expected at most %u connections", UINT32_MAX);
	figures->totals = make_totals(layout, numbers);
	figures->max_connections = (uint32_t)rest[0];
	figures->sessions = rest[1];
	return 0;
}

/* Reads the object of days or of months. */
static int read_dates(const struct v2m_json_node *object, const char *name,
		      const struct flow_layout *layout, parse_date parse,
		      struct v2m_history_day **dates, size_t *n_dates, struct v2m_error *error)
{
	struct v2m_json_node list = v2m_json_member(object, name);
	int result = v2m_json_object(&list, error);
	const char *member;
	json_t *value;

	if (result)
		return result;
	*dates = calloc(json_object_size(list.value) + 1, sizeof(**dates));
	if (!*dates)
		return -ENOMEM;
	json_object_foreach (list.value, member, value) {
		struct v2m_json_node node = v2m_json_member(&list, member);
		struct v2m_history_day *date = &(*dates)[*n_dates];

		if (parse(member, &date->date))
			return v2m_json_fail(&node, error, "expected a date as the name");
		result = read_figures(&node, layout, &date->figures, error);
		if (result)
			return result;
		(*n_dates)++;
	}
	return 0;
}

static int read_names(const struct v2m_json_node *node, struct v2m_subject *subject,
		      struct v2m_error *error)
{
	struct v2m_json_node id = v2m_json_member(node, "subject");
	struct v2m_json_node name = v2m_json_member(node, "name");
	uint32_t port = 0;
	int result = v2m_json_string(&id, V2M_SUBJECT_LEN - 1, &subject->id, error);

	if (result == 0 && name.value)
		result = v2m_json_string(&name, V2M_JSON_MAX_STRING, &subject->name, error);
	if (result == 0)
		result = read_u32(node, "port", 65535, &port, error);
	subject->port = (uint16_t)port;
	return result;
}

static int read_counts(const struct v2m_json_node *node, const struct flow_layout *layout,
		       struct v2m_subject *subject, struct v2m_error *error)
{
	int result = read_time(node, "first_seen_us", &subject->first_seen_us, error);

	if (result == 0)
		result = read_time(node, "last_activity_us", &subject->last_activity_us, error);
	if (result == 0)
		result = read_time(node, "reset_us", &subject->reset_us, error);
	if (result == 0)
		result = read_u32(node, "max_connections", UINT32_MAX, &subject->max_connections,
				  error);
	if (result == 0)
		result = read_u64(node, "sessions", &subject->sessions, error);
	if (result == 0)
		result = read_totals(node, "lifetime", layout, &subject->lifetime, error);
	if (result == 0)
		result = read_baseline(node, "baseline", layout, &subject->lifetime,
				       &subject->baseline, error);
	if (result == 0)
		result = read_baseline(node, "history_baseline", layout, &subject->lifetime,
				       &subject->history_baseline, error);
	return result;
}

static int read_subject(const struct v2m_json_node *node, const struct flow_layout *layout,
			struct v2m_document_subject *subject, struct v2m_error *error)
{
	int result = v2m_json_object(node, error);

	if (result == 0)
		result = read_names(node, &subject->subject, error);
	if (result == 0)
		result = read_counts(node, layout, &subject->subject, error);
	if (result == 0)
		result = read_parts(node, layout, &subject->subject, error);
	if (result == 0)
		result = read_dates(node, "months", layout, v2m_month_parse, &subject->months,
				    &subject->n_months, error);
	if (result == 0)
		result = read_dates(node, "days", layout, v2m_date_parse, &subject->days,
				    &subject->n_days, error);
	return result;
}

static int compare_ids(const void *left, const void *right)
{
	return strcmp(((const struct v2m_document_subject *)left)->subject.id,
		      ((const struct v2m_document_subject *)right)->subject.id);
}

static int read_subjects(const struct v2m_json_node *root, struct v2m_document *document,
			 struct v2m_error *error)
{
	struct v2m_json_node list = v2m_json_member(root, "subjects");
	struct flow_layout layout;
	int result = v2m_json_array(&list, error);
	size_t count = json_array_size(list.value);

	if (result == 0)
		result = read_layout(root, &layout, error);
	if (result)
		return result;
	document->subjects = calloc(count + 1, sizeof(*document->subjects));
	if (!document->subjects)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct v2m_json_node item = v2m_json_item(&list, i);

		document->n_subjects++;
		result = read_subject(&item, &layout, &document->subjects[i], error);
		if (result)
			return result;
	}
	qsort(document->subjects, count, sizeof(*document->subjects), compare_ids);
	for (size_t i = 1; i < count; i++)
		if (compare_ids(&document->subjects[i - 1], &document->subjects[i]) == 0)
			return v2m_json_fail(&list, error, "expected every subject once");
	return 0;
}

static int read_head(const struct v2m_json_node *root, struct v2m_document *document,
		     struct v2m_error *error)
{
	struct v2m_json_node format = v2m_json_member(root, "format");
	struct v2m_json_node version = v2m_json_member(root, "version");
	struct v2m_json_node ledger = v2m_json_member(root, "ledger");
	struct v2m_json_node id = v2m_json_member(root, "document");
	V2M_FREE char *name = NULL;
	long long number;
	int result = v2m_json_object(root, error);

	if (result == 0)
		result = v2m_json_string(&format, V2M_JSON_MAX_STRING, &name, error);
	if (result == 0 && strcmp(name, V2M_DOCUMENT_FORMAT) != 0)
		result = v2m_json_expected(&format, error, "\"" V2M_DOCUMENT_FORMAT "\"");
	if (result == 0)
		result = v2m_json_integer(&version, V2M_DOCUMENT_VERSION, V2M_DOCUMENT_VERSION,
					  &number, error);
	if (result == 0)
		result = v2m_json_string(&ledger, V2M_IDENTITY_LEN, &document->ledger, error);
	if (result == 0)
		result = v2m_json_string(&id, V2M_DOCUMENT_ID_LEN, &document->id, error);
	return result;
}

int v2m_document_read(const char *text, size_t length, struct v2m_document *document,
		      struct v2m_error *error)
{
	V2M_CLEANUP(v2m_document_clear) struct v2m_document reading = { 0 };
	struct v2m_json_doc doc = { 0 };
	struct v2m_json_node root;
	int result = v2m_json_doc_parse("import", text, length, V2M_JSON_STRICT, &doc, error);

	if (result)
		return result;
	root = v2m_json_root(&doc);
	result = read_head(&root, &reading, error);
	if (result == 0)
		result = read_subjects(&root, &reading, error);
	v2m_json_doc_clear(&doc);
	if (result)
		return result == -ENOMEM ? v2m_error_set(error, result, "import: out of memory")
					 : result;
	*document = reading;
	memset(&reading, 0, sizeof(reading));
	return 0;
}

void v2m_document_clear(struct v2m_document *document)
{
	for (size_t i = 0; i < document->n_subjects; i++) {
		free(document->subjects[i].subject.id);
		free(document->subjects[i].subject.name);
		v2m_array_clear(&document->subjects[i].subject.parts);
		v2m_account_undo_clear(&document->subjects[i].undo);
		free(document->subjects[i].months);
		free(document->subjects[i].days);
	}
	free(document->subjects);
	free(document->ledger);
	free(document->id);
	memset(document, 0, sizeof(*document));
}
