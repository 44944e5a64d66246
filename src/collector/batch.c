// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/batch.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "collector/answers.h"
#include "attribution/attribution.h"
#include "collector/bookkeeper.h"
#include "collector/byte_source.h"
#include "collector/connections.h"
#include "collector/key_change.h"
#include "collector/key_lookup.h"
#include "collector/publisher.h"
#include "collector/sampling.h"

static enum v2m_verdict reset_key(struct v2m_parts *parts, struct v2m_request *request)
{
	const struct v2m_key *key = NULL;
	struct v2m_reset *reset = &request->answer.reset;
	enum v2m_verdict verdict = v2m_key_lookup(parts, request->question.key_id, &key);

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
	if (request->kind != V2M_ASK_RESET || request->answer.verdict != V2M_OK)
		return;
	v2m_account_undo_reset(v2m_bookkeeper_account(parts->bookkeeper), request->subject,
			       &request->undo);
	request->answer.verdict = V2M_NOT_STORED;
}

static void clear_undos(struct v2m_request *batch)
{
	for (struct v2m_request *request = batch; request; request = request->next)
		if (request->kind == V2M_ASK_RESET && (request->answer.verdict == V2M_OK ||
						       request->answer.verdict == V2M_NOT_STORED))
			v2m_reset_undo_clear(&request->undo);
}

static void answer_resets(struct v2m_parts *parts, struct v2m_request *batch)
{
	size_t done = 0;

	for (struct v2m_request *request = batch; request; request = request->next) {
		if (request->kind != V2M_ASK_RESET)
			continue;
		request->answer.verdict = reset_key(parts, request);
		done += request->answer.verdict == V2M_OK;
	}
	if (!done)
		return;
	if (v2m_bookkeeper_flush(parts->bookkeeper))
		undo_resets(parts, batch);
	else
		v2m_publisher_withdraw(parts->publisher);
	clear_undos(batch);
}

static bool has_window(const struct v2m_request *batch, bool fresh)
{
	for (; batch; batch = batch->next)
		if (batch->kind == V2M_ASK_WINDOW && !batch->question.live &&
		    batch->question.fresh == fresh)
			return true;
	return false;
}

/* expires_ns 0: the window is for those alone who asked for it. */
static void give_window(struct v2m_request *batch, bool fresh, struct v2m_snapshot *snapshot,
			uint64_t expires_ns)
{
	for (; batch; batch = batch->next) {
		if (batch->kind != V2M_ASK_WINDOW || batch->question.live ||
		    batch->question.fresh != fresh)
			continue;
		batch->snapshot = v2m_snapshot_ref(snapshot);
		batch->answer.window.expires_ns = expires_ns;
		batch->answer.verdict = V2M_OK;
	}
}

/* A fresh window is not made active: while a window is active two answers from it are
 * byte-identical, whatever our own client asks for in between. */
static void answer_windows(struct v2m_parts *parts, struct v2m_request *batch)
{
	bool cached = has_window(batch, false);
	bool fresh = has_window(batch, true);
	struct v2m_snapshot *active = NULL;
	struct v2m_snapshot *made;
	uint64_t expires_ns;

	if (cached)
		active = v2m_publisher_active(parts->publisher, &expires_ns);
	if (active)
		give_window(batch, false, active, expires_ns);
	if (!fresh && (!cached || active))
		return;
	if (v2m_sampling_dump_connections(parts))
		return;
	made = v2m_sampling_make_snapshot(parts);
	if (!made)
		return;
	give_window(batch, true, made, 0);
	if (cached && !active)
		give_window(batch, false, made,
			    v2m_publisher_publish(parts->publisher, made, true));
	v2m_snapshot_unref(made);
}

/* Does without a dump of the connections: it costs more than all the rest. */
static void answer_live(struct v2m_parts *parts, struct v2m_request *batch)
{
	struct v2m_snapshot *made = NULL;

	for (; batch; batch = batch->next) {
		if (batch->kind != V2M_ASK_WINDOW || !batch->question.live)
			continue;
		if (!made)
			made = v2m_sampling_make_snapshot(parts);
		if (!made)
			return;
		batch->snapshot = v2m_snapshot_ref(made);
		batch->answer.window.live = true;
		batch->answer.verdict = V2M_OK;
		v2m_publisher_note_live(parts->publisher);
		parts->looks.needed_ns = v2m_clock_mono_ns();
	}
	v2m_snapshot_unref(made);
}

static void answer_query(struct v2m_parts *parts, const struct v2m_question *question,
			 enum v2m_question_kind kind, struct v2m_answer *answer)
{
	const struct v2m_history_query query = {
		.id_or_uuid = question->key_id,
		.month = question->month,
		.from = question->from,
		.to = question->to,
	};

	if (kind == V2M_ASK_HISTORY)
		answer->verdict = v2m_answer_history(parts, &query, &answer->history);
	else
		answer->verdict = v2m_answer_hours(parts, &query, &answer->hours, &answer->n_hours);
}

static void answer_other(struct v2m_parts *parts, struct v2m_request *request)
{
	const struct v2m_question *question = &request->question;
	struct v2m_answer *answer = &request->answer;

	switch (request->kind) {
	case V2M_ASK_HISTORY:
	case V2M_ASK_HOURS:
		answer_query(parts, question, request->kind, answer);
		break;
	case V2M_ASK_HISTORY_DATE:
		answer->verdict = v2m_answer_history_date(parts, question->from, &answer->date);
		break;
	case V2M_ASK_RATES:
		answer->verdict = v2m_answer_rates(parts, question->key_id, &answer->rates);
		break;
	case V2M_ASK_HISTORY_RESET:
		answer->verdict =
			v2m_answer_history_reset(parts, question->key_id, &answer->real_us);
		break;
	case V2M_ASK_HISTORY_CLEANUP:
		answer->verdict =
			v2m_answer_history_cleanup(parts, question->days_to_keep, &answer->real_us);
		break;
	case V2M_ASK_EXPORT:
		answer->verdict = v2m_answer_export(parts, &answer->text, &answer->length);
		break;
	case V2M_ASK_IMPORT:
		answer->verdict =
			v2m_answer_import(parts, question->document, question->document_length,
					  &answer->imported, &answer->error);
		break;
	case V2M_ASK_STATUS:
		answer->verdict = v2m_answer_status(parts, &answer->status);
		break;
	default:
		break;
	}
}

/* Attributes what has come until now. A reset also settles it. If the API answers in delivered
 * bytes, the flows first get what their sockets have delivered. */
static void attribute(struct v2m_parts *parts, const struct v2m_request *batch)
{
	struct v2m_datapath *datapath = v2m_byte_source_programs(parts->byte_source);

	for (; batch && batch->kind != V2M_ASK_RESET; batch = batch->next)
		;
	if (batch && parts->config->api_bytes == V2M_API_BYTES_DELIVERED)
		v2m_connections_pass(parts->connections);
	if (batch)
		v2m_attribution_settle(parts->attribution, datapath);
	else
		v2m_attribution_follow(parts->attribution, datapath,
				       v2m_connections_table(parts->connections));
}

void v2m_batch_answer(struct v2m_parts *parts, struct v2m_request *batch)
{
	v2m_key_change_retry(parts);
	attribute(parts, batch);
	if (v2m_sampling_take_for_answer(parts) == 0) {
		answer_resets(parts, batch);
		answer_windows(parts, batch);
		answer_live(parts, batch);
	}
	for (; batch; batch = batch->next)
		answer_other(parts, batch);
}
