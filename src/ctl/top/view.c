// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/top/view.h"

#include <curses.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/size.h"
#include "ctl/top/columns.h"
#include "ctl/top/detail.h"
#include "ctl/top/fit.h"
#include "ctl/top/paint.h"

/* Lines above and below the rows. */
#define LINES_ABOVE 3
#define LINES_BELOW 1
#define ESCAPE      27

static const char *const sort_names[V2M_TOP_N_SORTS] = {
	"rate", "down", "up", "total", "lifetime", "connections", "name",
};

static size_t lines_for_rows(void)
{
	return LINES > LINES_ABOVE + LINES_BELOW ? (size_t)(LINES - LINES_ABOVE - LINES_BELOW) : 0;
}

/* The place of the selected row among those that fit, or 0. */
static size_t find_selected(const struct v2m_top_view *view, const struct v2m_top_rows *rows,
			    size_t *n_fitting)
{
	size_t place = 0;

	*n_fitting = 0;
	for (size_t i = 0; i < rows->count; i++) {
		if (!v2m_top_row_fits(&rows->items[i], view->filter))
			continue;
		if (view->selected && strcmp(rows->items[i].subject, view->selected) == 0)
			place = *n_fitting;
		(*n_fitting)++;
	}
	return place;
}

static const struct v2m_top_row *row_at(const struct v2m_top_view *view,
					const struct v2m_top_rows *rows, size_t place)
{
	for (size_t i = 0; i < rows->count; i++)
		if (v2m_top_row_fits(&rows->items[i], view->filter) && place-- == 0)
			return &rows->items[i];
	return NULL;
}

const struct v2m_top_row *v2m_top_view_row(const struct v2m_top_view *view,
					   const struct v2m_top_feed *feed)
{
	size_t n;

	return row_at(view, &feed->rows, find_selected(view, &feed->rows, &n));
}

/* --- drawing --- */

static void draw_totals(const struct v2m_top_view *view, const struct v2m_top_feed *feed)
{
	double down = 0;
	double up = 0;
	uint64_t connections = 0;
	size_t busy = 0;
	char down_text[V2M_CTL_SIZE_LEN];
	char up_text[V2M_CTL_SIZE_LEN];

	for (size_t i = 0; i < feed->rows.count; i++) {
		const struct v2m_top_row *row = &feed->rows.items[i];

		down += row->tx_rate > 0 ? row->tx_rate : 0;
		up += row->rx_rate > 0 ? row->rx_rate : 0;
		connections += row->connections;
		busy += row->connections > 0 || row->rate >= 1;
	}
	v2m_top_put_line(view, 0, V2M_PAINT_PLAIN,
			 "%s  down %s  up %s  keys %zu, %zu busy  connections %llu  %s",
			 v2m_client_url(feed->client), v2m_ctl_rate(view->ctl, down, down_text),
			 v2m_ctl_rate(view->ctl, up, up_text), feed->rows.n_keys, busy,
			 (unsigned long long)connections, feed->rows.exact ? "exact" : "not exact");
}

static void draw_state(const struct v2m_top_view *view, const struct v2m_top_feed *feed)
{
	char since[32];
	struct tm local;

	if (*feed->problem.text && localtime_r(&feed->problem_since, &local) &&
	    strftime(since, sizeof(since), "%T", &local))
		v2m_top_put_line(view, 1, V2M_PAINT_BAD, "no answer since %s, trying again: %s",
				 since, feed->problem.text);
	else
		v2m_top_put_line(view, 1,
				 strcmp(feed->health, "healthy") == 0 ? V2M_PAINT_GOOD
								      : V2M_PAINT_WARN,
				 "%s", feed->health);
}

/* The width of a column on this screen; 0: it is not shown. */
static int width_of(enum v2m_top_column column)
{
	int rest = COLS;

	if (COLS < v2m_top_columns[column].from)
		return 0;
	if (v2m_top_columns[column].width)
		return v2m_top_columns[column].width;
	for (size_t i = 0; i < V2M_TOP_N_COLUMNS; i++)
		if (i != column && COLS >= v2m_top_columns[i].from)
			rest -= v2m_top_columns[i].width + 1;
	return rest > 8 ? rest : 8;
}

