// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/collector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "collector/internal.h"
#include "base/log.h"
#include "base/cleanup.h"
#include "base/clock.h"

bool collector_is_news(struct v2m_error *said, const char *text)
{
	struct v2m_error now;

	v2m_error_set(&now, 0, "%s", text);
	if (strcmp(now.text, said->text) == 0)
		return false;
	*said = now;
	return true;
}

static int open_stages(struct v2m_collector *collector, struct v2m_error *error)
{
	const struct v2m_config *config = collector->config;
	int result;

	collector->account = v2m_account_new();
	collector->rates = v2m_rates_new(config->rate_window_s);
	collector->series = v2m_series_new(V2M_SERIES_DEFAULT);
	collector->keyset = v2m_keyset_new(NULL, 0);
	if (!collector->account || !collector->rates || !collector->series || !collector->keyset)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	result = v2m_ledger_open(config->state_dir, &collector->ledger, error);
	if (!result)
		v2m_ledger_set_retention(
			collector->ledger,
			&(struct v2m_ledger_retention){ .days = config->retention_days,
							.hours = config->retention_hours });
	if (!result)
		result = v2m_ledger_load(collector->ledger, collector->account, error);
	if (!result)
		result = netns_open(collector, error);
	if (!result)
		result = v2m_links_open(&collector->links, error);
	if (!result)
		result = source_open(collector, error);
	return result;
}

const struct v2m_meter *v2m_collector_meter(struct v2m_collector *collector)
{
	return &collector->meter;
}

static void flush_and_expire(struct v2m_collector *collector, uint64_t now)
{
	struct v2m_error error = { 0 };

	collector_remember_keys(collector);
	if (collector_flush(collector))
		return;
	if (v2m_ledger_expire(collector->ledger, collector->account, now, v2m_clock_real_us(),
			      &error))
		v2m_log_warning("old days and hours stay in the ledger: %s", error.text);
}

/* The next tick is an interval after this one was due, so that delays do not add up; ticks that a
 * standstill has missed are left out. */
static void set_next_tick(struct v2m_collector *collector, uint64_t due_us)
{
	uint64_t interval_us = collector->config->sample_interval_ms * UINT64_C(1000);
	uint64_t now_us = v2m_clock_mono_ns() / 1000;
	uint64_t next_us = due_us + interval_us;
	int result;

	if (next_us <= now_us)
		next_us += (now_us - next_us) / interval_us * interval_us + interval_us;
	result = sd_event_source_set_time(collector->tick, next_us);
	if (result >= 0)
		result = sd_event_source_set_enabled(collector->tick, SD_EVENT_ONESHOT);
	if (result < 0)
		v2m_log_error("the sample timer cannot be set: %s", strerror(-result));
}

/* The interval at which it ticks is a wish: what is due is decided by the clock. */
static int tick(sd_event_source *timer, uint64_t due_us, void *context)
{
	struct v2m_collector *collector = context;
	uint64_t flush_ns = (uint64_t)collector->config->flush_interval_s * 1000000000u;
	uint64_t now = v2m_clock_mono_ns();

	(void)timer;
	set_next_tick(collector, due_us);
	if (netns_follow(collector))
		source_follow_netns(collector);
	collector_check_devices(collector);
	collector_take_sample(collector);
	collector_retry_keys(collector);
	collector_reread_keys(collector);
	if (!collector->connections ||
	    now - collector->connections->mono_ns >= CONNECTIONS_INTERVAL_NS)
		collector_dump_connections(collector);
	if (now - collector->flushed_ns >= flush_ns)
		flush_and_expire(collector, now);
	return 0;
}

static void reload(struct v2m_collector *collector)
{
	source_retry(collector);
	collector_load_keys(collector);
}

static int follow_links(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct v2m_collector *collector = context;

	(void)source;
	(void)fd;
	(void)events;
	if (v2m_links_drain(collector->links))
		collector_update_devices(collector);
	return 0;
}

