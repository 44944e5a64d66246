// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for so many items, up to limit. Most subjects have one day and one hour between two
 * flushes, or two: base/array.h begins with room for eight, 4 MB more for 4,096 keys. */
static int reserve_items(void **array, size_t element, size_t needed, size_t *size, size_t limit)
{
	size_t wanted = *size ? 2 * *size : 2;
	void *grown;

	if (needed <= *size || *size == limit)
		return 0;
	if (wanted < needed)
		wanted = needed;
	if (wanted > limit)
		wanted = limit;
	grown = realloc(*array, wanted * element);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*size = wanted;
	return 0;
}

/* Makes room for that many more days and hours. 0 or -ENOMEM. */
static int reserve_days_and_hours(struct v2m_pending *pending, size_t n_days, size_t n_hours)
{
	int result = reserve_items((void **)&pending->days, sizeof(*pending->days),
				   pending->n_days + n_days, &pending->days_size, V2M_PENDING_DAYS);

	if (result)
		return result;
	return reserve_items((void **)&pending->hours, sizeof(*pending->hours),
			     pending->n_hours + n_hours, &pending->hours_size, V2M_PENDING_HOURS);
}

int v2m_pending_reserve(struct v2m_pending *pending)
{
	return reserve_days_and_hours(pending, 1, 1);
}

int v2m_pending_reserve_more(struct v2m_pending *pending, const struct v2m_pending *more)
{
	return reserve_days_and_hours(pending, more->n_days, more->n_hours);
}

/* The day with that date, added if there is none. The search begins at the end, where the day is
 * unless the clock has jumped. */
static struct v2m_history_day *get_day(struct v2m_pending *pending, int32_t date)
{
	struct v2m_history_day *days = pending->days;

	for (size_t i = pending->n_days; i > 0; i--)
		if (days[i - 1].date == date)
			return &days[i - 1];
	if (pending->n_days == V2M_PENDING_DAYS) {
		v2m_history_figures_add(&days[1].figures, &days[0].figures);
		memmove(&days[0], &days[1], --pending->n_days * sizeof(*days));
	}
	days[pending->n_days] = (struct v2m_history_day){ .date = date };
	return &days[pending->n_days++];
}

static struct v2m_history_hour *get_hour(struct v2m_pending *pending, int64_t start_s,
					 int32_t utc_offset_s)
{
	struct v2m_history_hour *hours = pending->hours;

	for (size_t i = pending->n_hours; i > 0; i--)
		if (hours[i - 1].start_s == start_s && hours[i - 1].utc_offset_s == utc_offset_s)
			return &hours[i - 1];
	if (pending->n_hours == V2M_PENDING_HOURS)
		memmove(&hours[0], &hours[1], --pending->n_hours * sizeof(*hours));
	hours[pending->n_hours] = (struct v2m_history_hour){
		.start_s = start_s,
		.utc_offset_s = utc_offset_s,
	};
	return &hours[pending->n_hours++];
}

void v2m_pending_add(struct v2m_pending *pending, const struct v2m_local_time *when,
		     const struct v2m_history_figures *figures)
{
	v2m_history_figures_add(&get_day(pending, when->date)->figures, figures);
	v2m_history_figures_add(&get_hour(pending, when->hour_start_s, when->utc_offset_s)->figures,
				figures);
}

struct v2m_totals v2m_pending_take(struct v2m_pending *pending, const struct v2m_local_time *when,
				   const struct v2m_totals *wanted)
{
	struct v2m_totals *day = &get_day(pending, when->date)->figures.totals;
	struct v2m_totals *hour =
		&get_hour(pending, when->hour_start_s, when->utc_offset_s)->figures.totals;
	struct v2m_totals taken = v2m_totals_limit(*wanted, *day);

	*day = v2m_totals_subtract(*day, taken);
	*hour = v2m_totals_subtract(*hour, v2m_totals_limit(taken, *hour));
	return taken;
}

void v2m_pending_add_all(struct v2m_pending *pending, const struct v2m_pending *more)
{
	for (size_t i = 0; i < more->n_days; i++)
		v2m_history_figures_add(&get_day(pending, more->days[i].date)->figures,
					&more->days[i].figures);
	for (size_t i = 0; i < more->n_hours; i++)
		v2m_history_figures_add(
			&get_hour(pending, more->hours[i].start_s, more->hours[i].utc_offset_s)
				 ->figures,
			&more->hours[i].figures);
}

void v2m_pending_clear(struct v2m_pending *pending)
{
	pending->n_days = 0;
	pending->n_hours = 0;
}

void v2m_pending_free(struct v2m_pending *pending)
{
	free(pending->days);
	free(pending->hours);
	memset(pending, 0, sizeof(*pending));
}
