// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Questions about history, which the ledger and the account answer together, and about the rate
 * history. */
#include "collector/answers.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "attribution/attribution.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "collector/bookkeeper.h"
#include "collector/health.h"
#include "collector/key_lookup.h"
#include "collector/key_supply.h"
#include "collector/publisher.h"
#include "ledger/history.h"

/* The log gets the sentence; the client gets the verdict. */
static enum v2m_verdict verdict_of(int result, enum v2m_verdict failed,
				   const struct v2m_error *error)
{
	if (!result)
		return V2M_OK;
	v2m_log_error("history: %s", error->text);
	return failed;
}

static bool is_unreadable(const struct v2m_parts *parts)
{
	return v2m_conditions_has(parts->conditions, V2M_COUNTERS_UNREADABLE);
}

/* key NULL: every key; month 0: all time. */
static int ask_ledger(struct v2m_parts *parts, const struct v2m_key *key, int32_t month,
		      struct v2m_history *history, struct v2m_error *error)
{
	struct v2m_ledger *ledger = v2m_bookkeeper_ledger(parts->bookkeeper);
	const struct v2m_account *account = v2m_bookkeeper_account(parts->bookkeeper);
	const struct v2m_keyset *keyset = v2m_key_supply_active(parts->keys);

	if (key && month)
		return v2m_ledger_history_key_month(ledger, account, keyset, key, month, history,
						    error);
	if (key)
		return v2m_ledger_history_key(ledger, account, keyset, key, history, error);
	if (month)
		return v2m_ledger_history_month(ledger, account, keyset, month, history, error);
	return v2m_ledger_history(ledger, account, keyset, history, error);
}

enum v2m_verdict v2m_answer_history(struct v2m_parts *parts, const struct v2m_history_query *query,
				    struct v2m_history *history)
{
	const struct v2m_key *key = NULL;
	enum v2m_verdict verdict = V2M_OK;
	struct v2m_error error = { 0 };
	int32_t month = query->month;

	if (is_unreadable(parts))
		return V2M_UNREADABLE;
	if (month == V2M_THIS_MONTH)
		month = v2m_date_month(v2m_local_time_at(v2m_clock_real_us()).date);
	if (query->id_or_uuid)
		verdict = v2m_key_lookup_history(parts, query->id_or_uuid, &key);
	if (verdict != V2M_OK)
		return verdict;
	return verdict_of(ask_ledger(parts, key, month, history, &error), V2M_UNREADABLE, &error);
}

enum v2m_verdict v2m_answer_history_date(struct v2m_parts *parts, int32_t date,
					 struct v2m_history_date *history)
{
	struct v2m_error error = { 0 };
	int result;

	if (is_unreadable(parts))
		return V2M_UNREADABLE;
	result = v2m_ledger_history_date(v2m_bookkeeper_ledger(parts->bookkeeper),
					 v2m_bookkeeper_account(parts->bookkeeper), date, history,
					 &error);
	return verdict_of(result, V2M_UNREADABLE, &error);
}

enum v2m_verdict v2m_answer_hours(struct v2m_parts *parts, const struct v2m_history_query *query,
				  struct v2m_history_hour **hours, size_t *n_hours)
{
	struct v2m_error error = { 0 };
	char subject[V2M_SUBJECT_LEN];
	const struct v2m_key *key = NULL;
	enum v2m_verdict verdict = v2m_key_lookup_history(parts, query->id_or_uuid, &key);
	int result;

	if (verdict != V2M_OK)
		return verdict;
	if (is_unreadable(parts))
		return V2M_UNREADABLE;
	v2m_key_subject(key, subject, sizeof(subject));
	result = v2m_ledger_history_hours(v2m_bookkeeper_ledger(parts->bookkeeper),
					  v2m_bookkeeper_account(parts->bookkeeper), subject,
					  query->from, query->to, hours, n_hours, &error);
	return verdict_of(result, V2M_UNREADABLE, &error);
}

static void add_points(struct v2m_key_rates *rates, const struct v2m_rate_point *points, size_t n)
{
	for (size_t k = 0; k < n && k < rates->n_points; k++) {
		rates->points[k].rx_bytes_s += points[k].rx_bytes_s;
		rates->points[k].tx_bytes_s += points[k].tx_bytes_s;
	}
}

