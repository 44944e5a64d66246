// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the reading process hands over arrives with all its members, and is refused if it is not
 * what key sources can hold. */
#include "unit/ipc/travel.h"

#include <limits.h>

static struct v2m_span span;
static struct v2m_key key;
static struct v2m_gathered_source source;
static struct v2m_key_note note;
static struct v2m_watch_entry entry;
static char *ending;
static char *api;
static struct v2m_access_log access_log;
static char *email;

/* One of everything. */
static struct v2m_reading make_reading(void)
{
	struct v2m_reading reading;

	FILL(&span);
	FILL(&key);
	key.id = TEXT("id");
	key.uuid = TEXT("uuid");
	key.name = TEXT("näme");
	key.created_at = TEXT("2025-08-04");
	key.short_id = TEXT("short");
	key.sni = TEXT("sni");
	key.source = TEXT("/etc/keys.json");
	key.identity = TEXT("identity");
	key.transports = V2M_UDP;
	span.transports = V2M_TCP;
	key.spans = &span;
	key.n_spans = key.spans_capacity = 1;
	key.aliases = (struct v2m_strings){ 0 };
	email = TEXT("näme@example.com");
	key.emails = (struct v2m_strings){ &email, 1, 1 };
	FILL(&source);
	source.path = TEXT("/etc/keys.json");
	source.kind = TEXT("key file");
	source.keys = 3;
	source.result = -EINVAL;
	source.failure = V2M_FAILURE_CONFIGURATION;
	source.error = TEXT("wrong");
	FILL(&note);
	note.kind = V2M_NOTE_MISSING;
	note.file = TEXT("file");
	note.member = TEXT("member");
	note.reason = TEXT("reason");
	FILL(&entry);
	entry.name = TEXT("keys.json");
	ending = TEXT(".json");
	api = TEXT("xray-api://127.0.0.1:1");
	FILL(&reading);
	reading.gathered.customers = (struct v2m_key_list){ &key, 1, 1 };
	reading.gathered.clients = (struct v2m_key_list){ &key, 1, 1 };
	reading.gathered.assignments = (struct v2m_key_list){ &key, 1, 1 };
	reading.gathered.notes.items = &note;
	reading.gathered.notes.count = 1;
	reading.gathered.sources = (struct v2m_gathered_sources){ &source, 1, 1 };
	reading.gathered.apis = (struct v2m_strings){ &api, 1, 1 };
	FILL(&access_log);
	access_log.source = TEXT("/etc/xray");
	access_log.path = TEXT("/var/log/xray/access.log");
	access_log.kind = V2M_ACCESS_LOG_FILE;
	access_log.problem = NULL;
	reading.gathered.access_logs = (struct v2m_access_logs){ &access_log, 1, 1 };
	reading.watched.items = &entry;
	reading.watched.count = 1;
	reading.watched.endings = (struct v2m_strings){ &ending, 1, 1 };
	reading.watched.failed = -ENOSPC;
	return reading;
}

static void same_keys(const struct v2m_key_list *sent, const struct v2m_key_list *got)
{
	struct v2m_key *mine = sent->items;
	struct v2m_key *theirs = got->items;

	assert_int_equal(got->count, 1);
	same_key(mine, theirs);
	free(theirs->aliases.items);
	theirs->aliases = mine->aliases;
	SAME_TEXT(mine, theirs, identity);
	assert_int_equal(theirs->emails.count, 1);
	assert_string_equal(theirs->emails.items[0], email);
	v2m_strings_clear(&theirs->emails);
	theirs->emails = mine->emails;
	SAME_BYTES(mine, theirs);
	free(theirs);
}

static void same_sources(struct v2m_gathered *got)
{
	struct v2m_gathered_source *theirs = got->sources.items;

	assert_int_equal(got->sources.count, 1);
	assert_int_equal(got->apis.count, 1);
	assert_string_equal(got->apis.items[0], api);
	v2m_strings_clear(&got->apis);
	assert_int_equal(got->access_logs.count, 1);
	SAME_TEXT(&access_log, got->access_logs.items, source);
	SAME_TEXT(&access_log, got->access_logs.items, path);
	SAME_BYTES(&access_log, got->access_logs.items);
	free(got->access_logs.items);
	SAME_TEXT(&source, theirs, path);
	SAME_TEXT(&source, theirs, kind);
	SAME_TEXT(&source, theirs, error);
	SAME_BYTES(&source, theirs);
	free(theirs);
}