static int follow_keys(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct v2m_collector *collector = context;

	(void)source;
	(void)fd;
	(void)events;
	if (v2m_source_watch_drain(collector->watch))
		reload(collector);
	return 0;
}

static int watch_events(struct v2m_collector *collector)
{
	uint64_t first_us =
		v2m_clock_mono_ns() / 1000 + collector->config->sample_interval_ms * UINT64_C(1000);
	int result = sd_event_add_time(collector->event, &collector->tick, CLOCK_MONOTONIC,
				       first_us, V2M_TIMER_ACCURACY_US, tick, collector);

	if (result >= 0)
		result = sd_event_add_io(collector->event, &collector->links_event,
					 v2m_links_event_fd(collector->links), EPOLLIN,
					 follow_links, collector);
	if (result >= 0 && collector->watch)
		result = sd_event_add_io(collector->event, &collector->keys_event,
					 v2m_source_watch_fd(collector->watch), EPOLLIN,
					 follow_keys, collector);
	return result < 0 ? result : 0;
}

static int open_requests(struct v2m_collector *collector)
{
	int result = requests_init(collector);

	status_init(&collector->meter);
	history_init(&collector->meter);
	curves_init(&collector->meter);
	transfer_init(&collector->meter);
	return result < 0 ? result : publish_init(collector);
}

static struct v2m_collector *collector_new(const struct v2m_config *config, sd_event *event)
{
	struct v2m_collector *collector = calloc(1, sizeof(*collector));

	if (!collector)
		return NULL;
	collector->config = config;
	collector->event = sd_event_ref(event);
	collector->queue.event_fd = -1;
	collector->netns_fd = -1;
	collector->started_us = v2m_clock_real_us();
	pthread_mutex_init(&collector->published.lock, NULL);
	return collector;
}

int v2m_collector_open(const struct v2m_config *config, sd_event *event,
		       struct v2m_collector **collector, struct v2m_error *error)
{
	struct v2m_collector *opened = collector_new(config, event);
	int result;

	if (!opened)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	result = open_requests(opened);
	if (result < 0)
		v2m_error_set(error, result, "cannot set up the event loop: %s", strerror(-result));
	else
		result = open_stages(opened, error);
	if (!result)
		collector_watch_keys(opened);
	if (!result)
		result = collector_start_keys(opened, error);
	if (!result) {
		result = watch_events(opened);
		if (result)
			v2m_error_set(error, result, "cannot set up the event loop: %s",
				      strerror(-result));
	}
	if (result) {
		v2m_collector_close(opened);
		return result;
	}
	*collector = opened;
	return 0;
}

void v2m_collector_close(struct v2m_collector *collector)
{
	if (!collector)
		return;
	/* Before what they watch is closed. */
	sd_event_source_unref(collector->tick);
	sd_event_source_unref(collector->window_timer);
	sd_event_source_unref(collector->links_event);
	sd_event_source_unref(collector->keys_event);
	collector_remember_keys(collector);
	if ((collector->datapath || collector->stats) && collector->ledger &&
	    collector_take_sample(collector) == 0)
		collector_flush(collector);
	v2m_window_unref(collector->published.window);
	source_close(collector);
	v2m_links_close(collector->links);
	connections_close(collector);
	netns_close(collector);
	v2m_ledger_close(collector->ledger);
	v2m_sample_clear(&collector->sample);
	v2m_rates_free(collector->rates);
	v2m_series_free(collector->series);
	v2m_account_free(collector->account);
	v2m_keyset_unref(collector->keyset);
	v2m_keyset_unref(collector->waiting);
	v2m_source_report_clear(&collector->sources);
	v2m_source_watch_close(collector->watch);
	free(collector->devices);
	requests_free(collector);
	sd_event_unref(collector->event);
	pthread_mutex_destroy(&collector->published.lock);
	free(collector);
}

void v2m_collector_reload(struct v2m_collector *collector)
{
	memset(&collector->said, 0, sizeof(collector->said));
	reload(collector);
}
