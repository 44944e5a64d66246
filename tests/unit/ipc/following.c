// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The messages of the following process arrive with all their members, and are refused if no log
 * can have caused them. */
#include "unit/ipc/travel.h"

#include "ipc/following.h"

static char tags[V2M_LOG_LINE_MAX + 1];
static struct v2m_access_record records[2];

/* Two logs, the second one with an error, and a line of each transport that is named. */
static struct v2m_following_news make_news(void)
{
	struct v2m_following_news news;

	FILL(&news);
	FILL(&records);
	for (size_t i = 0; i < 2; i++) {
		news.logs[i].result = 0;
		news.logs[i].gaps = V2M_LOG_GAPS_ALL;
		news.logs[i].error = (struct v2m_error){ 0 };
		news.logs[i].has_more = true;
		records[i].transport = i ? V2M_ACCESS_TCP : V2M_ACCESS_UDP;
		records[i].tags = (struct v2m_access_text){ "in >> out", 9 };
		records[i].email = (struct v2m_access_text){ "a\0\xff", 3 };
		records[i].real_us = INT64_C(1795824000000000);
	}
	news.logs[1].result = -EACCES;
	strcpy(news.logs[1].error.text, "log\x1b[1m");
	news.n_logs = 2;
	news.records.items = records;
	news.records.count = news.records.capacity = 2;
	return news;
}

/* Reads the first bytes from a copy of exactly that size. 0; -EBADMSG; or -EPERM if it is not
 * allowed. */
static int arrives(const struct v2m_wire *written, size_t length, struct v2m_following_news *got,
		   uint8_t **copy)
{
	struct v2m_wire reader;
	int result;

	*copy = malloc(length ? length : 1);
	memcpy(*copy, written->items, length);
	reader = v2m_wire_reader(*copy, length);
	*got = (struct v2m_following_news){ 0 };
	v2m_put_following_news(&reader, got);
	result = v2m_wire_end(&reader);
	if (!result && !v2m_following_news_are_allowed(got, 2))
		result = -EPERM;
	return result;
}

static int travels(struct v2m_following_news *sent)
{
	V2M_CLEANUP(v2m_following_news_clear) struct v2m_following_news got = { 0 };
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	V2M_FREE uint8_t *copy = NULL;

	v2m_put_following_news(&wire, sent);
	assert_int_equal(v2m_wire_end(&wire), 0);
	return arrives(&wire, wire.length, &got, &copy);
}

static void assert_text(const struct v2m_access_text *sent, const struct v2m_access_text *got)
{
	assert_int_equal(sent->length, got->length);
	assert_memory_equal(sent->start, got->start, sent->length);
}

static void news_are_whole(void **state)
{
	V2M_CLEANUP(v2m_following_news_clear) struct v2m_following_news got = { 0 };
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_following_news sent = make_news();
	V2M_FREE uint8_t *copy = NULL;

	(void)state;
	v2m_put_following_news(&wire, &sent);
	assert_int_equal(arrives(&wire, wire.length, &got, &copy), 0);
	assert_int_equal(got.n_logs, 2);
	assert_int_equal(got.records.count, 2);
	for (size_t i = 0; i < 2; i++) {
		struct v2m_access_record *record = &got.records.items[i];

		assert_memory_equal(&sent.logs[i].progress, &got.logs[i].progress,
				    sizeof(sent.logs[i].progress));
		assert_int_equal(sent.logs[i].result, got.logs[i].result);
		assert_int_equal(sent.logs[i].gaps, got.logs[i].gaps);
		assert_true(got.logs[i].has_more);
		assert_text(&records[i].tags, &record->tags);
		assert_text(&records[i].email, &record->email);
		assert_memory_equal(records[i].address, record->address, sizeof(record->address));
		assert_int_equal(records[i].port, record->port);
		assert_int_equal(records[i].transport, record->transport);
		assert_true(records[i].real_us == record->real_us);
	}
	assert_string_equal(got.logs[1].error.text, "log [1m");
}

static void half_of_it_is_refused(void **state)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_following_news sent = make_news();

	(void)state;
	v2m_put_following_news(&wire, &sent);
	for (size_t length = 0; length < wire.length; length++) {
		V2M_CLEANUP(v2m_following_news_clear) struct v2m_following_news got = { 0 };
		V2M_FREE uint8_t *copy = NULL;

		assert_int_equal(arrives(&wire, length, &got, &copy), -EBADMSG);
	}
}

