// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/key_supply.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/string_list.h"
#include "collector/news.h"
#include "keys/memory/key_memory.h"
#include "keys/key_sources.h"
#include "keys/source_watch.h"
#include "proxyapi/live_supply.h"
#include "reading/gather.h"
#include "reading/watch_walk.h"

/* If one source cannot be read, all are read again: first after this time, then after twice as
 * long, and so on. */
#define REREAD_MIN_NS (5 * UINT64_C(1000000000))
#define REREAD_MAX_NS (64 * REREAD_MIN_NS)

/* Samples between two looks at the sockets. */
#define LOOK_SAMPLES 5

struct v2m_key_supply {
	const struct v2m_config *config;
	struct v2m_conditions *conditions;
	const struct v2m_account *account;
	struct v2m_source_watch *watch; /* NULL: the sources are not watched */
	struct v2m_live_supply *apis;   /* of proxies */
	bool has_read;                  /* at least once */
	struct v2m_keyset *active;
	struct v2m_keyset *waiting; /* could not be activated and will be tried again; or NULL */
	struct v2m_error waiting_error;
	struct v2m_source_report report;
	struct v2m_claims claims;    /* of the last reading */
	uint64_t looked_ns;          /* CLOCK_MONOTONIC of the last comparison with the sockets */
	int read_result;             /* of the last reading: 0 or -errno */
	struct v2m_error read_error; /* if read_result is not 0 */
	uint64_t read_ns;            /* CLOCK_MONOTONIC of the last reading */
	uint64_t reread_ns;          /* how long after it the next attempt is due */
	bool unremembered;           /* keys.last.json is older than the active set */
	struct v2m_news kept_news;   /* why the active keys stay */
	struct v2m_log_memory key_source_log; /* what is odd in the sources */
};

/* Before each reading, so that no change after it is missed: a source may lead elsewhere now. */
static int watch_key_sources(struct v2m_key_supply *supply)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings paths = { 0 };
	V2M_CLEANUP(v2m_watch_list_clear) struct v2m_watch_list list = { 0 };
	V2M_CLOSE int inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	int result = inotify_fd < 0 ? -errno : 0;
	int failed;

	if (!result)
		result = v2m_gather_paths(&supply->config->key_sources, NULL, &paths);
	if (!result)
		result = v2m_watch_walk(inotify_fd, &paths, &list);
	failed = list.failed;
	if (!result)
		result = v2m_source_watch_set(supply->watch, V2M_TAKE_FD(inotify_fd), &list);
	return result ? result : failed;
}

int v2m_key_supply_open(const struct v2m_config *config, struct v2m_conditions *conditions,
			const struct v2m_account *account, struct v2m_key_supply **supply)
{
	struct v2m_key_supply *made = calloc(1, sizeof(*made));
	struct v2m_error error = { 0 };

	if (!made)
		return -ENOMEM;
	made->config = config;
	made->conditions = conditions;
	made->account = account;
	made->reread_ns = REREAD_MIN_NS;
	made->active = v2m_keyset_new(NULL, 0);
	if (!made->active || v2m_live_supply_open(&config->key_sources, &made->apis)) {
		v2m_keyset_unref(made->active);
		free(made);
		return -ENOMEM;
	}
	if (v2m_source_watch_open(&made->watch, &error))
		v2m_log_warning("key sources are read on SIGHUP only: %s", error.text);
	*supply = made;
	return 0;
}

void v2m_key_supply_close(struct v2m_key_supply *supply)
{
	if (!supply)
		return;
	v2m_keyset_unref(supply->active);
	v2m_keyset_unref(supply->waiting);
	v2m_source_report_clear(&supply->report);
	v2m_claims_clear(&supply->claims);
	v2m_source_watch_close(supply->watch);
	v2m_live_supply_close(supply->apis);
	free(supply);
}

