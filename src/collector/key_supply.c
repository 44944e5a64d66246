// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/key_supply.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "collector/news.h"
#include "keys/memory/key_memory.h"
#include "keys/key_sources.h"
#include "keys/source_watch.h"
#include "process/confine.h"
#include "supply/source_reader.h"

/* If one source cannot be read, all are read again: first after this time, then after twice as
 * long, and so on. A process that ended without a word is followed by the next one sooner. */
#define SECOND_NS       UINT64_C(1000000000)
#define REREAD_FIRST_NS (SECOND_NS / 2)
#define REREAD_MIN_NS   (5 * SECOND_NS)
#define REREAD_MAX_NS   (64 * REREAD_MIN_NS)

struct v2m_key_supply {
	const struct v2m_config *config;
	struct v2m_conditions *conditions;
	const struct v2m_account *account;
	int epoll_fd;                   /* over the watch, the reader and the timer */
	int timer_fd;                   /* the next attempt, after a reading that failed */
	struct v2m_source_watch *watch; /* NULL: the sources are not watched */
	struct v2m_source_reader *reader;
	struct v2m_reading_outcome outcome; /* of the last reading, until it is used */
	bool has_failed_to_start;           /* the outcome is that */
	bool has_ended_early;               /* the last process handed nothing over */
	bool read_again;                    /* the reading in progress may have missed a change */
	struct v2m_keyset *active;
	struct v2m_keyset *waiting; /* could not be activated and will be tried again; or NULL */
	struct v2m_error waiting_error;
	struct v2m_source_report report;
	int read_result;                      /* of the last reading: 0 or -errno */
	struct v2m_error read_error;          /* if read_result is not 0 */
	uint64_t read_ns;                     /* CLOCK_MONOTONIC of the last reading */
	uint64_t reread_ns;                   /* how long after it the next attempt is due */
	uint32_t unprotected;                 /* what the reading process lacked last */
	bool unremembered;                    /* keys.last.json is older than the active set */
	struct v2m_news kept_news;            /* why the active keys stay */
	struct v2m_log_memory key_source_log; /* what is odd in the sources */
};

