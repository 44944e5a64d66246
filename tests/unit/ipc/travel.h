/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sends messages as the processes do, and compares keys. */
#ifndef V2METER_TESTS_TRAVEL_H
#define V2METER_TESTS_TRAVEL_H

#include <errno.h>

#include "unit/ipc/members.h"
#include "ipc/answer.h"
#include "ipc/reading.h"

static inline void answer_travels(enum v2m_question_kind kind, struct v2m_answer *sent,
				  struct v2m_answer *got)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_wire reader;

	v2m_put_answer(&wire, kind, sent);
	assert_int_equal(v2m_wire_end(&wire), 0);
	reader = v2m_wire_reader(wire.items, wire.length);
	v2m_put_answer(&reader, kind, got);
	assert_int_equal(v2m_wire_end(&reader), 0);
	assert_int_equal(sent->verdict, got->verdict);
}

/* Reads the first bytes of a reading from a copy of exactly that size, so that the sanitizer sees
 * each read beyond it. *got is the caller's to clear either way. 0; -EBADMSG; or -EPERM if it is
 * not allowed. */
static inline int reading_arrives(const struct v2m_wire *written, size_t length,
				  struct v2m_reading *got)
{
	V2M_FREE uint8_t *copy = malloc(length ? length : 1);
	struct v2m_wire reader = v2m_wire_reader(copy, length);
	int result;

	memcpy(copy, written->items, length);
	*got = (struct v2m_reading){ 0 };
	v2m_put_reading(&reader, got);
	result = v2m_wire_end(&reader);
	if (!result && !v2m_reading_is_allowed(got))
		result = -EPERM;
	return result;
}

/* The same with all bytes. -ENOMEM: it could not even be written. */
static inline int reading_travels(struct v2m_reading *sent, struct v2m_reading *got)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };

	*got = (struct v2m_reading){ 0 };
	v2m_put_reading(&wire, sent);
	if (v2m_wire_end(&wire))
		return -ENOMEM;
	return reading_arrives(&wire, wire.length, got);
}

/* Compares all that every message has of a key with one span. Gives both keys the same strings and
 * spans. */
static inline void same_key(struct v2m_key *sent, struct v2m_key *got)
{
	assert_int_equal(got->n_spans, 1);
	SAME_BYTES(sent->spans, got->spans);
	SAME_ARRAY(sent, got, spans);
	SAME_TEXT(sent, got, id);
	SAME_TEXT(sent, got, uuid);
	SAME_TEXT(sent, got, name);
	SAME_TEXT(sent, got, created_at);
	SAME_TEXT(sent, got, short_id);
	SAME_TEXT(sent, got, sni);
	SAME_TEXT(sent, got, source);
}

#endif
