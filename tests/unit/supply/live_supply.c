// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The asking process is this test program itself: the real one, or one that does what the name of
 * its argument says. */
#include "unit/supply/live_fixture.h"

#include <signal.h>

#include "asking/asking.h"
#include "process/channel.h"
#include "process/child.h"

static void say(uint32_t kind, uint64_t id, const void *data, size_t length)
{
	const struct v2m_message message = {
		.kind = kind, .id = id, .data = data, .length = length, .fd = -1
	};

	while (v2m_channel_send(V2M_CHILD_CHANNEL, &message) == -EAGAIN)
		usleep(1000);
}

/* What a process that was taken over may do. */
static int be_asker(const char *what)
{
	static const char nonsense[] = "nonsense";
	const uint32_t protections = UINT32_MAX;

	signal(SIGPIPE, SIG_IGN);
	if (strcmp(what, V2M_ASKING_ARGUMENT) == 0)
		v2m_asking_run();
	if (strcmp(what, "crash") == 0)
		raise(SIGKILL);
	if (strcmp(what, "nonsense") == 0)
		say(V2M_ASKING_SAID, 0, nonsense, sizeof(nonsense));
	if (strcmp(what, "stranger") == 0)
		say(V2M_ASKING_SAID, 7, NULL, 0);
	if (strcmp(what, "protections") == 0)
		say(V2M_ASKING_READY, 0, &protections, sizeof(protections));
	if (strcmp(what, "unknown") == 0)
		say(99, 0, NULL, 0);
	if (strcmp(what, "malformed") == 0 && write(V2M_CHILD_CHANNEL, "x", 1) == 1)
		pause();
	for (int i = 0; strcmp(what, "connects") == 0 && i < 1000; i++)
		say(V2M_ASKING_CONNECT, 0, NULL, 0);
	for (;;)
		pause();
}

static void the_first_answer_is_waited_for_if_wanted(void **state)
{
	struct scene *scene = *state;
	const struct v2m_live_source *said;

	open_supply(scene);
	assert_int_equal(collect(scene, false)->result, -EAGAIN);
	assert_null(scene->live.items[0].text);
	said = collect(scene, true);
	assert_int_equal(said->result, 0);
	assert_non_null(strstr(said->text, BOB));
	assert_int_equal(strlen(said->text), said->length);
	assert_string_equal(said->source, scene->server->name);
	/* All that there is has been collected. */
	assert_false(has_news(scene, 100));
}

static void a_change_is_told_once(void **state)
{
	struct scene *scene = *state;

	open_supply(scene);
	collect(scene, true);
	server_answer(scene->server, USERS "vless", "", 0, 0);
	assert_true(has_news(scene, 5000));
	assert_null(strstr(collect(scene, false)->text, BOB));
	assert_false(has_news(scene, 100));
}

static void a_failure_is_told_if_it_lasts_and_the_text_stays(void **state)
{
	struct scene *scene = *state;

	open_supply(scene);
	collect(scene, true);
	server_misbehave(scene->server, FAULT_503);
	assert_true(has_news(scene, 5000));
	assert_int_equal(collect(scene, false)->result, -EPROTO);
	assert_non_null(strstr(scene->live.items[0].text, BOB));
	assert_true(scene->server->n_calls >= 3);
	server_misbehave(scene->server, FAULT_NONE);
	assert_true(has_news(scene, 5000));
	assert_int_equal(collect(scene, false)->result, 0);
}

static void a_single_failure_is_no_news(void **state)
{
	struct scene *scene = *state;

	open_supply(scene);
	collect(scene, true);
	scene->server->closes = true;
	usleep(50000);
	scene->server->closes = false;
	assert_false(has_news(scene, 100));
	assert_int_equal(collect(scene, false)->result, 0);
}

static int learn(struct v2m_live_supply *supply, const char *api)
{
	struct v2m_strings apis = { 0 };
	int result;

	assert_int_equal(v2m_strings_add(&apis, api), 0);
	result = v2m_live_supply_learn(supply, &apis);
	v2m_strings_clear(&apis);
	return result;
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
	open_supply(scene);
	for (int i = 0; i < 2; i++) {
		uint64_t before = number;

		while (v2m_live_supply_stats(scene->supply, &stats, &number) == 0)
			has_news(scene, 1);
		assert_int_not_equal(number, before);
		assert_int_equal(stats.count, 1);
		assert_string_equal(stats.items[0].name, "bob");
		assert_int_equal(stats.items[0].rx_bytes, 5);
		v2m_proxy_stats_clear(&stats);
		assert_int_equal(v2m_live_supply_stats(scene->supply, &stats, &number), 0);
		assert_int_equal(stats.count, 0);
	}
}

/* "user>>>eve>>>traffic>>>uplink": 7. */
static const char others[] = "\x0a\x21\x0a\x1duser>>>eve>>>traffic>>>uplink\x10\x07";

