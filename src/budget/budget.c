// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "budget/budget.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/calendar.h"
#include "base/macros.h"

#define DAY_S     86400.0
#define SECOND_US 1000000.0
/* A projection from less is noise. */
#define LEAST_S 3600.0

static int days_of_month(int32_t month)
{
	int32_t first = month * 100 + 1;

	return (int)((v2m_date_add(first, 31) / 100 == month)   ? 31
		     : (v2m_date_add(first, 30) / 100 == month) ? 31
		     : (v2m_date_add(first, 29) / 100 == month) ? 30
		     : (v2m_date_add(first, 28) / 100 == month) ? 29
								: 28);
}

static int32_t month_add(int32_t month, int months)
{
	int32_t number = month / 100 * 12 + month % 100 - 1 + months;

	return number / 12 * 100 + number % 12 + 1;
}

static int32_t billing_date(int32_t month, unsigned billing_day)
{
	int last = days_of_month(month);

	return month * 100 + ((int)billing_day < last ? (int)billing_day : last);
}

int32_t v2m_budget_period(int32_t date, unsigned billing_day, int32_t *next)
{
	int32_t month = v2m_date_month(date);

	if (billing_date(month, billing_day) > date)
		month = month_add(month, -1);
	*next = billing_date(month_add(month, 1), billing_day);
	return billing_date(month, billing_day);
}

static bool is_billed(const struct v2m_budget_terms *terms, const char *name)
{
	for (size_t i = 0; i < terms->devices.count; i++)
		if (fnmatch(terms->devices.items[i], name, 0) == 0)
			return true;
	return terms->devices.count == 0;
}

static struct v2m_budget_device *find_device(struct v2m_budget *budget,
					     const struct v2m_device_sample *device)
{
	for (size_t i = 0; i < budget->devices.count; i++)
		if (budget->devices.items[i].ifindex == device->ifindex &&
		    strcmp(budget->devices.items[i].name, device->name) == 0)
			return &budget->devices.items[i];
	return NULL;
}

