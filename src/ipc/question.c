// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ipc/question.h"

#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"

/* The path of a request has at most 1,024 bytes, and its headers 8 KiB. */
#define KEY_ID_MAX  1024
#define API_KEY_MAX 8192
#define DAYS_MAX    100000

static bool is_short(const char *text, size_t max)
{
	return !text || strlen(text) <= max;
}

/* 0, the default of a question without a date, is allowed. */
static bool is_date(int32_t date)
{
	char text[V2M_DATE_LEN];
	int32_t read = 0;

	if (!date)
		return true;
	if (date < 0 || date > 99991231)
		return false;
	v2m_date_format(date, text);
	return v2m_date_parse(text, &read) == 0 && read == date;
}

static bool is_month(int32_t month)
{
	char text[V2M_DATE_LEN];
	int32_t read = 0;

	if (month == V2M_ALL_TIME || month == V2M_THIS_MONTH)
		return true;
	if (month < 0 || month > 999912)
		return false;
	v2m_month_format(month, text);
	return v2m_month_parse(text, &read) == 0 && read == month;
}

static bool needs_key(enum v2m_question_kind kind)
{
	return kind == V2M_ASK_RESET || kind == V2M_ASK_HOURS || kind == V2M_ASK_RATES ||
	       kind == V2M_ASK_HISTORY_RESET;
}

static bool is_sane(enum v2m_question_kind kind, const struct v2m_question *question)
{
	if (needs_key(kind) && !question->key_id)
		return false;
	if ((kind == V2M_ASK_HISTORY_DATE || kind == V2M_ASK_HOURS) && !question->from)
		return false;
	return is_short(question->key_id, KEY_ID_MAX) && is_short(question->api_key, API_KEY_MAX) &&
	       is_month(question->month) && is_date(question->from) && is_date(question->to);
}

void v2m_put_question(struct v2m_wire *wire, enum v2m_question_kind kind,
		      struct v2m_question *question)
{
	v2m_wire_u64(wire, &question->deadline_ns);
	v2m_wire_bool(wire, &question->fresh);
	v2m_wire_bool(wire, &question->live);
	v2m_wire_text(wire, &question->key_id);
	v2m_wire_text(wire, &question->api_key);
	v2m_wire_i32(wire, &question->month);
	v2m_wire_i32(wire, &question->from);
	v2m_wire_i32(wire, &question->to);
	question->days_to_keep = v2m_wire_limited(wire, question->days_to_keep, DAYS_MAX);
	v2m_wire_blob(wire, &question->document, &question->document_length);
	if (wire->reading && !is_sane(kind, question))
		v2m_wire_refuse(wire);
}

void v2m_question_clear(struct v2m_question *question)
{
	free(question->key_id);
	if (question->api_key)
		explicit_bzero(question->api_key, strlen(question->api_key));
	free(question->api_key);
	*question = (struct v2m_question){ 0 };
}

unsigned v2m_question_scope(enum v2m_question_kind kind)
{
	switch (kind) {
	case V2M_ASK_RESET:
	case V2M_ASK_HISTORY_RESET:
		return V2M_SCOPE_RESET;
	case V2M_ASK_HISTORY_CLEANUP:
	case V2M_ASK_IMPORT:
		return V2M_SCOPE_ADMIN;
	default:
		return 0;
	}
}
