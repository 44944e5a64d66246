// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/batch.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "collector/bookkeeper.h"
#include "collector/key_change.h"
#include "collector/key_lookup.h"
#include "collector/publisher.h"
#include "collector/sampling.h"

/* Each request is the first member of its struct. */
static struct v2m_window_request *as_window(struct v2m_request *request)
{
	return (struct v2m_window_request *)request;
}

static struct v2m_reset_request *as_reset(struct v2m_request *request)
{
	return (struct v2m_reset_request *)request;
}

static enum v2m_verdict reset_key(struct v2m_parts *parts, struct v2m_reset_request *request)
{
	const struct v2m_key *key = NULL;
	struct v2m_reset *reset = request->reset;
	enum v2m_verdict verdict = v2m_key_lookup(parts, request->key_id, &key);

	if (verdict != V2M_OK)
		return verdict;
	memset(reset, 0, sizeof(*reset));
	snprintf(reset->key_id, sizeof(reset->key_id), "%s", key->id);
	snprintf(reset->uuid, sizeof(reset->uuid), "%s", key->uuid);
	reset->port = v2m_key_port(key);
	reset->real_us = v2m_bookkeeper_sample(parts->bookkeeper)->real_us;
	if (!reset->port)
		return V2M_KEY_HAS_NO_PORT;
	v2m_key_subject(key, request->subject, sizeof(request->subject));
	if (v2m_account_reset(v2m_bookkeeper_account(parts->bookkeeper), request->subject,
			      reset->real_us, &reset->closed, &request->undo))
		return V2M_UNREADABLE;
	return V2M_OK;
}

/* The latest first: a batch may hold several resets of one key. */
static void undo_resets(struct v2m_parts *parts, struct v2m_request *request)
{
	if (!request)
		return;
	undo_resets(parts, request->next);
	if (request->kind != V2M_REQUEST_RESET || request->verdict != V2M_OK)
		return;
	v2m_account_undo_reset(v2m_bookkeeper_account(parts->bookkeeper),
			       as_reset(request)->subject, &as_reset(request)->undo);
	request->verdict = V2M_NOT_STORED;
}

static void clear_undos(struct v2m_request *batch)
{
	for (struct v2m_request *request = batch; request; request = request->next)
		if (request->kind == V2M_REQUEST_RESET &&
		    (request->verdict == V2M_OK || request->verdict == V2M_NOT_STORED))
			v2m_reset_undo_clear(&as_reset(request)->undo);
}

static void answer_resets(struct v2m_parts *parts, struct v2m_request *batch)
{
	size_t done = 0;

	for (struct v2m_request *request = batch; request; request = request->next) {
		if (request->kind != V2M_REQUEST_RESET)
			continue;
		request->verdict = reset_key(parts, as_reset(request));
		done += request->verdict == V2M_OK;
	}
	if (!done)
		return;
	if (v2m_bookkeeper_flush(parts->bookkeeper))
		undo_resets(parts, batch);
	else
		v2m_publisher_withdraw(parts->publisher);
	clear_undos(batch);
}

static bool has_kind(const struct v2m_request *batch, enum v2m_request_kind kind)
{
	for (; batch; batch = batch->next)
		if (batch->kind == (int)kind)
			return true;
	return false;
}

static void give_window(struct v2m_request *batch, enum v2m_request_kind kind,
			struct v2m_window *window)
{
	for (; batch; batch = batch->next) {
		if (batch->kind != (int)kind)
			continue;
		as_window(batch)->window = v2m_window_ref(window);
		batch->verdict = V2M_OK;
	}
}

/* A fresh window is not made active: while a window is active two answers from it are
 * byte-identical, whatever our own client asks for in between. */
static void answer_windows(struct v2m_parts *parts, struct v2m_request *batch)
{
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *active = NULL;
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *made = NULL;
	bool cached = has_kind(batch, V2M_REQUEST_CACHED_WINDOW);
	bool fresh = has_kind(batch, V2M_REQUEST_FRESH_WINDOW);

	if (cached)
		active = v2m_publisher_window(parts->publisher);
	if (active)
		give_window(batch, V2M_REQUEST_CACHED_WINDOW, active);
	if (!fresh && (!cached || active))
		return;
	if (v2m_sampling_dump_connections(parts))
		return;
	made = v2m_sampling_make_window(parts);
	if (!made)
		return;
	give_window(batch, V2M_REQUEST_FRESH_WINDOW, made);
	if (!cached || active)
		return;
	give_window(batch, V2M_REQUEST_CACHED_WINDOW, made);
	v2m_publisher_publish(parts->publisher, made);
}

/* Does without a dump of the connections: it costs more than all the rest. */
static void answer_live(struct v2m_parts *parts, struct v2m_request *batch)
{
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *window = NULL;

	if (!has_kind(batch, V2M_REQUEST_LIVE_WINDOW))
		return;
	window = v2m_sampling_make_window(parts);
	if (!window)
		return;
	give_window(batch, V2M_REQUEST_LIVE_WINDOW, window);
	v2m_publisher_publish_live(parts->publisher, window);
}

static void answer_calls(struct v2m_parts *parts, struct v2m_request *batch)
{
	for (; batch; batch = batch->next) {
		const struct v2m_call_request *call = (const struct v2m_call_request *)batch;

		if (batch->kind == V2M_REQUEST_CALL)
			batch->verdict = call->run(parts, call->argument);
	}
}

void v2m_batch_answer(struct v2m_parts *parts, struct v2m_request *batch)
{
	v2m_key_change_retry(parts);
	if (v2m_sampling_take(parts) == 0) {
		answer_resets(parts, batch);
		answer_windows(parts, batch);
		answer_live(parts, batch);
	}
	answer_calls(parts, batch);
}
