// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "answering/remote_meter.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "answering/inquiries.h"
#include "answering/live_window.h"
#include "answering/window_store.h"
#include "base/cleanup.h"
#include "ipc/answer.h"
#include "ipc/api_keys.h"
#include "ipc/keyset.h"
#include "ipc/question.h"
#include "ipc/snapshot.h"
#include "process/channel.h"

struct v2m_remote_meter {
	struct v2m_meter meter;
	struct v2m_inquiries inquiries;
	enum v2m_api_bytes unit;
	const struct v2m_pulse *pulse;
	struct v2m_key_ring *api_keys;
	const char *unprotected;
	struct v2m_window_store *windows;
	struct v2m_live_window *live;
	/* Only the thread that receives uses these. */
	struct v2m_keyset *keyset;
	struct v2m_window *last; /* the last window that was received */
};

static enum v2m_verdict ask(struct v2m_remote_meter *remote, struct v2m_inquiry *inquiry,
			    struct v2m_question *question)
{
	return v2m_inquiries_ask(&remote->inquiries, inquiry, question);
}

static enum v2m_verdict get_window(void *context, bool fresh, struct v2m_window **window)
{
	struct v2m_remote_meter *remote = context;
	struct v2m_inquiry inquiry = { .kind = V2M_ASK_WINDOW };
	struct v2m_question question = { .fresh = fresh };
	enum v2m_verdict verdict;

	if (!fresh) {
		*window = v2m_window_store_read(remote->windows);
		if (*window)
			return V2M_OK;
	}
	verdict = ask(remote, &inquiry, &question);
	if (verdict == V2M_OK)
		*window = inquiry.window;
	return verdict;
}

static enum v2m_verdict get_live(void *context, struct v2m_window **window)
{
	struct v2m_remote_meter *remote = context;
	struct v2m_inquiry inquiry = { .kind = V2M_ASK_WINDOW };
	struct v2m_question question = { .live = true };
	enum v2m_verdict verdict;

	*window = v2m_live_window_read(remote->live);
	if (*window)
		return V2M_OK;
	verdict = ask(remote, &inquiry, &question);
	if (verdict == V2M_OK)
		*window = inquiry.window;
	return verdict;
}

static enum v2m_verdict reset_key(void *context, const char *api_key, const char *id_or_uuid,
				  struct v2m_reset *reset)
{
	struct v2m_inquiry inquiry = { .kind = V2M_ASK_RESET };
	struct v2m_question question = {
		.api_key = (char *)api_key,
		.key_id = (char *)id_or_uuid,
	};
	enum v2m_verdict verdict = ask(context, &inquiry, &question);

	if (verdict == V2M_OK || verdict == V2M_KEY_HAS_NO_PORT)
		*reset = inquiry.answer.reset;
	return verdict;
}

static void get_health(void *context, struct v2m_health *health)
{
	const struct v2m_remote_meter *remote = context;

	v2m_pulse_health(remote->pulse, health);
}

static enum v2m_verdict get_history(void *context, const struct v2m_history_query *query,
				    struct v2m_history *history)
{
	struct v2m_inquiry inquiry = { .kind = V2M_ASK_HISTORY };
	struct v2m_question question = {
		.key_id = (char *)query->id_or_uuid,
		.month = query->month,
	};
	enum v2m_verdict verdict = ask(context, &inquiry, &question);

	if (verdict == V2M_OK)
		*history = inquiry.answer.history;
	else
		v2m_answer_clear(&inquiry.answer);
	return verdict;
}

static enum v2m_verdict get_history_date(void *context, int32_t date,
					 struct v2m_history_date *history)
{
	struct v2m_inquiry inquiry = { .kind = V2M_ASK_HISTORY_DATE };
	struct v2m_question question = { .from = date };
	enum v2m_verdict verdict = ask(context, &inquiry, &question);

	if (verdict == V2M_OK)
		*history = inquiry.answer.date;
	return verdict;
}

static enum v2m_verdict get_hours(void *context, const struct v2m_history_query *query,
				  struct v2m_history_hour **hours, size_t *n_hours)
{
	struct v2m_inquiry inquiry = { .kind = V2M_ASK_HOURS };
	struct v2m_question question = {
		.key_id = (char *)query->id_or_uuid,
		.from = query->from,
		.to = query->to,
	};
	enum v2m_verdict verdict = ask(context, &inquiry, &question);

	if (verdict != V2M_OK) {
		v2m_answer_clear(&inquiry.answer);
		return verdict;
	}
	*hours = inquiry.answer.hours;
	*n_hours = inquiry.answer.n_hours;
	return V2M_OK;
}