static uint64_t grown(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

static void add_growth(struct v2m_budget *budget, const struct v2m_budget_device *before,
		       const struct v2m_budget_device *now)
{
	uint64_t keys_rx = grown(now->keys.rx, before->keys.rx);
	uint64_t keys_tx = grown(now->keys.tx, before->keys.tx);
	uint64_t seen_rx = grown(now->seen.rx, before->seen.rx);
	uint64_t seen_tx = grown(now->seen.tx, before->seen.tx);

	budget->customers.rx += keys_rx;
	budget->customers.tx += keys_tx;
	budget->internet.rx += seen_rx > keys_rx ? seen_rx - keys_rx : 0;
	budget->internet.tx += seen_tx > keys_tx ? seen_tx - keys_tx : 0;
	budget->dirty = budget->dirty || seen_rx || seen_tx;
}

/* first: no reading was ever taken, so nobody knows when the counters counted what they have. */
static int add_device(struct v2m_budget *budget, const struct v2m_budget_terms *terms,
		      const struct v2m_sample *sample, const struct v2m_device_sample *device,
		      bool first)
{
	struct v2m_budget_device now = {
		.ifindex = device->ifindex,
		.seen = { device->ingress.seen.wire_bytes, device->egress.seen.wire_bytes },
		.keys = { device->ingress.keys.wire_bytes, device->egress.keys.wire_bytes },
	};
	struct v2m_budget_device before = { 0 };
	struct v2m_budget_device *known = find_device(budget, device);

	memcpy(now.name, device->name, sizeof(now.name));
	memcpy(now.epoch, sample->epoch, sizeof(now.epoch));
	if (first)
		before = now;
	else if (known)
		before = *known;
	if (!known) {
		if (v2m_array_add(&budget->devices, now))
			return -ENOMEM;
		budget->dirty = true;
	} else {
		*known = now;
	}
	if (is_billed(terms, now.name))
		add_growth(budget, &before, &now);
	return 0;
}

/* Readings of counters that are gone would never be used again. */
static void forget_others(struct v2m_budget *budget, const uint8_t epoch[V2M_EPOCH_LEN])
{
	size_t kept = 0;

	for (size_t i = 0; i < budget->devices.count; i++)
		if (memcmp(budget->devices.items[i].epoch, epoch, V2M_EPOCH_LEN) == 0)
			budget->devices.items[kept++] = budget->devices.items[i];
	budget->devices.count = kept;
}

int v2m_budget_add(struct v2m_budget *budget, const struct v2m_budget_terms *terms,
		   const struct v2m_sample *sample)
{
	int32_t date = v2m_local_time_at(sample->real_us).date;
	bool first = budget->from == 0;
	int32_t next;
	int32_t from = v2m_budget_period(date, terms->billing_day, &next);
	int result = 0;

	if (sample->mode != V2M_MODE_EBPF)
		return 0;
	/* A clock that was put back, or an earlier billing day, loses nothing: the period goes on
	 * until the next one begins. */
	if (from > budget->from) {
		budget->customers = budget->internet = (struct v2m_budget_flow){ 0 };
		/* Bytes since the last reading belong to the new period: those of a second, or of
		 * more if the daemon was down. */
		budget->since_us = first ? sample->real_us : budget->read_us;
		budget->from = from;
		budget->dirty = true;
	}
	budget->read_us = sample->real_us;
	forget_others(budget, sample->epoch);
	for (size_t i = 0; i < sample->n_devices; i++)
		if (!sample->devices[i].loopback &&
		    add_device(budget, terms, sample, &sample->devices[i], first))
			result = -ENOMEM;
	return result;
}

void v2m_budget_clear(struct v2m_budget *budget)
{
	v2m_array_clear(&budget->devices);
	*budget = (struct v2m_budget){ 0 };
}

static uint64_t count_used(enum v2m_billed directions, uint64_t rx, uint64_t tx)
{
	switch (directions) {
	case V2M_BILLED_RX:
		return rx;
	case V2M_BILLED_TX:
		return tx;
	case V2M_BILLED_LARGER:
		return rx > tx ? rx : tx;
	default:
		return rx + tx;
	}
}

/* Unix seconds of the midnight that begins the date. */
static double midnight(int32_t date)
{
	struct tm parts = { .tm_year = date / 10000 - 1900,
			    .tm_mon = date / 100 % 100 - 1,
			    .tm_mday = date % 100,
			    .tm_isdst = -1 };

	return (double)mktime(&parts);
}

void v2m_budget_look(const struct v2m_budget *budget, const struct v2m_budget_terms *terms,
		     struct v2m_budget_view *view)
{
	double now_s = (double)budget->read_us / SECOND_US;
	double counted_s = now_s - (double)budget->since_us / SECOND_US;
	double rate;

	*view = (struct v2m_budget_view){ .set = terms->set && budget->from,
					  .limit = terms->bytes,
					  .billing_day = terms->billing_day,
					  .from = budget->from,
					  .since_us = budget->since_us,
					  .read_us = budget->read_us,
					  .customers = budget->customers,
					  .internet = budget->internet };
	if (!view->set)
		return;
	snprintf(view->directions, sizeof(view->directions), "%s",
		 v2m_billed_name(terms->directions));
	v2m_budget_period(budget->from, terms->billing_day, &view->next);
	view->used = count_used(terms->directions, budget->customers.rx + budget->internet.rx,
				budget->customers.tx + budget->internet.tx);
	view->days_left = (midnight(view->next) - now_s) / DAY_S;
	rate = (double)view->used / (counted_s > LEAST_S ? counted_s : LEAST_S);
	view->projected =
		view->used + (uint64_t)(rate * (view->days_left > 0 ? view->days_left : 0) * DAY_S);
	view->lasts_days = view->used >= view->limit ? 0
			   : rate > 0 ? (double)(view->limit - view->used) / rate / DAY_S
				      : -1;
}
