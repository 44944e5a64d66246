// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "supply/source_feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "keys/source_watch.h"
#include "supply/live_supply.h"
#include "supply/proxy_watch.h"

/* If one source cannot be read, all are read again: first after this time, then after twice as
 * long, and so on. A process that ended without a word is followed by the next one sooner. */
#define SECOND_NS       UINT64_C(1000000000)
#define REREAD_FIRST_NS (SECOND_NS / 2)
#define REREAD_MIN_NS   (5 * SECOND_NS)
#define REREAD_MAX_NS   (64 * REREAD_MIN_NS)

struct v2m_source_feed {
	const struct v2m_strings *sources;
	int epoll_fd;                   /* over the watch, the reader and the timer */
	int timer_fd;                   /* the next attempt, after a reading that failed */
	struct v2m_source_watch *watch; /* NULL: the sources are not watched */
	struct v2m_source_reader *reader;
	struct v2m_live_supply *apis; /* of proxies */
	struct v2m_proxy_watch *proxies;
	uint64_t stats_number;  /* of the counters that were given out last */
	uint64_t online_number; /* of the addresses that were given out last */
	struct v2m_reading_outcome
		outcome;          /* of the last reading, until v2m_source_feed_finish() */
	bool has_read;            /* at least once */
	bool has_failed_to_start; /* the outcome is that */
	bool has_ended_early;     /* the last process handed nothing over */
	bool read_again;          /* the reading in progress may have missed a change */
	uint64_t reread_ns;       /* how long after a reading the next attempt is due */
};

