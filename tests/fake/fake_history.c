// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fake/private.h"

static struct v2m_history_figures make_figures(unsigned days)
{
	return (struct v2m_history_figures){
		.totals = fake_totals(days),
		.max_connections = days ? FAKE_CONNECTIONS : 0,
		.sessions = (uint64_t)days * FAKE_SESSIONS,
	};
}

static void fill_days(struct v2m_history_key *entry)
{
	static const int32_t dates[] = { FAKE_DAY_1, FAKE_DAY_2 };

	entry->days = calloc(2, sizeof(*entry->days));
	if (!entry->days)
		return;
	for (size_t i = 0; i < 2; i++)
		entry->days[i] = (struct v2m_history_day){
			.date = dates[i],
			.figures = make_figures(1),
		};
	entry->n_days = 2;
}

static void fill_entry(const struct fake_meter *fake, const struct v2m_key *key, int32_t month,
		       struct v2m_history_key *entry)
{
	const struct v2m_slot *slot = fake_slot(fake, key);
	bool gone = fake->history_gone[key - fake->keyset->keys];
	bool in_month = month == FAKE_MONTH && !gone;

	entry->id = strdup(key->id);
	entry->uuid = strdup(key->uuid);
	entry->name = strdup(key->name);
	entry->port = v2m_key_port(key);
	entry->is_active = slot && slot->n_keys == 1 && key->is_active;
	entry->shares_port = slot && slot->n_keys > 1;
	entry->first_seen_us = 1754307939255796;
	entry->last_activity_us = gone ? 0 : 1754307999000000;
	entry->all = make_figures(gone ? 0 : 2);
	entry->month = make_figures(in_month ? 2 : 0);
}

static void fill_shared_ports(const struct fake_meter *fake, int32_t month,
			      struct v2m_history *history)
{
	for (size_t i = 0; i < fake->keyset->slots.count; i++) {
		struct v2m_history_key *entry = &history->keys[history->n_keys];

		if (fake->keyset->slots.items[i].n_keys < 2)
			continue;
		entry->port = fake->keyset->slots.items[i].first_port;
		entry->slot_number = v2m_slot_number(&fake->keyset->slots.items[i]);
		entry->all = make_figures(2);
		entry->month = make_figures(month == FAKE_MONTH ? 2 : 0);
		history->n_keys++;
	}
}

static enum v2m_verdict fill_one_key(const struct fake_meter *fake, const char *id, int32_t month,
				     struct v2m_history *history)
{
	const struct v2m_key *key = v2m_keyset_find(fake->keyset, id);

	if (!key)
		return V2M_KEY_NOT_FOUND;
	fill_entry(fake, key, month, &history->keys[0]);
	if (history->keys[0].all.sessions && (month == V2M_ALL_TIME || month == FAKE_MONTH))
		fill_days(&history->keys[0]);
	history->n_keys = 1;
	return V2M_OK;
}

enum v2m_verdict fake_history(void *context, const struct v2m_history_query *query,
			      struct v2m_history *history)
{
	struct fake_meter *fake = context;
	V2M_CLEANUP(v2m_history_clear) struct v2m_history made = { 0 };
	int32_t month = query->month == V2M_THIS_MONTH ? FAKE_MONTH : query->month;
	enum v2m_verdict verdict;

	pthread_mutex_lock(&fake->lock);
	verdict = fake->history_verdict;
	made.keys = calloc(2 * fake->keyset->n_keys + 1, sizeof(*made.keys));
	made.month = month;
	if (verdict == V2M_OK && query->id_or_uuid) {
		verdict = fill_one_key(fake, query->id_or_uuid, month, &made);
	} else if (verdict == V2M_OK) {
		for (; made.n_keys < fake->keyset->n_keys; made.n_keys++)
			fill_entry(fake, &fake->keyset->keys[made.n_keys], month,
				   &made.keys[made.n_keys]);
		fill_shared_ports(fake, month, &made);
	}
	pthread_mutex_unlock(&fake->lock);
	if (verdict == V2M_OK) {
		*history = made;
		memset(&made, 0, sizeof(made));
	}
	return verdict;
}

enum v2m_verdict fake_history_date(void *context, int32_t date, struct v2m_history_date *history)
{
	struct fake_meter *fake = context;
	unsigned subjects = date == FAKE_DAY_1 || date == FAKE_DAY_2 ? 5 : 0;
	enum v2m_verdict verdict;

	pthread_mutex_lock(&fake->lock);
	verdict = fake->history_verdict;
	pthread_mutex_unlock(&fake->lock);
	if (verdict == V2M_OK)
		*history = (struct v2m_history_date){
			.date = date,
			.totals = fake_totals(subjects),
			.connections = subjects * FAKE_CONNECTIONS,
			.sessions = subjects * FAKE_SESSIONS,
			.active_keys = subjects,
		};
	return verdict;
}

