// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/proxyapi/client_fixture.h"

#include "base/clock.h"
#include "proxyapi/online.h"

#define SERVICE   "/xray.app.stats.command.StatsService/"
#define ALL       SERVICE "GetUsersStats"
#define NAMES     SERVICE "GetAllOnlineUsers"
#define ADDRESSES SERVICE "GetStatsOnlineIpList#"

static int ask(struct scene *scene)
{
	v2m_online_users_clear(&scene->users);
	return v2m_online_users_ask(scene->grpc, v2m_clock_mono_ns() + 5000000000, &scene->users,
				    &scene->error);
}

/* A text, or a message, as a field of a message. Lengths from 128 on take two bytes. */
static size_t put(char *to, int field, const char *text, size_t length)
{
	size_t at = 0;

	assert_true(length < 1 << 14);
	to[at++] = (char)(field << 3 | 2);
	if (length > 127)
		to[at++] = (char)((length & 127) | 128);
	to[at++] = (char)(length > 127 ? length >> 7 : length);
	memcpy(to + at, text, length);
	return at + length;
}

/* An address that was seen at second 9. */
static size_t put_address(char *to, const char *address)
{
	char message[100];
	size_t length = put(message, 1, address, strlen(address));

	message[length++] = 2 << 3;
	message[length++] = 9;
	return put(to, 2, message, length);
}

static size_t put_user(char *to, const char *name, const char *address, const char *other)
{
	char message[512];
	size_t length = put(message, 1, name, strlen(name));

	length += put_address(message + length, address);
	if (other)
		length += put_address(message + length, other);
	return put(to, 1, message, length);
}

static void assert_user(const struct scene *scene, size_t i, const char *name,
			const uint8_t address[static 16])
{
	const struct v2m_online_user *user = &scene->users.items[i];

	assert_string_equal(user->name, name);
	assert_memory_equal(user->address, address, 16);
	assert_int_equal(user->seen_s, 9);
}

static const uint8_t four[16] = { [10] = 255, 255, 192, 0, 2, 7 };
static const uint8_t six[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 5 };

static void one_answer_has_all_users_and_addresses(void **state)
{
	struct scene *scene = *state;
	char data[512];
	size_t length = put_user(data, "bob", "[2001:db8::5]", "192.0.2.7");

	length += put_user(data + length, "alice", "192.0.2.7", NULL);
	server_answer(scene->server, ALL, data, length, 0);
	assert_int_equal(ask(scene), 0);
	assert_int_equal(scene->users.count, 3);
	assert_user(scene, 0, "alice", four);
	assert_user(scene, 1, "bob", four);
	assert_user(scene, 2, "bob", six);
}

static void a_proxy_that_has_no_such_answer_is_asked_for_each_user(void **state)
{
	struct scene *scene = *state;
	char data[512];
	size_t length = put(data, 1, "user>>>a>>>b>>>online", 21);

	length += put(data + length, 1, "user>>>gone>>>online", 20);
	length += put(data + length, 1, "inbound>>>x", 11);
	server_answer(scene->server, NAMES, data, length, 0);
	length = put(data, 1, "user>>>a>>>b>>>online", 21);
	length += put_address(data + length, "192.0.2.7");
	server_answer(scene->server, ADDRESSES "user>>>a>>>b>>>online", data, length, 0);
	server_answer(scene->server, ADDRESSES "user>>>gone>>>online", "", 0, 5);
	assert_int_equal(ask(scene), 0);
	assert_int_equal(scene->users.count, 1);
	assert_user(scene, 0, "a>>>b", four);
}

/* A list without the user would say that nobody else is at the address. */
static void a_user_whose_name_no_key_can_have_is_somebody_at_the_address(void **state)
{
	struct scene *scene = *state;
	char name[300];
	char data[1024];
	size_t length;

	snprintf(name, sizeof(name), "%0256d", 0);
	length = put_user(data, name, "192.0.2.7", NULL);
	length += put_user(data + length, "alice", "192.0.2.7", NULL);
	server_answer(scene->server, ALL, data, length, 0);
	assert_int_equal(ask(scene), 0);
	assert_int_equal(scene->users.count, 2);
	assert_user(scene, 0, "", four);
	assert_user(scene, 1, "alice", four);
}

static void what_is_no_address_is_passed_over(void **state)
{
	struct scene *scene = *state;
	char data[512];
	size_t length = put_user(data, "bob", "@", "192.0.2.7.1");

	length += put_user(data + length, "bob", "", "[192.0.2.7");
	length += put_user(data + length, "carol",
			   "1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1", "192.0.2.7");
	server_answer(scene->server, ALL, data, length, 0);
	assert_int_equal(ask(scene), 0);
	assert_int_equal(scene->users.count, 1);
	assert_user(scene, 0, "carol", four);
}

static void a_proxy_that_knows_no_addresses_says_so(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(ask(scene), -EOPNOTSUPP);
	server_answer(scene->server, ALL, "\x0a\xff", 2, 0);
	assert_int_equal(ask(scene), -EPROTO);
	server_answer(scene->server, ALL, "", 0, 0);
	assert_int_equal(ask(scene), 0);
	assert_int_equal(scene->users.count, 0);
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(one_answer_has_all_users_and_addresses),
		WITH_SERVER(a_proxy_that_has_no_such_answer_is_asked_for_each_user),
		WITH_SERVER(a_user_whose_name_no_key_can_have_is_somebody_at_the_address),
		WITH_SERVER(what_is_no_address_is_passed_over),
		WITH_SERVER(a_proxy_that_knows_no_addresses_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