static int follow(struct v2m_source_feed *feed, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return fd < 0 || epoll_ctl(feed->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_descriptors(struct v2m_source_feed *feed, struct v2m_error *error)
{
	int result = v2m_source_reader_open(V2M_READING_ARGUMENT, V2M_READING_DEADLINE_MS,
					    &feed->reader, error);

	if (result)
		return result;
	feed->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	feed->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	result = feed->epoll_fd < 0 ? -errno : follow(feed, feed->timer_fd);
	if (!result)
		result = follow(feed, v2m_source_reader_fd(feed->reader));
	if (!result)
		result = follow(feed, v2m_proxy_watch_fd(feed->proxies));
	if (result)
		return v2m_error_set(error, result, "the key sources cannot be followed: %s",
				     strerror(-result));
	if (v2m_source_watch_open(&feed->watch, error) == 0 &&
	    follow(feed, v2m_source_watch_fd(feed->watch)) == 0)
		return 0;
	v2m_source_watch_close(feed->watch);
	feed->watch = NULL;
	v2m_log_warning("the key sources are read on SIGHUP only, as they cannot be watched");
	return 0;
}

int v2m_source_feed_open(const struct v2m_strings *sources, struct v2m_source_feed **feed,
			 struct v2m_error *error)
{
	struct v2m_source_feed *made = calloc(1, sizeof(*made));
	int result;

	if (!made)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	made->sources = sources;
	made->reread_ns = REREAD_MIN_NS;
	made->epoll_fd = made->timer_fd = -1;
	made->outcome.inotify_fd = -1;
	result = v2m_live_supply_open(&V2M_LIVE_OPTIONS, sources, &made->apis);
	if (!result)
		result = v2m_proxy_watch_open(v2m_sources_have_auto(sources), &made->proxies);
	if (result)
		v2m_error_set(error, result, "running proxies cannot be followed: %s",
			      strerror(-result));
	else
		result = open_descriptors(made, error);
	if (result) {
		v2m_source_feed_close(made);
		return result;
	}
	*feed = made;
	return 0;
}

void v2m_source_feed_close(struct v2m_source_feed *feed)
{
	if (!feed)
		return;
	v2m_source_reader_close(feed->reader);
	v2m_reading_outcome_clear(&feed->outcome);
	v2m_source_watch_close(feed->watch);
	v2m_proxy_watch_close(feed->proxies);
	v2m_live_supply_close(feed->apis);
	v2m_closep(&feed->timer_fd);
	v2m_closep(&feed->epoll_fd);
	free(feed);
}

int v2m_source_feed_fd(const struct v2m_source_feed *feed)
{
	return feed->epoll_fd;
}

int v2m_source_feed_api_fd(const struct v2m_source_feed *feed)
{
	return v2m_live_supply_fd(feed->apis);
}

bool v2m_source_feed_drain_apis(struct v2m_source_feed *feed)
{
	return v2m_live_supply_drain(feed->apis);
}

int v2m_source_feed_stats(struct v2m_source_feed *feed, struct v2m_proxy_stats *stats)
{
	return v2m_live_supply_stats(feed->apis, stats, &feed->stats_number);
}

void v2m_source_feed_want_online(struct v2m_source_feed *feed, bool wants)
{
	v2m_live_supply_want_online(feed->apis, wants);
}

int v2m_source_feed_online(struct v2m_source_feed *feed, struct v2m_online_list *online)
{
	return v2m_live_supply_online(feed->apis, online, &feed->online_number);
}

/* 0 ns: it does not run out. */
static void set_timer(const struct v2m_source_feed *feed, uint64_t ns)
{
	const struct itimerspec timer = { .it_value = { .tv_sec = (time_t)(ns / SECOND_NS),
							.tv_nsec = (long)(ns % SECOND_NS) } };

	timerfd_settime(feed->timer_fd, 0, &timer, NULL);
}

/* Only a daemon that starts waits for an API: afterwards it would wait instead of counting. */
static int start_reading(struct v2m_source_feed *feed, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_live_sources_clear) struct v2m_live_sources live = { 0 };
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings found = { 0 };
	int result = v2m_live_supply_collect(feed->apis, !feed->has_read, &live);

	if (!result)
		result = v2m_proxy_watch_sources(feed->proxies, feed->apis, &found);
	if (result)
		return v2m_error_set(error, result, "out of memory");
	return v2m_source_reader_start(feed->reader, feed->sources, &found, &live, feed->watch,
				       error);
}

void v2m_source_feed_request(struct v2m_source_feed *feed)
{
	struct v2m_reading_outcome *outcome = &feed->outcome;

	feed->read_again = v2m_source_reader_is_busy(feed->reader);
	if (feed->read_again)
		return;
	outcome->result = start_reading(feed, &outcome->error);
	feed->has_failed_to_start = outcome->result != 0;
	/* A failure is taken in as that of a reading is. */
	set_timer(feed, feed->has_failed_to_start ? 1 : 0);
}

bool v2m_source_feed_is_reading(const struct v2m_source_feed *feed)
{
	return v2m_source_reader_is_busy(feed->reader);
}

bool v2m_source_feed_must_read(const struct v2m_source_feed *feed)
{
	return feed->read_again;
}

static bool take_timer(const struct v2m_source_feed *feed)
{
	uint64_t expirations;

	return read(feed->timer_fd, &expirations, sizeof(expirations)) == sizeof(expirations);
}

/* Then the reading has no keys. */
static bool any_failed(const struct v2m_gathered *gathered)
{
	for (size_t i = 0; i < gathered->sources.count; i++)
		if (gathered->sources.items[i].result && !gathered->sources.items[i].absent)
			return true;
	return false;
}

/* An API that a configuration names is known only after a reading, which is made again then. */
static bool has_new_api(struct v2m_source_feed *feed)
{
	struct v2m_reading_outcome *outcome = &feed->outcome;

	if (!outcome->result && !any_failed(&outcome->reading.gathered))
		v2m_proxy_watch_note_ports(feed->proxies, &outcome->reading.gathered);
	if (outcome->result ||
	    v2m_live_supply_learn(feed->apis, &outcome->reading.gathered.apis) <= 0) {
		if (!outcome->result)
			v2m_proxy_watch_add_notes(feed->proxies, feed->apis, false,
						  &outcome->reading.gathered);
		return false;
	}
	v2m_reading_outcome_clear(outcome);
	return true;
}

unsigned v2m_source_feed_drain(struct v2m_source_feed *feed)
{
	unsigned events = 0;

	if (feed->watch && v2m_source_watch_drain(feed->watch))
		events |= V2M_FEED_CHANGED;
	if (v2m_source_reader_take(feed->reader, &feed->outcome)) {
		if (has_new_api(feed))
			feed->read_again = true;
		else
			events |= V2M_FEED_READ;
	}
	if (v2m_proxy_watch_drain(feed->proxies, feed->apis))
		events |= V2M_FEED_DUE;
	if (take_timer(feed))
		events |= feed->has_failed_to_start ? V2M_FEED_READ : V2M_FEED_DUE;
	if (feed->read_again && !v2m_source_reader_is_busy(feed->reader))
		events |= V2M_FEED_DUE;
	return events;
}

bool v2m_source_feed_wait(struct v2m_source_feed *feed, int timeout_ms, int stop_fd)
{
	while (!feed->has_failed_to_start) {
		if (!v2m_source_reader_wait(feed->reader, timeout_ms, stop_fd, &feed->outcome))
			return false;
		if (!has_new_api(feed))
			break;
		v2m_source_reader_wait_for_end(feed->reader);
		v2m_source_feed_request(feed);
	}
	return true;
}

struct v2m_reading_outcome *v2m_source_feed_outcome(struct v2m_source_feed *feed)
{
	return &feed->outcome;
}

int v2m_source_feed_follow(struct v2m_source_feed *feed)
{
	struct v2m_reading_outcome *outcome = &feed->outcome;
	int failed = outcome->reading.watched.failed;
	int result;

	if (!feed->watch)
		return 0;
	if (outcome->inotify_fd < 0)
		return -EMFILE;
	result = v2m_source_watch_set(feed->watch, V2M_TAKE_FD(outcome->inotify_fd),
				      &outcome->reading.watched);
	return result ? result : failed;
}

void v2m_source_feed_finish(struct v2m_source_feed *feed, bool retries)
{
	struct v2m_reading_outcome *outcome = &feed->outcome;
	bool ended_early = outcome->result && !outcome->is_late;

	feed->has_failed_to_start = false;
	feed->has_read = true;
	if (ended_early && !feed->has_ended_early)
		feed->reread_ns = REREAD_FIRST_NS;
	feed->has_ended_early = ended_early;
	v2m_reading_outcome_clear(outcome);
	if (!retries)
		return;
	set_timer(feed, feed->reread_ns);
	if (feed->reread_ns < REREAD_MAX_NS)
		feed->reread_ns *= 2;
}

void v2m_source_feed_reset_pace(struct v2m_source_feed *feed)
{
	feed->reread_ns = REREAD_MIN_NS;
}
