// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ipc/following.h"

#include <stdlib.h>

#include "base/text.h"
#include "ipc/status.h"

/* The least that a line takes in a message. */
#define RECORD_SIZE 46
/* The kernel has no larger errno. */
#define MAX_ERRNO 4095
/* Microseconds from 1970 to beyond the year 9999 in both directions: the largest that a line can
 * say, and far from an overflow. */
#define TIME_MAX (INT64_C(1) << 58)

static void put_position(struct v2m_wire *wire, struct v2m_log_position *position)
{
	v2m_wire_u64(wire, &position->device);
	v2m_wire_u64(wire, &position->inode);
	v2m_wire_u64(wire, &position->offset);
	v2m_wire_u64(wire, &position->fingerprint);
}

static void put_progress(struct v2m_wire *wire, struct v2m_log_progress *progress)
{
	put_position(wire, &progress->now);
	put_position(wire, &progress->before);
}

void v2m_put_following_order(struct v2m_wire *wire, struct v2m_following_order *order)
{
	v2m_wire_text(wire, &order->path);
	put_progress(wire, &order->progress);
	if (!order->path)
		v2m_wire_refuse(wire);
}

void v2m_put_following_question(struct v2m_wire *wire, struct v2m_following_question *question)
{
	v2m_wire_bool(wire, &question->rewinds);
}

static void put_state(struct v2m_wire *wire, struct v2m_log_state *state)
{
	v2m_wire_i32(wire, &state->result);
	v2m_put_error(wire, &state->error);
	v2m_wire_bool(wire, &state->has_more);
	v2m_wire_u32(wire, &state->gaps);
	put_progress(wire, &state->progress);
}

static void put_record(struct v2m_wire *wire, struct v2m_access_record *record)
{
	record->transport = v2m_wire_limited(wire, record->transport, V2M_N_ACCESS_TRANSPORTS - 1);
	v2m_wire_bytes(wire, record->address, sizeof(record->address));
	v2m_wire_u16(wire, &record->port);
	v2m_wire_i64(wire, &record->real_us);
	v2m_wire_blob(wire, &record->tags.start, &record->tags.length);
	v2m_wire_blob(wire, &record->email.start, &record->email.length);
}

void v2m_put_following_news(struct v2m_wire *wire, struct v2m_following_news *news)
{
	news->n_logs = v2m_wire_limited(wire, (unsigned)news->n_logs, V2M_FOLLOWING_LOGS_MAX);
	for (size_t i = 0; i < news->n_logs; i++)
		put_state(wire, &news->logs[i]);
	news->records.items = v2m_wire_array(wire, news->records.items, &news->records.count,
					     RECORD_SIZE, sizeof(*news->records.items));
	if (wire->reading)
		news->records.capacity = news->records.count;
	for (size_t i = 0; i < news->records.count && !wire->failed; i++)
		put_record(wire, &news->records.items[i]);
}

static bool is_allowed_state(struct v2m_log_state *state)
{
	if (state->result > 0 || state->result < -MAX_ERRNO || state->gaps > V2M_LOG_GAPS_ALL)
		return false;
	v2m_text_make_plain(state->error.text);
	return true;
}

/* The texts may hold any bytes: they are only compared with the names of keys, by their length. */
static bool is_allowed_record(const struct v2m_access_record *record)
{
	bool has_time = record->real_us != V2M_NO_LINE_TIME;

	if (has_time && (record->real_us > TIME_MAX || record->real_us < -TIME_MAX))
		return false;
	return record->tags.length <= V2M_LOG_LINE_MAX &&
	       record->email.length <= V2M_LOG_LINE_MAX - record->tags.length;
}

bool v2m_following_news_are_allowed(struct v2m_following_news *news, size_t n_logs)
{
	if (news->n_logs != n_logs || news->records.count > V2M_FOLLOWING_RECORDS_MAX)
		return false;
	for (size_t i = 0; i < news->n_logs; i++)
		if (!is_allowed_state(&news->logs[i]))
			return false;
	for (size_t i = 0; i < news->records.count; i++)
		if (!is_allowed_record(&news->records.items[i]))
			return false;
	return true;
}

void v2m_following_order_clear(struct v2m_following_order *order)
{
	free(order->path);
	*order = (struct v2m_following_order){ 0 };
}

void v2m_following_news_clear(struct v2m_following_news *news)
{
	v2m_array_clear(&news->records);
	*news = (struct v2m_following_news){ 0 };
}
