// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proxyapi/follower.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "proxyapi/survey.h"

/* A panel restarts the proxy now and then: so many failures in a row are no news. */
#define TOLERATED 2

/* The counters are asked for in each second round: they are larger than the users, and nothing
 * waits for them. */
#define STATS_ROUNDS 2

/* One API that is followed. Only the thread uses the survey. */
struct followed {
	struct v2m_survey *survey;
	/* Under the lock. */
	bool was_asked;
	char *text; /* NULL: it has not answered yet */
	size_t length;
	int result; /* 0 or -errno */
	struct v2m_error error;
	unsigned n_failures;          /* in a row */
	struct v2m_proxy_stats stats; /* empty if the proxy does not count */
};

struct v2m_follower {
	pthread_t thread;
	bool has_thread;
	int event_fd;
	uint64_t interval_ns;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* an entry was added or asked, or the thread has to end */
	/* Under the lock. Entries are only added. */
	struct followed *items[V2M_FOLLOWER_MAX];
	size_t count;
	uint64_t stats_number; /* of answers with counters */
	bool ends;
};

int v2m_follower_new(uint64_t interval_ns, struct v2m_follower **follower)
{
	struct v2m_follower *made = calloc(1, sizeof(*made));
	pthread_condattr_t attributes;

	if (!made)
		return -ENOMEM;
	made->interval_ns = interval_ns;
	made->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (made->event_fd < 0) {
		int result = -errno;

		free(made);
		return result;
	}
	pthread_mutex_init(&made->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&made->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	*follower = made;
	return 0;
}

static void free_followed(struct followed *followed)
{
	v2m_survey_free(followed->survey);
	v2m_proxy_stats_clear(&followed->stats);
	free(followed->text);
	free(followed);
}

void v2m_follower_free(struct v2m_follower *follower)
{
	if (!follower)
		return;
	pthread_mutex_lock(&follower->lock);
	follower->ends = true;
	pthread_cond_broadcast(&follower->changed);
	pthread_mutex_unlock(&follower->lock);
	if (follower->has_thread)
		pthread_join(follower->thread, NULL);
	for (size_t i = 0; i < follower->count; i++)
		free_followed(follower->items[i]);
	pthread_cond_destroy(&follower->changed);
	pthread_mutex_destroy(&follower->lock);
	close(follower->event_fd);
	free(follower);
}

int v2m_follower_fd(const struct v2m_follower *follower)
{
	return follower->event_fd;
}

void v2m_follower_drain(struct v2m_follower *follower)
{
	uint64_t count;

	/* Nothing to read is no failure. */
	if (read(follower->event_fd, &count, sizeof(count)) < 0)
		return;
}

static void tell(const struct v2m_follower *follower)
{
	const uint64_t one = 1;

	/* It fails only if the counter is full: then it is readable already. */
	if (write(follower->event_fd, &one, sizeof(one)) < 0)
		return;
}

/* Under the lock: takes in the outcome of a question. True: it is news. */
static bool take_outcome(struct followed *followed, int result, const struct v2m_error *error)
{
	bool was_failing = followed->result < 0;
	size_t length;
	const char *text = v2m_survey_text(followed->survey, &length);
	char *copy;

	followed->n_failures = result < 0 ? followed->n_failures + 1 : 0;
	if (result < 0 && followed->text && followed->n_failures <= TOLERATED)
		return false;
	followed->result = result < 0 ? result : 0;
	followed->error = *error;
	if (result <= 0)
		return was_failing != (result < 0);
	copy = malloc(length + 1);
	if (!copy) {
		followed->result = v2m_error_set(&followed->error, -ENOMEM, "out of memory");
		return true;
	}
	memcpy(copy, text, length + 1);
	free(followed->text);
	followed->text = copy;
	followed->length = length;
	return true;
}

static void ask(struct v2m_follower *follower, struct followed *followed)
{
	struct v2m_error error = { 0 };
	int result = v2m_survey_ask(followed->survey, v2m_clock_mono_ns() + V2M_FOLLOWER_TIMEOUT_NS,
				    &error);
	bool is_news;

	pthread_mutex_lock(&follower->lock);
	is_news = take_outcome(followed, result, &error);
	/* Somebody who waits for the first answer gets it at once. */
	if (is_news || !followed->was_asked)
		tell(follower);
	followed->was_asked = true;
	pthread_cond_broadcast(&follower->changed);
	pthread_mutex_unlock(&follower->lock);
}

/* A proxy that does not count, or does not answer, has no counters. */
static void ask_stats(struct v2m_follower *follower, struct followed *followed)
{
	V2M_CLEANUP(v2m_proxy_stats_clear) struct v2m_proxy_stats stats = { 0 };
	struct v2m_proxy_stats old;
	struct v2m_error error;
	bool ends;

	/* v2m_follower_free() waits for one answer, not for two. */
	pthread_mutex_lock(&follower->lock);
	ends = follower->ends;
	pthread_mutex_unlock(&follower->lock);
	if (ends)
		return;
	if (v2m_survey_ask_stats(followed->survey, v2m_clock_mono_ns() + V2M_FOLLOWER_TIMEOUT_NS,
				 &stats, &error))
		v2m_proxy_stats_clear(&stats);
	pthread_mutex_lock(&follower->lock);
	old = followed->stats;
	followed->stats = stats;
	stats = old;
	follower->stats_number++;
	pthread_mutex_unlock(&follower->lock);
}

int v2m_follower_stats(struct v2m_follower *follower, struct v2m_proxy_stats *stats,
		       uint64_t *number)
{
	bool is_new;
	int result = 0;

	pthread_mutex_lock(&follower->lock);
	is_new = *number != follower->stats_number;
	for (size_t i = 0; is_new && i < follower->count && !result; i++)
		result = v2m_proxy_stats_add(stats, &follower->items[i]->stats);
	if (!result)
		*number = follower->stats_number;
	pthread_mutex_unlock(&follower->lock);
	return result ? result : is_new;
}

static struct timespec make_timespec(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000),
				  .tv_nsec = (long)(ns % 1000000000) };
}

