// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/ledger/transfer_fixture.h"

static void an_export_is_imported_with_its_history(void **context)
{
	struct pair *pair = *context;
	struct v2m_import_result result = import(pair);
	const struct v2m_subject *subject;

	assert_int_equal(result.added, 1);
	restart(pair->new);
	assert_imported(pair->new, 300, 100);
	subject = v2m_account_subject(pair->new->account, "aaaa");
	assert_int_equal(subject->reset_us, 99);
	assert_int_equal(subject->first_seen_us, unix_us("2025-07-31T12:00:00"));
	assert_int_equal(subject->last_activity_us, unix_us("2025-08-01T12:00:00"));
	assert_int_equal(subject->max_connections, 4);
	assert_int_equal(subject->sessions, 2);
	assert_string_equal(subject->name, "somebody");
	assert_int_equal(query(pair->new, "SELECT rx_wire FROM days WHERE date = 20250731"), 200);
	assert_int_equal(query(pair->new, "SELECT sessions FROM days WHERE date = 20250731"), 2);
	assert_int_equal(query(pair->new, "SELECT rx_wire FROM months WHERE month = 202508"), 100);
}

/* A document of another ledger, with the largest totals that a document can have. */
static void imports_of_the_largest_totals_do_not_wrap(void **context)
{
	static const char most[] = "9223372036854775807";
	struct pair *pair = *context;
	struct v2m_error error = { 0 };
	struct v2m_import_result result;
	char text[2048];

	import(pair);
	snprintf(text, sizeof(text),
		 "{\"format\": \"v2meter-totals\", \"version\": 1, \"ledger\": \"another\","
		 " \"document\": \"d\", \"created_us\": 1, \"flow\": [\"wire\"], \"subjects\": ["
		 "{\"subject\": \"aaaa\", \"port\": 1, \"first_seen_us\": 1,"
		 " \"last_activity_us\": 1, \"reset_us\": 1, \"max_connections\": 1,"
		 " \"sessions\": %s, \"lifetime\": [%s, %s], \"baseline\": [7, 8],"
		 " \"history_baseline\": [%s, 0], \"months\": {\"2025-08\": [%s, 1, 1, 1]},"
		 " \"days\": {\"2025-07-31\": [%s, 1, 1, %s]}}]}",
		 most, most, most, most, most, most, most);
	if (v2m_ledger_import(pair->new->ledger, pair->new->account, text, strlen(text), 78,
			      &result, &error))
		fail_msg("%s", error.text);
	assert_int_equal(result.added, 1);
	for (int i = 0; i < 2; i++) {
		const struct v2m_subject *subject = v2m_account_subject(pair->new->account, "aaaa");

		assert_int_equal(subject->lifetime.rx.wire_bytes, INT64_MAX);
		assert_int_equal(subject->lifetime.rx.packets, 2);
		assert_int_equal(subject->baseline.rx.wire_bytes, 200 + 7);
		assert_int_equal(subject->baseline.tx.wire_bytes, 200 + 8);
		assert_int_equal(v2m_subject_history(subject).rx.wire_bytes, 0);
		assert_int_equal(subject->sessions, INT64_MAX);
		restart(pair->new);
	}
	assert_int_equal(query(pair->new, "SELECT rx_wire FROM days WHERE date = 20250731"),
			 INT64_MAX);
	assert_int_equal(query(pair->new, "SELECT sessions FROM days WHERE date = 20250731"),
			 INT64_MAX);
	assert_int_equal(query(pair->new, "SELECT rx_wire FROM months WHERE month = 202508"),
			 INT64_MAX);
}

static void a_counter_that_this_version_does_not_know_is_refused(void **context)
{
	struct pair *pair = *context;
	struct v2m_error error = { 0 };

	assert_int_equal(
		import_error(pair,
			     "{\"format\": \"v2meter-totals\", \"version\": 1,"
			     " \"ledger\": \"a\", \"document\": \"d\", \"created_us\": 1,\n"
			     " \"flow\": [\"wire\", \"lost\"], \"subjects\": []}",
			     &error),
		-EINVAL);
	assert_non_null(strstr(error.text, "import:2:"));
	assert_non_null(strstr(error.text, "flow"));
}

