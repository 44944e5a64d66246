// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/collector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/calendar.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/zone.h"
#include "base/cleanup.h"
#include "attribution/attribution.h"
#include "collector/batch.h"
#include "collector/bookkeeper.h"
#include "collector/byte_source.h"
#include "collector/connections.h"
#include "collector/device_watch.h"
#include "collector/health.h"
#include "collector/key_change.h"
#include "collector/key_supply.h"
#include "collector/parts.h"
#include "collector/publisher.h"
#include "collector/requests.h"
#include "collector/sampling.h"
#include "collector/socket_netns.h"
#include "collector/counting.h"
#include "ipc/pulse.h"
#include "drift/drift_account.h"
#include "drift/drift_keeper.h"

/* A tick may take seconds if a disk hangs; a meter that does not tick for longer than this is
 * stalled. */
#define PATIENCE_MS    10000
#define PATIENCE_TICKS 3

struct v2m_collector {
	struct v2m_parts parts;
	int pulse_fd; /* for the answering process */
	sd_event *event;
	sd_event_source *tick_timer;
	sd_event_source *links_event;
	sd_event_source *keys_event;
	sd_event_source *apis_event;
	sd_event_source *rules_event;
	uint64_t drift_stored_ns; /* CLOCK_MONOTONIC */
	void (*reloaded)(void);   /* to call once the key sources have been read; or NULL */
};

/* The next tick is one interval after this one was due, so delays do not add up. Ticks that a
 * standstill has missed are left out. */
static void set_next_tick(struct v2m_collector *collector, uint64_t due_us)
{
	uint64_t interval_us = collector->parts.config->sample_interval_ms * UINT64_C(1000);
	uint64_t now_us = v2m_clock_mono_ns() / 1000;
	uint64_t next_us = due_us + interval_us;
	int result;

	if (next_us <= now_us)
		next_us += (now_us - next_us) / interval_us * interval_us + interval_us;
	result = sd_event_source_set_time(collector->tick_timer, next_us);
	if (result >= 0)
		result = sd_event_source_set_enabled(collector->tick_timer, SD_EVENT_ONESHOT);
	if (result < 0)
		v2m_log_error("the sample timer cannot be set: %s", strerror(-result));
}

/* Days begin in the time zone of the server, also if somebody changes it. */
static void follow_zone(const struct v2m_parts *parts)
{
	int offset_min;

	if (!v2m_zone_follow())
		return;
	offset_min = v2m_local_time_at(v2m_clock_real_us()).utc_offset_s / 60;
	v2m_log_info("/etc/localtime has changed: dates and times are those of UTC%c%02d:%02d from "
		     "now on",
		     offset_min < 0 ? '-' : '+', abs(offset_min) / 60, abs(offset_min) % 60);
	/* Its answers have times of the old zone, and the answering process cannot read the file of
	 * the new one: it is started again. */
	v2m_publisher_withdraw(parts->publisher);
	v2m_requests_end(parts->requests);
}

/* How often the comparison with the proxies is stored. */
#define DRIFT_STORE_NS (600 * UINT64_C(1000000000))

static void store_drift(struct v2m_collector *collector)
{
	collector->drift_stored_ns = v2m_clock_mono_ns();
	v2m_drift_keep(collector->parts.config->state_dir, collector->parts.drift);
}

/* Sets or clears the condition drift. */
static void compare_with_proxy(struct v2m_parts *parts, const struct v2m_proxy_stats *stats)
{
	struct v2m_error sentence = { 0 };
	int result = v2m_drift_compare_account(parts->drift, v2m_key_supply_active(parts->keys),
					       v2m_bookkeeper_account(parts->bookkeeper), stats,
					       v2m_clock_real_us(), &sentence);

	parts->looks.needed_ns = v2m_clock_mono_ns();
	if (result > 0 && v2m_conditions_set(parts->conditions, V2M_DRIFT, sentence.text))
		v2m_log_warning("%s", sentence.text);
	if (result == 0 && v2m_conditions_clear(parts->conditions, V2M_DRIFT))
		v2m_log_info("the counters of the proxy and of the meter agree again");
}

/* The proxies' counters come first: ours must not be the older ones. 0 or -errno. */
static int take_sample(struct v2m_parts *parts)
{
	V2M_CLEANUP(v2m_proxy_stats_clear) struct v2m_proxy_stats stats = { 0 };
	bool has_stats = v2m_source_feed_stats(v2m_key_supply_feed(parts->keys), &stats) > 0;
	int result = v2m_sampling_take(parts);

	if (!result && has_stats)
		compare_with_proxy(parts, &stats);
	return result;
}

