// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/figures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int append_row(struct v2m_ledger_figures *figures, const struct v2m_period *row)
{
	struct v2m_ledger_figures_row *added = v2m_array_append(&figures->rows);

	if (!added)
		return -ENOMEM;
	added->figures = row->figures;
	added->name = strdup(row->subject);
	return added->name ? 0 : -ENOMEM;
}

static int compare_rows(const void *left, const void *right)
{
	return strcmp(((const struct v2m_ledger_figures_row *)left)->name,
		      ((const struct v2m_ledger_figures_row *)right)->name);
}

int v2m_ledger_figures_read(struct v2m_ledger *ledger, enum v2m_statement which, int32_t when,
			    struct v2m_ledger_figures *figures, struct v2m_error *error)
{
	struct v2m_error why = { .text = "out of memory" };
	struct v2m_period row;
	struct v2m_cursor cursor;
	int result = v2m_ledger_readable(ledger, error);

	if (result)
		return result;
	cursor = v2m_cursor_of(&ledger->statements, which);
	v2m_bind_int(&cursor, when);
	while ((result = v2m_cursor_next(&cursor, &row, &why)) == 1) {
		result = append_row(figures, &row);
		if (result)
			break;
	}
	if (result)
		v2m_ledger_read_failed(ledger, result, &why, error);
	v2m_cursor_reset(&cursor);
	if (result == 0 && figures->rows.count)
		qsort(figures->rows.items, figures->rows.count, sizeof(*figures->rows.items),
		      compare_rows);
	return result;
}

void v2m_ledger_figures_clear(struct v2m_ledger_figures *figures)
{
	for (size_t i = 0; i < figures->rows.count; i++)
		free(figures->rows.items[i].name);
	v2m_array_clear(&figures->rows);
}

static int compare_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct v2m_ledger_figures_row *)row)->name);
}

/* NULL: nothing is stored of the name. */
static const struct v2m_ledger_figures_row *find_row(const struct v2m_ledger_figures *figures,
						     const char *name)
{
	/* bsearch(3) must not get NULL, which an empty array is. */
	if (!figures->rows.count)
		return NULL;
	return bsearch(name, figures->rows.items, figures->rows.count, sizeof(*figures->rows.items),
		       compare_name);
}

struct v2m_history_figures v2m_ledger_figures_with_pending(const struct v2m_ledger_figures *figures,
							   const struct v2m_subject *subject,
							   const char *name, int32_t from,
							   int32_t to)
{
	const struct v2m_ledger_figures_row *row = find_row(figures, name);
	struct v2m_history_figures sum = { 0 };

	if (row)
		sum = row->figures;
	for (size_t i = 0; subject && i < subject->pending.n_days; i++)
		if (subject->pending.days[i].date >= from && subject->pending.days[i].date <= to)
			v2m_history_figures_add(&sum, &subject->pending.days[i].figures);
	return sum;
}
