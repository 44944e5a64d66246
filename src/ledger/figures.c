// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/figures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int append(struct v2m_figures *figures, struct v2m_cursor *row)
{
	const char *name = v2m_read_text(row);
	struct v2m_figures_row *grown = figures->rows;

	if (figures->count == figures->size) {
		figures->size = figures->size ? 2 * figures->size : 64;
		grown = realloc(figures->rows, figures->size * sizeof(*grown));
	}
	if (!grown)
		return -ENOMEM;
	figures->rows = grown;
	grown[figures->count].name = name ? strdup(name) : NULL;
	if (!grown[figures->count].name)
		return -ENOMEM;
	grown[figures->count++].figures = v2m_read_figures(row);
	return 0;
}

static int compare(const void *left, const void *right)
{
	return strcmp(((const struct v2m_figures_row *)left)->name,
		      ((const struct v2m_figures_row *)right)->name);
}

int v2m_figures_read(struct v2m_ledger *ledger, enum v2m_statement which, int32_t when,
		     struct v2m_figures *figures, struct v2m_error *error)
{
	struct v2m_cursor row;
	int result = v2m_ledger_readable(ledger, error);

	if (result)
		return result;
	row = v2m_cursor_of(&ledger->statements, which);
	v2m_bind_u64(&row, (uint64_t)when);
	while ((result = v2m_cursor_next(&row)) == 1) {
		result = append(figures, &row);
		if (result)
			break;
	}
	if (result)
		v2m_ledger_read_failed(ledger, result, error);
	v2m_cursor_reset(&row);
	if (figures->count)
		qsort(figures->rows, figures->count, sizeof(*figures->rows), compare);
	return result;
}

void v2m_figures_clear(struct v2m_figures *figures)
{
	for (size_t i = 0; i < figures->count; i++)
		free(figures->rows[i].name);
	free(figures->rows);
	memset(figures, 0, sizeof(*figures));
}

static int compare_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct v2m_figures_row *)row)->name);
}

struct v2m_history_figures v2m_figures_with_pending(const struct v2m_figures *figures,
						    const struct v2m_subject *subject,
						    const char *name, int32_t from, int32_t to)
{
	const struct v2m_figures_row *row = figures->count
						    ? bsearch(name, figures->rows, figures->count,
							      sizeof(*figures->rows), compare_name)
						    : NULL;
	struct v2m_history_figures sum = { 0 };

	if (row)
		sum = row->figures;
	for (size_t i = 0; subject && i < subject->pending.n_days; i++)
		if (subject->pending.days[i].date >= from && subject->pending.days[i].date <= to)
			v2m_history_figures_add(&sum, &subject->pending.days[i].figures);
	return sum;
}