static void same_notes(struct v2m_key_notes *sent, struct v2m_key_notes *got)
{
	assert_int_equal(got->count, 1);
	SAME_TEXT(&note, got->items, file);
	SAME_TEXT(&note, got->items, member);
	SAME_TEXT(&note, got->items, reason);
	SAME_BYTES(&note, got->items);
	assert_int_equal(sent->n_more, got->n_more);
	assert_int_equal(sent->n_missing, got->n_missing);
	free(got->items);
}

static void same_watched(struct v2m_watch_list *sent, struct v2m_watch_list *got)
{
	assert_int_equal(got->count, 1);
	SAME_TEXT(&entry, got->items, name);
	SAME_BYTES(&entry, got->items);
	assert_int_equal(sent->failed, got->failed);
	assert_int_equal(got->endings.count, 1);
	assert_string_equal(got->endings.items[0], ending);
	v2m_strings_clear(&got->endings);
	free(got->items);
}

static void a_reading_is_whole(void **state)
{
	struct v2m_reading sent = make_reading();
	struct v2m_reading got;

	(void)state;
	assert_int_equal(reading_travels(&sent, &got), 0);
	same_keys(&sent.gathered.customers, &got.gathered.customers);
	same_keys(&sent.gathered.clients, &got.gathered.clients);
	same_keys(&sent.gathered.assignments, &got.gathered.assignments);
	same_sources(&got.gathered);
	same_notes(&sent.gathered.notes, &got.gathered.notes);
	same_watched(&sent.watched, &got.watched);
	assert_int_equal(sent.gathered.has_auto, got.gathered.has_auto);
	assert_int_equal(sent.unprotected, got.unprotected);
}

static void an_order_is_whole(void **state)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	char *sources[] = { TEXT("auto"), TEXT("/etc/x") };
	struct v2m_live_source live;
	struct v2m_reading_order sent = { .sources = { sources, 2, 2 },
					  .found = { sources, 1, 1 },
					  .live = { &live, 1, 1 },
					  .verbose = true,
					  .watches = true };
	struct v2m_reading_order got = { 0 };
	struct v2m_wire reader;

	(void)state;
	FILL(&live);
	live.source = api;
	live.text = TEXT("{}");
	live.length = 2;
	live.error.failure = V2M_FAILURE_MISSING;
	FILL_CHARS(live.error.text);
	v2m_put_reading_order(&wire, &sent);
	reader = v2m_wire_reader(wire.items, wire.length);
	v2m_put_reading_order(&reader, &got);
	assert_int_equal(v2m_wire_end(&reader), 0);
	assert_int_equal(got.sources.count, 2);
	assert_string_equal(got.sources.items[1], "/etc/x");
	assert_int_equal(got.found.count, 1);
	assert_string_equal(got.found.items[0], "auto");
	assert_true(got.verbose && got.watches);
	assert_int_equal(got.live.count, 1);
	SAME_TEXT(&live, got.live.items, source);
	SAME_TEXT(&live, got.live.items, text);
	SAME_BYTES(&live, got.live.items);
	free(got.live.items);
	got.live = (struct v2m_live_sources){ 0 };
	v2m_reading_order_clear(&got);
}

static void half_a_reading_is_refused(void **state)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_reading sent = make_reading();

	(void)state;
	v2m_put_reading(&wire, &sent);
	for (size_t length = 0; length < wire.length; length++) {
		struct v2m_reading got;

		assert_int_equal(reading_arrives(&wire, length, &got), -EBADMSG);
		v2m_reading_clear(&got);
	}
}

static void refuse(struct v2m_reading *sent)
{
	struct v2m_reading got;

	assert_int_not_equal(reading_travels(sent, &got), 0);
	v2m_reading_clear(&got);
}

