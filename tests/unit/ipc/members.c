// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Answers, questions and the greeting arrive with all their members. */
#include "unit/ipc/travel.h"

#include "api/meter.h"
#include "ipc/api_keys.h"
#include "ipc/greeting.h"
#include "ipc/question.h"

static void windows_resets_and_dates_are_whole(void **state)
{
	struct v2m_answer sent = { .verdict = V2M_LATE };
	struct v2m_answer got = { 0 };

	(void)state;
	FILL(&sent.window);
	answer_travels(V2M_ASK_WINDOW, &sent, &got);
	SAME_BYTES(&sent.window, &got.window);
	FILL(&sent.reset);
	FILL_CHARS(sent.reset.key_id);
	FILL_CHARS(sent.reset.uuid);
	answer_travels(V2M_ASK_RESET, &sent, &got);
	SAME_BYTES(&sent.reset, &got.reset);
	FILL(&sent.date);
	answer_travels(V2M_ASK_HISTORY_DATE, &sent, &got);
	SAME_BYTES(&sent.date, &got.date);
	FILL(&sent.real_us);
	answer_travels(V2M_ASK_HISTORY_RESET, &sent, &got);
	SAME_BYTES(&sent.real_us, &got.real_us);
}

static void a_history_is_whole(void **state)
{
	struct v2m_history_day day;
	struct v2m_history_key key;
	struct v2m_answer sent = { 0 };
	struct v2m_answer got = { 0 };
	struct v2m_history_key *got_key;

	(void)state;
	FILL(&day);
	FILL(&key);
	key.id = TEXT("id");
	key.uuid = TEXT("uuid");
	key.name = TEXT("name");
	key.created_at = TEXT("created");
	key.days = &day;
	key.n_days = 1;
	FILL(&sent.history);
	sent.history.keys = &key;
	sent.history.n_keys = 1;
	answer_travels(V2M_ASK_HISTORY, &sent, &got);
	assert_int_equal(got.history.n_keys, 1);
	got_key = got.history.keys;
	assert_int_equal(got_key->n_days, 1);
	SAME_BYTES(&day, got_key->days);
	SAME_ARRAY(&key, got_key, days);
	SAME_TEXT(&key, got_key, id);
	SAME_TEXT(&key, got_key, uuid);
	SAME_TEXT(&key, got_key, name);
	SAME_TEXT(&key, got_key, created_at);
	SAME_BYTES(&key, got_key);
	SAME_ARRAY(&sent.history, &got.history, keys);
	SAME_BYTES(&sent.history, &got.history);
}

static void hours_and_rates_are_whole(void **state)
{
	struct v2m_history_hour hour;
	struct v2m_rate_point point;
	struct v2m_answer sent = { .hours = &hour, .n_hours = 1 };
	struct v2m_answer got = { 0 };

	(void)state;
	FILL(&hour);
	answer_travels(V2M_ASK_HOURS, &sent, &got);
	assert_int_equal(got.n_hours, 1);
	SAME_BYTES(&hour, got.hours);
	free(got.hours);
	FILL(&point);
	FILL(&sent.rates);
	sent.rates.points = &point;
	sent.rates.n_points = 1;
	answer_travels(V2M_ASK_RATES, &sent, &got);
	assert_int_equal(got.rates.n_points, 1);
	SAME_BYTES(&point, got.rates.points);
	SAME_ARRAY(&sent.rates, &got.rates, points);
	SAME_BYTES(&sent.rates, &got.rates);
}

static void the_result_of_an_import_is_whole(void **state)
{
	struct v2m_answer sent = { 0 };
	struct v2m_answer got = { 0 };

	(void)state;
	FILL(&sent.imported);
	FILL(&sent.error);
	FILL_CHARS(sent.error.text);
	sent.error.failure = V2M_FAILURE_DAMAGED;
	answer_travels(V2M_ASK_IMPORT, &sent, &got);
	SAME_BYTES(&sent.imported, &got.imported);
	SAME_BYTES(&sent.error, &got.error);
}

static void fill_device(struct v2m_status_device *device)
{
	FILL(device);
	FILL_CHARS(device->name);
	FILL_CHARS(device->reason);
	FILL_CHARS(device->attach);
	FILL_CHARS(device->queue);
}

