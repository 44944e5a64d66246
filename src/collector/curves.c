// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What whoever draws a key's traffic asks for: the rates of the last hours, and hours. */
#include <stdlib.h>
#include <string.h>

#include "collector/internal.h"
#include "base/log.h"
#include "ledger/history.h"

struct rates_question {
	const char *id_or_uuid;
	struct v2m_rate_history *rates;
};

struct hours_question {
	const struct v2m_history_query *query;
	struct v2m_history_hour **hours;
	size_t *n_hours;
};

static enum v2m_verdict answer_rates(struct v2m_collector *collector, void *argument)
{
	const struct rates_question *question = argument;
	struct v2m_rate_history made = { .step_s = V2M_SERIES_STEP_S };
	const struct v2m_key *key = NULL;
	enum v2m_verdict verdict = collector_find_key(collector, question->id_or_uuid, &key);

	if (verdict != V2M_OK)
		return verdict;
	if (collector->condition.counters_unreadable)
		return V2M_UNREADABLE;
	made.points = calloc(V2M_SERIES_DEFAULT, sizeof(*made.points));
	if (!made.points)
		return V2M_UNREADABLE;
	/* A key without a port has a line as well: nobody has port 0. */
	made.n_points = v2m_series_port(collector->series, key->port, made.points,
					V2M_SERIES_DEFAULT, &made.start_us);
	made.real_us = collector->sample.real_us;
	*question->rates = made;
	return V2M_OK;
}

static enum v2m_verdict answer_hours(struct v2m_collector *collector, void *argument)
{
	const struct hours_question *question = argument;
	const struct v2m_history_query *query = question->query;
	struct v2m_error error = { 0 };
	char subject[V2M_SUBJECT_LEN];
	const struct v2m_key *key = NULL;
	enum v2m_verdict verdict = collector_find_key(collector, query->id_or_uuid, &key);

	if (verdict != V2M_OK)
		return verdict;
	if (collector->condition.counters_unreadable)
		return V2M_UNREADABLE;
	v2m_key_subject(key, subject, sizeof(subject));
	if (v2m_ledger_history_hours(collector->ledger, collector->account, subject,
				     v2m_date_start_s(query->from),
				     v2m_date_start_s(v2m_date_add(query->to, 1)), question->hours,
				     question->n_hours, &error) == 0)
		return V2M_OK;
	v2m_log_error("history: %s", error.text);
	return V2M_UNREADABLE;
}

static enum v2m_verdict meter_rates(void *context, const char *id_or_uuid,
				    struct v2m_rate_history *rates)
{
	struct rates_question question = { .id_or_uuid = id_or_uuid, .rates = rates };

	return requests_call(context, answer_rates, &question);
}

static enum v2m_verdict meter_hours(void *context, const struct v2m_history_query *query,
				    struct v2m_history_hour **hours, size_t *n_hours)
{
	struct hours_question question = { .query = query, .hours = hours, .n_hours = n_hours };

	return requests_call(context, answer_hours, &question);
}

void curves_change_owners(struct v2m_collector *collector, const struct v2m_keyset *next)
{
	const struct v2m_keyset *keyset = collector->keyset;
	char before[V2M_SUBJECT_LEN];
	char after[V2M_SUBJECT_LEN];

	for (size_t i = 0; i < keyset->n_ports; i++) {
		const struct v2m_key_port *port = &keyset->ports[i];
		const struct v2m_key_port *heir = v2m_keyset_port(next, port->port);

		v2m_keyset_subject(keyset, port, before, sizeof(before));
		if (heir)
			v2m_keyset_subject(next, heir, after, sizeof(after));
		if (!heir || strcmp(before, after) != 0)
			v2m_series_forget(collector->series, port->port);
	}
}

void curves_init(struct v2m_meter *meter)
{
	meter->rates = meter_rates;
	meter->hours = meter_hours;
}
