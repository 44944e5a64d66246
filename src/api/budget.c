// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/budget.h"

#include "base/calendar.h"
#include "base/format.h"

static void put_flow(struct v2m_json_writer *json, const char *name,
		     const struct v2m_budget_flow *flow)
{
	v2m_put_open(json, name, '{');
	v2m_put_u64(json, "rx_bytes", flow->rx);
	v2m_put_u64(json, "tx_bytes", flow->tx);
	v2m_put_u64(json, "total_bytes", flow->rx + flow->tx);
	v2m_write_close(json, '}');
}

static void put_date(struct v2m_json_writer *json, const char *name, int32_t date)
{
	char text[V2M_DATE_LEN];

	v2m_date_format(date, text);
	v2m_put_string(json, name, text);
}

static void put_time(struct v2m_json_writer *json, const char *name, int64_t real_us)
{
	char text[V2M_FORMAT_TIME_LEN];

	v2m_format_time(real_us, text);
	v2m_put_string(json, name, text);
}

static void put_sides(struct v2m_json_writer *json, const struct v2m_budget_view *budget)
{
	const struct v2m_budget_flow all = { budget->customers.rx + budget->internet.rx,
					     budget->customers.tx + budget->internet.tx };

	put_flow(json, "customers", &budget->customers);
	put_flow(json, "internet", &budget->internet);
	put_flow(json, "all", &all);
}

int v2m_api_budget(const struct v2m_status *status, struct v2m_body *body)
{
	const struct v2m_budget_view *budget = &status->budget;
	struct v2m_json_writer json = { 0 };

	v2m_write_open(&json, '{');
	v2m_put_string(&json, "status", "success");
	v2m_put_open(&json, "data", '{');
	v2m_put_u64(&json, "limit_bytes", budget->limit);
	v2m_put_string(&json, "directions", budget->directions);
	v2m_put_u64(&json, "billing_day", budget->billing_day);
	put_date(&json, "from", budget->from);
	put_date(&json, "next", budget->next);
	put_time(&json, "counted_since", budget->since_us);
	v2m_put_u64(&json, "used_bytes", budget->used);
	v2m_put_fixed(&json, "used_percent", 100.0 * (double)budget->used / (double)budget->limit,
		      2);
	v2m_put_u64(&json, "projected_bytes", budget->projected);
	v2m_put_fixed(&json, "projected_percent",
		      100.0 * (double)budget->projected / (double)budget->limit, 2);
	v2m_put_fixed(&json, "days_left", budget->days_left, 2);
	if (budget->lasts_days < 0)
		v2m_put_null(&json, "lasts_days");
	else
		v2m_put_fixed(&json, "lasts_days", budget->lasts_days, 2);
	put_sides(&json, budget);
	v2m_write_close(&json, '}');
	put_time(&json, "timestamp", budget->read_us);
	v2m_write_close(&json, '}');
	return v2m_api_finish(&json, 200, body);
}