/* Each step decides by the clock whether it is due: a tick may come late. */
static int tick(sd_event_source *timer, uint64_t due_us, void *context)
{
	struct v2m_collector *collector = context;
	struct v2m_parts *parts = &collector->parts;
	bool may_wait = v2m_sampling_may_wait(parts);
	bool dump_is_due = !may_wait && v2m_connections_dump_is_due(parts->connections);
	bool comparison_is_due = v2m_bookkeeper_comparison_is_due(parts->bookkeeper, may_wait);

	(void)timer;
	v2m_pulse_beat(parts->pulse);
	set_next_tick(collector, due_us);
	follow_zone(parts);
	v2m_counting_follow_netns(parts);
	v2m_counting_follow_rules(parts);
	v2m_device_watch_check(parts->devices, v2m_byte_source_programs(parts->byte_source));
	v2m_counting_follow_users(parts);
	/* The sockets first: what they have is in the counters by then. */
	if (dump_is_due || comparison_is_due)
		v2m_sampling_take_delivered(parts);
	if (take_sample(parts) == 0 && comparison_is_due)
		v2m_sampling_compare(parts);
	v2m_key_change_retry(parts);
	v2m_key_change_follow_sockets(parts);
	if (dump_is_due)
		v2m_sampling_dump_only(parts);
	if (v2m_bookkeeper_flush_is_due(parts->bookkeeper)) {
		v2m_key_supply_remember_again(parts->keys);
		if (v2m_bookkeeper_flush(parts->bookkeeper) == 0)
			v2m_bookkeeper_expire(parts->bookkeeper);
		v2m_bookkeeper_store_budget(parts->bookkeeper);
		if (v2m_clock_mono_ns() - collector->drift_stored_ns >= DRIFT_STORE_NS)
			store_drift(collector);
	}
	return 0;
}

static int follow_links(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct v2m_collector *collector = context;

	(void)source;
	(void)fd;
	(void)events;
	if (v2m_device_watch_drain(collector->parts.devices))
		v2m_counting_update_devices(&collector->parts);
	return 0;
}

static int follow_rules(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct v2m_collector *collector = context;

	(void)source;
	(void)fd;
	(void)events;
	v2m_counting_follow_rules(&collector->parts);
	return 0;
}

static void reload(struct v2m_parts *parts)
{
	v2m_counting_retry_programs(parts);
	v2m_key_change_load(parts);
}

static int follow_key_sources(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct v2m_collector *collector = context;
	struct v2m_source_feed *feed = v2m_key_supply_feed(collector->parts.keys);
	unsigned news = v2m_source_feed_drain(feed);

	(void)source;
	(void)fd;
	(void)events;
	if (news & V2M_FEED_READ)
		v2m_key_change_take(&collector->parts);
	if (news & V2M_FEED_CHANGED)
		reload(&collector->parts);
	else if (news & V2M_FEED_DUE)
		v2m_source_feed_request(feed);
	/* If another reading has to follow, the operator waits for that one. */
	if (collector->reloaded && news == V2M_FEED_READ && !v2m_source_feed_must_read(feed)) {
		collector->reloaded();
		collector->reloaded = NULL;
	}
	return 0;
}

static int follow_apis(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct v2m_collector *collector = context;

	(void)source;
	(void)fd;
	(void)events;
	if (v2m_source_feed_drain_apis(v2m_key_supply_feed(collector->parts.keys)))
		v2m_key_change_load(&collector->parts);
	return 0;
}

static void answer_batch(struct v2m_request *batch, void *context)
{
	struct v2m_collector *collector = context;

	v2m_pulse_beat(collector->parts.pulse);
	v2m_batch_answer(&collector->parts, batch);
}

static void note_read(uint64_t generation, void *context)
{
	struct v2m_collector *collector = context;

	v2m_publisher_note_read(collector->parts.publisher, generation);
}

static void tell_withdrawn(bool follows, void *context)
{
	struct v2m_collector *collector = context;

	v2m_requests_withdraw_window(collector->parts.requests, follows);
}

static void renew_window(void *context)
{
	struct v2m_collector *collector = context;

	v2m_sampling_renew_window(&collector->parts);
}

