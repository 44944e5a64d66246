// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Each function that waits for the collector's thread packs its parameters into a struct, which
 * run_*() unpacks there. */
#include "collector/meter.h"

#include "collector/answers.h"
#include "collector/batch.h"
#include "collector/health.h"
#include "collector/publisher.h"
#include "collector/requests.h"

static enum v2m_verdict wait_for_call(struct v2m_parts *parts,
				      enum v2m_verdict (*run)(struct v2m_parts *, void *),
				      void *argument)
{
	struct v2m_call_request call = {
		.request.kind = V2M_REQUEST_CALL,
		.run = run,
		.argument = argument,
	};

	return v2m_requests_wait(parts->requests, &call.request);
}

static enum v2m_verdict get_window(void *context, bool fresh, struct v2m_window **window)
{
	struct v2m_parts *parts = context;
	struct v2m_window_request request = {
		.request.kind = fresh ? V2M_REQUEST_FRESH_WINDOW : V2M_REQUEST_CACHED_WINDOW,
	};
	enum v2m_verdict verdict = V2M_OK;

	if (!fresh)
		request.window = v2m_publisher_window(parts->publisher);
	if (!request.window)
		verdict = v2m_requests_wait(parts->requests, &request.request);
	if (verdict == V2M_OK)
		*window = request.window;
	return verdict;
}

static enum v2m_verdict reset_key(void *context, const char *api_key, const char *id_or_uuid,
				  struct v2m_reset *reset)
{
	struct v2m_parts *parts = context;
	struct v2m_reset_request request = {
		.request.kind = V2M_REQUEST_RESET,
		.key_id = id_or_uuid,
		.reset = reset,
	};

	(void)api_key;
	return v2m_requests_wait(parts->requests, &request.request);
}

static void get_health(void *context, struct v2m_health *health)
{
	const struct v2m_parts *parts = context;

	v2m_conditions_tell(parts->conditions, health, NULL);
}

struct history_call {
	const struct v2m_history_query *query;
	struct v2m_history *history;
};

static enum v2m_verdict run_history(struct v2m_parts *parts, void *argument)
{
	const struct history_call *call = argument;

	return v2m_answer_history(parts, call->query, call->history);
}

static enum v2m_verdict get_history(void *context, const struct v2m_history_query *query,
				    struct v2m_history *history)
{
	struct history_call call = { .query = query, .history = history };

	return wait_for_call(context, run_history, &call);
}

struct date_call {
	int32_t date;
	struct v2m_history_date *history;
};

static enum v2m_verdict run_history_date(struct v2m_parts *parts, void *argument)
{
	const struct date_call *call = argument;

	return v2m_answer_history_date(parts, call->date, call->history);
}

static enum v2m_verdict get_history_date(void *context, int32_t date,
					 struct v2m_history_date *history)
{
	struct date_call call = { .date = date, .history = history };

	return wait_for_call(context, run_history_date, &call);
}

struct hours_call {
	const struct v2m_history_query *query;
	struct v2m_history_hour **hours;
	size_t *n_hours;
};

static enum v2m_verdict run_hours(struct v2m_parts *parts, void *argument)
{
	const struct hours_call *call = argument;

	return v2m_answer_hours(parts, call->query, call->hours, call->n_hours);
}

static enum v2m_verdict get_hours(void *context, const struct v2m_history_query *query,
				  struct v2m_history_hour **hours, size_t *n_hours)
{
	struct hours_call call = { .query = query, .hours = hours, .n_hours = n_hours };

	return wait_for_call(context, run_hours, &call);
}

struct rates_call {
	const char *id_or_uuid;
	struct v2m_key_rates *rates;
};

static enum v2m_verdict run_rates(struct v2m_parts *parts, void *argument)
{
	const struct rates_call *call = argument;

	return v2m_answer_rates(parts, call->id_or_uuid, call->rates);
}

static enum v2m_verdict get_rates(void *context, const char *id_or_uuid,
				  struct v2m_key_rates *rates)
{
	struct rates_call call = { .id_or_uuid = id_or_uuid, .rates = rates };

	return wait_for_call(context, run_rates, &call);
}

struct history_reset_call {
	const char *id_or_uuid;
	int64_t *real_us;
};

static enum v2m_verdict run_history_reset(struct v2m_parts *parts, void *argument)
{
	const struct history_reset_call *call = argument;

	return v2m_answer_history_reset(parts, call->id_or_uuid, call->real_us);
}

static enum v2m_verdict reset_history(void *context, const char *api_key, const char *id_or_uuid,
				      int64_t *real_us)
{
	struct history_reset_call call = { .id_or_uuid = id_or_uuid, .real_us = real_us };

	(void)api_key;
	return wait_for_call(context, run_history_reset, &call);
}

struct cleanup_call {
	unsigned days_to_keep;
	int64_t *real_us;
};

static enum v2m_verdict run_history_cleanup(struct v2m_parts *parts, void *argument)
{
	const struct cleanup_call *call = argument;

	return v2m_answer_history_cleanup(parts, call->days_to_keep, call->real_us);
}

static enum v2m_verdict clean_up_history(void *context, const char *api_key, unsigned days_to_keep,
					 int64_t *real_us)
{
	struct cleanup_call call = { .days_to_keep = days_to_keep, .real_us = real_us };

	(void)api_key;
	return wait_for_call(context, run_history_cleanup, &call);
}

struct export_call {
	char **text;
	size_t *length;
};

static enum v2m_verdict run_export(struct v2m_parts *parts, void *argument)
{
	const struct export_call *call = argument;

	return v2m_answer_export(parts, call->text, call->length);
}

static enum v2m_verdict export_totals(void *context, char **text, size_t *length)
{
	struct export_call call = { .text = text, .length = length };

	return wait_for_call(context, run_export, &call);
}

struct import_call {
	const char *text;
	size_t length;
	struct v2m_import_result *result;
	struct v2m_error *error;
};

static enum v2m_verdict run_import(struct v2m_parts *parts, void *argument)
{
	const struct import_call *call = argument;

	return v2m_answer_import(parts, call->text, call->length, call->result, call->error);
}

static enum v2m_verdict import_totals(void *context, const char *api_key, const char *text,
				      size_t length, struct v2m_import_result *result,
				      struct v2m_error *error)
{
	struct import_call call = {
		.text = text,
		.length = length,
		.result = result,
		.error = error,
	};

	(void)api_key;
	return wait_for_call(context, run_import, &call);
}

static enum v2m_verdict run_status(struct v2m_parts *parts, void *argument)
{
	return v2m_answer_status(parts, argument);
}

static enum v2m_verdict get_status(void *context, struct v2m_status **status)
{
	return wait_for_call(context, run_status, status);
}

void v2m_meter_init(struct v2m_meter *meter, struct v2m_parts *parts)
{
	*meter = (struct v2m_meter){
		.context = parts,
		.window = get_window,
		.reset = reset_key,
		.health = get_health,
		.history = get_history,
		.history_date = get_history_date,
		.hours = get_hours,
		.rates = get_rates,
		.history_reset = reset_history,
		.history_cleanup = clean_up_history,
		.export_totals = export_totals,
		.import_totals = import_totals,
		.status = get_status,
	};
}