/* Finds the key of a question about one key only, and its verdict. */
static enum v2m_verdict find_key(struct fake_meter *fake, const char *id,
				 const struct v2m_key **key)
{
	enum v2m_verdict verdict;

	pthread_mutex_lock(&fake->lock);
	verdict = fake->history_verdict;
	pthread_mutex_unlock(&fake->lock);
	*key = v2m_keyset_find(fake->keyset, id);
	if (verdict != V2M_OK)
		return verdict;
	return *key ? V2M_OK : V2M_KEY_NOT_FOUND;
}

enum v2m_verdict fake_hours(void *context, const struct v2m_history_query *query,
			    struct v2m_history_hour **hours, size_t *n_hours)
{
	const struct v2m_key *key;
	enum v2m_verdict verdict = find_key(context, query->id_or_uuid, &key);

	if (verdict != V2M_OK)
		return verdict;
	*hours = calloc(2, sizeof(**hours));
	if (!*hours)
		return V2M_UNREADABLE;
	if (query->from <= FAKE_HOURS_DAY && query->to >= FAKE_HOURS_DAY)
		*n_hours = 2;
	for (int i = 0; i < 2; i++)
		(*hours)[i] = (struct v2m_history_hour){
			.start_s = FAKE_HOUR_S + 3600 * i,
			.utc_offset_s = 7200 - 3600 * i,
			.figures = make_figures(1),
		};
	return V2M_OK;
}

enum v2m_verdict fake_rates(void *context, const char *id_or_uuid, struct v2m_key_rates *rates)
{
	const struct v2m_key *key;
	enum v2m_verdict verdict = find_key(context, id_or_uuid, &key);
	const struct v2m_slot *slot = verdict == V2M_OK ? fake_slot(context, key) : NULL;

	if (verdict != V2M_OK)
		return verdict;
	if (slot && slot->n_keys > 1)
		return V2M_KEY_SHARES_PORT;
	rates->points = calloc(3, sizeof(*rates->points));
	if (!rates->points)
		return V2M_UNREADABLE;
	rates->start_us = FAKE_RATES_US;
	rates->step_s = V2M_RATE_HISTORY_STEP_S;
	rates->real_us = FAKE_RATES_US + 35000000;
	for (rates->n_points = 0; rates->n_points < 3; rates->n_points++) {
		float rate = v2m_key_port(key) ? (float)rates->n_points + 1 : 0;

		rates->points[rates->n_points] = (struct v2m_rate_point){ rate, 1000 * rate };
	}
	return V2M_OK;
}

static void end_window(struct fake_meter *fake)
{
	v2m_window_unref(fake->window);
	fake->window = NULL;
}

enum v2m_verdict fake_history_reset(void *context, const char *api_key, const char *id_or_uuid,
				    int64_t *real_us)
{
	struct fake_meter *fake = context;
	const struct v2m_key *key;
	const struct v2m_slot *slot;
	enum v2m_verdict verdict;

	pthread_mutex_lock(&fake->lock);
	verdict = fake_allows(fake, api_key) ? fake->reset_verdict : V2M_FORBIDDEN;
	key = v2m_keyset_find(fake->keyset, id_or_uuid);
	slot = key ? fake_slot(fake, key) : NULL;
	if (verdict == V2M_OK && !key)
		verdict = V2M_KEY_NOT_FOUND;
	if (verdict == V2M_OK && slot && slot->n_keys > 1)
		verdict = V2M_KEY_SHARES_PORT;
	if (verdict == V2M_OK) {
		fake->history_gone[key - fake->keyset->keys] = true;
		*real_us = v2m_clock_real_us();
		end_window(fake);
	}
	pthread_mutex_unlock(&fake->lock);
	return verdict;
}

enum v2m_verdict fake_history_cleanup(void *context, const char *api_key, unsigned days_to_keep,
				      int64_t *real_us)
{
	struct fake_meter *fake = context;
	enum v2m_verdict verdict;

	pthread_mutex_lock(&fake->lock);
	verdict = fake_allows(fake, api_key) ? fake->reset_verdict : V2M_FORBIDDEN;
	if (verdict == V2M_OK) {
		fake->days_kept = (int)days_to_keep;
		*real_us = v2m_clock_real_us();
		end_window(fake);
	}
	pthread_mutex_unlock(&fake->lock);
	return verdict;
}

void fake_meter_set_history_verdict(struct fake_meter *fake, enum v2m_verdict verdict)
{
	pthread_mutex_lock(&fake->lock);
	fake->history_verdict = verdict;
	pthread_mutex_unlock(&fake->lock);
}

int fake_meter_days_kept(struct fake_meter *fake)
{
	int days;

	pthread_mutex_lock(&fake->lock);
	days = fake->days_kept;
	pthread_mutex_unlock(&fake->lock);
	return days;
}
