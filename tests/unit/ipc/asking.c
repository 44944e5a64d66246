// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the asking process says arrives with all its members, and is refused if no proxy can have
 * said it. */
#include "unit/ipc/travel.h"

#include "ipc/asking.h"

static struct v2m_proxy_stat counters[2];
static struct v2m_online_user users[2];

static struct v2m_proxy_stats make_counted(void)
{
	FILL(&counters);
	counters[0].name = TEXT("bob");
	counters[1].name = TEXT("älice");
	/* That is not sent: the counting process knows who has answered. */
	counters[0].is_old = false;
	counters[1].is_old = false;
	return (struct v2m_proxy_stats){ .items = counters, .count = 2, .capacity = 2 };
}

static struct v2m_online_list make_online(void)
{
	struct v2m_online_list online;

	FILL(&users);
	FILL(&online);
	users[0].name = TEXT("bob");
	users[1].name = TEXT("älice");
	online.users = (struct v2m_online_users){ users, 2, 2 };
	return online;
}

/* Reads the first bytes from a copy of exactly that size. 0; -EBADMSG; or -EPERM if it is not
 * allowed. */
static int counted_arrives(const struct v2m_wire *written, size_t length,
			   struct v2m_proxy_stats *got)
{
	V2M_FREE uint8_t *copy = malloc(length ? length : 1);
	struct v2m_wire reader = v2m_wire_reader(copy, length);
	int result;

	memcpy(copy, written->items, length);
	*got = (struct v2m_proxy_stats){ 0 };
	v2m_put_asking_counted(&reader, got);
	result = v2m_wire_end(&reader);
	if (!result && !v2m_asking_counted_is_allowed(got))
		result = -EPERM;
	return result;
}

static int online_arrives(const struct v2m_wire *written, size_t length,
			  struct v2m_online_list *got)
{
	V2M_FREE uint8_t *copy = malloc(length ? length : 1);
	struct v2m_wire reader = v2m_wire_reader(copy, length);
	int result;

	memcpy(copy, written->items, length);
	*got = (struct v2m_online_list){ 0 };
	v2m_put_asking_online(&reader, got);
	result = v2m_wire_end(&reader);
	if (!result && !v2m_asking_online_is_allowed(got))
		result = -EPERM;
	return result;
}

static int counted_travels(struct v2m_proxy_stats *sent, struct v2m_proxy_stats *got)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };

	v2m_put_asking_counted(&wire, sent);
	assert_int_equal(v2m_wire_end(&wire), 0);
	return counted_arrives(&wire, wire.length, got);
}

static int online_travels(struct v2m_online_list *sent, struct v2m_online_list *got)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };

	v2m_put_asking_online(&wire, sent);
	assert_int_equal(v2m_wire_end(&wire), 0);
	return online_arrives(&wire, wire.length, got);
}

static void counters_are_whole_and_in_order(void **state)
{
	struct v2m_proxy_stats sent = make_counted();
	struct v2m_proxy_stats got;

	(void)state;
	assert_int_equal(counted_travels(&sent, &got), 0);
	assert_int_equal(got.count, 2);
	for (size_t i = 0; i < 2; i++) {
		SAME_TEXT(&counters[i], &got.items[i], name);
		SAME_BYTES(&counters[i], &got.items[i]);
	}
	free(got.items);
	/* The reader does not rely on the order. */
	counters[0].name = TEXT("zoe");
	counters[1].name = TEXT("bob");
	assert_int_equal(counted_travels(&sent, &got), 0);
	assert_non_null(v2m_proxy_stats_find(&got, "zoe"));
	v2m_proxy_stats_clear(&got);
	counters[1].name = TEXT("zoe");
	assert_int_equal(counted_travels(&sent, &got), 0);
	assert_int_equal(got.count, 1);
	assert_int_equal(got.items[0].rx_bytes, 2 * counters[0].rx_bytes);
	v2m_proxy_stats_clear(&got);
}

static void addresses_are_whole_and_in_order(void **state)
{
	struct v2m_online_list sent = make_online();
	struct v2m_online_list got;

	(void)state;
	assert_int_equal(online_travels(&sent, &got), 0);
	assert_true(got.is_known);
	assert_int_equal(got.users.count, 2);
	for (size_t i = 0; i < 2; i++) {
		SAME_TEXT(&users[i], &got.users.items[i], name);
		SAME_BYTES(&users[i], &got.users.items[i]);
	}
	free(got.users.items);
	users[0].name = TEXT("zoe");
	users[1].name = TEXT("bob");
	assert_int_equal(online_travels(&sent, &got), 0);
	assert_string_equal(got.users.items[1].name, "zoe");
	v2m_online_list_clear(&got);
	users[1].name = TEXT("zoe");
	users[1].seen_s++;
	assert_int_equal(online_travels(&sent, &got), 0);
	assert_int_equal(got.users.count, 1);
	assert_int_equal(got.users.items[0].seen_s, users[1].seen_s);
	v2m_online_list_clear(&got);
	sent.asked_ns = sent.answered_ns + 1;
	assert_int_equal(online_travels(&sent, &got), -EPERM);
	v2m_online_list_clear(&got);
	sent.asked_ns = sent.answered_ns;
	sent.is_known = false;
	assert_int_equal(online_travels(&sent, &got), -EPERM);
	v2m_online_list_clear(&got);
}

