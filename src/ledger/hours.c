// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include "ledger/history.h"
#include "ledger/private.h"

struct hours {
	struct v2m_history_hour *hours;
	size_t count;
	size_t size;
};

static int append(struct hours *list, const struct v2m_history_hour *hour)
{
	struct v2m_history_hour *grown = list->hours;

	if (list->count == list->size) {
		list->size = list->size ? 2 * list->size : 32;
		grown = realloc(list->hours, list->size * sizeof(*grown));
	}
	if (!grown)
		return -ENOMEM;
	list->hours = grown;
	list->hours[list->count++] = *hour;
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct v2m_history_hour *a = left;
	const struct v2m_history_hour *b = right;

	if (a->start_s != b->start_s)
		return a->start_s < b->start_s ? -1 : 1;
	return a->utc_offset_s < b->utc_offset_s ? -1 : a->utc_offset_s > b->utc_offset_s;
}

/* From the first midnight to the second, in seconds of the wall clock. */
struct span {
	int64_t from_s;
	int64_t to_s;
};

static int read_hours(struct v2m_ledger *ledger, const char *subject, const struct span *span,
		      struct hours *list)
{
	struct v2m_cursor row = v2m_cursor_of(&ledger->statements, V2M_GET_HOURS);
	int result;

	v2m_bind_text(&row, subject);
	v2m_bind_u64(&row, (uint64_t)span->from_s);
	v2m_bind_u64(&row, (uint64_t)span->to_s);
	while ((result = v2m_cursor_next(&row)) == 1) {
		struct v2m_history_hour hour;

		hour.start_s = (int64_t)v2m_read_u64(&row);
		hour.utc_offset_s = (int32_t)(int64_t)v2m_read_u64(&row);
		hour.figures = v2m_read_figures(&row);
		result = append(list, &hour);
		if (result)
			break;
	}
	v2m_cursor_reset(&row);
	return result;
}

static int add_pending(const struct v2m_subject *subject, const struct span *span,
		       struct hours *list)
{
	for (size_t i = 0; subject && i < subject->pending.n_hours; i++) {
		const struct v2m_history_hour *pending = &subject->pending.hours[i];
		int64_t wall_s = pending->start_s + pending->utc_offset_s;
		size_t h = 0;

		if (wall_s < span->from_s || wall_s >= span->to_s)
			continue;
		while (h < list->count && compare(&list->hours[h], pending) != 0)
			h++;
		if (h < list->count)
			v2m_history_figures_add(&list->hours[h].figures, &pending->figures);
		else if (append(list, pending))
			return -ENOMEM;
	}
	if (list->count)
		qsort(list->hours, list->count, sizeof(*list->hours), compare);
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
	struct hours list = { 0 };
	int result = v2m_ledger_readable(ledger, error);

	if (result)
		return result;
	result = read_hours(ledger, subject, &span, &list);
	if (result == 0)
		result = add_pending(v2m_account_subject(account, subject), &span, &list);
	if (result) {
		free(list.hours);
		return v2m_ledger_read_failed(ledger, result, error);
	}
	*hours = list.hours;
	*n_hours = list.count;
	return 0;
}
