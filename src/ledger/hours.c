// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "ledger/history.h"
#include "ledger/private.h"

struct hours {
	V2M_ARRAY(struct v2m_history_hour) hours;
};

static int compare_hours(const void *left, const void *right)
{
	const struct v2m_history_hour *a = left;
	const struct v2m_history_hour *b = right;

	if (a->start_s != b->start_s)
		return a->start_s < b->start_s ? -1 : 1;
	return a->utc_offset_s < b->utc_offset_s ? -1 : a->utc_offset_s > b->utc_offset_s;
}

/* The time from one midnight to another, in seconds of the wall clock. */
struct span {
	int64_t from_s;
	int64_t to_s;
};

static int read_hours(struct v2m_ledger *ledger, const char *subject, const struct span *span,
		      struct hours *list, struct v2m_error *error)
{
	struct v2m_cursor cursor = v2m_cursor_of(&ledger->statements, V2M_GET_HOURS);
	struct v2m_period row;
	int result;

	v2m_bind_text(&cursor, subject);
	v2m_bind_int(&cursor, span->from_s);
	v2m_bind_int(&cursor, span->to_s);
	while ((result = v2m_cursor_next(&cursor, &row, error)) == 1) {
		struct v2m_history_hour hour = {
			.start_s = row.start_s,
			.utc_offset_s = row.utc_offset_s,
			.figures = row.figures,
		};

		result = v2m_array_add(&list->hours, hour);
		if (result)
			break;
	}
	v2m_cursor_reset(&cursor);
	return result;
}

static int add_pending_hours(const struct v2m_subject *subject, const struct span *span,
			     struct hours *list)
{
	for (size_t i = 0; subject && i < subject->pending.n_hours; i++) {
		const struct v2m_history_hour *pending = &subject->pending.hours[i];
		int64_t wall_s = pending->start_s + pending->utc_offset_s;
		size_t h = 0;

		if (wall_s < span->from_s || wall_s >= span->to_s)
			continue;
		while (h < list->hours.count && compare_hours(&list->hours.items[h], pending) != 0)
			h++;
		if (h < list->hours.count)
			v2m_history_figures_add(&list->hours.items[h].figures, &pending->figures);
		else if (v2m_array_add(&list->hours, *pending))
			return -ENOMEM;
	}
	if (list->hours.count)
		qsort(list->hours.items, list->hours.count, sizeof(*list->hours.items),
		      compare_hours);
	return 0;
}

int v2m_ledger_history_hours(struct v2m_ledger *ledger, const struct v2m_account *account,
			     const char *subject, int32_t from, int32_t to,
			     struct v2m_history_hour **hours, size_t *n_hours,
			     struct v2m_error *error)
{
	const struct span span = {
		.from_s = v2m_date_wall_s(from),
		.to_s = v2m_date_wall_s(v2m_date_add(to, 1)),
	};
	struct v2m_error why = { .text = "out of memory" };
	struct hours list = { 0 };
	int result = v2m_ledger_readable(ledger, error);

	if (result)
		return result;
	result = read_hours(ledger, subject, &span, &list, &why);
	if (result == 0)
		result = add_pending_hours(v2m_account_subject(account, subject), &span, &list);
	if (result) {
		v2m_array_clear(&list.hours);
		return v2m_ledger_read_failed(ledger, result, &why, error);
	}
	*hours = list.hours.items;
	*n_hours = list.hours.count;
	return 0;
}