static int follow(struct v2m_key_supply *supply, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return fd < 0 || epoll_ctl(supply->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_descriptors(struct v2m_key_supply *supply, struct v2m_error *error)
{
	int result = v2m_source_reader_open(V2M_READING_ARGUMENT, V2M_READING_DEADLINE_MS,
					    &supply->reader, error);

	if (result)
		return result;
	supply->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	supply->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	result = supply->epoll_fd < 0 ? -errno : follow(supply, supply->timer_fd);
	if (!result)
		result = follow(supply, v2m_source_reader_fd(supply->reader));
	if (result)
		return v2m_error_set(error, result, "the key sources cannot be followed: %s",
				     strerror(-result));
	if (v2m_source_watch_open(&supply->watch, error) == 0 &&
	    follow(supply, v2m_source_watch_fd(supply->watch)) == 0)
		return 0;
	v2m_source_watch_close(supply->watch);
	supply->watch = NULL;
	v2m_log_warning("the key sources are read on SIGHUP only, as they cannot be watched");
	return 0;
}

int v2m_key_supply_open(const struct v2m_config *config, struct v2m_conditions *conditions,
			const struct v2m_account *account, struct v2m_key_supply **supply,
			struct v2m_error *error)
{
	struct v2m_key_supply *made = calloc(1, sizeof(*made));
	int result;

	if (!made)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	made->config = config;
	made->conditions = conditions;
	made->account = account;
	made->reread_ns = REREAD_MIN_NS;
	made->epoll_fd = made->timer_fd = -1;
	made->outcome.inotify_fd = -1;
	made->active = v2m_keyset_new(NULL, 0);
	result = made->active ? open_descriptors(made, error)
			      : v2m_error_set(error, -ENOMEM, "out of memory");
	if (result) {
		v2m_key_supply_close(made);
		return result;
	}
	*supply = made;
	return 0;
}

void v2m_key_supply_close(struct v2m_key_supply *supply)
{
	if (!supply)
		return;
	v2m_source_reader_close(supply->reader);
	v2m_reading_outcome_clear(&supply->outcome);
	v2m_keyset_unref(supply->active);
	v2m_keyset_unref(supply->waiting);
	v2m_source_report_clear(&supply->report);
	v2m_source_watch_close(supply->watch);
	v2m_closep(&supply->timer_fd);
	v2m_closep(&supply->epoll_fd);
	free(supply);
}

int v2m_key_supply_fd(const struct v2m_key_supply *supply)
{
	return supply->epoll_fd;
}

/* 0 ns: it does not run out. */
static void set_timer(const struct v2m_key_supply *supply, uint64_t ns)
{
	const struct itimerspec timer = { .it_value = { .tv_sec = (time_t)(ns / SECOND_NS),
							.tv_nsec = (long)(ns % SECOND_NS) } };

	timerfd_settime(supply->timer_fd, 0, &timer, NULL);
}

void v2m_key_supply_request(struct v2m_key_supply *supply)
{
	struct v2m_reading_outcome *outcome = &supply->outcome;

	supply->read_again = v2m_source_reader_is_busy(supply->reader);
	if (supply->read_again)
		return;
	outcome->result = v2m_source_reader_start(supply->reader, &supply->config->key_sources,
						  supply->watch, &outcome->error);
	supply->has_failed_to_start = outcome->result != 0;
	/* A failure is taken in as that of a reading is. */
	set_timer(supply, supply->has_failed_to_start ? 1 : 0);
}

bool v2m_key_supply_is_reading(const struct v2m_key_supply *supply)
{
	return v2m_source_reader_is_busy(supply->reader);
}

bool v2m_key_supply_must_read(const struct v2m_key_supply *supply)
{
	return supply->read_again;
}

static bool take_timer(const struct v2m_key_supply *supply)
{
	uint64_t expirations;

	return read(supply->timer_fd, &expirations, sizeof(expirations)) == sizeof(expirations);
}

unsigned v2m_key_supply_drain(struct v2m_key_supply *supply)
{
	unsigned events = 0;

	if (supply->watch && v2m_source_watch_drain(supply->watch))
		events |= V2M_SUPPLY_CHANGED;
	if (v2m_source_reader_take(supply->reader, &supply->outcome))
		events |= V2M_SUPPLY_READ;
	if (take_timer(supply))
		events |= supply->has_failed_to_start ? V2M_SUPPLY_READ : V2M_SUPPLY_DUE;
	if (supply->read_again && !v2m_source_reader_is_busy(supply->reader))
		events |= V2M_SUPPLY_DUE;
	return events;
}

bool v2m_key_supply_wait(struct v2m_key_supply *supply, int timeout_ms, int stop_fd)
{
	return supply->has_failed_to_start ||
	       v2m_source_reader_wait(supply->reader, timeout_ms, stop_fd, &supply->outcome);
}

static int64_t find_first_seen_us(void *context, const char *subject)
{
	const struct v2m_key_supply *supply = context;
	const struct v2m_subject *known = v2m_account_subject(supply->account, subject);

	return known ? known->first_seen_us : 0;
}

static bool knows_subject(void *context, const char *subject)
{
	const struct v2m_key_supply *supply = context;

	return v2m_account_knows(supply->account, subject);
}

/* The first note stands for all; the log and the status have the others. */
static void set_incomplete(struct v2m_key_supply *supply)
{
	const struct v2m_key_notes *notes = &supply->report.notes;
	char text[V2M_KEY_NOTE_LEN];
	size_t first = 0;

	if (!notes->n_missing) {
		v2m_conditions_clear(supply->conditions, V2M_KEYS_INCOMPLETE);
		return;
	}
	while (first < notes->count && notes->items[first].kind != V2M_NOTE_MISSING)
		first++;
	if (first < notes->count)
		v2m_key_note_format(&notes->items[first], text);
	v2m_conditions_set(supply->conditions, V2M_KEYS_INCOMPLETE,
			   first < notes->count ? text : NULL);
}

static void follow_sources(struct v2m_key_supply *supply)
{
	struct v2m_reading_outcome *outcome = &supply->outcome;
	int result = outcome->reading.watched.failed;
	int set;

	if (!supply->watch)
		return;
	set = outcome->inotify_fd < 0
		      ? -EMFILE
		      : v2m_source_watch_set(supply->watch, V2M_TAKE_FD(outcome->inotify_fd),
					     &outcome->reading.watched);
	if (!result)
		result = set;
	if (result)
		v2m_log_warning("key sources cannot all be watched, and are read on SIGHUP: %s",
				strerror(-result));
}

/* Only news are logged. */
static void note_protection(struct v2m_key_supply *supply, uint32_t unprotected)
{
	char names[256];

	if (unprotected && unprotected != supply->unprotected) {
		v2m_confine_names(unprotected, names, sizeof(names));
		v2m_log_warning("the process that reads the key sources runs without %s", names);
	}
	supply->unprotected = unprotected;
}

static int join(struct v2m_key_supply *supply, struct v2m_keyset **keyset, struct v2m_error *error)
{
	struct v2m_source_options options = {
		.previous = supply->active,
		.first_seen_us = find_first_seen_us,
		.knows_subject = knows_subject,
		.context = supply,
		.now_us = v2m_clock_real_us(),
	};
	struct v2m_reading *reading = &supply->outcome.reading;
	int result;

	note_protection(supply, reading->unprotected);
	v2m_log_begin(&supply->key_source_log);
	follow_sources(supply);
	result = v2m_key_sources_join(&reading->gathered, &options, keyset, &supply->report, error);
	v2m_log_end();
	set_incomplete(supply);
	return result;
}

/* If the same may succeed without a change of a source, it is tried again. A wrong configuration is
 * read again only after somebody changes a file: the watch reports that. */
static void plan_reread(struct v2m_key_supply *supply)
{
	const struct v2m_reading_outcome *outcome = &supply->outcome;
	bool ended_early = outcome->result && !outcome->is_late;

	if (ended_early && !supply->has_ended_early)
		supply->reread_ns = REREAD_FIRST_NS;
	supply->has_ended_early = ended_early;
	if (!supply->read_result || supply->read_error.failure == V2M_FAILURE_CONFIGURATION)
		return;
	set_timer(supply, supply->reread_ns);
	if (supply->reread_ns < REREAD_MAX_NS)
		supply->reread_ns *= 2;
}

int v2m_key_supply_take(struct v2m_key_supply *supply, struct v2m_keyset **keyset,
			struct v2m_error *error)
{
	struct v2m_reading_outcome *outcome = &supply->outcome;

	supply->has_failed_to_start = false;
	if (outcome->result)
		*error = outcome->error;
	supply->read_result = outcome->result ? outcome->result : join(supply, keyset, error);
	if (supply->read_result)
		supply->read_error = *error;
	supply->read_ns = v2m_clock_mono_ns();
	plan_reread(supply);
	v2m_reading_outcome_clear(outcome);
	/* What many keys took for a moment goes back. */
	malloc_trim(0);
	return supply->read_result;
}

void v2m_key_supply_reset_pace(struct v2m_key_supply *supply)
{
	supply->reread_ns = REREAD_MIN_NS;
}

uint64_t v2m_key_supply_read_ns(const struct v2m_key_supply *supply)
{
	return supply->read_ns;
}

const struct v2m_source_report *v2m_key_supply_report(const struct v2m_key_supply *supply)
{
	return &supply->report;
}

struct v2m_keyset *v2m_key_supply_active(const struct v2m_key_supply *supply)
{
	return supply->active;
}

void v2m_key_supply_set_active(struct v2m_key_supply *supply, struct v2m_keyset *keyset)
{
	struct v2m_keyset *old = supply->active;

	supply->active = v2m_keyset_ref(keyset);
	v2m_keyset_unref(old);
}

struct v2m_keyset *v2m_key_supply_waiting(const struct v2m_key_supply *supply)
{
	return supply->waiting;
}

/* The sources are what the operator can change, so they come before a set that waits. */
static void set_broken(struct v2m_key_supply *supply)
{
	v2m_conditions_set(supply->conditions, V2M_KEY_SOURCE_BROKEN,
			   supply->read_result ? supply->read_error.text
					       : supply->waiting_error.text);
}

void v2m_key_supply_postpone(struct v2m_key_supply *supply, struct v2m_keyset *keyset,
			     const struct v2m_error *why)
{
	struct v2m_keyset *old = supply->waiting;

	supply->waiting = v2m_keyset_ref(keyset);
	v2m_keyset_unref(old);
	supply->waiting_error = *why;
	set_broken(supply);
}

void v2m_key_supply_forget_waiting(struct v2m_key_supply *supply)
{
	v2m_keyset_unref(supply->waiting);
	supply->waiting = NULL;
}

void v2m_key_supply_conclude(struct v2m_key_supply *supply, int result)
{
	if (result) {
		set_broken(supply);
		return;
	}
	if (v2m_conditions_clear(supply->conditions, V2M_KEY_SOURCE_BROKEN))
		v2m_log_info("the key sources can be read again");
	v2m_news_forget(&supply->kept_news);
	v2m_key_supply_reset_pace(supply);
}

void v2m_key_supply_conclude_waiting(struct v2m_key_supply *supply)
{
	v2m_news_forget(&supply->kept_news);
	if (supply->read_result)
		set_broken(supply);
	else
		v2m_conditions_clear(supply->conditions, V2M_KEY_SOURCE_BROKEN);
}

void v2m_key_supply_log_kept(struct v2m_key_supply *supply, const char *why)
{
	if (v2m_news_differs(&supply->kept_news, why))
		v2m_log_error("the keys stay as they were: %s", why);
}

void v2m_key_supply_log_last_good(struct v2m_key_supply *supply, const char *why)
{
	if (v2m_news_differs(&supply->kept_news, why))
		v2m_log_error("going on with the last good keys: %s", why);
}

void v2m_key_supply_log_again(struct v2m_key_supply *supply)
{
	v2m_news_forget(&supply->kept_news);
	memset(&supply->key_source_log, 0, sizeof(supply->key_source_log));
}

/* Only a source that a person has to correct keeps the service down (exit status 2). Any other
 * failure must not look like one: it is passing, whatever errno the part that failed has. */
int v2m_key_supply_refusal(const struct v2m_key_supply *supply, int result, struct v2m_error *error)
{
	if (supply->read_result && (supply->read_error.failure == V2M_FAILURE_CONFIGURATION ||
				    supply->read_error.failure == V2M_FAILURE_MISSING)) {
		error->failure = V2M_FAILURE_CONFIGURATION;
		return -EINVAL;
	}
	if (error->failure != V2M_FAILURE_CONFIGURATION && error->failure != V2M_FAILURE_BUSY)
		return result;
	error->failure = V2M_FAILURE_PASSING;
	return -EAGAIN;
}

static void make_memory_path(const struct v2m_key_supply *supply, char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/" V2M_KEY_MEMORY_NAME, supply->config->state_dir);
}

void v2m_key_supply_remember(struct v2m_key_supply *supply)
{
	bool failed_before = supply->unremembered;
	struct v2m_error error = { 0 };
	char path[PATH_MAX];

	make_memory_path(supply, path);
	supply->unremembered = v2m_key_memory_store(path, supply->active, &error) != 0;
	if (supply->unremembered && !failed_before)
		v2m_log_warning(
			"the last good keys cannot be stored, so the next start needs working "
			"key sources: %s",
			error.text);
	if (!supply->unremembered && failed_before)
		v2m_log_info("the last good keys can be stored again");
}

void v2m_key_supply_remember_again(struct v2m_key_supply *supply)
{
	if (supply->unremembered)
		v2m_key_supply_remember(supply);
}

int v2m_key_supply_recall(const struct v2m_key_supply *supply, struct v2m_keyset **keyset)
{
	struct v2m_error error = { 0 };
	char path[PATH_MAX];
	int result;

	make_memory_path(supply, path);
	result = v2m_key_memory_load(path, keyset, &error);
	if (result && result != -ENOENT)
		v2m_log_warning("the last good keys cannot be read: %s", error.text);
	return result;
}
