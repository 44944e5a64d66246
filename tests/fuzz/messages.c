// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Messages between the processes, in both directions. Real messages are changed at places that the
 * input chooses, and the input itself is read as a message. What is accepted is used: a snapshot is
 * rendered, a question is looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "api/exact.h"
#include "api/traffic.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/log.h"
#include "fake/fake_meter.h"
#include "fuzz.h"
#include "ipc/answer.h"
#include "ipc/asking.h"
#include "ipc/following.h"
#include "ipc/greeting.h"
#include "ipc/keyset.h"
#include "ipc/question.h"
#include "ipc/reading.h"
#include "ipc/snapshot.h"
#include "keys/key_sources.h"

#define EDITS_MAX 6

/* The real messages, made once. */
static struct {
	struct v2m_keyset *keyset;
	struct v2m_wire keys;
	struct v2m_wire snapshot;
	struct v2m_wire question;
	struct v2m_wire greeting;
	struct v2m_wire reading;
	struct v2m_wire said;
	struct v2m_wire counted;
	struct v2m_wire online;
	struct v2m_wire news;
	struct v2m_wire order;
	struct v2m_wire answers[V2M_N_QUESTIONS];
} real;

static void make_answer(const struct v2m_meter *meter, enum v2m_question_kind kind)
{
	const struct v2m_history_query query = { .id_or_uuid = "key-1",
						 .from = FAKE_HOURS_DAY,
						 .to = FAKE_HOURS_DAY };
	struct v2m_answer answer = { 0 };

	if (kind == V2M_ASK_HISTORY)
		meter->history(meter->context, &query, &answer.history);
	if (kind == V2M_ASK_HOURS)
		meter->hours(meter->context, &query, &answer.hours, &answer.n_hours);
	if (kind == V2M_ASK_RATES)
		meter->rates(meter->context, "key-1", &answer.rates);
	if (kind == V2M_ASK_STATUS)
		meter->status(meter->context, &answer.status);
	if (kind == V2M_ASK_EXPORT)
		meter->export_totals(meter->context, &answer.text, &answer.length);
	v2m_put_answer(&real.answers[kind], kind, &answer);
	v2m_answer_clear(&answer);
}

/* The keys of the key set as they come from the reading process, which knows no aliases. */
static void make_reading(const struct v2m_keyset *keyset)
{
	struct v2m_gathered_source source = { .path = (char *)"/etc/keys.json",
					      .kind = (char *)"key file",
					      .keys = keyset->n_keys };
	struct v2m_watch_entry entry = { .wd = 1, .name = (char *)"keys.json", .events = 2 };
	char *ending = (char *)".json";
	struct v2m_reading reading = {
		.gathered.customers = { keyset->keys, keyset->n_keys, keyset->n_keys },
		.gathered.sources = { &source, 1, 1 },
		.watched.items = &entry,
		.watched.count = 1,
		.watched.endings = { &ending, 1, 1 },
	};

	v2m_put_reading(&real.reading, &reading);
	FUZZ_CHECK(v2m_wire_end(&real.reading) == 0);
	FUZZ_CHECK(v2m_reading_is_allowed(&reading));
}

/* What the asking process says of a proxy. */
static void make_asked(void)
{
	static const char text[] = "{\"inbounds\": []}";
	struct v2m_asking_said said = { .text = text, .length = sizeof(text) - 1 };
	struct v2m_proxy_stat stat = { .name = (char *)"bob", .rx_bytes = 1, .tx_bytes = 2 };
	struct v2m_online_user user = { .name = (char *)"bob", .seen_s = 3 };
	struct v2m_proxy_stats counted = { .items = &stat, .count = 1, .capacity = 1 };
	struct v2m_online_list online = { .users = { &user, 1, 1 }, .is_known = true };

	v2m_put_asking_said(&real.said, &said);
	v2m_put_asking_counted(&real.counted, &counted);
	v2m_put_asking_online(&real.online, &online);
	FUZZ_CHECK(v2m_asking_said_is_allowed(&said));
	FUZZ_CHECK(v2m_asking_counted_is_allowed(&counted));
	FUZZ_CHECK(v2m_asking_online_is_allowed(&online));
}