/* Waits for counters of both users, of which those of eve have to be as old as said. A busy machine
 * may part the two answers of a round, so it waits for a round in which they came together. */
static void await_counters(struct scene *scene, uint64_t *number, bool are_old)
{
	uint64_t end_ns = v2m_clock_mono_ns() + 30000000000;
	bool is_right = false;

	while (!is_right) {
		struct v2m_proxy_stats stats = { 0 };
		const struct v2m_proxy_stat *bob;
		const struct v2m_proxy_stat *eve;

		assert_true(v2m_clock_mono_ns() < end_ns);
		has_news(scene, 1);
		assert_true(v2m_live_supply_stats(scene->supply, &stats, number) >= 0);
		bob = v2m_proxy_stats_find(&stats, "bob");
		eve = v2m_proxy_stats_find(&stats, "eve");
		is_right = bob && eve && !bob->is_old && eve->is_old == are_old &&
			   stats.is_partial == are_old;
		v2m_proxy_stats_clear(&stats);
	}
}

static void counters_of_a_proxy_that_does_not_answer_are_old(void **state)
{
	struct scene *scene = *state;
	struct grpc_server *other = server_start();
	uint64_t number = 0;

	server_answer(scene->server, QUERY, counters, sizeof(counters) - 1, 0);
	server_answer(other, LIST, "", 0, 0);
	server_answer(other, QUERY, others, sizeof(others) - 1, 0);
	open_supply(scene);
	/* The other one joins in a later round. */
	collect(scene, true);
	assert_int_equal(learn(scene->supply, other->name), 1);
	for (int i = 0; i < 5; i++)
		await_counters(scene, &number, false);
	server_misbehave(other, FAULT_503);
	for (int i = 0; i < 3; i++)
		await_counters(scene, &number, true);
	server_misbehave(other, FAULT_NONE);
	await_counters(scene, &number, false);
	v2m_live_supply_close(scene->supply);
	scene->supply = NULL;
	server_stop(other);
}

#define N_SILENT 3

/* A socket whose connections nobody accepts. */
static int listen_silently(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s", name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(
		bind(fd, (struct sockaddr *)&address,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)),
		0);
	assert_int_equal(listen(fd, 1000), 0);
	return fd;
}

static bool knows_bob(struct scene *scene)
{
	v2m_live_sources_clear(&scene->live);
	assert_int_equal(v2m_live_supply_collect(scene->supply, false, &scene->live), 0);
	return strstr(scene->live.items[0].text, BOB);
}

/* How long it takes until a change of the first API is known. */
static uint64_t time_change(struct scene *scene, bool has_bob)
{
	uint64_t began_ns = v2m_clock_mono_ns();

	if (has_bob)
		answer_with_file(scene, USERS "vless", "../data/proxyapi/users.bin");
	else
		server_answer(scene->server, USERS "vless", "", 0, 0);
	while (knows_bob(scene) != has_bob)
		assert_true(has_news(scene, 60000));
	return v2m_clock_mono_ns() - began_ns;
}

/* Each of them would take two seconds of every round. On a busy machine the first one may be late
 * too: one change of three has to be quick. */
static void apis_that_hang_do_not_delay_another_one(void **state)
{
	struct scene *scene = *state;
	uint64_t took_ns = UINT64_MAX;
	int silent[N_SILENT];
	char source[64];

	open_supply(scene);
	collect(scene, true);
	for (int i = 0; i < N_SILENT; i++) {
		snprintf(source, sizeof(source), "xray-api+unix:@silent-%d-%d", getpid(), i);
		silent[i] = listen_silently(strchr(source, '@') + 1);
		assert_int_equal(learn(scene->supply, source), 1);
	}
	/* Until a round has begun in which they are asked. */
	time_change(scene, false);
	for (int i = 0; i < 3 && took_ns >= UINT64_C(5000000000); i++)
		took_ns = time_change(scene, i % 2 == 0);
	assert_true(took_ns < UINT64_C(5000000000));
	for (int i = 0; i < N_SILENT; i++)
		close(silent[i]);
}

static void a_process_that_is_killed_is_replaced_and_the_keys_stay(void **state)
{
	struct scene *scene = *state;
	uint64_t began_ns;
	pid_t first;

	open_supply(scene);
	collect(scene, true);
	first = child();
	assert_int_not_equal(first, 0);
	kill(first, SIGKILL);
	began_ns = v2m_clock_mono_ns();
	while ((child() == first || child() == 0) && v2m_clock_mono_ns() - began_ns < 5000000000)
		assert_false(has_news(scene, 1));
	assert_true(v2m_clock_mono_ns() - began_ns < 2000000000);
	assert_non_null(strstr(collect(scene, false)->text, BOB));
	assert_int_equal(scene->live.items[0].result, 0);
	server_answer(scene->server, USERS "vless", "", 0, 0);
	assert_true(has_news(scene, 5000));
	assert_null(strstr(collect(scene, false)->text, BOB));
}