int v2m_key_supply_fd(const struct v2m_key_supply *supply)
{
	return supply->watch ? v2m_source_watch_fd(supply->watch) : -1;
}

bool v2m_key_supply_drain(struct v2m_key_supply *supply)
{
	return v2m_source_watch_drain(supply->watch);
}

int v2m_key_supply_api_fd(const struct v2m_key_supply *supply)
{
	return v2m_live_supply_fd(supply->apis);
}

void v2m_key_supply_drain_apis(struct v2m_key_supply *supply)
{
	v2m_live_supply_drain(supply->apis);
}

/* Reads the sources. An API that a configuration names is known only after the first reading, which
 * is made again then. Only a daemon that starts waits for an API: afterwards it would wait instead
 * of counting. 0 or -ENOMEM. */
static int gather(struct v2m_key_supply *supply, struct v2m_gathered *gathered)
{
	bool waits = !supply->has_read;
	int result = 0;
	int learned = 1;

	while (!result && learned > 0) {
		V2M_CLEANUP(v2m_live_sources_clear) struct v2m_live_sources live = { 0 };

		v2m_gathered_clear(gathered);
		result = v2m_live_supply_collect(supply->apis, waits, &live);
		if (!result)
			result = v2m_gather(&supply->config->key_sources, NULL, &live, gathered);
		learned = result ? 0 : v2m_live_supply_learn(supply->apis, &gathered->apis);
		if (learned < 0)
			result = learned;
	}
	return result;
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

int v2m_key_supply_read(struct v2m_key_supply *supply, struct v2m_keyset **keyset,
			struct v2m_error *error)
{
	struct v2m_source_options options = {
		.previous = supply->active,
		.first_seen_us = find_first_seen_us,
		.knows_subject = knows_subject,
		.claims = &supply->claims,
		.context = supply,
		.now_us = v2m_clock_real_us(),
	};

	V2M_CLEANUP(v2m_gathered_clear) struct v2m_gathered gathered = { 0 };
	int watched = supply->watch ? watch_key_sources(supply) : 0;

	v2m_log_begin(&supply->key_source_log);
	if (watched)
		v2m_log_warning("key sources cannot all be watched, and are read on SIGHUP: %s",
				strerror(-watched));
	supply->read_result = gather(supply, &gathered);
	if (supply->read_result)
		v2m_error_set(error, supply->read_result, "out of memory");
	else
		supply->read_result =
			v2m_key_sources_join(&gathered, &options, keyset, &supply->report, error);
	v2m_log_end();
	supply->has_read = true;
	set_incomplete(supply);
	if (supply->read_result)
		supply->read_error = *error;
	supply->read_ns = v2m_clock_mono_ns();
	return supply->read_result;
}

bool v2m_key_supply_reread_is_due(struct v2m_key_supply *supply)
{
	/* A wrong configuration is read again only after somebody changes a file: the watch reports
	 * that. */
	if (!supply->read_result || supply->read_error.failure == V2M_FAILURE_CONFIGURATION ||
	    v2m_clock_mono_ns() - supply->read_ns < supply->reread_ns)
		return false;
	if (supply->reread_ns < REREAD_MAX_NS)
		supply->reread_ns *= 2;
	return true;
}

void v2m_key_supply_reset_pace(struct v2m_key_supply *supply)
{
	supply->reread_ns = REREAD_MIN_NS;
}

uint64_t v2m_key_supply_read_ns(const struct v2m_key_supply *supply)
{
	return supply->read_ns;
}

struct v2m_claims *v2m_key_supply_claims(struct v2m_key_supply *supply)
{
	return &supply->claims;
}

bool v2m_key_supply_look_is_due(struct v2m_key_supply *supply)
{
	uint64_t now_ns = v2m_clock_mono_ns();

	if (now_ns - supply->looked_ns <
	    LOOK_SAMPLES * UINT64_C(1000000) * supply->config->sample_interval_ms)
		return false;
	supply->looked_ns = now_ns;
	return true;
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