/* An earlier version did not name the counters in its documents. */
static void a_document_without_names_of_counters_is_imported(void **context)
{
	static const char text[] =
		"{\"format\": \"v2meter-totals\", \"version\": 1, \"ledger\": \"another\","
		" \"document\": \"d\", \"created_us\": 1, \"subjects\": [{\"subject\": \"aaaa\","
		" \"name\": \"Ann\", \"port\": 1001, \"first_seen_us\": 1, \"last_activity_us\": 1,"
		" \"reset_us\": 1, \"max_connections\": 4, \"sessions\": 2,"
		" \"lifetime\": [3, 300, 150, 4, 400, 200], \"baseline\": [2, 200, 100, 0, 0, 0],"
		" \"history_baseline\": [0, 0, 0, 0, 0, 0],"
		" \"months\": {\"2025-08\": [3, 300, 150, 4, 400, 200, 4, 2]},"
		" \"days\": {\"2025-08-01\": [3, 300, 150, 4, 400, 200, 4, 2]}}]}";
	struct pair *pair = *context;
	struct v2m_error error = { 0 };

	assert_int_equal(import_error(pair, text, &error), 0);
	assert_imported(pair->new, 300, 100);
	assert_int_equal(query(pair->new, "SELECT tx_payload FROM days"), 200);
	assert_int_equal(query(pair->new, "SELECT rx_delivered + tx_delivered FROM subjects"), 0);
}

static void delivered_bytes_are_stored_exported_and_imported(void **context)
{
	struct pair *pair = *context;
	char id[] = "aaaa";
	const struct v2m_subject more = {
		.id = id,
		.lifetime.delivered_rx = 70,
		.lifetime.delivered_tx = V2M_COUNTER_MAX,
		.baseline.delivered_rx = 20,
	};
	const struct v2m_subject *subject;
	struct v2m_account_undo undo;

	for (int i = 0; i < 2; i++)
		assert_int_equal(v2m_account_merge(pair->old->account, &more, &undo), 0);
	export(pair);
	import(pair);
	restart(pair->new);
	subject = v2m_account_subject(pair->new->account, "aaaa");
	/* The half of 150 bytes is UDP payload, of 100 before the reset. */
	assert_int_equal(subject->lifetime.delivered_rx, 140 + 75);
	assert_int_equal(subject->lifetime.delivered_tx, V2M_COUNTER_MAX);
	assert_int_equal(v2m_subject_since_reset(subject).delivered_rx, 100 + 25);
}

static void aliases_of_the_old_server_become_aliases_of_the_new_server(void **context)
{
	static const struct key_on keys[] = { { .uuid = "bbbb",
						.spans = { { 1001, 1001, V2M_TCP, false, 0 } },
						.aliases = { "aaaa" } } };
	struct pair *pair = *context;

	use_keys(pair->old, keys, 1);
	count(pair->old, 160, "2025-08-01T12:00:01");
	assert_string_equal(v2m_account_name(pair->old->account, "aaaa"), "bbbb");
	export(pair);
	import(pair);
	assert_true(v2m_account_knows(pair->new->account, "aaaa"));
	use_keys(pair->new, keys, 1);
	count(pair->new, 0, "2025-08-01T12:00:02");
	assert_string_equal(v2m_account_name(pair->new->account, "aaaa"), "bbbb");
	assert_int_equal(lifetime_rx(pair->new->account, "bbbb"),
			 lifetime_rx(pair->old->account, "bbbb"));
	store(pair->new);
	restart(pair->new);
	assert_string_equal(v2m_account_name(pair->new->account, "aaaa"), "bbbb");
}

