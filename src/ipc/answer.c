// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ipc/answer.h"

#include <stdlib.h>
#include <string.h>

#include "ipc/figures.h"
#include "ipc/history.h"
#include "ipc/status.h"

static void put_window(struct v2m_wire *wire, struct v2m_window_news *window)
{
	v2m_wire_u64(wire, &window->generation);
	v2m_wire_u64(wire, &window->expires_ns);
	v2m_wire_bool(wire, &window->live);
	v2m_wire_bool(wire, &window->attached);
}

static void put_reset(struct v2m_wire *wire, struct v2m_reset *reset)
{
	v2m_wire_chars(wire, reset->key_id, sizeof(reset->key_id));
	v2m_wire_chars(wire, reset->uuid, sizeof(reset->uuid));
	v2m_wire_u16(wire, &reset->port);
	v2m_put_totals(wire, &reset->closed);
	v2m_wire_i64(wire, &reset->real_us);
}

static void put_export(struct v2m_wire *wire, struct v2m_answer *answer)
{
	const char *blob = answer->text;

	v2m_wire_blob(wire, &blob, &answer->length);
	if (!wire->reading || wire->failed)
		return;
	answer->text = calloc(1, answer->length + 1);
	if (answer->text)
		memcpy(answer->text, blob, answer->length);
	else
		v2m_wire_refuse(wire);
}

static void put_import(struct v2m_wire *wire, struct v2m_answer *answer)
{
	v2m_wire_size(wire, &answer->imported.added);
	v2m_wire_size(wire, &answer->imported.known);
	v2m_wire_size(wire, &answer->imported.refused);
	v2m_put_error(wire, &answer->error);
}

void v2m_put_answer(struct v2m_wire *wire, enum v2m_question_kind kind, struct v2m_answer *answer)
{
	answer->verdict = v2m_wire_limited(wire, answer->verdict, V2M_N_VERDICTS - 1);
	switch (kind) {
	case V2M_ASK_WINDOW:
		put_window(wire, &answer->window);
		break;
	case V2M_ASK_RESET:
		put_reset(wire, &answer->reset);
		break;
	case V2M_ASK_HISTORY:
		v2m_put_history(wire, &answer->history);
		break;
	case V2M_ASK_HISTORY_DATE:
		v2m_put_history_date(wire, &answer->date);
		break;
	case V2M_ASK_HOURS:
		v2m_put_hours(wire, &answer->hours, &answer->n_hours);
		break;
	case V2M_ASK_RATES:
		v2m_put_rates(wire, &answer->rates);
		break;
	case V2M_ASK_HISTORY_RESET:
	case V2M_ASK_HISTORY_CLEANUP:
		v2m_wire_i64(wire, &answer->real_us);
		break;
	case V2M_ASK_EXPORT:
		put_export(wire, answer);
		break;
	case V2M_ASK_IMPORT:
		put_import(wire, answer);
		break;
	case V2M_ASK_STATUS:
		v2m_put_status(wire, &answer->status);
		break;
	default:
		v2m_wire_refuse(wire);
	}
}

void v2m_answer_clear(struct v2m_answer *answer)
{
	v2m_history_clear(&answer->history);
	free(answer->hours);
	free(answer->rates.points);
	free(answer->text);
	v2m_status_free(answer->status);
	*answer = (struct v2m_answer){ 0 };
}
