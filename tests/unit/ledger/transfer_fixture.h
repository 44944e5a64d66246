/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two ledgers, and a document that goes from one to the other. */
#ifndef V2METER_TESTS_TRANSFER_FIXTURE_H
#define V2METER_TESTS_TRANSFER_FIXTURE_H

#include "unit/ledger/ledger_fixture.h"

#include "ledger/transfer.h"

/* An old server with two months of history and a reset, and a new one with nothing. */
struct pair {
	struct state *old;
	struct state *new;
	char *text;
	size_t length;
};

static inline void export(struct pair *pair)
{
	struct v2m_error error = { 0 };

	free(pair->text);
	if (v2m_ledger_export(pair->old->ledger, pair->old->account, 77, &pair->text, &pair->length,
			      &error))
		fail_msg("%s", error.text);
}

static inline int setup_pair(void **context)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	struct v2m_reset_undo undo;
	struct v2m_totals closed;

	setup((void **)&pair->old);
	setup((void **)&pair->new);
	count(pair->old, 100, "2025-07-31T12:00:00");
	dump(pair->old, 1, 4, "2025-07-31T12:00:00");
	dump(pair->old, 3, 6, "2025-07-31T12:00:05");
	v2m_account_reset(pair->old->account, "aaaa", 99, &closed, &undo);
	store(pair->old);
	count(pair->old, 150, "2025-08-01T12:00:00");
	export(pair);
	*context = pair;
	return 0;
}

static inline int teardown_pair(void **context)
{
	struct pair *pair = *context;

	teardown((void **)&pair->old);
	teardown((void **)&pair->new);
	free(pair->text);
	free(pair);
	return 0;
}

static inline struct v2m_import_result import(struct pair *pair)
{
	struct v2m_import_result result = { 0 };
	struct v2m_error error = { 0 };

	if (v2m_ledger_import(pair->new->ledger, pair->new->account, pair->text, pair->length, 78,
			      &result, &error))
		fail_msg("%s", error.text);
	return result;
}

static inline int import_error(struct pair *pair, const char *text, struct v2m_error *error)
{
	struct v2m_import_result result;

	return v2m_ledger_import(pair->new->ledger, pair->new->account, text, strlen(text), 78,
				 &result, error);
}

static inline void assert_imported(struct state *state, uint64_t lifetime, uint64_t since_reset)
{
	const struct v2m_subject *subject = v2m_account_subject(state->account, "aaaa");

	assert_non_null(subject);
	assert_int_equal(subject->lifetime.rx.wire_bytes, lifetime);
	assert_int_equal(v2m_subject_since_reset(subject).rx.wire_bytes, since_reset);
	assert_int_equal(v2m_subject_history(subject).rx.wire_bytes, lifetime);
	assert_int_equal(query(state, "SELECT sum(rx_wire) FROM days"), lifetime);
	assert_int_equal(query(state, "SELECT sum(rx_wire) FROM months"), lifetime);
}

/* Replaces a text in the document by another one. */
static inline char *with(struct pair *pair, const char *old, const char *new)
{
	const char *at = strstr(pair->text, old);
	char *text = calloc(1, pair->length + strlen(new) + 1);

	assert_non_null(at);
	memcpy(text, pair->text, (size_t)(at - pair->text));
	strcat(text, new);
	strcat(text, at + strlen(old));
	return text;
}

/* A replacement that makes the document wrong, and what the error says then. */
struct wrong {
	const char *old;
	const char *new;
	const char *says;
};

/* No error has a name of a subject, which may be a credential. */
static inline void assert_refused(struct pair *pair, const struct wrong *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct v2m_error error = { 0 };
		char *text = with(pair, cases[i].old, cases[i].new);

		assert_int_equal(import_error(pair, text, &error), -EINVAL);
		if (!strstr(error.text, cases[i].says))
			fail_msg("\"%s\" does not say \"%s\"", error.text, cases[i].says);
		assert_null(strstr(error.text, "aaaa"));
		free(text);
	}
	assert_null(v2m_account_subject(pair->new->account, "aaaa"));
	assert_false(v2m_account_is_dirty(pair->new->account));
}

#define PAIR(name) cmocka_unit_test_setup_teardown(name, setup_pair, teardown_pair)

#endif