static void draw_head(const struct v2m_top_view *view)
{
	int at = 0;

	for (size_t i = 0; i < V2M_TOP_N_COLUMNS; i++) {
		const struct v2m_top_column_kind *kind = &v2m_top_columns[i];
		int width = width_of(i);
		char title[32];

		if (!width)
			continue;
		snprintf(title, sizeof(title), "%s%s", kind->title,
			 kind->sort != view->sort ? ""
			 : view->ascii            ? (view->reversed ? "^" : "v")
						  : (view->reversed ? "▲" : "▼"));
		v2m_top_put(view, 2, at, width, V2M_PAINT_HEAD, kind->right, title);
		at += width + 1;
	}
}

static enum v2m_top_paint paint_of(const struct v2m_top_row *row, enum v2m_top_column column)
{
	if (column == V2M_TOP_DOWN)
		return row->tx_rate >= 1 ? V2M_PAINT_DOWN : V2M_PAINT_QUIET;
	if (column == V2M_TOP_UP)
		return row->rx_rate >= 1 ? V2M_PAINT_UP : V2M_PAINT_QUIET;
	return column == V2M_TOP_BAR ? V2M_PAINT_DOWN : V2M_PAINT_PLAIN;
}

static void draw_row(const struct v2m_top_view *view, const struct v2m_top_row *row, int line,
		     bool selected, double largest)
{
	int at = 0;

	v2m_top_put(view, line, 0, COLS, selected ? V2M_PAINT_SELECTED : V2M_PAINT_PLAIN, false,
		    "");
	for (size_t i = 0; i < V2M_TOP_N_COLUMNS; i++) {
		int width = width_of(i);
		char cell[V2M_TOP_CELL_LEN];
		const char *text = row->name;

		if (!width)
			continue;
		if (i == V2M_TOP_BAR)
			v2m_top_bar(largest > 0 ? row->rate / largest : 0, width, view->ascii, cell,
				    sizeof(cell));
		else
			v2m_top_cell(view->ctl, row, i, cell);
		if (i != V2M_TOP_NAME)
			text = cell;
		v2m_top_put(view, line, at, width, selected ? V2M_PAINT_SELECTED : paint_of(row, i),
			    v2m_top_columns[i].right, text);
		at += width + 1;
	}
}

static void draw_rows(struct v2m_top_view *view, const struct v2m_top_feed *feed)
{
	size_t lines = lines_for_rows();
	size_t n;
	size_t selected = find_selected(view, &feed->rows, &n);
	size_t place = 0;
	double largest = 0;

	if (selected < view->first)
		view->first = selected;
	if (lines && selected >= view->first + lines)
		view->first = selected - lines + 1;
	for (size_t i = 0; i < feed->rows.count; i++)
		if (feed->rows.items[i].rate > largest)
			largest = feed->rows.items[i].rate;
	for (size_t i = 0; i < feed->rows.count && place < view->first + lines; i++) {
		if (!v2m_top_row_fits(&feed->rows.items[i], view->filter))
			continue;
		if (place >= view->first)
			draw_row(view, &feed->rows.items[i],
				 LINES_ABOVE + (int)(place - view->first), place == selected,
				 largest);
		place++;
	}
	if (!n)
		v2m_top_put_line(view, LINES_ABOVE + 1, V2M_PAINT_QUIET, "  %s",
				 feed->rows.count ? "no key fits the filter"
				 : feed->keys_at  ? "no keys"
						  : "waiting for the server");
}

static void draw_foot(const struct v2m_top_view *view)
{
	if (view->typing)
		v2m_top_put_line(view, LINES - 1, V2M_PAINT_PLAIN, "filter: %s_", view->filter);
	else
		v2m_top_put_line(view, LINES - 1, V2M_PAINT_QUIET,
				 "q quit  / filter%s%s  s sort by %s  r reverse  Enter one key",
				 *view->filter ? ": " : "", view->filter, sort_names[view->sort]);
}

void v2m_top_view_draw(struct v2m_top_view *view, const struct v2m_top_feed *feed)
{
	erase();
	draw_totals(view, feed);
	draw_state(view, feed);
	if (view->in_detail) {
		v2m_top_detail_draw(view, v2m_top_view_row(view, feed));
	} else {
		draw_head(view);
		draw_rows(view, feed);
		draw_foot(view);
	}
	refresh();
}

