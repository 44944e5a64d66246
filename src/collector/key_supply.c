// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/key_supply.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "keys/memory/key_memory.h"
#include "keys/key_sources.h"
#include "process/confine.h"

/* Samples between two looks at the sockets. */
#define LOOK_SAMPLES 5

struct v2m_key_supply {
	const struct v2m_config *config;
	struct v2m_conditions *conditions;
	const struct v2m_account *account;
	struct v2m_source_feed *feed;
	struct v2m_keyset *active;
	struct v2m_keyset *waiting; /* could not be activated and will be tried again; or NULL */
	struct v2m_error waiting_error;
	struct v2m_source_report report;
	struct v2m_claims claims;    /* of the last reading */
	uint64_t looked_ns;          /* CLOCK_MONOTONIC of the last comparison with the sockets */
	int read_result;             /* of the last reading: 0 or -errno */
	struct v2m_error read_error; /* if read_result is not 0 */
	uint64_t read_ns;            /* CLOCK_MONOTONIC of the last reading */
	uint32_t unprotected;        /* what the reading process lacked last */
	bool unremembered;           /* keys.last.json is older than the active set */
	struct v2m_news kept_news;   /* why the active keys stay */
	struct v2m_log_memory key_source_log; /* what is odd in the sources */
};

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
	made->active = v2m_keyset_new(NULL, 0);
	result = made->active ? v2m_source_feed_open(&config->key_sources, &made->feed, error)
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
	v2m_source_feed_close(supply->feed);
	v2m_keyset_unref(supply->active);
	v2m_keyset_unref(supply->waiting);
	v2m_source_report_clear(&supply->report);
	v2m_claims_clear(&supply->claims);
	free(supply);
}

struct v2m_source_feed *v2m_key_supply_feed(const struct v2m_key_supply *supply)
{
	return supply->feed;
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

static int join(struct v2m_key_supply *supply, struct v2m_reading *reading,
		struct v2m_keyset **keyset, struct v2m_error *error)
{
	struct v2m_source_options options = {
		.previous = supply->active,
		.first_seen_us = find_first_seen_us,
		.knows_subject = knows_subject,
		.claims = &supply->claims,
		.context = supply,
		.now_us = v2m_clock_real_us(),
	};
	int watched;
	int result;

	note_protection(supply, reading->unprotected);
	v2m_log_begin(&supply->key_source_log);
	watched = v2m_source_feed_follow(supply->feed);
	if (watched)
		v2m_log_warning("key sources cannot all be watched, and are read on SIGHUP: %s",
				strerror(-watched));
	result = v2m_key_sources_join(&reading->gathered, &options, keyset, &supply->report, error);
	v2m_log_end();
	set_incomplete(supply);
	return result;
}

int v2m_key_supply_take(struct v2m_key_supply *supply, struct v2m_keyset **keyset,
			struct v2m_error *error)
{
	struct v2m_reading_outcome *outcome = v2m_source_feed_outcome(supply->feed);

	if (outcome->result)
		*error = outcome->error;
	supply->read_result =
		outcome->result ? outcome->result : join(supply, &outcome->reading, keyset, error);
	if (supply->read_result)
		supply->read_error = *error;
	supply->read_ns = v2m_clock_mono_ns();
	/* A wrong configuration is read again only after somebody changes a file: the watch reports
	 * that. */
	v2m_source_feed_finish(supply->feed,
			       supply->read_result &&
				       supply->read_error.failure != V2M_FAILURE_CONFIGURATION);
	/* Many keys took memory for a moment: it goes back to the system. */
	malloc_trim(0);
	return supply->read_result;
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
	v2m_source_feed_reset_pace(supply->feed);
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