/* Adds the rates of a slot. Of a slot that is attributed, the key has those of its own flows. */
static void add_rates_of_slot(const struct v2m_parts *parts, const struct v2m_key *key,
			      const struct v2m_slot *slot, struct v2m_rate_point *points,
			      struct v2m_key_rates *rates)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };

	if (!v2m_attribution_covers(parts->attribution, slot)) {
		add_points(rates, points,
			   v2m_bookkeeper_rate_history(parts->bookkeeper, v2m_slot_number(slot),
						       points, V2M_RATE_HISTORY_STEPS,
						       &rates->start_us));
		return;
	}
	for (size_t i = 0; i < V2M_ARRAY_LEN(protocols); i++) {
		uint32_t owner = v2m_attribution_owner(parts->attribution, slot, key, protocols[i]);

		if (owner != V2M_NO_OWNER)
			add_points(rates, points,
				   v2m_bookkeeper_rate_history_owner(parts->bookkeeper, owner,
								     points, V2M_RATE_HISTORY_STEPS,
								     &rates->start_us));
	}
}

/* Adds up the rates of the key's slots, which all have the same steps. A key without a port gets
 * zeros: slot 0 never has traffic. 0 or -ENOMEM. */
static int add_rates_of_slots(const struct v2m_parts *parts, const struct v2m_key *key,
			      struct v2m_key_rates *rates)
{
	const struct v2m_keyset *keyset = v2m_key_supply_active(parts->keys);
	V2M_FREE struct v2m_rate_point *points = calloc(V2M_RATE_HISTORY_STEPS, sizeof(*points));
	const size_t *slots;
	size_t count;

	if (!points)
		return -ENOMEM;
	slots = v2m_keyset_slots_of(keyset, key, &count);
	rates->n_points = v2m_bookkeeper_rate_history(parts->bookkeeper, 0, rates->points,
						      V2M_RATE_HISTORY_STEPS, &rates->start_us);
	for (size_t i = 0; i < count; i++)
		add_rates_of_slot(parts, key, &keyset->slots.items[slots[i]], points, rates);
	return 0;
}

enum v2m_verdict v2m_answer_rates(struct v2m_parts *parts, const char *id_or_uuid,
				  struct v2m_key_rates *rates)
{
	struct v2m_key_rates made = { .step_s = V2M_RATE_HISTORY_STEP_S };
	const struct v2m_key *key = NULL;
	enum v2m_verdict verdict = v2m_key_lookup(parts, id_or_uuid, &key);

	if (verdict != V2M_OK)
		return verdict;
	if (is_unreadable(parts))
		return V2M_UNREADABLE;
	made.points = calloc(V2M_RATE_HISTORY_STEPS, sizeof(*made.points));
	if (!made.points)
		return V2M_UNREADABLE;
	if (add_rates_of_slots(parts, key, &made)) {
		free(made.points);
		return V2M_UNREADABLE;
	}
	made.real_us = v2m_bookkeeper_sample(parts->bookkeeper)->real_us;
	*rates = made;
	return V2M_OK;
}

enum v2m_verdict v2m_answer_history_reset(struct v2m_parts *parts, const char *id_or_uuid,
					  int64_t *real_us)
{
	char subject[V2M_SUBJECT_LEN];
	struct v2m_error error = { 0 };
	const struct v2m_key *key;
	enum v2m_verdict verdict;
	int result;

	/* Bytes from before the reset would be in the new history. */
	if (is_unreadable(parts))
		return V2M_UNREADABLE;
	verdict = v2m_key_lookup(parts, id_or_uuid, &key);
	if (verdict != V2M_OK)
		return verdict;
	v2m_key_subject(key, subject, sizeof(subject));
	result = v2m_ledger_history_reset(v2m_bookkeeper_ledger(parts->bookkeeper),
					  v2m_bookkeeper_account(parts->bookkeeper), subject,
					  &error);
	if (!result)
		v2m_publisher_withdraw(parts->publisher);
	*real_us = v2m_bookkeeper_sample(parts->bookkeeper)->real_us;
	return verdict_of(result, result == -ENOENT ? V2M_UNREADABLE : V2M_NOT_STORED, &error);
}

enum v2m_verdict v2m_answer_history_cleanup(struct v2m_parts *parts, unsigned days_to_keep,
					    int64_t *real_us)
{
	struct v2m_error error = { 0 };
	int result;

	*real_us = v2m_clock_real_us();
	result = v2m_ledger_history_cleanup(v2m_bookkeeper_ledger(parts->bookkeeper),
					    v2m_bookkeeper_account(parts->bookkeeper), days_to_keep,
					    *real_us, &error);
	if (!result)
		v2m_publisher_withdraw(parts->publisher);
	return verdict_of(result, V2M_NOT_STORED, &error);
}