/* --- the keyboard --- */

static void select_place(struct v2m_top_view *view, const struct v2m_top_feed *feed, long place)
{
	size_t n;
	const struct v2m_top_row *row;

	find_selected(view, &feed->rows, &n);
	if (place >= (long)n)
		place = (long)n - 1;
	row = row_at(view, &feed->rows, place > 0 ? (size_t)place : 0);
	free(view->selected);
	view->selected = row ? strdup(row->subject) : NULL;
}

static void type_filter(struct v2m_top_view *view, int typed)
{
	size_t length = strlen(view->filter);

	if (typed == '\n' || typed == KEY_ENTER || typed == ESCAPE)
		view->typing = false;
	if (typed == ESCAPE) {
		view->filter[0] = 0;
	} else if ((typed == KEY_BACKSPACE || typed == 127 || typed == '\b') && length) {
		/* All bytes of one character. */
		do
			view->filter[--length] = 0;
		while (length && (view->filter[length - 1] & 0xc0) == 0x80);
		if (length && (unsigned char)view->filter[length - 1] >= 0xc0)
			view->filter[length - 1] = 0;
	} else if (typed >= ' ' && typed < 256 && typed != 127 &&
		   length + 1 < sizeof(view->filter)) {
		view->filter[length] = (char)typed;
		view->filter[length + 1] = 0;
	}
}

/* How far a key moves the selection; 0: it does not. */
static long step_of(int typed)
{
	switch (typed) {
	case KEY_DOWN:
	case 'j':
		return 1;
	case KEY_UP:
	case 'k':
		return -1;
	case KEY_NPAGE:
		return (long)lines_for_rows();
	case KEY_PPAGE:
		return -(long)lines_for_rows();
	case KEY_HOME:
	case 'g':
		return -1000000;
	case KEY_END:
	case 'G':
		return 1000000;
	default:
		return 0;
	}
}

static bool type_detail(struct v2m_top_view *view, int typed)
{
	long to = (long)view->detail_first + step_of(typed);
	long last = (long)v2m_top_detail_count(view) - 1;

	view->detail_first = to < 0 ? 0 : to > last ? (last > 0 ? (size_t)last : 0) : (size_t)to;
	if (typed == 'q')
		return false;
	if (typed == ESCAPE || typed == KEY_BACKSPACE || typed == 127 || typed == '\b' ||
	    typed == KEY_LEFT || typed == '\n' || typed == KEY_ENTER) {
		json_decref(view->detail);
		view->detail = NULL;
		view->in_detail = false;
	}
	return true;
}

static void type_order(struct v2m_top_view *view, int typed)
{
	if (typed == 's') {
		view->sort = (view->sort + 1) % V2M_TOP_N_SORTS;
		view->reversed = false;
	} else if (typed == 'r') {
		view->reversed = !view->reversed;
	} else if (typed == '/') {
		view->typing = true;
	} else if (typed == ESCAPE) {
		view->filter[0] = 0;
	}
}

bool v2m_top_view_type(struct v2m_top_view *view, const struct v2m_top_feed *feed, int typed,
		       bool *ask_detail)
{
	const struct v2m_top_row *row = v2m_top_view_row(view, feed);
	size_t n;

	if (view->typing) {
		type_filter(view, typed);
		return true;
	}
	if (view->in_detail)
		return type_detail(view, typed);
	if (typed == 'q')
		return false;
	if ((typed == '\n' || typed == KEY_ENTER || typed == KEY_RIGHT) && row) {
		select_place(view, feed, (long)find_selected(view, &feed->rows, &n));
		view->in_detail = true;
		view->detail_first = 0;
		view->detail_error[0] = 0;
		*ask_detail = true;
	} else if (step_of(typed)) {
		select_place(view, feed,
			     (long)find_selected(view, &feed->rows, &n) + step_of(typed));
	} else {
		type_order(view, typed);
	}
	return true;
}

void v2m_top_view_clear(struct v2m_top_view *view)
{
	free(view->selected);
	json_decref(view->detail);
}
