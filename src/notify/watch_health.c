// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/watch_health.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DEGRADED    "degraded/"
#define UNREACHABLE "unreachable/"

/* Something that is an alert after some time, and again when it is over. */
struct trouble {
	enum v2m_event_kind kind;
	const char *family;
	const char *word;
	const char *sentence;
	unsigned after_s;
};

static void name_trouble(const struct trouble *trouble, char name[static 96])
{
	snprintf(name, 96, "%s%.64s", trouble->family, trouble->word);
}

static int send_raised(const struct v2m_round *round, const struct trouble *trouble)
{
	json_t *event;
	int result;

	event = trouble->kind == V2M_EVENT_DEGRADED
			? v2m_round_event(round, trouble->kind, V2M_STATE_RAISED, "degraded: %s",
					  trouble->word)
			: v2m_round_event(round, trouble->kind, V2M_STATE_RAISED,
					  "v2meterd does not answer");
	result = event ? v2m_event_line(event, "%s", trouble->sentence) : -ENOMEM;
	if (!result && trouble->kind == V2M_EVENT_DEGRADED)
		result = json_object_set_new(event, "reason", json_string(trouble->word)) ? -ENOMEM
											  : 0;
	if (!result)
		return v2m_round_send(round, event);
	json_decref(event);
	return v2m_error_set(round->error, -ENOMEM, "out of memory");
}

static int meet(const struct v2m_round *round, struct v2m_streaks *streaks,
		const struct trouble *trouble)
{
	int64_t lasts_s = v2m_streaks_present(streaks, trouble->word, round->look->mono_ns);
	char name[96];
	int result;

	if (lasts_s < 0)
		return v2m_error_set(round->error, -ENOMEM, "out of memory");
	name_trouble(trouble, name);
	if (lasts_s < trouble->after_s && !v2m_crossings_has(round->crossings, name))
		return 0;
	result = v2m_crossings_hold(round->crossings, name, round->error);
	return result == 1 ? send_raised(round, trouble) : result;
}

/* Goes on holding what has been away for a moment only. */
static int keep_recent(const struct v2m_round *round, struct v2m_streaks *streaks,
		       const char *family, unsigned after_s)
{
	int result = 0;

	v2m_streaks_end(streaks, round->look->mono_ns, after_s);
	for (size_t i = 0; i < streaks->count && result >= 0; i++) {
		const struct trouble absent = { .family = family, .word = streaks->items[i].name };
		char name[96];

		name_trouble(&absent, name);
		if (!streaks->items[i].present && v2m_crossings_has(round->crossings, name))
			result = v2m_crossings_hold(round->crossings, name, round->error);
	}
	return result < 0 ? result : 0;
}

static int send_degraded_over(void *context, const char *name)
{
	const struct v2m_round *round = context;
	const char *word = name + strlen(DEGRADED);
	json_t *event = v2m_round_event(round, V2M_EVENT_DEGRADED, V2M_STATE_CLEARED,
					"no longer degraded: %s", word);

	if (event)
		json_object_set_new(event, "reason", json_string(word));
	return v2m_round_send(round, event);
}

static int send_reachable(void *context, const char *name)
{
	const struct v2m_round *round = context;

	(void)name;
	return v2m_round_send(round, v2m_round_event(round, V2M_EVENT_UNREACHABLE,
						     V2M_STATE_CLEARED, "v2meterd answers again"));
}

static int watch_reasons(const struct v2m_round *round, struct v2m_streaks *streaks)
{
	const json_t *reasons = json_object_get(round->look->status, "reasons");
	const unsigned after_s = round->settings->degraded_after_s;
	int result = 0;

	if (!json_is_array(reasons))
		return 0;
	for (size_t i = 0; i < json_array_size(reasons) && !result; i++) {
		const json_t *reason = json_array_get(reasons, i);
		const char *word = json_string_value(json_object_get(reason, "reason"));
		const char *detail = json_string_value(json_object_get(reason, "detail"));

		if (word)
			result = meet(round, streaks,
				      &(struct trouble){ V2M_EVENT_DEGRADED, DEGRADED, word,
							 detail ? detail : "", after_s });
	}
	if (!result)
		result = keep_recent(round, streaks, DEGRADED, after_s);
	return result ? result
		      : v2m_crossings_end(round->crossings, DEGRADED, send_degraded_over,
					  (void *)round, round->error);
}

/* A daemon that does not answer does not say what is wrong with it. */
int v2m_watch_health(const struct v2m_round *round, struct v2m_health_watch *watch)
{
	const struct trouble unreachable = { V2M_EVENT_UNREACHABLE, UNREACHABLE, "daemon",
					     round->look->problem,
					     round->settings->unreachable_after_s };
	int result = 0;

	if (!round->look->status)
		result = meet(round, &watch->problems, &unreachable);
	if (!result)
		result = keep_recent(round, &watch->problems, UNREACHABLE, 0);
	if (!result)
		result = v2m_crossings_end(round->crossings, UNREACHABLE, send_reachable,
					   (void *)round, round->error);
	if (!result && round->look->status)
		result = watch_reasons(round, &watch->reasons);
	return result;
}

void v2m_health_watch_clear(struct v2m_health_watch *watch)
{
	v2m_streaks_clear(&watch->reasons);
	v2m_streaks_clear(&watch->problems);
}