/* The document has two subjects, one of which was joined into the other one here. */
static void a_subject_that_is_an_alias_here_is_added_to_its_key(void **context)
{
	static const struct key_on both[] = { { .uuid = "bbbb",
						.spans = { { 1001, 1001, V2M_TCP, false, 0 } },
						.aliases = { "aaaa" } } };
	static const struct key_of other[] = { { "bbbb", 1001 } };
	struct pair *pair = *context;
	struct v2m_error error = { 0 };

	v2m_keyset_unref(pair->old->keyset);
	pair->old->keyset = keyset_of(other, 1);
	count(pair->old, 200, "2025-08-01T13:00:00");
	export(pair);
	count(pair->new, 50, "2025-08-01T12:00:00");
	use_keys(pair->new, both, 1);
	count(pair->new, 50, "2025-08-01T12:00:01");
	store(pair->new);
	assert_int_equal(lifetime_rx(pair->new->account, "bbbb"), 100);
	sql(pair->new, "CREATE TRIGGER refuse BEFORE INSERT ON imports"
		       " BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
	assert_int_not_equal(import_error(pair, pair->text, &error), 0);
	assert_int_equal(lifetime_rx(pair->new->account, "bbbb"), 100);
	sql(pair->new, "DROP TRIGGER refuse");
	assert_int_equal(import(pair).added, 2);
	assert_int_equal(import(pair).known, 2);
	restart(pair->new);
	assert_int_equal(lifetime_rx(pair->new->account, "bbbb"), 500);
	assert_null(v2m_account_subject(pair->new->account, "aaaa"));
	assert_int_equal(query(pair->new, "SELECT sum(rx_wire) FROM days"), 500);
	assert_int_equal(query(pair->new, "SELECT count(DISTINCT subject) FROM days"), 1);
}

static void importing_twice_changes_nothing(void **context)
{
	struct pair *pair = *context;
	struct v2m_import_result result;

	import(pair);
	for (int i = 0; i < 2; i++) {
		result = import(pair);
		assert_int_equal(result.added, 0);
		assert_int_equal(result.known, 1);
		assert_imported(pair->new, 300, 100);
		restart(pair->new);
	}
	assert_imported(pair->new, 300, 100);
}

static void what_was_counted_already_is_added_to(void **context)
{
	struct pair *pair = *context;

	count(pair->new, 1000, "2025-08-01T13:00:00");
	import(pair);
	assert_imported(pair->new, 2300, 2100);
	count(pair->new, 1050, "2025-08-01T13:00:01");
	store(pair->new);
	restart(pair->new);
	assert_imported(pair->new, 2400, 2200);
	assert_int_equal(query(pair->new, "SELECT rx_wire FROM days WHERE date = 20250801"), 2200);
	assert_int_equal(v2m_account_subject(pair->new->account, "aaaa")->first_seen_us,
			 unix_us("2025-07-31T12:00:00"));
}

static void a_later_export_of_the_same_ledger_is_not_added_on_top(void **context)
{
	struct pair *pair = *context;
	const struct key_of of[] = { { "aaaa", 1001 }, { "bbbb", 1002 } };
	struct v2m_import_result result;

	import(pair);
	v2m_keyset_unref(pair->old->keyset);
	pair->old->keyset = keyset_of(of, 2);
	count(pair->old, 200, "2025-08-01T14:00:00");
	export(pair);
	result = import(pair);
	assert_int_equal(result.added, 1);
	assert_int_equal(result.refused, 1);
	assert_imported(pair->new, 300, 100);
	assert_non_null(v2m_account_subject(pair->new->account, "bbbb"));
}

static void a_ledger_does_not_import_what_it_exported(void **context)
{
	struct pair *pair = *context;
	struct v2m_import_result result;
	struct v2m_error error = { 0 };

	assert_int_equal(v2m_ledger_import(pair->old->ledger, pair->old->account, pair->text,
					   pair->length, 78, &result, &error),
			 -EEXIST);
	assert_non_null(strstr(error.text, "this ledger"));
	assert_imported(pair->old, 300, 100);
}

static void an_import_that_cannot_be_stored_changes_nothing(void **context)
{
	struct pair *pair = *context;
	struct v2m_import_result result;
	struct v2m_error error = { 0 };

	count(pair->new, 1000, "2025-08-01T13:00:00");
	store(pair->new);
	sql(pair->new, "CREATE TRIGGER refuse BEFORE INSERT ON days WHEN NEW.date = 20250731"
		       " BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
	assert_int_not_equal(v2m_ledger_import(pair->new->ledger, pair->new->account, pair->text,
					       pair->length, 78, &result, &error),
			     0);
	assert_imported(pair->new, 2000, 2000);
	assert_int_equal(query(pair->new, "SELECT count(*) FROM imports"), 0);
	sql(pair->new, "DROP TRIGGER refuse");
	assert_int_equal(import(pair).added, 1);
	restart(pair->new);
	assert_imported(pair->new, 2300, 2100);
}

/* The export of the new server includes what was imported from the old one. */
static void an_export_of_an_import_goes_on_to_a_third_server(void **context)
{
	struct pair *pair = *context;
	struct state *third;

	import(pair);
	setup((void **)&third);
	teardown((void **)&pair->old);
	pair->old = pair->new;
	pair->new = third;
	export(pair);
	assert_int_equal(import(pair).added, 1);
	assert_imported(pair->new, 300, 100);
}

static void a_document_that_is_wrong_is_refused_with_its_place(void **context)
{
	struct pair *pair = *context;
	static const struct wrong cases[] = {
		{ "{\"format\"", "[\"format\"", "import:1:" },
		{ "v2meter-totals", "something", "v2meter-totals" },
		{ "\"version\":1", "\"version\":2", "version" },
		{ "\"2025-07-31\":[", "\"2025-07-32\":[", "expected a date" },
		{ "\"2025-07\":[", "\"2025-7\":[", "expected a date" },
		{ "\"2025-07-31\":[", "\"2025-07-31\":[-1,", "days" },
		{ "\"lifetime\":[", "\"lifetime\":[0,", "expected 8 numbers, got 9" },
		{ "\"baseline\":[", "\"baseline\":[9,9,9,0,9,9,9999,0],\"x\":[",
		  "expected no more than lifetime" },
		{ "\"sessions\":", "\"sessions\":-", "sessions" },
		{ "\"port\":1001", "\"port\":70000", "port" },
		{ "\"subject\":\"aaaa\"", "\"subject\":7", "subject" },
		{ "\"subjects\":[", "\"subjects\":7,\"x\":[", "subjects" },
	};

	assert_refused(pair, cases, V2M_ARRAY_LEN(cases));
}

static void a_subject_that_stands_twice_is_refused(void **context)
{
	struct pair *pair = *context;
	struct v2m_error error = { 0 };
	char *subject = strdup(strstr(pair->text, "{\"subject\""));
	char both[4096];
	char *text;

	*strrchr(subject, ']') = 0;
	snprintf(both, sizeof(both), "\"subjects\":[%s,", subject);
	text = with(pair, "\"subjects\":[", both);
	assert_int_equal(import_error(pair, text, &error), -EINVAL);
	assert_non_null(strstr(error.text, "every subject once"));
	free(text);
	free(subject);
}

static void an_unwritable_ledger_exports_nothing(void **context)
{
	struct pair *pair = *context;
	struct v2m_error error = { 0 };
	char *text = NULL;
	size_t length;

	count(pair->old, 200, "2025-08-01T14:00:00");
	sql(pair->old, "CREATE TRIGGER refuse BEFORE INSERT ON raw"
		       " BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
	assert_int_not_equal(v2m_ledger_export(pair->old->ledger, pair->old->account, 77, &text,
					       &length, &error),
			     0);
	assert_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAIR(an_export_is_imported_with_its_history),
		PAIR(imports_of_the_largest_totals_do_not_wrap),
		PAIR(a_counter_that_this_version_does_not_know_is_refused),
		PAIR(a_document_without_names_of_counters_is_imported),
		PAIR(delivered_bytes_are_stored_exported_and_imported),
		PAIR(aliases_of_the_old_server_become_aliases_of_the_new_server),
		PAIR(a_subject_that_is_an_alias_here_is_added_to_its_key),
		PAIR(importing_twice_changes_nothing),
		PAIR(what_was_counted_already_is_added_to),
		PAIR(a_later_export_of_the_same_ledger_is_not_added_on_top),
		PAIR(a_ledger_does_not_import_what_it_exported),
		PAIR(an_import_that_cannot_be_stored_changes_nothing),
		PAIR(an_export_of_an_import_goes_on_to_a_third_server),
		PAIR(a_document_that_is_wrong_is_refused_with_its_place),
		PAIR(a_subject_that_stands_twice_is_refused),
		PAIR(an_unwritable_ledger_exports_nothing),
	};

	return cmocka_run_group_tests_name("ledger_transfer", tests, NULL, NULL);
}
