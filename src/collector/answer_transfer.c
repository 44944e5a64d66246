// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Totals that move from one server to another. */
#include "collector/answers.h"

#include <errno.h>
#include <malloc.h>

#include "base/clock.h"
#include "base/log.h"
#include "collector/bookkeeper.h"
#include "collector/key_change.h"
#include "collector/publisher.h"
#include "drift/drift.h"
#include "ledger/transfer.h"

enum v2m_verdict v2m_answer_export(struct v2m_parts *parts, char **text, size_t *length)
{
	struct v2m_error error = { 0 };
	int result;

	/* The export itself would store too; only the bookkeeper's flush sets the condition of a
	 * ledger that cannot be written. */
	if (v2m_bookkeeper_flush(parts->bookkeeper))
		return V2M_NOT_STORED;
	result = v2m_ledger_export(v2m_bookkeeper_ledger(parts->bookkeeper),
				   v2m_bookkeeper_account(parts->bookkeeper), v2m_clock_real_us(),
				   text, length, &error);
	malloc_trim(0);
	if (!result)
		return V2M_OK;
	v2m_log_error("the totals cannot be exported: %s", error.text);
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

enum v2m_verdict v2m_answer_import(struct v2m_parts *parts, const char *text, size_t length,
				   struct v2m_import_result *result, struct v2m_error *error)
{
	enum v2m_verdict verdict = verdict_of(v2m_ledger_import(
		v2m_bookkeeper_ledger(parts->bookkeeper), v2m_bookkeeper_account(parts->bookkeeper),
		text, length, v2m_clock_real_us(), result, error));

	/* The tree of a document is ten times its size, in pieces that malloc would keep. */
	malloc_trim(0);
	if (verdict == V2M_OK) {
		v2m_log_info("imported the totals of %zu keys and shared ports; %zu were known, "
			     "%zu refused",
			     result->added, result->known, result->refused);
		v2m_publisher_withdraw(parts->publisher);
		/* No proxy of this server has counted these bytes. */
		if (result->added)
			v2m_drift_clear(parts->drift);
		/* The document may have brought ids of an earlier version, which become aliases. */
		v2m_key_change_load(parts);
	} else if (verdict == V2M_NOT_STORED) {
		v2m_log_error("the totals cannot be imported: %s", error->text);
	}
	return verdict;
}