/* The parts that need nothing but memory and the event loop. 0 or -errno. */
static int make_parts(struct v2m_collector *collector, const struct v2m_api_keys *api_keys)
{
	const struct v2m_requests_handlers handlers = { answer_batch, note_read, collector };
	const struct v2m_publisher_handlers window = { renew_window, tell_withdrawn, collector };
	struct v2m_parts *parts = &collector->parts;
	const struct v2m_config *config = parts->config;

	parts->pulse = v2m_pulse_new(PATIENCE_MS + PATIENCE_TICKS * config->sample_interval_ms,
				     &collector->pulse_fd);
	if (parts->pulse)
		parts->conditions = v2m_conditions_new(parts->pulse);
	if (parts->conditions)
		parts->netns = v2m_socket_netns_new(config->netns, parts->conditions);
	parts->requests = v2m_requests_new(collector->event, api_keys, &handlers);
	parts->drift = calloc(1, sizeof(*parts->drift));
	if (!parts->netns || !parts->requests || !parts->drift)
		return -ENOMEM;
	v2m_drift_restore(config->state_dir, parts->drift);
	collector->drift_stored_ns = v2m_clock_mono_ns();
	return v2m_publisher_open(collector->event, config->cache_ttl_s, &window,
				  &parts->publisher);
}

/* Refuses "api_bytes": "delivered" where it cannot be measured: the figures would not grow. */
static int require_delivered(const struct v2m_parts *parts, struct v2m_error *error)
{
	const char *reason = v2m_byte_source_reason(parts->byte_source);

	if (parts->config->api_bytes != V2M_API_BYTES_DELIVERED ||
	    v2m_connections_measure_delivered(parts->connections))
		return 0;
	return v2m_error_set_class(
		error, V2M_FAILURE_CONFIGURATION, -EINVAL,
		"api_bytes: \"delivered\" is not measured here, expected \"wire\" or \"payload\": "
		"%s",
		*reason ? reason
			: "the kernel does not let us look at all sockets (this needs BTF, "
			  "Linux 5.9, CAP_BPF and CAP_PERFMON)");
}

/* The parts that read the disk or the kernel, in the order in which the first sample needs them. */
static int open_parts(struct v2m_collector *collector, struct v2m_error *error)
{
	struct v2m_parts *parts = &collector->parts;
	const struct v2m_config *config = parts->config;
	int result = v2m_bookkeeper_open(config, parts->conditions, &parts->bookkeeper, error);

	if (!result)
		result = v2m_connections_open(config->pin_dir, config->cross_check_s, parts->netns,
					      &parts->connections, error);
	if (!result)
		result = v2m_device_watch_open(config, parts->conditions, &parts->devices, error);
	if (!result)
		result = v2m_byte_source_open(collector->event, config, parts->conditions,
					      parts->netns, &parts->byte_source, error);
	if (result)
		return result;
	v2m_connections_count_sessions(parts->connections,
				       v2m_byte_source_programs(parts->byte_source));
	result = require_delivered(parts, error);
	if (result)
		return result;
	parts->attribution = v2m_attribution_new(config);
	if (!parts->attribution)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	return v2m_key_supply_open(config, parts->conditions,
				   v2m_bookkeeper_account(parts->bookkeeper), &parts->keys, error);
}

/* 0 or -errno. */
static int watch_events(struct v2m_collector *collector)
{
	const struct v2m_parts *parts = &collector->parts;
	const struct v2m_source_feed *feed = v2m_key_supply_feed(parts->keys);
	uint64_t interval_us = parts->config->sample_interval_ms * UINT64_C(1000);
	int result = sd_event_add_time(collector->event, &collector->tick_timer, CLOCK_MONOTONIC,
				       v2m_clock_mono_ns() / 1000 + interval_us,
				       V2M_TIMER_ACCURACY_US, tick, collector);

	if (result >= 0)
		result = sd_event_add_io(collector->event, &collector->links_event,
					 v2m_device_watch_fd(parts->devices), EPOLLIN, follow_links,
					 collector);
	if (result >= 0)
		result = sd_event_add_io(collector->event, &collector->keys_event,
					 v2m_source_feed_fd(feed), EPOLLIN, follow_key_sources,
					 collector);
	if (result >= 0)
		result = sd_event_add_io(collector->event, &collector->apis_event,
					 v2m_source_feed_api_fd(feed), EPOLLIN, follow_apis,
					 collector);
	if (result >= 0 && v2m_byte_source_rules_fd(parts->byte_source) >= 0)
		result = sd_event_add_io(collector->event, &collector->rules_event,
					 v2m_byte_source_rules_fd(parts->byte_source), EPOLLIN,
					 follow_rules, collector);
	return result < 0 ? result : 0;
}

static int open_collector(struct v2m_collector *collector, const struct v2m_api_keys *api_keys,
			  struct v2m_error *error)
{
	int result = make_parts(collector, api_keys);

	if (result)
		return v2m_error_set(error, result, "the event loop cannot be set up: %s",
				     strerror(-result));
	result = open_parts(collector, error);
	if (!result)
		result = v2m_counting_check_ledger(&collector->parts, error);
	if (!result)
		result = v2m_key_change_start(&collector->parts, error);
	if (result)
		return result;
	result = watch_events(collector);
	if (result)
		return v2m_error_set(error, result, "the event loop cannot be set up: %s",
				     strerror(-result));
	return 0;
}

