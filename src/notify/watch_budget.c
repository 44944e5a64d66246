// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/watch_budget.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/calendar.h"
#include "base/format.h"

struct budget {
	const char *from; /* dates */
	const char *next;
	uint64_t used;
	uint64_t projected;
	uint64_t limit;
	double days_left;
	double days; /* of the whole period */
};

static double days_between(const char *from, const char *next)
{
	int32_t first;
	int32_t last;

	if (v2m_date_parse(from, &first) || v2m_date_parse(next, &last))
		return 0;
	return (double)(v2m_date_wall_s(last) - v2m_date_wall_s(first)) / 86400;
}

static bool read_budget(const json_t *data, struct budget *budget)
{
	budget->from = json_string_value(json_object_get(data, "from"));
	budget->next = json_string_value(json_object_get(data, "next"));
	budget->used = (uint64_t)json_integer_value(json_object_get(data, "used_bytes"));
	budget->projected = (uint64_t)json_integer_value(json_object_get(data, "projected_bytes"));
	budget->limit = (uint64_t)json_integer_value(json_object_get(data, "limit_bytes"));
	budget->days_left = json_number_value(json_object_get(data, "days_left"));
	if (!budget->from || !budget->next || !budget->limit)
		return false;
	budget->days = days_between(budget->from, budget->next);
	return true;
}

static int send_event(const struct v2m_round *round, json_t *event, const struct budget *budget)
{
	char used[V2M_FORMAT_BYTES_LEN];
	char projected[V2M_FORMAT_BYTES_LEN];
	char limit[V2M_FORMAT_BYTES_LEN];
	int result;

	v2m_format_bytes(budget->used, used);
	v2m_format_bytes(budget->projected, projected);
	v2m_format_bytes(budget->limit, limit);
	result = event ? v2m_event_line(event, "%s of %s since %s", used, limit, budget->from)
		       : -ENOMEM;
	if (!result)
		result = v2m_event_line(event, "projected to the end: %s; next period in %.1f days",
					projected, budget->days_left);
	if (!result && json_object_set(event, "budget", round->look->budget) == 0)
		return v2m_round_send(round, event);
	json_decref(event);
	return v2m_error_set(round->error, -ENOMEM, "out of memory");
}

/* 1: new; 0; -errno. */
static int hold(const struct v2m_round *round, const struct budget *budget, const char *step)
{
	char name[96];

	snprintf(name, sizeof(name), "budget/%s/%s", budget->from, step);
	return v2m_crossings_hold(round->crossings, name, round->error);
}

static int look_at_percents(const struct v2m_round *round, const struct budget *budget)
{
	const struct v2m_numbers *percents = &round->settings->budget_percents;
	unsigned reached = 0;
	json_t *event;

	for (size_t i = 0; i < percents->count; i++) {
		char step[16];
		int result;

		if ((unsigned __int128)budget->used * 100 <
		    (unsigned __int128)budget->limit * percents->items[i])
			break;
		snprintf(step, sizeof(step), "%u", percents->items[i]);
		result = hold(round, budget, step);
		if (result < 0)
			return result;
		if (result)
			reached = percents->items[i];
	}
	if (!reached)
		return 0;
	event = v2m_round_event(round, V2M_EVENT_BUDGET, V2M_STATE_RAISED,
				"%u %% of the traffic budget are used", reached);
	if (event)
		json_object_set_new(event, "percent", json_integer(reached));
	return send_event(round, event, budget);
}

static int look_at_projection(const struct v2m_round *round, const struct budget *budget)
{
	char name[96];
	int result;

	snprintf(name, sizeof(name), "budget/%s/projected", budget->from);
	/* A projection goes up and down. It is alerted about once in a period. */
	if (!v2m_crossings_has(round->crossings, name) &&
	    (!round->settings->budget_projected || budget->projected <= budget->limit ||
	     budget->days - budget->days_left < 1))
		return 0;
	result = hold(round, budget, "projected");
	if (result != 1)
		return result;
	return send_event(round,
			  v2m_round_event(round, V2M_EVENT_BUDGET_PROJECTED, V2M_STATE_RAISED,
					  "the traffic budget will not last"),
			  budget);
}

int v2m_watch_budget(const struct v2m_round *round)
{
	struct budget budget = { 0 };
	int result = 0;

	if (!round->look->no_budget) {
		if (!read_budget(round->look->budget, &budget))
			return 0;
		result = look_at_percents(round, &budget);
		if (!result)
			result = look_at_projection(round, &budget);
	}
	return result ? result
		      : v2m_crossings_end(round->crossings, "budget/", NULL, NULL, round->error);
}