/* Under the lock: waits until it is time, or something has been added. False: the thread has to
 * end. */
static bool wait_for_round(struct v2m_follower *follower, uint64_t due_ns, size_t n_known)
{
	const struct timespec due = make_timespec(due_ns);

	while (!follower->ends && follower->count == n_known)
		if (pthread_cond_timedwait(&follower->changed, &follower->lock, &due) == ETIMEDOUT)
			break;
	return !follower->ends;
}

static void *run(void *context)
{
	struct v2m_follower *follower = context;
	uint64_t due_ns = v2m_clock_mono_ns();
	size_t n_known = 0;
	unsigned round = 0;

	pthread_mutex_lock(&follower->lock);
	while (wait_for_round(follower, due_ns, n_known)) {
		bool is_due = v2m_clock_mono_ns() >= due_ns;
		size_t first = is_due ? 0 : n_known;
		bool wants_stats = is_due && round++ % STATS_ROUNDS == 0;

		n_known = follower->count;
		if (is_due)
			due_ns = v2m_clock_mono_ns() + follower->interval_ns;
		for (size_t i = first; i < n_known && !follower->ends; i++) {
			struct followed *followed = follower->items[i];

			pthread_mutex_unlock(&follower->lock);
			ask(follower, followed);
			if (wants_stats)
				ask_stats(follower, followed);
			pthread_mutex_lock(&follower->lock);
		}
	}
	pthread_mutex_unlock(&follower->lock);
	return NULL;
}

/* Signals are for the thread that handles them. 0 or -errno. */
static int start_thread(struct v2m_follower *follower)
{
	sigset_t all;
	sigset_t before;
	int result;

	if (follower->has_thread)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&follower->thread, NULL, run, follower);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	follower->has_thread = result == 0;
	return -result;
}

static struct followed *find(const struct v2m_follower *follower, const char *source)
{
	for (size_t i = 0; i < follower->count; i++)
		if (strcmp(v2m_survey_source(follower->items[i]->survey), source) == 0)
			return follower->items[i];
	return NULL;
}

/* Under the lock. */
static int add(struct v2m_follower *follower, const char *source, struct followed **added,
	       struct v2m_error *error)
{
	struct followed *made = calloc(1, sizeof(*made));
	int result = made ? v2m_survey_new(source, &made->survey, error)
			  : v2m_error_set(error, -ENOMEM, "out of memory");

	if (!result && follower->count == V2M_FOLLOWER_MAX)
		result = v2m_error_set(error, -ENOSPC, "%.160s: at most %d APIs are asked", source,
				       V2M_FOLLOWER_MAX);
	if (!result && start_thread(follower))
		result = v2m_error_set(error, -EAGAIN, "%.160s: no thread can be started", source);
	if (result) {
		if (made)
			free_followed(made);
		return result;
	}
	follower->items[follower->count++] = made;
	pthread_cond_broadcast(&follower->changed);
	*added = made;
	return 0;
}

static void wait_for_answer(struct v2m_follower *follower, const struct followed *followed)
{
	const struct timespec due =
		make_timespec(v2m_clock_mono_ns() + 2 * V2M_FOLLOWER_TIMEOUT_NS);

	while (!followed->was_asked)
		if (pthread_cond_timedwait(&follower->changed, &follower->lock, &due) == ETIMEDOUT)
			return;
}

/* Under the lock. */
static int give_text(const struct followed *followed, const char *source, char **text,
		     size_t *length, struct v2m_error *error)
{
	if (followed->text) {
		*text = malloc(followed->length + 1);
		if (!*text)
			return v2m_error_set(error, -ENOMEM, "out of memory");
		memcpy(*text, followed->text, followed->length + 1);
		*length = followed->length;
	}
	if (!followed->was_asked)
		return v2m_error_set(error, -EAGAIN, "%.160s: it has not answered yet", source);
	if (followed->result && error)
		*error = followed->error;
	return followed->result;
}

int v2m_follower_text(struct v2m_follower *follower, const char *source, bool waits, char **text,
		      size_t *length, struct v2m_error *error)
{
	struct followed *followed;
	int result = 0;

	*text = NULL;
	*length = 0;
	pthread_mutex_lock(&follower->lock);
	followed = find(follower, source);
	if (!followed)
		result = add(follower, source, &followed, error);
	if (!result && waits)
		wait_for_answer(follower, followed);
	if (!result)
		result = give_text(followed, source, text, length, error);
	pthread_mutex_unlock(&follower->lock);
	return result;
}