static void the_users_at_an_address_are_found(void **state)
{
	struct v2m_online_list sent = make_online();
	struct v2m_online_list got;
	uint8_t address[16];
	size_t count;

	(void)state;
	memset(users[1].address, 7, sizeof(users[1].address));
	assert_int_equal(online_travels(&sent, &got), 0);
	memset(address, 7, sizeof(address));
	assert_string_equal(v2m_online_users_at(&got.users, address, &count)->name, "älice");
	assert_int_equal(count, 1);
	memset(address, 1, sizeof(address));
	assert_string_equal(v2m_online_users_at(&got.users, address, &count)->name, "bob");
	assert_int_equal(count, 1);
	memset(address, 5, sizeof(address));
	assert_null(v2m_online_users_at(&got.users, address, &count));
	assert_int_equal(count, 0);
	v2m_online_list_clear(&got);
}

static void half_of_it_is_refused(void **state)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire counted_wire = { 0 };
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire online_wire = { 0 };
	struct v2m_proxy_stats counted = make_counted();
	struct v2m_online_list online = make_online();

	(void)state;
	v2m_put_asking_counted(&counted_wire, &counted);
	for (size_t length = 0; length < counted_wire.length; length++) {
		struct v2m_proxy_stats got;

		assert_int_equal(counted_arrives(&counted_wire, length, &got), -EBADMSG);
		v2m_proxy_stats_clear(&got);
	}
	v2m_put_asking_online(&online_wire, &online);
	for (size_t length = 0; length < online_wire.length; length++) {
		struct v2m_online_list got;

		assert_int_equal(online_arrives(&online_wire, length, &got), -EBADMSG);
		v2m_online_list_clear(&got);
	}
}

static void names_that_no_key_can_have_are_refused(void **state)
{
	static char too_long[V2M_SUBJECT_LEN + 1];
	char *const names[] = { NULL, too_long, TEXT("\xff") };

	(void)state;
	memset(too_long, 'x', sizeof(too_long) - 1);
	for (size_t i = 0; i < 3; i++) {
		struct v2m_proxy_stats counted = make_counted();
		struct v2m_online_list online = make_online();
		struct v2m_proxy_stats got_counted;
		struct v2m_online_list got_online;

		counters[1].name = names[i];
		assert_int_equal(counted_travels(&counted, &got_counted), -EPERM);
		v2m_proxy_stats_clear(&got_counted);
		users[0].name = names[i];
		assert_int_equal(online_travels(&online, &got_online), -EPERM);
		v2m_online_list_clear(&got_online);
	}
}

static int said_travels(struct v2m_asking_said *sent, struct v2m_asking_said *got)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_wire reader;
	int result;

	v2m_put_asking_said(&wire, sent);
	reader = v2m_wire_reader(wire.items, wire.length);
	v2m_put_asking_said(&reader, got);
	result = v2m_wire_end(&reader);
	if (!result && !v2m_asking_said_is_allowed(got))
		result = -EPERM;
	if (!result && sent->length)
		assert_memory_equal(sent->text, got->text, sent->length);
	return result;
}

static void an_answer_is_whole(void **state)
{
	struct v2m_asking_said sent;
	struct v2m_asking_said got = { 0 };

	(void)state;
	FILL(&sent);
	sent.result = -EPROTO;
	sent.error.failure = V2M_FAILURE_PASSING;
	strcpy(sent.error.text, "the proxy\nsays\x1b[1m");
	sent.text = NULL;
	sent.length = 0;
	assert_int_equal(said_travels(&sent, &got), 0);
	assert_int_equal(got.result, -EPROTO);
	assert_int_equal(got.error.failure, V2M_FAILURE_PASSING);
	assert_null(strpbrk(got.error.text, "\n\x1b"));
	sent.text = "{}";
	sent.length = 2;
	assert_int_equal(said_travels(&sent, &got), -EPERM);
	sent.result = 0;
	assert_int_equal(said_travels(&sent, &got), 0);
	sent.text = "{\0";
	assert_int_equal(said_travels(&sent, &got), -EPERM);
	sent.length = 0;
	sent.result = 1;
	assert_int_equal(said_travels(&sent, &got), -EPERM);
	sent.result = -5000;
	assert_int_equal(said_travels(&sent, &got), -EPERM);
}

static void an_order_is_whole(void **state)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_asking_order sent;
	struct v2m_asking_order got = { 0 };
	struct v2m_wire reader;

	(void)state;
	FILL(&sent);
	sent.source = TEXT("xray-api://127.0.0.1:1");
	v2m_put_asking_order(&wire, &sent);
	reader = v2m_wire_reader(wire.items, wire.length);
	v2m_put_asking_order(&reader, &got);
	assert_int_equal(v2m_wire_end(&reader), 0);
	SAME_TEXT(&sent, &got, source);
	SAME_BYTES(&sent, &got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_are_whole_and_in_order),
		cmocka_unit_test(addresses_are_whole_and_in_order),
		cmocka_unit_test(the_users_at_an_address_are_found),
		cmocka_unit_test(half_of_it_is_refused),
		cmocka_unit_test(names_that_no_key_can_have_are_refused),
		cmocka_unit_test(an_answer_is_whole),
		cmocka_unit_test(an_order_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