static void fill_reason(struct v2m_status_reason *reason)
{
	FILL(reason);
	FILL_CHARS(reason->word);
	FILL_CHARS(reason->sentence.text);
	reason->sentence.failure = V2M_FAILURE_DISK;
}

static struct v2m_access_log access_log;

static void fill_sources(struct v2m_source_report *sources, struct v2m_source_entry *entry,
			 struct v2m_key_note *note)
{
	FILL(entry);
	entry->path = TEXT("path");
	entry->kind = TEXT("kind");
	entry->error = TEXT("error");
	FILL(note);
	note->kind = V2M_NOTE_MISSING;
	note->file = TEXT("file");
	note->member = TEXT("member");
	note->reason = TEXT("reason");
	FILL(sources);
	sources->items = entry;
	sources->count = sources->capacity = 1;
	sources->notes.items = note;
	sources->notes.count = sources->notes.capacity = 1;
	FILL(&access_log);
	access_log.source = TEXT("config.json");
	access_log.path = TEXT("/var/log/access.log");
	access_log.kind = V2M_ACCESS_LOG_STDOUT;
	access_log.problem = TEXT("it is not there");
	sources->access_logs = (struct v2m_access_logs){ &access_log, 1, 1 };
}

static void expect_same_sources(struct v2m_source_report *sent, struct v2m_source_report *got)
{
	assert_int_equal(got->count, 1);
	SAME_TEXT(sent->items, got->items, path);
	SAME_TEXT(sent->items, got->items, kind);
	SAME_TEXT(sent->items, got->items, error);
	SAME_BYTES(sent->items, got->items);
	SAME_ARRAY(sent, got, items);
	assert_int_equal(got->notes.count, 1);
	SAME_TEXT(sent->notes.items, got->notes.items, file);
	SAME_TEXT(sent->notes.items, got->notes.items, member);
	SAME_TEXT(sent->notes.items, got->notes.items, reason);
	SAME_BYTES(sent->notes.items, got->notes.items);
	SAME_ARRAY(sent, got, notes.items);
	assert_int_equal(got->access_logs.count, 1);
	SAME_TEXT(sent->access_logs.items, got->access_logs.items, source);
	SAME_TEXT(sent->access_logs.items, got->access_logs.items, path);
	SAME_TEXT(sent->access_logs.items, got->access_logs.items, problem);
	SAME_BYTES(sent->access_logs.items, got->access_logs.items);
	SAME_ARRAY(sent, got, access_logs.items);
}

static void expect_same_aliases(struct v2m_status *sent, struct v2m_status *got)
{
	assert_int_equal(got->n_aliases, sent->n_aliases);
	SAME_BYTES(sent->aliases, got->aliases);
	SAME_ARRAY(sent, got, aliases);
}

static void a_status_is_whole(void **state)
{
	struct v2m_status_device device;
	struct v2m_status_reason reason;
	struct v2m_source_entry entry;
	struct v2m_key_note note;
	struct v2m_status_aside aside;
	struct v2m_port_alias alias;
	struct v2m_status_drift drift;
	struct v2m_status status;
	struct v2m_answer sent = { .status = &status };
	struct v2m_answer got = { 0 };

	(void)state;
	FILL(&status);
	fill_device(&device);
	fill_reason(&reason);
	FILL(&aside);
	FILL(&alias);
	alias.origin = V2M_ALIAS_CONNTRACK;
	FILL(&drift);
	drift.id = TEXT("id");
	drift.name = TEXT("name");
	fill_sources(&status.sources, &entry, &note);
	status.mode = V2M_MODE_SOCKET_STATS;
	status.mode_reason = TEXT("mode");
	FILL_CHARS(status.health_reason);
	FILL_CHARS(status.budget.directions);
	status.health_detail = TEXT("detail");
	status.reasons = &reason;
	status.devices = &device;
	status.asides = &aside;
	status.aliases = &alias;
	status.drift = &drift;
	status.n_reasons = status.n_devices = status.n_asides = status.n_drift = 1;
	status.n_aliases = 1;
	/* The answering process says this of itself. */
	status.unprotected = NULL;
	status.presented_key = status.presented_scopes = NULL;
	answer_travels(V2M_ASK_STATUS, &sent, &got);
	SAME_TEXT(&status, got.status, mode_reason);
	SAME_TEXT(&status, got.status, health_detail);
	assert_int_equal(got.status->n_reasons, 1);
	SAME_BYTES(&reason, got.status->reasons);
	SAME_ARRAY(&status, got.status, reasons);
	assert_int_equal(got.status->n_devices, 1);
	SAME_BYTES(&device, got.status->devices);
	SAME_ARRAY(&status, got.status, devices);
	assert_int_equal(got.status->n_asides, 1);
	SAME_BYTES(&aside, got.status->asides);
	SAME_ARRAY(&status, got.status, asides);
	expect_same_aliases(&status, got.status);
	assert_int_equal(got.status->n_drift, 1);
	SAME_TEXT(&drift, got.status->drift, id);
	SAME_TEXT(&drift, got.status->drift, name);
	SAME_BYTES(&drift, got.status->drift);
	SAME_ARRAY(&status, got.status, drift);
	expect_same_sources(&status.sources, &got.status->sources);
	SAME_BYTES(&status, got.status);
	free(got.status);
}

