// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/top/batch.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl/render.h"
#include "ctl/text.h"
#include "ctl/text_table.h"
#include "ctl/top/columns.h"

static void add_row(const struct v2m_ctl *ctl, struct v2m_text_table *table,
		    const struct v2m_top_row *row)
{
	for (size_t column = 0; column < V2M_TOP_N_COLUMNS; column++) {
		char text[V2M_TOP_CELL_LEN];

		if (column == V2M_TOP_BAR)
			continue;
		if (column == V2M_TOP_NAME) {
			v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", row->name);
			continue;
		}
		v2m_top_cell(ctl, row, column, text);
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", text);
	}
}

static enum v2m_outcome print_rows(const struct v2m_ctl *ctl, struct v2m_top_rows *rows)
{
	struct v2m_text_column columns[V2M_TOP_N_COLUMNS];
	size_t n = 0;
	struct v2m_text_table *table;
	int result;

	for (size_t i = 0; i < V2M_TOP_N_COLUMNS; i++)
		if (i != V2M_TOP_BAR)
			columns[n++] = (struct v2m_text_column){ v2m_top_columns[i].title,
								 v2m_top_columns[i].right };
	table = v2m_text_table_new(columns, n);
	v2m_top_rows_sort(rows, V2M_TOP_BY_RATE, false);
	for (size_t i = 0; i < rows->count; i++)
		add_row(ctl, table, &rows->items[i]);
	result = v2m_text_table_print(table, stdout, ctl->colour);
	v2m_text_table_freep(&table);
	return v2m_render_done(result);
}

static enum v2m_outcome read_feed(struct v2m_top_feed *feed)
{
	enum v2m_outcome outcome = v2m_top_feed_read(feed);

	if (outcome == V2M_UNREACHED)
		v2m_note("cannot reach %s: %s", v2m_client_url(feed->client), feed->problem.text);
	else if (outcome != V2M_DONE)
		v2m_note("%s", feed->problem.text);
	return outcome;
}

enum v2m_outcome v2m_top_batch(const struct v2m_ctl *ctl, struct v2m_top_feed *feed)
{
	enum v2m_outcome outcome = read_feed(feed);

	for (unsigned long i = 0; outcome == V2M_DONE && (!ctl->count || i < ctl->count); i++) {
		sleep(V2M_TOP_INTERVAL_S);
		outcome = read_feed(feed);
		if (outcome != V2M_DONE)
			break;
		if (i)
			puts("");
		outcome = print_rows(ctl, &feed->rows);
		/* The next program in the pipe may have ended: main() tells it. */
		if (fflush(stdout))
			return outcome;
	}
	return outcome;
}
