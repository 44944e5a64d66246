// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/collector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "collector/internal.h"
#include "base/log.h"
#include "base/cleanup.h"
#include "base/clock.h"

int collector_watch(struct v2m_collector *collector, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(collector->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

bool collector_is_news(struct v2m_error *said, const char *text)
{
	struct v2m_error now;

	v2m_error_set(&now, 0, "%s", text);
	if (strcmp(now.text, said->text) == 0)
		return false;
	*said = now;
	return true;
}

static int open_events(struct v2m_collector *collector)
{
	unsigned ms = collector->config->sample_interval_ms;
	struct timespec interval = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
	struct itimerspec every = { .it_interval = interval, .it_value = interval };
	int result;

	collector->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	collector->sample_timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	collector->window_timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (collector->epoll_fd < 0 || collector->sample_timer_fd < 0 ||
	    collector->window_timer_fd < 0)
		return -errno;
	if (timerfd_settime(collector->sample_timer_fd, 0, &every, NULL))
		return -errno;
	result = requests_init(collector);
	status_init(&collector->meter);
	history_init(&collector->meter);
	curves_init(&collector->meter);
	transfer_init(&collector->meter);
	if (!result)
		result = collector_watch(collector, collector->queue.event_fd);
	if (!result)
		result = collector_watch(collector, collector->sample_timer_fd);
	if (!result)
		result = collector_watch(collector, collector->window_timer_fd);
	return result;
}

static int open_stages(struct v2m_collector *collector, struct v2m_error *error)
{
	const struct v2m_config *config = collector->config;
	int result;

	collector->account = v2m_account_new();
	collector->rates = v2m_rates_new(config->rate_window_s);
	collector->rate_history = v2m_rate_history_new(V2M_RATE_HISTORY_STEPS);
	collector->keyset = v2m_keyset_new(NULL, 0);
	if (!collector->account || !collector->rates || !collector->rate_history ||
	    !collector->keyset)
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

static struct v2m_collector *collector_new(const struct v2m_config *config)
{
	struct v2m_collector *collector = calloc(1, sizeof(*collector));

	if (!collector)
		return NULL;
	collector->config = config;
	collector->epoll_fd = -1;
	collector->sample_timer_fd = -1;
	collector->window_timer_fd = -1;
	collector->queue.event_fd = -1;
	collector->netns_fd = -1;
	collector->started_us = v2m_clock_real_us();
	pthread_mutex_init(&collector->published.lock, NULL);
	return collector;
}

int v2m_collector_open(const struct v2m_config *config, struct v2m_collector **collector,
		       struct v2m_error *error)
{
	struct v2m_collector *opened = collector_new(config);
	int result;

	if (!opened)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	result = open_events(opened);
	if (result)
		v2m_error_set(error, result, "cannot set up the event loop: %s", strerror(-result));
	else
		result = open_stages(opened, error);
	if (!result)
		collector_watch_keys(opened);
	if (!result)
		result = collector_start_keys(opened, error);
	if (!result)
		result = collector_watch(opened, v2m_links_event_fd(opened->links));
	if (!result && opened->watch)
		result = collector_watch(opened, v2m_source_watch_fd(opened->watch));
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
	v2m_rate_history_free(collector->rate_history);
	v2m_account_free(collector->account);
	v2m_keyset_unref(collector->keyset);
	v2m_keyset_unref(collector->waiting);
	v2m_source_report_clear(&collector->sources);
	v2m_source_watch_close(collector->watch);
	free(collector->devices);
	requests_free(collector);
	v2m_closep(&collector->sample_timer_fd);
	v2m_closep(&collector->window_timer_fd);
	v2m_closep(&collector->epoll_fd);
	pthread_mutex_destroy(&collector->published.lock);
	free(collector);
}

const struct v2m_meter *v2m_collector_meter(struct v2m_collector *collector)
{
	return &collector->meter;
}

int v2m_collector_fd(const struct v2m_collector *collector)
{
	return collector->epoll_fd;
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

/* The interval at which it ticks is a wish: what is due is decided by the clock. */
static void tick(struct v2m_collector *collector)
{
	uint64_t flush_ns = (uint64_t)collector->config->flush_interval_s * 1000000000u;
	uint64_t now = v2m_clock_mono_ns();

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
}

static void drain_timer(int fd)
{
	uint64_t expirations;

	if (read(fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		v2m_log_error("cannot read a timer: %s", strerror(errno));
}

static void drain_closed(struct v2m_collector *collector)
{
	int result = v2m_socket_stats_drain(collector->stats);

	if (result)
		v2m_log_error("what closed sockets had counted cannot be read: %s",
			      strerror(-result));
}

static void reload(struct v2m_collector *collector)
{
	source_retry(collector);
	collector_load_keys(collector);
}

static void handle(struct v2m_collector *collector, int fd)
{
	if (fd == collector->queue.event_fd) {
		requests_answer(collector);
	} else if (fd == collector->sample_timer_fd) {
		drain_timer(fd);
		tick(collector);
	} else if (fd == collector->window_timer_fd) {
		drain_timer(fd);
		renew_window(collector);
	} else if (fd == v2m_links_event_fd(collector->links)) {
		if (v2m_links_drain(collector->links))
			collector_update_devices(collector);
	} else if (collector->stats && fd == v2m_socket_stats_event_fd(collector->stats)) {
		drain_closed(collector);
	} else if (collector->watch && fd == v2m_source_watch_fd(collector->watch) &&
		   v2m_source_watch_drain(collector->watch)) {
		reload(collector);
	}
}

void v2m_collector_dispatch(struct v2m_collector *collector)
{
	struct epoll_event events[8];
	int count = epoll_wait(collector->epoll_fd, events, V2M_ARRAY_LEN(events), 0);

	for (int i = 0; i < count; i++)
		handle(collector, events[i].data.fd);
}

void v2m_collector_reload(struct v2m_collector *collector)
{
	memset(&collector->said, 0, sizeof(collector->said));
	reload(collector);
}
