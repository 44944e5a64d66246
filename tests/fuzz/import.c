// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Imports the input as a document of totals. If it is refused, nothing has changed; if it is taken,
 * the ledger's own document can be read, and a second import of the same adds nothing.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "ledger/transfer.h"
#include "ledger_make.h"

/* A ledger that has taken this many documents is begun anew. */
#define DOCUMENTS_MAX 200

static struct v2m_ledger *ledger;
static struct v2m_account *account;
static unsigned n_taken;

static void close_all(void)
{
	v2m_ledger_close(V2M_TAKE(ledger));
	v2m_account_free(V2M_TAKE(account));
}

static void begin(void)
{
	struct v2m_keyset *keyset = ledger_keyset();
	struct v2m_error error;

	if (ledger)
		close_all();
	else
		atexit(close_all);
	scratch_empty();
	n_taken = 0;
	ledger = ledger_open(&account, &error);
	FUZZ_CHECK(ledger);
	ledger_count(account, keyset, 100);
	FUZZ_CHECK(v2m_ledger_store(ledger, account, &error) == 0);
	v2m_keyset_unref(keyset);
}

static int add_subject(const struct v2m_subject *subject, void *context)
{
	struct v2m_totals *sum = context;

	FUZZ_CHECK(!v2m_totals_are_below(&subject->lifetime, &subject->baseline));
	*sum = v2m_totals_add(*sum, subject->lifetime);
	return 0;
}

static struct v2m_totals sum_up(void)
{
	struct v2m_totals sum = { 0 };

	v2m_account_each_subject(account, add_subject, &sum);
	return sum;
}

static int import(const uint8_t *data, size_t size, struct v2m_import_result *result,
		  struct v2m_error *error)
{
	return v2m_ledger_import(ledger, account, (const char *)data, size, LEDGER_START_US, result,
				 error);
}

static void check_taken(const uint8_t *data, size_t size)
{
	struct v2m_import_result again = { 0 };
	struct v2m_totals before = sum_up();
	struct v2m_error error = { 0 };
	V2M_FREE char *text = NULL;
	struct v2m_totals after;
	size_t length;

	FUZZ_CHECK(import(data, size, &again, &error) == 0 && again.added == 0);
	after = sum_up();
	FUZZ_CHECK(memcmp(&before, &after, sizeof(before)) == 0);
	FUZZ_CHECK(v2m_ledger_export(ledger, account, LEDGER_START_US, &text, &length, &error) ==
		   0);
	FUZZ_CHECK(import((const uint8_t *)text, length, &again, &error) == -EEXIST);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct v2m_import_result result = { 0 };
	struct v2m_error error = { 0 };
	struct v2m_totals before;
	struct v2m_totals after;

	v2m_log_set_level(V2M_LOG_ERROR);
	if (!ledger || n_taken >= DOCUMENTS_MAX)
		begin();
	before = sum_up();
	if (import(data, size, &result, &error) == 0) {
		n_taken++;
		check_taken(data, size);
		return 0;
	}
	FUZZ_CHECK(*error.text && !v2m_account_is_dirty(account));
	after = sum_up();
	FUZZ_CHECK(memcmp(&before, &after, sizeof(before)) == 0);
	return 0;
}