int v2m_collector_open(const struct v2m_config *config, sd_event *event,
		       const struct v2m_api_keys *api_keys, struct v2m_collector **collector,
		       struct v2m_error *error)
{
	struct v2m_collector *made = calloc(1, sizeof(*made));
	int result;

	if (!made)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	made->parts.config = config;
	made->parts.started_us = v2m_clock_real_us();
	made->event = sd_event_ref(event);
	made->pulse_fd = -1;
	result = open_collector(made, api_keys, error);
	if (result) {
		v2m_collector_close(made);
		return result;
	}
	*collector = made;
	return 0;
}

/* The last bytes and keys go to the disk. A start that failed may not have come so far. */
static void store_last(struct v2m_parts *parts)
{
	if (!parts->keys)
		return;
	v2m_key_supply_remember_again(parts->keys);
	v2m_sampling_take_delivered(parts);
	if (v2m_byte_source_counts(parts->byte_source) && v2m_sampling_take(parts) == 0) {
		v2m_bookkeeper_flush(parts->bookkeeper);
		v2m_bookkeeper_store_budget(parts->bookkeeper);
	}
}

void v2m_collector_close(struct v2m_collector *collector)
{
	struct v2m_parts *parts;

	if (!collector)
		return;
	parts = &collector->parts;
	/* Before the descriptors that they watch. */
	sd_event_source_unref(collector->tick_timer);
	sd_event_source_unref(collector->links_event);
	sd_event_source_unref(collector->keys_event);
	sd_event_source_unref(collector->apis_event);
	sd_event_source_unref(collector->rules_event);
	store_last(parts);
	v2m_key_supply_close(parts->keys);
	v2m_attribution_free(parts->attribution);
	if (parts->drift) {
		store_drift(collector);
		v2m_drift_clear(parts->drift);
	}
	free(parts->drift);
	v2m_byte_source_close(parts->byte_source);
	v2m_device_watch_close(parts->devices);
	v2m_connections_close(parts->connections);
	v2m_bookkeeper_close(parts->bookkeeper);
	v2m_requests_free(parts->requests);
	v2m_publisher_close(parts->publisher);
	v2m_socket_netns_free(parts->netns);
	v2m_conditions_free(parts->conditions);
	v2m_pulse_unmap(parts->pulse);
	v2m_closep(&collector->pulse_fd);
	sd_event_unref(collector->event);
	free(collector);
}

bool v2m_collector_is_on_time(const struct v2m_collector *collector)
{
	sd_event_source *timer = collector->tick_timer;
	uint64_t due_us;

	return sd_event_source_get_enabled(timer, NULL) > 0 &&
	       sd_event_source_get_time(timer, &due_us) >= 0 &&
	       v2m_clock_mono_ns() / 1000 < due_us + PATIENCE_MS * UINT64_C(1000);
}

void v2m_collector_connect(struct v2m_collector *collector, int channel,
			   const struct v2m_greeting *greeting, const int *listeners,
			   v2m_answering_told told, void *context)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_requests *requests = collector->parts.requests;
	struct v2m_error error = { 0 };
	int result = v2m_requests_connect(requests, channel, told, context);

	if (result) {
		v2m_error_set(&error, result, "%s", strerror(-result));
		told(V2M_ANSWERING_GONE, &error, context);
		return;
	}
	/* Writing changes nothing. */
	v2m_put_greeting(&wire, (struct v2m_greeting *)greeting);
	v2m_requests_tell(requests, V2M_NEWS_GREETING, &wire, collector->pulse_fd);
	v2m_requests_tell_api_keys(requests);
	for (uint32_t i = 0; i < greeting->n_listeners; i++)
		v2m_requests_tell(requests, V2M_NEWS_LISTENER, NULL, listeners[i]);
}

void v2m_collector_set_api_keys(struct v2m_collector *collector,
				const struct v2m_api_keys *api_keys)
{
	v2m_requests_set_api_keys(collector->parts.requests, api_keys);
}

void v2m_collector_disconnect(struct v2m_collector *collector)
{
	v2m_requests_disconnect(collector->parts.requests);
}

bool v2m_collector_outlasts(const struct v2m_collector *collector)
{
	return v2m_byte_source_is_exact(collector->parts.byte_source);
}

void v2m_collector_reload(struct v2m_collector *collector, void (*reloaded)(void))
{
	collector->reloaded = reloaded;
	v2m_byte_source_log_again(collector->parts.byte_source);
	v2m_key_supply_log_again(collector->parts.keys);
	reload(&collector->parts);
}
