// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reading the kernel, accounting what was read, storing what was accounted. */
#include <errno.h>
#include <string.h>

#include "collector/internal.h"
#include "base/log.h"
#include "base/clock.h"
#include "datapath/previous.h"

static void set_unreadable(struct v2m_collector *collector, bool unreadable, const char *why)
{
	if (unreadable)
		v2m_error_set(&collector->counters_error, 0, "%s", why);
	if (unreadable && !collector->condition.counters_unreadable)
		v2m_log_error("the counters cannot be read: %s", why);
	if (!unreadable && collector->condition.counters_unreadable)
		v2m_log_info("the counters can be read again");
	if (unreadable == collector->condition.counters_unreadable)
		return;
	collector->condition.counters_unreadable = unreadable;
	publish_condition(collector);
	if (unreadable)
		publish_nothing(collector);
}

int collector_take_sample(struct v2m_collector *collector)
{
	struct v2m_sample sample = { 0 };
	struct v2m_error error = { 0 };
	int result = source_read(collector, &sample, &error);

	if (result) {
		set_unreadable(collector, true, error.text);
		return result;
	}
	result = v2m_account_apply(collector->account, collector->keyset, &sample);
	if (result) {
		v2m_sample_clear(&sample);
		set_unreadable(collector, true, strerror(-result));
		return result;
	}
	v2m_rates_add(collector->rates, &sample);
	v2m_series_add(collector->series, &sample);
	v2m_sample_clear(&collector->sample);
	collector->sample = sample;
	set_unreadable(collector, false, NULL);
	return 0;
}

/* 0 or -errno; -ENOENT: there is none any more. */
static int adopt_one(struct v2m_collector *collector, struct v2m_error *error)
{
	struct v2m_sample sample = { 0 };
	int result = v2m_datapath_read_previous(collector->datapath, &sample, error);

	if (result)
		return result;
	result = v2m_account_apply(collector->account, collector->keyset, &sample);
	v2m_sample_clear(&sample);
	if (result)
		return v2m_error_set(error, result, "%s", strerror(-result));
	/* What is not on disk yet stays in the old maps for the next start. */
	if (collector_flush(collector))
		return v2m_error_set(error, -EIO, "the ledger cannot be written");
	if (v2m_datapath_drop_previous(collector->datapath))
		return v2m_error_set(error, -EIO, "its maps cannot be removed");
	return 0;
}

void collector_adopt_previous(struct v2m_collector *collector)
{
	while (collector_is_exact(collector)) {
		struct v2m_error error = { 0 };
		int result = adopt_one(collector, &error);

		if (result == -ENOENT)
			return;
		if (result) {
			if (collector_is_news(&collector->said.previous, error.text))
				v2m_log_error("the counts of the version before cannot be carried "
					      "over: %s",
					      error.text);
			return;
		}
		v2m_log_info("carried over the counts of the version before");
	}
}

int collector_flush(struct v2m_collector *collector)
{
	struct v2m_error error = { 0 };
	bool *unwritable = &collector->condition.ledger_unwritable;
	int result;

	collector->flushed_ns = v2m_clock_mono_ns();
	if (!v2m_account_is_dirty(collector->account))
		return 0;
	result = v2m_ledger_store(collector->ledger, collector->account, &error);
	if (result)
		collector->ledger_error = error;
	if (result && !*unwritable)
		v2m_log_error("the ledger cannot be written, counting goes on in memory: %s",
			      error.text);
	if (!result && *unwritable)
		v2m_log_info("the ledger can be written again");
	if (*unwritable != (result != 0)) {
		*unwritable = result != 0;
		publish_condition(collector);
	}
	return result;
}
