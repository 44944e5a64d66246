// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Totals on their way from one server to another. */
#include "ledger/transfer.h"

#include <errno.h>
#include <malloc.h>

#include "collector/internal.h"
#include "base/log.h"
#include "base/clock.h"

struct export_question {
	char **text;
	size_t *length;
};

struct import_question {
	const char *text;
	size_t length;
	struct v2m_import_result *result;
	struct v2m_error *error;
};

static enum v2m_verdict answer_export(struct v2m_collector *collector, void *argument)
{
	const struct export_question *question = argument;
	struct v2m_error error = { 0 };
	int result;

	/* Stores by itself what is pending; flushed first, so that /health knows how that went. */
	if (collector_flush(collector))
		return V2M_NOT_STORED;
	result = v2m_ledger_export(collector->ledger, collector->account, v2m_clock_real_us(),
				   question->text, question->length, &error);
	malloc_trim(0);
	if (!result)
		return V2M_OK;
	v2m_log_error("no export: %s", error.text);
	return V2M_UNREADABLE;
}

static enum v2m_verdict verdict_of(int result)
{
	switch (result) {
	case 0:
		return V2M_OK;
	case -EINVAL:
		return V2M_BAD_DOCUMENT;
	case -EEXIST:
		return V2M_OWN_DOCUMENT;
	default:
		return V2M_NOT_STORED;
	}
}

static enum v2m_verdict answer_import(struct v2m_collector *collector, void *argument)
{
	const struct import_question *question = argument;
	enum v2m_verdict verdict = verdict_of(v2m_ledger_import(
		collector->ledger, collector->account, question->text, question->length,
		v2m_clock_real_us(), question->result, question->error));

	/* The tree of a document is ten times its size, in pieces that malloc would keep. */
	malloc_trim(0);
	if (verdict == V2M_OK) {
		v2m_log_info("imported the totals of %zu keys and shared ports; %zu were known, "
			     "%zu refused",
			     question->result->added, question->result->known,
			     question->result->refused);
		publish_nothing(collector);
	} else if (verdict == V2M_NOT_STORED) {
		v2m_log_error("no import: %s", question->error->text);
	}
	return verdict;
}

static enum v2m_verdict meter_export(void *context, char **text, size_t *length)
{
	struct export_question question = { .text = text, .length = length };

	return requests_call(context, answer_export, &question);
}

static enum v2m_verdict meter_import(void *context, const char *text, size_t length,
				     struct v2m_import_result *result, struct v2m_error *error)
{
	struct import_question question = {
		.text = text,
		.length = length,
		.result = result,
		.error = error,
	};

	return requests_call(context, answer_import, &question);
}

void transfer_init(struct v2m_meter *meter)
{
	meter->export_totals = meter_export;
	meter->import_totals = meter_import;
}
