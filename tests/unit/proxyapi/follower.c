// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/proxyapi/grpc_server.h"

#include "base/clock.h"
#include "base/file.h"
#include "proxyapi/follower.h"

#define LIST  "/xray.app.proxyman.command.HandlerService/ListInbounds"
#define USERS "/xray.app.proxyman.command.HandlerService/GetInboundUsers#"

#define INTERVAL_NS 20000000ull

struct scene {
	struct grpc_server *server;
	struct v2m_follower *follower;
	struct v2m_error error;
	char *text;
	size_t length;
};

static void answer_with_file(struct scene *scene, const char *path, const char *file)
{
	char *data;
	size_t length;

	assert_int_equal(v2m_read_file(file, 65536, &data, &length), 0);
	server_answer(scene->server, path, data, length, 0);
	free(data);
}

static int start(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	scene->server = server_start();
	answer_with_file(scene, LIST, "../data/proxyapi/inbounds.bin");
	answer_with_file(scene, USERS "vless", "../data/proxyapi/users.bin");
	server_answer(scene->server, USERS "vmess", "", 0, 0);
	server_answer(scene->server, USERS "trojan", "", 0, 0);
	server_answer(scene->server, USERS "tun", "", 0, 2);
	assert_int_equal(v2m_follower_new(INTERVAL_NS, &scene->follower), 0);
	*state = scene;
	return 0;
}

static int stop(void **state)
{
	struct scene *scene = *state;

	v2m_follower_free(scene->follower);
	server_stop(scene->server);
	free(scene->text);
	free(scene);
	return 0;
}

static int get(struct scene *scene, bool waits)
{
	free(scene->text);
	return v2m_follower_text(scene->follower, scene->server->name, waits, &scene->text,
				 &scene->length, &scene->error);
}

/* Waits until the descriptor is readable, and drains it. */
static bool has_news(struct scene *scene, int timeout_ms)
{
	struct pollfd entry = { v2m_follower_fd(scene->follower), POLLIN, 0 };
	bool found = poll(&entry, 1, timeout_ms) == 1;

	v2m_follower_drain(scene->follower);
	return found;
}

static void the_first_answer_is_waited_for_if_wanted(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(get(scene, true), 0);
	assert_non_null(strstr(scene->text, "user2@example.com"));
	assert_int_equal(strlen(scene->text), scene->length);
}

static void nobody_waits_otherwise_and_news_are_told(void **state)
{
	struct scene *scene = *state;

	server_misbehave(scene->server, FAULT_SILENT);
	assert_int_equal(get(scene, false), -EAGAIN);
	assert_null(scene->text);
	server_misbehave(scene->server, FAULT_NONE);
	assert_true(has_news(scene, 10000));
	/* The first call was to a silent server. */
	for (int i = 0; get(scene, false) && i < 1000; i++)
		has_news(scene, 1000);
	assert_non_null(scene->text);
}

static void a_change_is_told_once(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(get(scene, true), 0);
	has_news(scene, 0);
	assert_false(has_news(scene, 100));
	server_answer(scene->server, USERS "vless", "", 0, 0);
	assert_true(has_news(scene, 5000));
	assert_int_equal(get(scene, false), 0);
	assert_null(strstr(scene->text, "user2@example.com"));
	assert_false(has_news(scene, 100));
}

static void a_failure_is_told_if_it_lasts_and_the_text_stays(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(get(scene, true), 0);
	has_news(scene, 0);
	server_misbehave(scene->server, FAULT_503);
	assert_true(has_news(scene, 5000));
	assert_int_equal(get(scene, false), -EPROTO);
	assert_non_null(strstr(scene->text, "user2@example.com"));
	assert_true(scene->server->n_calls >= 3);
	server_misbehave(scene->server, FAULT_NONE);
	assert_true(has_news(scene, 5000));
	assert_int_equal(get(scene, false), 0);
}

static void a_single_failure_is_no_news(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(get(scene, true), 0);
	has_news(scene, 0);
	scene->server->closes = true;
	usleep(50000);
	scene->server->closes = false;
	assert_false(has_news(scene, 100));
	assert_int_equal(get(scene, false), 0);
}

#define QUERY "/v2ray.core.app.stats.command.StatsService/QueryStats#user>>>"

/* "user>>>bob>>>traffic>>>uplink": 5. */
static const char counters[] = "\x0a\x21\x0a\x1duser>>>bob>>>traffic>>>uplink\x10\x05";

static void counters_are_given_out_once(void **state)
{
	struct scene *scene = *state;
	struct v2m_proxy_stats stats = { 0 };
	uint64_t number = 0;

	server_answer(scene->server, QUERY, counters, sizeof(counters) - 1, 0);
	assert_int_equal(get(scene, true), 0);
	for (int i = 0; i < 1000 && v2m_follower_stats(scene->follower, &stats, &number) == 0; i++)
		usleep(1000);
	assert_int_equal(stats.count, 1);
	assert_string_equal(stats.items[0].name, "bob");
	assert_int_equal(stats.items[0].rx_bytes, 5);
	v2m_proxy_stats_clear(&stats);
	assert_int_equal(v2m_follower_stats(scene->follower, &stats, &number), 0);
	assert_int_equal(stats.count, 0);
	while (v2m_follower_stats(scene->follower, &stats, &number) == 0)
		usleep(1000);
	assert_int_equal(stats.count, 1);
	v2m_proxy_stats_clear(&stats);
}

static void what_is_no_address_is_refused(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(v2m_follower_text(scene->follower, "xray-api://x", true, &scene->text,
					   &scene->length, &scene->error),
			 -EINVAL);
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(the_first_answer_is_waited_for_if_wanted),
		WITH_SERVER(nobody_waits_otherwise_and_news_are_told),
		WITH_SERVER(a_change_is_told_once),
		WITH_SERVER(a_failure_is_told_if_it_lasts_and_the_text_stays),
		WITH_SERVER(a_single_failure_is_no_news),
		WITH_SERVER(counters_are_given_out_once),
		WITH_SERVER(what_is_no_address_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