/* What the following process says of a log, and what it is told. */
static void make_followed(void)
{
	struct v2m_access_record record = { .tags = { "in >> out", 9 }, .email = { "bob", 3 } };
	struct v2m_following_news news = { .n_logs = 1, .records = { &record, 1, 1 } };
	struct v2m_following_order order = { .path = (char *)"/var/log/xray/access.log" };

	v2m_put_following_news(&real.news, &news);
	v2m_put_following_order(&real.order, &order);
	FUZZ_CHECK(v2m_following_news_are_allowed(&news, 1));
}

static void make_real(void)
{
	const struct fake_options options = { .n_keys = 3, .n_connections = 9, .special = true };
	struct fake_meter *fake = fake_meter_new(&options);
	struct v2m_snapshot *snapshot = fake_meter_snapshot(fake);
	struct v2m_question question = {
		.key_id = (char *)"key-1",
		.api_key = (char *)"secret",
		.month = 202508,
		.from = 20250804,
		.to = 20250805,
		.document = FAKE_DOCUMENT,
		.document_length = strlen(FAKE_DOCUMENT),
	};
	struct v2m_greeting greeting = {
		.n_listeners = 1,
		.empty_in = (char *)"/tmp",
	};

	real.keyset = v2m_keyset_ref(snapshot->keyset);
	v2m_write_keyset(&real.keys, snapshot->keyset);
	v2m_write_snapshot(&real.snapshot, snapshot);
	v2m_put_question(&real.question, V2M_ASK_HOURS, &question);
	v2m_put_greeting(&real.greeting, &greeting);
	make_reading(real.keyset);
	make_asked();
	make_followed();
	for (int kind = 0; kind < V2M_N_QUESTIONS; kind++)
		make_answer(fake_meter(fake), (enum v2m_question_kind)kind);
	v2m_snapshot_unref(snapshot);
	fake_meter_free(fake);
}

static void render_body(v2m_render render, const struct v2m_snapshot *snapshot,
			const struct v2m_key *key)
{
	struct v2m_body body = { 0 };

	if (render(snapshot, V2M_API_BYTES_WIRE, key, &body) == 0)
		FUZZ_CHECK(strlen(body.data) == body.length);
	free(body.data);
}

static void use_snapshot(const struct v2m_snapshot *snapshot)
{
	const struct v2m_keyset *keyset = snapshot->keyset;

	render_body(v2m_api_simple, snapshot, NULL);
	render_body(v2m_api_keys, snapshot, NULL);
	render_body(v2m_api_exact, snapshot, NULL);
	render_body(v2m_api_status, snapshot, NULL);
	for (size_t i = 0; i < keyset->n_keys; i++) {
		render_body(v2m_api_key_peers, snapshot, &keyset->keys[i]);
		render_body(v2m_api_key_traffic, snapshot, &keyset->keys[i]);
	}
}

static void read_snapshot(const uint8_t *data, size_t size)
{
	struct v2m_wire wire = v2m_wire_reader(data, size);
	struct v2m_snapshot *snapshot = v2m_read_snapshot(&wire, real.keyset);

	if (snapshot)
		use_snapshot(snapshot);
	v2m_snapshot_unref(snapshot);
}

static void read_keyset(const uint8_t *data, size_t size)
{
	struct v2m_wire wire = v2m_wire_reader(data, size);
	struct v2m_keyset *keyset = v2m_read_keyset(&wire);

	if (!keyset)
		return;
	for (size_t i = 0; i < keyset->n_keys; i++)
		FUZZ_CHECK(v2m_keyset_find(keyset, keyset->keys[i].id));
	v2m_keyset_unref(keyset);
}

static void read_question(enum v2m_question_kind kind, const uint8_t *data, size_t size)
{
	struct v2m_question question = { 0 };
	struct v2m_wire wire = v2m_wire_reader(data, size);

	v2m_put_question(&wire, kind, &question);
	if (v2m_wire_end(&wire) == 0) {
		FUZZ_CHECK(question.key_id || kind != V2M_ASK_RESET);
		FUZZ_CHECK(question.days_to_keep <= 100000);
		FUZZ_CHECK(question.document_length < size);
	}
	v2m_question_clear(&question);
}