/* Opens a supply whose processes do only what the argument says, until that is its answer. */
static void assert_refused(struct scene *scene, const char *argument, const char *why)
{
	open_with(scene, argument, scene->server->name);
	assert_int_equal(collect(scene, true)->result, -EIO);
	if (!strstr(scene->live.items[0].error.text, why))
		fail_msg("%s: %s", argument, scene->live.items[0].error.text);
	assert_null(scene->live.items[0].text);
	v2m_live_supply_close(scene->supply);
	scene->supply = NULL;
}

static void what_a_process_must_not_say_is_its_end(void **state)
{
	struct scene *scene = *state;

	assert_refused(scene, "crash", "signal 9 (Killed)");
	assert_refused(scene, "nonsense", "what it said is not allowed");
	assert_refused(scene, "stranger", "what it said is not allowed");
	assert_refused(scene, "protections", "what it said is not allowed");
	assert_refused(scene, "unknown", "what it said is not allowed");
	assert_refused(scene, "malformed", "what it said is not allowed");
}

/* The server accepts one connection at a time, and its queue is short. */
static void a_process_that_wants_connections_without_end_is_killed(void **state)
{
	struct scene *scene = *state;

	assert_refused(scene, "connects", "it does not read what it is told");
}

/* Such a server costs its own answers, and nobody else's. */
static void a_server_that_closes_after_each_answer_ends_no_process(void **state)
{
	struct scene *scene = *state;
	pid_t first;

	open_supply(scene);
	collect(scene, true);
	first = child();
	scene->server->closes = true;
	for (uint64_t end_ns = v2m_clock_mono_ns() + 500000000; v2m_clock_mono_ns() < end_ns;)
		has_news(scene, 10);
	assert_true(server_connections(scene->server) > 10);
	assert_true(server_connections(scene->server) <= 32);
	assert_int_equal(child(), first);
	assert_non_null(strstr(collect(scene, false)->text, BOB));
}

static void without_an_api_there_is_no_process(void **state)
{
	struct scene *scene = *state;

	open_with(scene, V2M_ASKING_ARGUMENT, NULL);
	assert_false(has_news(scene, 20));
	assert_int_equal(child(), 0);
}

static void what_is_no_address_is_refused(void **state)
{
	struct scene *scene = *state;

	open_with(scene, V2M_ASKING_ARGUMENT, "xray-api://x");
	assert_int_equal(collect(scene, true)->result, -EINVAL);
	assert_int_equal(child(), 0);
}

/* The reading process names these APIs, and it may have been taken over by a file. */
static void apis_that_a_reading_names_are_followed_if_they_are_of_this_host(void **state)
{
	struct scene *scene = *state;

	open_with(scene, V2M_ASKING_ARGUMENT, NULL);
	assert_int_equal(learn(scene->supply, "xray-api://192.0.2.1:1"), 0);
	assert_int_equal(learn(scene->supply, "xray-api://[2001:db8::1]:1"), 0);
	assert_int_equal(learn(scene->supply, "/etc/passwd"), 0);
	assert_int_equal(child(), 0);
	assert_int_equal(learn(scene->supply, "xray-api://127.0.0.1:1"), 1);
	assert_int_equal(learn(scene->supply, "xray-api://127.0.0.1:1"), 0);
	assert_int_equal(learn(scene->supply, "xray-api+unix:@x"), 1);
	v2m_live_sources_clear(&scene->live);
	assert_int_equal(v2m_live_supply_collect(scene->supply, true, &scene->live), 0);
	assert_int_equal(scene->live.count, 2);
	assert_int_equal(scene->live.items[0].result, -ECONNREFUSED);
	assert_int_equal(scene->live.items[1].result, -ECONNREFUSED);
}

int main(int argc, char **argv)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(the_first_answer_is_waited_for_if_wanted),
		WITH_SERVER(a_change_is_told_once),
		WITH_SERVER(a_failure_is_told_if_it_lasts_and_the_text_stays),
		WITH_SERVER(a_single_failure_is_no_news),
		WITH_SERVER(counters_are_given_out_once),
		WITH_SERVER(counters_of_a_proxy_that_does_not_answer_are_old),
		WITH_SERVER(apis_that_hang_do_not_delay_another_one),
		WITH_SERVER(a_process_that_is_killed_is_replaced_and_the_keys_stay),
		WITH_SERVER(what_a_process_must_not_say_is_its_end),
		WITH_SERVER(a_process_that_wants_connections_without_end_is_killed),
		WITH_SERVER(a_server_that_closes_after_each_answer_ends_no_process),
		WITH_SERVER(without_an_api_there_is_no_process),
		WITH_SERVER(what_is_no_address_is_refused),
		WITH_SERVER(apis_that_a_reading_names_are_followed_if_they_are_of_this_host),
	};

	if (argc > 1)
		return be_asker(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
