// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/top/top.h"

#include <curses.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "ctl/text.h"
#include "ctl/top/batch.h"
#include "ctl/top/detail.h"
#include "ctl/top/feed.h"
#include "ctl/top/paint.h"
#include "ctl/top/view.h"

/* How long the keyboard waits for the rest of an escape sequence. */
#define ESCAPE_MS 25

/* Whether the person asked for a locale without UTF-8. No locale at all is common on servers, and
 * says nothing about the terminal (text.h). */
static bool wants_ascii(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < V2M_ARRAY_LEN(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return !strcasestr(value, "utf-8") && !strcasestr(value, "utf8");
	}
	return false;
}

static int ms_until(uint64_t ns)
{
	uint64_t now = v2m_clock_mono_ns();

	return now >= ns ? 0 : (int)((ns - now) / 1000000) + 1;
}

static void read_all(struct v2m_top_view *view, struct v2m_top_feed *feed)
{
	if (v2m_top_feed_read(feed) == V2M_DONE)
		v2m_top_rows_sort(&feed->rows, view->sort, view->reversed);
	if (view->in_detail)
		v2m_top_detail_read(view, v2m_top_view_row(view, feed));
}

/* Until the person ends it, or the server refuses the API key. */
static enum v2m_outcome run_screen(struct v2m_top_view *view, struct v2m_top_feed *feed)
{
	const uint64_t interval_ns = V2M_TOP_INTERVAL_S * UINT64_C(1000000000);
	uint64_t next_ns = v2m_clock_mono_ns();
	bool first = true;

	for (;;) {
		bool ask_detail = false;
		int typed;

		if (ms_until(next_ns) == 0) {
			read_all(view, feed);
			if (v2m_client_unauthorized(feed->client))
				return V2M_REFUSED;
			/* The second answer brings the first rates. */
			next_ns = v2m_clock_mono_ns() + (first ? interval_ns / 2 : interval_ns);
			first = false;
			v2m_top_view_draw(view, feed);
		}
		timeout(ms_until(next_ns));
		typed = getch();
		if (typed == ERR)
			continue;
		if (!v2m_top_view_type(view, feed, typed, &ask_detail))
			return V2M_DONE;
		if (ask_detail)
			v2m_top_detail_read(view, v2m_top_view_row(view, feed));
		v2m_top_rows_sort(&feed->rows, view->sort, view->reversed);
		v2m_top_view_draw(view, feed);
	}
}

static enum v2m_outcome show_screen(const struct v2m_ctl *ctl, struct v2m_top_feed *feed)
{
	struct v2m_top_view view = {
		.ctl = ctl,
		.ascii = ctl->ascii || wants_ascii(),
	};
	enum v2m_outcome outcome;

	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
		v2m_note("top needs a terminal; --batch prints tables without one");
		return V2M_USAGE;
	}
	set_escdelay(ESCAPE_MS);
	if (!initscr()) {
		v2m_note("the terminal cannot be used");
		return V2M_USAGE;
	}
	view.colour = ctl->colour && has_colors();
	v2m_top_paint_start(&view);
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	outcome = run_screen(&view, feed);
	endwin();
	v2m_top_view_clear(&view);
	if (outcome != V2M_DONE)
		v2m_note("%s", feed->problem.text);
	return outcome;
}

enum v2m_outcome v2m_ctl_top(const struct v2m_ctl *ctl, const char *unused)
{
	V2M_CLEANUP(v2m_top_feed_close) struct v2m_top_feed feed;

	(void)unused;
	if (v2m_top_feed_open(ctl->client, &feed)) {
		v2m_note("out of memory");
		return V2M_REFUSED;
	}
	return ctl->batch ? v2m_top_batch(ctl, &feed) : show_screen(ctl, &feed);
}