static enum v2m_verdict get_rates(void *context, const char *id_or_uuid,
				  struct v2m_key_rates *rates)
{
	struct v2m_inquiry inquiry = { .kind = V2M_ASK_RATES };
	struct v2m_question question = { .key_id = (char *)id_or_uuid };
	enum v2m_verdict verdict = ask(context, &inquiry, &question);

	if (verdict == V2M_OK)
		*rates = inquiry.answer.rates;
	else
		v2m_answer_clear(&inquiry.answer);
	return verdict;
}

static enum v2m_verdict reset_history(void *context, const char *api_key, const char *id_or_uuid,
				      int64_t *real_us)
{
	struct v2m_inquiry inquiry = { .kind = V2M_ASK_HISTORY_RESET };
	struct v2m_question question = {
		.api_key = (char *)api_key,
		.key_id = (char *)id_or_uuid,
	};
	enum v2m_verdict verdict = ask(context, &inquiry, &question);

	*real_us = inquiry.answer.real_us;
	return verdict;
}

static enum v2m_verdict clean_up_history(void *context, const char *api_key, unsigned days_to_keep,
					 int64_t *real_us)
{
	struct v2m_inquiry inquiry = { .kind = V2M_ASK_HISTORY_CLEANUP };
	struct v2m_question question = {
		.api_key = (char *)api_key,
		.days_to_keep = days_to_keep,
	};
	enum v2m_verdict verdict = ask(context, &inquiry, &question);

	*real_us = inquiry.answer.real_us;
	return verdict;
}

static enum v2m_verdict export_totals(void *context, char **text, size_t *length)
{
	struct v2m_inquiry inquiry = { .kind = V2M_ASK_EXPORT };
	struct v2m_question question = { 0 };
	enum v2m_verdict verdict = ask(context, &inquiry, &question);

	if (verdict != V2M_OK) {
		v2m_answer_clear(&inquiry.answer);
		return verdict;
	}
	*text = inquiry.answer.text;
	*length = inquiry.answer.length;
	return V2M_OK;
}

static enum v2m_verdict import_totals(void *context, const char *api_key, const char *text,
				      size_t length, struct v2m_import_result *result,
				      struct v2m_error *error)
{
	struct v2m_inquiry inquiry = { .kind = V2M_ASK_IMPORT };
	struct v2m_question question = {
		.api_key = (char *)api_key,
		.document = text,
		.document_length = length,
	};
	enum v2m_verdict verdict = ask(context, &inquiry, &question);

	*result = inquiry.answer.imported;
	if (error)
		*error = inquiry.answer.error;
	return verdict;
}

static enum v2m_verdict get_status(void *context, struct v2m_status **status)
{
	struct v2m_remote_meter *remote = context;
	struct v2m_inquiry inquiry = { .kind = V2M_ASK_STATUS };
	struct v2m_question question = { 0 };
	enum v2m_verdict verdict = ask(remote, &inquiry, &question);

	if (verdict != V2M_OK || !inquiry.answer.status) {
		v2m_answer_clear(&inquiry.answer);
		return verdict == V2M_OK ? V2M_UNREADABLE : verdict;
	}
	*status = inquiry.answer.status;
	if (remote->unprotected)
		(*status)->unprotected = strdup(remote->unprotected);
	return V2M_OK;
}

static void send_was_read(void *context, uint64_t generation)
{
	const struct v2m_remote_meter *remote = context;
	const struct v2m_message message = { .kind = V2M_SAY_READ, .id = generation, .fd = -1 };

	/* If there is no room, the window is not renewed ahead: a request waits for the next one.
	 */
	v2m_channel_send(remote->inquiries.channel, &message);
}

struct v2m_remote_meter *v2m_remote_meter_new(int channel, enum v2m_api_bytes unit,
					      const struct v2m_pulse *pulse,
					      struct v2m_key_ring *api_keys,
					      const char *unprotected)
{
	struct v2m_remote_meter *remote = calloc(1, sizeof(*remote));

	if (!remote)
		return NULL;
	v2m_inquiries_init(&remote->inquiries, channel);
	remote->unit = unit;
	remote->pulse = pulse;
	remote->api_keys = api_keys;
	remote->unprotected = unprotected;
	remote->windows = v2m_window_store_new(send_was_read, remote);
	remote->live = v2m_live_window_new();
	if (!remote->windows || !remote->live) {
		free(remote->live);
		free(remote);
		return NULL;
	}
	remote->meter = (struct v2m_meter){
		.context = remote,
		.window = get_window,
		.live = get_live,
		.reset = reset_key,
		.health = get_health,
		.history = get_history,
		.history_date = get_history_date,
		.hours = get_hours,
		.rates = get_rates,
		.history_reset = reset_history,
		.history_cleanup = clean_up_history,
		.export_totals = export_totals,
		.import_totals = import_totals,
		.status = get_status,
	};
	return remote;
}