static void what_no_source_can_hold_is_refused(void **state)
{
	static char too_long[PATH_MAX + 2];
	struct v2m_reading sent = make_reading();
	char *name = TEXT("alias");

	(void)state;
	memset(too_long, 'x', sizeof(too_long) - 1);
#define REFUSE(member, value)                                                                      \
	do {                                                                                       \
		__typeof__(member) kept = member;                                                  \
                                                                                                   \
		(member) = value;                                                                  \
		refuse(&sent);                                                                     \
		(member) = kept;                                                                   \
	} while (0)
	REFUSE(key.uuid, NULL);
	REFUSE(key.uuid, TEXT(""));
	REFUSE(key.uuid, too_long);
	REFUSE(key.id, NULL);
	REFUSE(key.name, TEXT("\xff"));
	REFUSE(key.sni, TEXT("\xc3"));
	REFUSE(key.source, NULL);
	REFUSE(key.source, too_long);
	REFUSE(key.identity, TEXT(""));
	REFUSE(email, TEXT(""));
	REFUSE(email, TEXT("\xff"));
	REFUSE(key.transports, 4);
	REFUSE(key.aliases, ((struct v2m_strings){ &name, 1, 1 }));
	REFUSE(span.first_port, 0);
	REFUSE(span.last_port, 1);
	REFUSE(span.transports, 0);
	REFUSE(source.path, NULL);
	REFUSE(source.error, NULL);
	REFUSE(source.result, 1);
	REFUSE(source.result, 0);
	REFUSE(source.result, INT_MIN);
	REFUSE(source.failure, V2M_FAILURE_DAMAGED + 1);
	REFUSE(source.keys, SIZE_MAX);
	REFUSE(note.reason, NULL);
	REFUSE(note.kind, V2M_NOTE_MISSING + 1);
	REFUSE(api, too_long);
	REFUSE(access_log.source, NULL);
	REFUSE(access_log.path, NULL);
	REFUSE(access_log.path, TEXT("access.log"));
	REFUSE(access_log.path, TEXT("/\xff"));
	REFUSE(access_log.kind, V2M_N_ACCESS_LOG_KINDS);
	REFUSE(entry.wd, -1);
	REFUSE(entry.name, too_long);
	REFUSE(sent.watched.failed, 1);
#undef REFUSE
}

static void names_of_files_may_be_anything(void **state)
{
	struct v2m_reading sent = make_reading();
	struct v2m_reading got;

	(void)state;
	source.path = TEXT("/etc/\xff.json");
	assert_int_equal(reading_travels(&sent, &got), 0);
	assert_string_equal(got.gathered.sources.items[0].path, "/etc/?.json");
	v2m_reading_clear(&got);
}

static void too_many_keys_or_ports_are_refused(void **state)
{
	struct v2m_reading sent = make_reading();
	struct v2m_key_list *customers = &sent.gathered.customers;
	struct v2m_key *many = calloc(V2M_GATHERED_KEYS_MAX, sizeof(*many));
	struct v2m_span *spans = calloc(V2M_MAX_KEY_SPANS + 1, sizeof(*spans));

	(void)state;
	for (size_t i = 0; i < V2M_GATHERED_KEYS_MAX; i++)
		many[i] = key;
	*customers = (struct v2m_key_list){ many, V2M_GATHERED_KEYS_MAX, V2M_GATHERED_KEYS_MAX };
	refuse(&sent);
	for (size_t i = 0; i <= V2M_MAX_KEY_SPANS; i++)
		spans[i] = span;
	many[0].spans = spans;
	many[0].n_spans = V2M_MAX_KEY_SPANS + 1;
	customers->count = 1;
	refuse(&sent);
	many[0].n_spans = V2M_MAX_KEY_SPANS;
	customers->count = V2M_GATHERED_SPANS_MAX / V2M_MAX_KEY_SPANS;
	for (size_t i = 1; i < customers->count; i++)
		many[i] = many[0];
	refuse(&sent);
	free(spans);
	free(many);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reading_is_whole),
		cmocka_unit_test(an_order_is_whole),
		cmocka_unit_test(half_a_reading_is_refused),
		cmocka_unit_test(what_no_source_can_hold_is_refused),
		cmocka_unit_test(names_of_files_may_be_anything),
		cmocka_unit_test(too_many_keys_or_ports_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