static void what_no_log_can_say_is_refused(void **state)
{
	struct v2m_following_news sent = make_news();

	(void)state;
	sent.logs[0].result = 1;
	assert_int_equal(travels(&sent), -EPERM);
	sent = make_news();
	sent.logs[0].result = -5000;
	assert_int_equal(travels(&sent), -EPERM);
	sent = make_news();
	sent.logs[1].gaps = V2M_LOG_GAPS_ALL + 1;
	assert_int_equal(travels(&sent), -EPERM);
	sent = make_news();
	records[1].transport = V2M_N_ACCESS_TRANSPORTS;
	assert_int_equal(travels(&sent), -EBADMSG);
	/* Other logs than those that it was told. */
	sent = make_news();
	sent.n_logs = 1;
	assert_int_equal(travels(&sent), -EPERM);
	sent.n_logs = V2M_FOLLOWING_LOGS_MAX;
	for (size_t i = 0; i < V2M_FOLLOWING_LOGS_MAX; i++)
		sent.logs[i] = (struct v2m_log_state){ 0 };
	assert_int_equal(travels(&sent), -EPERM);
}

static void a_time_is_far_from_an_overflow(void **state)
{
	static const int64_t times[] = { V2M_NO_LINE_TIME, 0, -62167219200000000,
					 253402300799999999 };
	struct v2m_following_news sent = make_news();

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		records[0].real_us = times[i];
		assert_int_equal(travels(&sent), 0);
	}
	records[0].real_us = INT64_MIN;
	assert_int_equal(travels(&sent), -EPERM);
	records[0].real_us = V2M_NO_LINE_TIME - 1;
	assert_int_equal(travels(&sent), -EPERM);
}

static void texts_are_together_no_longer_than_a_line(void **state)
{
	struct v2m_following_news sent = make_news();

	(void)state;
	records[0].tags = (struct v2m_access_text){ tags, V2M_LOG_LINE_MAX - 3 };
	assert_int_equal(travels(&sent), 0);
	records[0].tags.length++;
	assert_int_equal(travels(&sent), -EPERM);
	records[0].tags.length = V2M_LOG_LINE_MAX + 1;
	assert_int_equal(travels(&sent), -EPERM);
}

static void there_are_no_more_lines_than_can_be_read_at_once(void **state)
{
	struct v2m_following_news sent = make_news();

	(void)state;
	sent.records.items =
		calloc(V2M_FOLLOWING_RECORDS_MAX + 1, sizeof(struct v2m_access_record));
	sent.records.count = V2M_FOLLOWING_RECORDS_MAX;
	assert_int_equal(travels(&sent), 0);
	sent.records.count++;
	assert_int_equal(travels(&sent), -EPERM);
	free(sent.records.items);
}

static void an_order_is_whole_and_names_a_log(void **state)
{
	V2M_CLEANUP(v2m_following_order_clear) struct v2m_following_order got = { 0 };
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_following_order sent;
	struct v2m_wire reader;

	(void)state;
	FILL(&sent);
	sent.path = TEXT("/var/log/xray/access.log");
	v2m_put_following_order(&wire, &sent);
	reader = v2m_wire_reader(wire.items, wire.length);
	v2m_put_following_order(&reader, &got);
	assert_int_equal(v2m_wire_end(&reader), 0);
	assert_string_equal(got.path, sent.path);
	assert_memory_equal(&got.progress, &sent.progress, sizeof(got.progress));
	v2m_wire_clear(&wire);
	sent.path = NULL;
	v2m_put_following_order(&wire, &sent);
	assert_int_equal(v2m_wire_end(&wire), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(news_are_whole),
		cmocka_unit_test(half_of_it_is_refused),
		cmocka_unit_test(what_no_log_can_say_is_refused),
		cmocka_unit_test(a_time_is_far_from_an_overflow),
		cmocka_unit_test(texts_are_together_no_longer_than_a_line),
		cmocka_unit_test(there_are_no_more_lines_than_can_be_read_at_once),
		cmocka_unit_test(an_order_is_whole_and_names_a_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
