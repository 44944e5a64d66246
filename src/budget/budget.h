/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The traffic that the provider bills, since the billing day: the bytes of devices, with both sides
 * of the proxy apart. Time is a parameter.
 */
#ifndef V2METER_BUDGET_BUDGET_H
#define V2METER_BUDGET_BUDGET_H

#include "base/array.h"
#include "base/sample.h"
#include "config/budget_terms.h"

/* Wire bytes in both directions, as the server sees them. */
struct v2m_budget_flow {
	uint64_t rx;
	uint64_t tx;
};

/* The last reading of a device, from which the next one is counted on. */
struct v2m_budget_device {
	char name[V2M_DEVICE_NAME_LEN];
	uint32_t ifindex;
	uint8_t epoch[V2M_EPOCH_LEN];
	struct v2m_budget_flow seen; /* all bytes that our programs saw */
	struct v2m_budget_flow keys; /* those of keys */
};

struct v2m_budget {
	int32_t from;     /* local date of the first day of the period; 0: no reading yet */
	int64_t since_us; /* from when on bytes are in the sums */
	int64_t read_us;  /* of the last reading */
	struct v2m_budget_flow customers; /* between the customers and the proxy */
	struct v2m_budget_flow internet;  /* everything else: mostly the proxy and the internet */
	V2M_ARRAY(struct v2m_budget_device) devices;
	bool dirty; /* differs from what is stored */
};

/* The first day of the period that the date is in, and of the next one. billing_day 1 to 31. */
int32_t v2m_budget_period(int32_t date, unsigned billing_day, int32_t *next);

/* Adds a reading. The very first one is where counting begins. A device that comes later, or
 * counters that began anew, count from 0. A reading in a new period begins new sums. 0 or -ENOMEM;
 * a device that could not be noted is counted with the next reading. */
int v2m_budget_add(struct v2m_budget *budget, const struct v2m_budget_terms *terms,
		   const struct v2m_sample *sample);
void v2m_budget_clear(struct v2m_budget *budget);

/* The period as it is at a moment. */
struct v2m_budget_view {
	bool set; /* false: there is no budget, and the rest is zeros */
	uint64_t limit;
	char directions[8]; /* the word of the configuration */
	unsigned billing_day;
	int32_t from; /* local dates: the first day, and the first one of the next period */
	int32_t next;
	int64_t since_us; /* from when on bytes are counted, in this period */
	int64_t read_us;
	struct v2m_budget_flow customers;
	struct v2m_budget_flow internet;
	uint64_t used;      /* what the provider counts of their sum */
	uint64_t projected; /* at the end of the period, if it goes on like this */
	double days_left;   /* to the end of the period */
	double lasts_days;  /* until the limit is reached, if it goes on like this; negative: never
			     */
};
void v2m_budget_look(const struct v2m_budget *budget, const struct v2m_budget_terms *terms,
		     struct v2m_budget_view *view);

#endif
