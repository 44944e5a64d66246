// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests from HTTP threads to the collector's thread. A batch of resets shares one reading of the
 * counters and one transaction, a batch of reads one window: the reading is taken after every one
 * of them arrived, so it is fresh for all, and a reset's moment lies between its request and its
 * answer.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "collector/internal.h"
#include "base/log.h"
#include "base/cleanup.h"

enum request_kind {
	REQUEST_CACHED_WINDOW,
	REQUEST_FRESH_WINDOW,
	REQUEST_RESET,
	REQUEST_CALL,
};

/* Lives on the stack of the thread that waits for it. */
struct request {
	struct request *next;
	enum request_kind kind;
	bool answered;
	enum v2m_verdict verdict;
	struct v2m_window *window; /* out, with a reference */
	const char *key_id;        /* in, REQUEST_RESET */
	struct v2m_reset *reset;   /* out, REQUEST_RESET */
	char subject[V2M_SUBJECT_LEN];
	struct v2m_reset_undo undo;
	collector_call call; /* in, REQUEST_CALL, with its argument */
	void *argument;
};

static enum v2m_verdict wait_for(struct v2m_collector *collector, struct request *request)
{
	struct request_queue *queue = &collector->queue;
	uint64_t one = 1;

	request->verdict = V2M_UNREADABLE;
	pthread_mutex_lock(&queue->lock);
	if (!queue->refusing) {
		*queue->last = request;
		queue->last = &request->next;
		if (write(queue->event_fd, &one, sizeof(one)) < 0)
			v2m_log_error("cannot wake the collector: %s", strerror(errno));
		while (!request->answered)
			pthread_cond_wait(&queue->answered, &queue->lock);
	}
	pthread_mutex_unlock(&queue->lock);
	return request->verdict;
}

static enum v2m_verdict meter_window(void *context, bool fresh, struct v2m_window **window)
{
	struct v2m_collector *collector = context;
	struct request request = { .kind = fresh ? REQUEST_FRESH_WINDOW : REQUEST_CACHED_WINDOW };
	enum v2m_verdict verdict = V2M_OK;

	if (!fresh)
		request.window = published_window(collector);
	if (!request.window)
		verdict = wait_for(collector, &request);
	if (verdict == V2M_OK)
		*window = request.window;
	return verdict;
}

static enum v2m_verdict meter_reset(void *context, const char *id_or_uuid, struct v2m_reset *reset)
{
	struct request request = { .kind = REQUEST_RESET, .key_id = id_or_uuid, .reset = reset };

	return wait_for(context, &request);
}

static void meter_health(void *context, struct v2m_health *health)
{
	published_health(context, health);
}

enum v2m_verdict requests_call(struct v2m_collector *collector, collector_call call, void *argument)
{
	struct request request = { .kind = REQUEST_CALL, .call = call, .argument = argument };

	return wait_for(collector, &request);
}

void requests_free(struct v2m_collector *collector)
{
	sd_event_source_unref(collector->request_event);
	v2m_closep(&collector->queue.event_fd);
	pthread_cond_destroy(&collector->queue.answered);
	pthread_mutex_destroy(&collector->queue.lock);
}

static struct request *take_batch(struct request_queue *queue)
{
	struct request *batch;
	uint64_t count;