const struct v2m_meter *v2m_remote_meter(struct v2m_remote_meter *remote)
{
	return &remote->meter;
}

/* The window of the answer, with a reference. NULL: it is malformed, or there is no memory for it.
 */
static struct v2m_window *receive_window(struct v2m_remote_meter *remote, struct v2m_wire *wire,
					 const struct v2m_window_news *news)
{
	struct v2m_snapshot *snapshot;
	struct v2m_window *known = v2m_window_store_find(remote->windows, news->generation);

	if (!news->attached) {
		if (!known && remote->last &&
		    v2m_window_snapshot(remote->last)->generation == news->generation)
			known = v2m_window_ref(remote->last);
		return known;
	}
	snapshot = remote->keyset ? v2m_read_snapshot(wire, remote->keyset) : NULL;
	if (!snapshot || snapshot->generation != news->generation) {
		v2m_snapshot_unref(snapshot);
		v2m_window_unref(known);
		return NULL;
	}
	if (known) {
		v2m_snapshot_unref(snapshot);
		return known;
	}
	v2m_window_unref(remote->last);
	remote->last = v2m_window_new(snapshot, remote->unit);
	return remote->last ? v2m_window_ref(remote->last) : NULL;
}

static int receive_answer(struct v2m_remote_meter *remote, const struct v2m_message *message)
{
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *window = NULL;
	struct v2m_wire wire = v2m_wire_reader(message->data, message->length);
	struct v2m_answer answer = { 0 };
	int result;

	v2m_put_answer(&wire, message->kind, &answer);
	if (message->kind == V2M_ASK_WINDOW && answer.verdict == V2M_OK && !wire.failed) {
		window = receive_window(remote, &wire, &answer.window);
		if (!window)
			v2m_wire_refuse(&wire);
	}
	result = v2m_wire_end(&wire);
	if (!result && window && answer.window.expires_ns)
		v2m_window_store_activate(remote->windows, window, answer.window.expires_ns,
					  message->id == 0);
	/* Before the one who asked goes on: a withdrawal that follows must find it. */
	if (!result && window && answer.window.live)
		v2m_live_window_set(remote->live, window);
	if (result || !v2m_inquiries_hand_over(&remote->inquiries, message, &answer, window))
		v2m_answer_clear(&answer);
	return result;
}

static int receive_keyset(struct v2m_remote_meter *remote, const struct v2m_message *message)
{
	struct v2m_wire wire = v2m_wire_reader(message->data, message->length);
	struct v2m_keyset *keyset = v2m_read_keyset(&wire);

	if (!keyset || v2m_wire_end(&wire)) {
		v2m_keyset_unref(keyset);
		return -EBADMSG;
	}
	v2m_keyset_unref(remote->keyset);
	remote->keyset = keyset;
	return 0;
}

static int receive_api_keys(struct v2m_remote_meter *remote, const struct v2m_message *message)
{
	struct v2m_wire wire = v2m_wire_reader(message->data, message->length);
	struct v2m_api_keys keys = { .count = 0 };
	int result;

	v2m_put_api_keys(&wire, &keys);
	result = v2m_wire_end(&wire);
	if (!result)
		v2m_key_ring_replace(remote->api_keys, &keys);
	return result;
}

static int receive_message(struct v2m_remote_meter *remote, const struct v2m_message *message)
{
	if (message->kind < V2M_N_QUESTIONS)
		return receive_answer(remote, message);
	if (message->kind == V2M_NEWS_KEYSET)
		return receive_keyset(remote, message);
	if (message->kind == V2M_NEWS_API_KEYS)
		return receive_api_keys(remote, message);
	if (message->kind != V2M_NEWS_WITHDRAWN && message->kind != V2M_NEWS_OUTDATED)
		return -EBADMSG;
	v2m_window_store_withdraw(remote->windows, message->kind == V2M_NEWS_OUTDATED);
	v2m_live_window_set(remote->live, NULL);
	return 0;
}

int v2m_remote_meter_run(struct v2m_remote_meter *remote)
{
	struct pollfd channel = { .fd = remote->inquiries.channel, .events = POLLIN };
	struct v2m_message message;
	int result;

	do {
		result = v2m_channel_receive(remote->inquiries.channel, V2M_ANSWER_MAX, &message);
		if (result == -EAGAIN) {
			poll(&channel, 1, -1);
		} else if (result > 0) {
			result = receive_message(remote, &message);
			v2m_message_clear(&message);
			result = result ? result : 1;
		}
	} while (result > 0 || result == -EAGAIN);
	v2m_inquiries_end(&remote->inquiries);
	return result;
}