static void read_answer(enum v2m_question_kind kind, const uint8_t *data, size_t size)
{
	struct v2m_answer answer = { 0 };
	struct v2m_wire wire = v2m_wire_reader(data, size);
	struct v2m_body body = { 0 };

	v2m_put_answer(&wire, kind, &answer);
	if (v2m_wire_end(&wire) == 0 && answer.status && !v2m_status_render(answer.status, &body))
		FUZZ_CHECK(body.length > 0);
	free(body.data);
	v2m_answer_clear(&answer);
}

static void read_greeting(const uint8_t *data, size_t size)
{
	struct v2m_greeting greeting = { 0 };
	struct v2m_wire wire = v2m_wire_reader(data, size);

	v2m_put_greeting(&wire, &greeting);
	v2m_greeting_clear(&greeting);
}

/* A reading that is allowed can be joined. */
static void read_reading(const uint8_t *data, size_t size)
{
	V2M_CLEANUP(v2m_reading_clear) struct v2m_reading reading = { 0 };
	V2M_CLEANUP(v2m_source_report_clear) struct v2m_source_report report = { 0 };
	const struct v2m_source_options options = { .now_us = 1 };
	struct v2m_wire wire = v2m_wire_reader(data, size);
	struct v2m_keyset *keyset = NULL;
	struct v2m_error error;

	v2m_put_reading(&wire, &reading);
	if (v2m_wire_end(&wire) || !v2m_reading_is_allowed(&reading))
		return;
	v2m_watch_list_sort(&reading.watched);
	if (v2m_key_sources_join(&reading.gathered, &options, &keyset, &report, &error) == 0)
		for (size_t i = 0; i < keyset->n_keys; i++)
			FUZZ_CHECK(*keyset->keys[i].id && *keyset->keys[i].uuid);
	v2m_keyset_unref(keyset);
}

static void read_said(const uint8_t *data, size_t size)
{
	struct v2m_asking_said said = { 0 };
	struct v2m_wire wire = v2m_wire_reader(data, size);

	v2m_put_asking_said(&wire, &said);
	if (v2m_wire_end(&wire) || !v2m_asking_said_is_allowed(&said))
		return;
	FUZZ_CHECK(said.result <= 0 && said.length <= size);
	FUZZ_CHECK(strnlen(said.error.text, sizeof(said.error.text)) < sizeof(said.error.text));
}

/* What is allowed is in order, so that names are found. */
static void read_counted(const uint8_t *data, size_t size)
{
	V2M_CLEANUP(v2m_proxy_stats_clear) struct v2m_proxy_stats stats = { 0 };
	struct v2m_wire wire = v2m_wire_reader(data, size);

	v2m_put_asking_counted(&wire, &stats);
	if (v2m_wire_end(&wire) || !v2m_asking_counted_is_allowed(&stats))
		return;
	for (size_t i = 0; i < stats.count; i++)
		FUZZ_CHECK(v2m_proxy_stats_find(&stats, stats.items[i].name) == &stats.items[i]);
}

/* The same with addresses. */
static void read_online(const uint8_t *data, size_t size)
{
	V2M_CLEANUP(v2m_online_list_clear) struct v2m_online_list online = { 0 };
	struct v2m_wire wire = v2m_wire_reader(data, size);
	size_t count;

	v2m_put_asking_online(&wire, &online);
	if (v2m_wire_end(&wire) || !v2m_asking_online_is_allowed(&online))
		return;
	for (size_t i = 0; i < online.users.count; i++) {
		const struct v2m_online_user *user = &online.users.items[i];
		const struct v2m_online_user *found =
			v2m_online_users_at(&online.users, user->address, &count);

		FUZZ_CHECK(found && found <= user && user < found + count);
	}
}

static void use_text(const struct v2m_access_text *text, const uint8_t *data, size_t size)
{
	const uint8_t *start = (const uint8_t *)text->start;

	FUZZ_CHECK(!text->length || (start >= data && start + text->length <= data + size));
}

