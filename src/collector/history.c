// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Questions about history, asked of the ledger on the collector's thread. */
#include "ledger/history.h"

#include <errno.h>

#include "collector/internal.h"
#include "base/log.h"
#include "base/clock.h"

struct question {
	const struct v2m_history_query *query;
	struct v2m_history *history;
};

struct date_question {
	int32_t date;
	struct v2m_history_date *history;
};

struct reset_question {
	const char *id_or_uuid;
	int64_t *real_us;
};

struct cleanup_question {
	unsigned days_to_keep;
	int64_t *real_us;
};

/* The sentence is for the operator; the client gets the verdict. */
static enum v2m_verdict verdict_of(int result, enum v2m_verdict failed,
				   const struct v2m_error *error)
{
	if (!result)
		return V2M_OK;
	v2m_log_error("history: %s", error->text);
	return failed;
}

static enum v2m_verdict answer_history(struct v2m_collector *collector, void *argument)
{
	const struct question *question = argument;
	const struct v2m_history_query *query = question->query;
	struct v2m_ledger *ledger = collector->ledger;
	const struct v2m_account *account = collector->account;
	const struct v2m_keyset *keyset = collector->keyset;
	struct v2m_history *out = question->history;
	const struct v2m_key *key = NULL;
	enum v2m_verdict verdict = V2M_OK;
	struct v2m_error error = { 0 };
	int32_t month = query->month;
	int result;

	if (collector->condition.counters_unreadable)
		return V2M_UNREADABLE;
	if (month == V2M_THIS_MONTH)
		month = v2m_date_month(v2m_local_time_at(v2m_clock_real_us()).date);
	if (query->id_or_uuid)
		verdict = collector_find_key(collector, query->id_or_uuid, &key);
	if (verdict != V2M_OK)
		return verdict;
	if (key && month)
		result = v2m_ledger_history_key_month(ledger, account, keyset, key, month, out,
						      &error);
	else if (key)
		result = v2m_ledger_history_key(ledger, account, keyset, key, out, &error);
	else if (month)
		result = v2m_ledger_history_month(ledger, account, keyset, month, out, &error);
	else
		result = v2m_ledger_history(ledger, account, keyset, out, &error);
	return verdict_of(result, V2M_UNREADABLE, &error);
}

static enum v2m_verdict answer_date(struct v2m_collector *collector, void *argument)
{
	const struct date_question *question = argument;
	struct v2m_error error = { 0 };
	int result;

	if (collector->condition.counters_unreadable)
		return V2M_UNREADABLE;
	result = v2m_ledger_history_date(collector->ledger, collector->account, question->date,
					 question->history, &error);
	return verdict_of(result, V2M_UNREADABLE, &error);
}

static enum v2m_verdict answer_reset(struct v2m_collector *collector, void *argument)
{
	const struct reset_question *question = argument;
	char subject[V2M_SUBJECT_LEN];
	struct v2m_error error = { 0 };
	const struct v2m_key *key;
	enum v2m_verdict verdict;
	int result;

	/* What was counted before it would be in the new history. */
	if (collector->condition.counters_unreadable)
		return V2M_UNREADABLE;
	verdict = collector_find_key(collector, question->id_or_uuid, &key);
	if (verdict != V2M_OK)
		return verdict;
	v2m_key_subject(key, subject, sizeof(subject));
	result = v2m_ledger_history_reset(collector->ledger, collector->account, subject, &error);
	if (!result)
		publish_nothing(collector);
	*question->real_us = collector->sample.real_us;
	return verdict_of(result, result == -ENOENT ? V2M_UNREADABLE : V2M_NOT_STORED, &error);
}

static enum v2m_verdict answer_cleanup(struct v2m_collector *collector, void *argument)
{
	const struct cleanup_question *question = argument;
	struct v2m_error error = { 0 };
	int64_t now_us = v2m_clock_real_us();
	int result = v2m_ledger_history_cleanup(collector->ledger, collector->account,
						question->days_to_keep, now_us, &error);

	if (!result)
		publish_nothing(collector);
	*question->real_us = now_us;
	return verdict_of(result, V2M_NOT_STORED, &error);
}

static enum v2m_verdict meter_history(void *context, const struct v2m_history_query *query,
				      struct v2m_history *history)
{
	struct question question = { .query = query, .history = history };

	return requests_call(context, answer_history, &question);
}

static enum v2m_verdict meter_history_date(void *context, int32_t date,
					   struct v2m_history_date *history)
{
	struct date_question question = { .date = date, .history = history };

	return requests_call(context, answer_date, &question);
}

static enum v2m_verdict meter_history_reset(void *context, const char *id_or_uuid, int64_t *real_us)
{
	struct reset_question question = { .id_or_uuid = id_or_uuid, .real_us = real_us };

	return requests_call(context, answer_reset, &question);
}

static enum v2m_verdict meter_history_cleanup(void *context, unsigned days_to_keep,
					      int64_t *real_us)
{
	struct cleanup_question question = { .days_to_keep = days_to_keep, .real_us = real_us };

	return requests_call(context, answer_cleanup, &question);
}

void history_init(struct v2m_meter *meter)
{
	meter->history = meter_history;
	meter->history_date = meter_history_date;
	meter->history_reset = meter_history_reset;
	meter->history_cleanup = meter_history_cleanup;
}