static void a_question_is_whole(void **state)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_question sent;
	struct v2m_question got = { 0 };
	struct v2m_wire reader;

	(void)state;
	FILL(&sent);
	sent.key_id = TEXT("id");
	sent.api_key = TEXT("secret");
	sent.month = 202508;
	sent.from = 20240229;
	sent.to = 20250804;
	sent.days_to_keep = 99999;
	sent.document = "{}";
	sent.document_length = 2;
	v2m_put_question(&wire, V2M_ASK_HOURS, &sent);
	reader = v2m_wire_reader(wire.items, wire.length);
	v2m_put_question(&reader, V2M_ASK_HOURS, &got);
	assert_int_equal(v2m_wire_end(&reader), 0);
	SAME_TEXT(&sent, &got, key_id);
	SAME_TEXT(&sent, &got, api_key);
	assert_memory_equal(sent.document, got.document, 2);
	got.document = sent.document;
	SAME_BYTES(&sent, &got);
}

static void a_greeting_is_whole(void **state)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	char *hosts[] = { TEXT("example.org") };
	struct v2m_greeting sent;
	struct v2m_greeting got = { 0 };
	struct v2m_wire reader;

	(void)state;
	FILL(&sent);
	sent.n_listeners = V2M_LISTENERS_MAX;
	sent.api_bytes = V2M_API_BYTES_PAYLOAD;
	sent.empty_in = TEXT("/empty");
	sent.hosts = (struct v2m_strings){ .items = hosts, .count = 1, .capacity = 1 };
	v2m_put_greeting(&wire, &sent);
	reader = v2m_wire_reader(wire.items, wire.length);
	v2m_put_greeting(&reader, &got);
	assert_int_equal(v2m_wire_end(&reader), 0);
	SAME_TEXT(&sent, &got, empty_in);
	assert_int_equal(got.hosts.count, 1);
	assert_string_equal(got.hosts.items[0], "example.org");
	v2m_strings_clear(&got.hosts);
	got.hosts = sent.hosts;
	SAME_BYTES(&sent, &got);
}

static void api_keys_are_whole(void **state)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_api_keys sent = { .count = 0 };
	struct v2m_api_keys got = { .count = 0 };
	struct v2m_wire reader;

	(void)state;
	FILL(&sent);
	sent.count = V2M_NAMED_KEYS_MAX + 1;
	for (size_t i = 0; i < sent.count; i++) {
		sent.items[i].scopes = 1 + i % V2M_SCOPES_ALL;
		sent.items[i].name[V2M_API_KEY_NAME_LEN - 1] = 0;
		sent.items[i].created_at[V2M_API_KEY_TIME_LEN - 1] = 0;
	}
	v2m_put_api_keys(&wire, &sent);
	reader = v2m_wire_reader(wire.items, wire.length);
	v2m_put_api_keys(&reader, &got);
	assert_int_equal(v2m_wire_end(&reader), 0);
	for (size_t i = 0; i < sent.count; i++)
		SAME_BYTES(&sent.items[i], &got.items[i]);
	assert_int_equal(got.count, sent.count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_resets_and_dates_are_whole),
		cmocka_unit_test(a_history_is_whole),
		cmocka_unit_test(hours_and_rates_are_whole),
		cmocka_unit_test(the_result_of_an_import_is_whole),
		cmocka_unit_test(a_status_is_whole),
		cmocka_unit_test(a_question_is_whole),
		cmocka_unit_test(a_greeting_is_whole),
		cmocka_unit_test(api_keys_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