/* The texts are in the message, and a time can be calculated with. */
static void read_news(const uint8_t *data, size_t size)
{
	V2M_CLEANUP(v2m_following_news_clear) struct v2m_following_news news = { 0 };
	struct v2m_wire wire = v2m_wire_reader(data, size);

	v2m_put_following_news(&wire, &news);
	if (v2m_wire_end(&wire) || !v2m_following_news_are_allowed(&news, news.n_logs))
		return;
	for (size_t i = 0; i < news.records.count; i++) {
		const struct v2m_access_record *record = &news.records.items[i];

		use_text(&record->tags, data, size);
		use_text(&record->email, data, size);
		FUZZ_CHECK(record->real_us == V2M_NO_LINE_TIME ||
			   llabs(record->real_us) < INT64_MAX / 4);
		v2m_access_record_names(record, "in");
	}
}

static void read_order(const uint8_t *data, size_t size)
{
	V2M_CLEANUP(v2m_following_order_clear) struct v2m_following_order order = { 0 };
	struct v2m_wire wire = v2m_wire_reader(data, size);

	v2m_put_following_order(&wire, &order);
	FUZZ_CHECK(v2m_wire_end(&wire) || order.path);
}

static uint64_t take_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A changed copy of the exact size. */
static uint8_t *change(const struct v2m_wire *message, uint64_t *state, size_t *size)
{
	static const uint64_t extremes[] = {
		0, 1, 2, 255, 65536, UINT32_MAX, INT64_MAX, UINT64_MAX
	};
	size_t length = message->length;
	uint8_t *copy;

	if (take_random(state) % 8 == 0)
		length = take_random(state) % (length + 1);
	copy = malloc(length ? length : 1);
	FUZZ_CHECK(copy);
	memcpy(copy, message->items, length);
	for (uint64_t i = take_random(state) % EDITS_MAX; i > 0 && length > 8; i--) {
		size_t at = take_random(state) % (length - 8);

		if (take_random(state) % 2)
			copy[at] = (uint8_t)take_random(state);
		else
			memcpy(copy + at, &extremes[take_random(state) % 8],
			       1u << take_random(state) % 4);
	}
	*size = length;
	return copy;
}

static const struct v2m_wire *choose_message(unsigned what, enum v2m_question_kind kind)
{
	switch (what) {
	case 0:
		return &real.snapshot;
	case 1:
		return &real.keys;
	case 2:
		return &real.question;
	case 3:
		return &real.answers[kind];
	case 4:
		return &real.reading;
	case 5:
		return &real.said;
	case 6:
		return &real.counted;
	case 7:
		return &real.online;
	case 8:
		return &real.news;
	case 9:
		return &real.order;
	default:
		return &real.greeting;
	}
}

static void read_message(unsigned what, enum v2m_question_kind kind, const uint8_t *data,
			 size_t size)
{
	switch (what) {
	case 0:
		read_snapshot(data, size);
		break;
	case 1:
		read_keyset(data, size);
		break;
	case 2:
		read_question(kind, data, size);
		break;
	case 3:
		read_answer(kind, data, size);
		break;
	case 4:
		read_reading(data, size);
		break;
	case 5:
		read_said(data, size);
		break;
	case 6:
		read_counted(data, size);
		break;
	case 7:
		read_online(data, size);
		break;
	case 8:
		read_news(data, size);
		break;
	case 9:
		read_order(data, size);
		break;
	default:
		read_greeting(data, size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t state = v2m_fnv64(V2M_FNV64_START, data, size) | 1;
	unsigned what = (unsigned)(take_random(&state) % 11);
	enum v2m_question_kind kind =
		(enum v2m_question_kind)(take_random(&state) % V2M_N_QUESTIONS);
	uint8_t *changed;
	size_t length;

	v2m_log_set_level(V2M_LOG_ERROR);
	if (!real.keyset)
		make_real();
	read_message(what, kind, data, size);
	changed = change(choose_message(what, kind), &state, &length);
	read_message(what, kind, changed, length);
	free(changed);
	return 0;
}