	pthread_mutex_lock(&queue->lock);
	if (read(queue->event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		v2m_log_error("cannot read the request event: %s", strerror(errno));
	batch = queue->first;
	queue->first = NULL;
	queue->last = &queue->first;
	pthread_mutex_unlock(&queue->lock);
	return batch;
}

/* The requests belong to their threads again when the lock is given up. */
static void answer_batch(struct request_queue *queue, struct request *batch)
{
	pthread_mutex_lock(&queue->lock);
	for (struct request *request = batch; request; request = request->next)
		request->answered = true;
	pthread_cond_broadcast(&queue->answered);
	pthread_mutex_unlock(&queue->lock);
}

static enum v2m_verdict reset_one(struct v2m_collector *collector, struct request *request)
{
	const struct v2m_key *key = NULL;
	struct v2m_reset *reset = request->reset;
	enum v2m_verdict verdict = collector_find_key(collector, request->key_id, &key);

	if (verdict != V2M_OK)
		return verdict;
	memset(reset, 0, sizeof(*reset));
	snprintf(reset->key_id, sizeof(reset->key_id), "%s", key->id);
	snprintf(reset->uuid, sizeof(reset->uuid), "%s", key->uuid);
	reset->port = key->port;
	reset->real_us = collector->sample.real_us;
	if (!key->port)
		return V2M_KEY_HAS_NO_PORT;
	v2m_key_subject(key, request->subject, sizeof(request->subject));
	if (v2m_account_reset(collector->account, request->subject, reset->real_us, &reset->closed,
			      &request->undo))
		return V2M_UNREADABLE;
	return V2M_OK;
}

/* The latest first: a batch may hold several resets of one key. */
static void undo_resets(struct v2m_collector *collector, struct request *request)
{
	if (!request)
		return;
	undo_resets(collector, request->next);
	if (request->kind != REQUEST_RESET || request->verdict != V2M_OK)
		return;
	v2m_account_undo_reset(collector->account, request->subject, &request->undo);
	request->verdict = V2M_NOT_STORED;
}

static void answer_resets(struct v2m_collector *collector, struct request *batch)
{
	size_t done = 0;

	for (struct request *request = batch; request; request = request->next) {
		if (request->kind != REQUEST_RESET)
			continue;
		request->verdict = reset_one(collector, request);
		done += request->verdict == V2M_OK;
	}
	if (!done)
		return;
	if (collector_flush(collector))
		undo_resets(collector, batch);
	else
		publish_nothing(collector);
}

static bool batch_has(const struct request *batch, enum request_kind kind)
{
	for (; batch; batch = batch->next)
		if (batch->kind == kind)
			return true;
	return false;
}

static void give_window(struct request *batch, enum request_kind kind, struct v2m_window *window)
{
	for (; batch; batch = batch->next) {
		if (batch->kind != kind)
			continue;
		batch->window = v2m_window_ref(window);
		batch->verdict = V2M_OK;
	}
}

/* A fresh reading is not put in force: within a window two reads are byte-identical, whatever our
 * own client asks for in between. */
static void answer_windows(struct v2m_collector *collector, struct request *batch)
{
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *in_force = NULL;
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *made = NULL;
	bool cached = batch_has(batch, REQUEST_CACHED_WINDOW);
	bool fresh = batch_has(batch, REQUEST_FRESH_WINDOW);

	if (cached)
		in_force = published_window(collector);
	if (in_force)
		give_window(batch, REQUEST_CACHED_WINDOW, in_force);
	if (!fresh && (!cached || in_force))
		return;
	if (collector_dump_connections(collector))
		return;
	made = collector_make_window(collector);
	if (!made)
		return;
	give_window(batch, REQUEST_FRESH_WINDOW, made);
	if (!cached || in_force)
		return;
	give_window(batch, REQUEST_CACHED_WINDOW, made);
	publish_window(collector, made);
}

static void answer_calls(struct v2m_collector *collector, struct request *batch)
{
	for (struct request *request = batch; request; request = request->next)
		if (request->kind == REQUEST_CALL)
			request->verdict = request->call(collector, request->argument);
}

static int answer_requests(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct v2m_collector *collector = context;
	struct request *batch = take_batch(&collector->queue);

	(void)source;
	(void)fd;
	(void)events;
	if (!batch)
		return 0;
	collector_retry_keys(collector);
	if (collector_take_sample(collector) == 0) {
		answer_resets(collector, batch);
		answer_windows(collector, batch);
	}
	answer_calls(collector, batch);
	answer_batch(&collector->queue, batch);
	return 0;
}

int requests_init(struct v2m_collector *collector)
{
	struct request_queue *queue = &collector->queue;

	queue->last = &queue->first;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->answered, NULL);
	collector->meter.context = collector;
	collector->meter.window = meter_window;
	collector->meter.reset = meter_reset;
	collector->meter.health = meter_health;
	queue->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (queue->event_fd < 0)
		return -errno;
	return sd_event_add_io(collector->event, &collector->request_event, queue->event_fd,
			       EPOLLIN, answer_requests, collector);
}

void v2m_collector_refuse(struct v2m_collector *collector)
{
	pthread_mutex_lock(&collector->queue.lock);
	collector->queue.refusing = true;
	pthread_mutex_unlock(&collector->queue.lock);
	answer_batch(&collector->queue, take_batch(&collector->queue));
}
