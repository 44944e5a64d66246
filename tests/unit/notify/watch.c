// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The alerts that a row of looks at the daemon makes. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "notify/watch.h"
#include "unit/temporary.h"

#define HOUR   3600LL
#define DAY    86400LL
#define SECOND 1000000000ull
/* 2027-01-15T08:00:00Z */
#define START_S 1800000000LL

/* A daemon that can be asked at any time. */
static struct {
	struct v2m_notify_settings settings;
	struct v2m_store *store;
	struct v2m_watch *watch;
	int64_t real_s;
	uint64_t mono_s;
	const char *status;
	const char *keys;
	const char *month;
	const char *budget;
	const char *problem;
} world;

static const char healthy[] = "{\"reasons\": [], \"devices\": []}";

static void open_watch(void)
{
	struct v2m_error error = { 0 };

	if (v2m_store_open(temporary_path("state"), &world.store, &error) ||
	    v2m_watch_open(&world.settings, world.store, &world.watch, &error))
		fail_msg("%s", error.text);
}

static void close_watch(void)
{
	v2m_watch_closep(&world.watch);
	v2m_store_closep(&world.store);
}

/* Settings with further members, and an empty state. */
static void begin(const char *members)
{
	struct v2m_error error = { 0 };
	char text[512];

	assert_int_equal(remove_temporary(NULL), 0);
	assert_int_equal(make_temporary(NULL), 0);
	memset(&world, 0, sizeof(world));
	snprintf(text, sizeof(text),
		 "{\"server\": \"s\", \"listeners\": false, %s \"channels\": [{\"name\": \"c\", "
		 "\"url\": \"http://h\"}]}",
		 members);
	if (v2m_notify_settings_load(temporary_file("c", text), &world.settings, &error))
		fail_msg("%s", error.text);
	world.real_s = START_S;
	world.mono_s = 1000;
	world.status = healthy;
	open_watch();
}

static void end(void)
{
	close_watch();
	v2m_notify_settings_clear(&world.settings);
}

static json_t *parse(const char *text)
{
	json_t *json = text ? json_loads(text, 0, NULL) : NULL;

	if (text && !json)
		fail_msg("no JSON: %s", text);
	return json;
}

/* Looks once and takes all alerts out of the queue. Returns their events, states and titles, one a
 * line. */
static const char *look(void)
{
	static char lines[8192];
	struct v2m_look look = { .real_us = world.real_s * 1000000,
				 .mono_ns = world.mono_s * SECOND,
				 .no_budget = !world.budget,
				 .status = world.problem ? NULL : parse(world.status),
				 .keys = world.problem ? NULL : parse(world.keys),
				 .month = world.problem ? NULL : parse(world.month),
				 .budget = world.problem ? NULL : parse(world.budget) };
	struct v2m_error error = { 0 };
	struct v2m_queued queued;

	snprintf(look.problem, sizeof(look.problem), "%s", world.problem ? world.problem : "");
	if (v2m_watch_take(world.watch, &look, &error))
		fail_msg("%s", error.text);
	v2m_look_clear(&look);
	lines[0] = 0;
	while (v2m_store_due(world.store, "c", INT64_MAX / 2, 1, &queued, &error) == 1) {
		json_t *event = parse(queued.event);
		const char *word;
		const char *state;
		const char *title;

		assert_int_equal(json_unpack(event, "{ss ss ss}", "event", &word, "state", &state,
					     "title", &title),
				 0);
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%s %s: %s\n", word,
			 state, title);
		json_decref(event);
		assert_int_equal(v2m_store_remove(world.store, queued.id, &error), 0);
		v2m_queued_clear(&queued);
	}
	return lines;
}

static void pass(int64_t seconds)
{
	world.real_s += seconds;
	world.mono_s += (uint64_t)seconds;
}

static const char *key(const char *members)
{
	static char text[1024];

	snprintf(text, sizeof(text),
		 "{\"keys\": [{\"id\": \"i\", \"uuid\": \"u\", \"name\": \"Eve\", \"is_active\": "
		 "true, \"ports\": [], %s}]}",
		 members);
	return text;
}

static void a_key_over_its_limit_is_one_alert_for_each_crossing(void **state)
{
	(void)state;
	begin("");
	world.keys = key("\"used_bytes\": 799, \"limit_bytes\": 1000");
	assert_string_equal(look(), "");
	world.keys = key("\"used_bytes\": 800, \"limit_bytes\": 1000");
	assert_string_equal(look(), "key_limit raised: key Eve has used 80 % of its limit\n");
	assert_string_equal(look(), "");
	close_watch();
	open_watch();
	assert_string_equal(look(), "");
	world.keys = key("\"used_bytes\": 1001, \"limit_bytes\": 1000");
	assert_string_equal(look(), "key_limit raised: key Eve has used 100 % of its limit\n");
	/* A reset, and then both at once: the larger one is the news. */
	world.keys = key("\"used_bytes\": 0, \"limit_bytes\": 1000");
	assert_string_equal(look(), "");
	world.keys = key("\"used_bytes\": 9223372036854775807, \"limit_bytes\": 1000");
	assert_string_equal(look(), "key_limit raised: key Eve has used 100 % of its limit\n");
	/* Bytes, or keys, that are not known for a moment are no new crossing later. */
	world.keys = key("\"used_bytes\": null, \"limit_bytes\": 1000");
	assert_string_equal(look(), "");
	world.keys = "{\"keys\": []}";
	assert_string_equal(look(), "");
	world.keys = key("\"used_bytes\": 2000, \"limit_bytes\": 1000");
	assert_string_equal(look(), "");
	end();
}

static void a_default_limit_is_for_keys_without_one(void **state)
{
	(void)state;
	begin("\"key_limit_bytes\": 100, \"key_percents\": [100],");
	world.keys = key("\"used_bytes\": 100, \"limit_bytes\": null");
	assert_string_equal(look(), "key_limit raised: key Eve has used 100 % of its limit\n");
	world.keys = key("\"used_bytes\": 100, \"limit_bytes\": 1000");
	assert_string_equal(look(), "");
	end();
}

static void a_new_month_is_a_new_crossing(void **state)
{
	static const char january[] = "{\"year_month\": \"2027-01\", \"keys\": [{\"key_uuid\": "
				      "\"u\", \"monthly_traffic\": {\"total_bytes\": 5000}}]}";
	static const char february[] = "{\"year_month\": \"2027-02\", \"keys\": [{\"key_uuid\": "
				       "\"u\", \"monthly_traffic\": {\"total_bytes\": 5000}}]}";

	(void)state;
	begin("\"key_period\": \"month\",");
	world.keys = key("\"used_bytes\": 1, \"limit_bytes\": 5000");
	assert_string_equal(look(), "");
	world.month = january;
	assert_string_equal(look(), "key_limit raised: key Eve has used 100 % of its limit\n");
	/* An answer that is missing once forgets nothing, and hides no expiry. */
	world.month = NULL;
	world.keys = key("\"used_bytes\": 1, \"limit_bytes\": 5000, \"expires_at_s\": 1800000000");
	assert_string_equal(look(), "key_expiry raised: key Eve has expired\n");
	world.month = january;
	assert_string_equal(look(), "");
	world.month = february;
	assert_string_equal(look(), "key_limit raised: key Eve has used 100 % of its limit\n");
	assert_string_equal(look(), "");
	end();
}

static void an_expiry_is_told_before_and_when_it_comes(void **state)
{
	(void)state;
	begin("");
	world.keys = key("\"used_bytes\": 0, \"expires_at_s\": 1800604800"); /* a week later */
	assert_string_equal(look(), "");
	pass(4 * DAY);
	assert_string_equal(look(), "key_expiry raised: key Eve expires within 3 days\n");
	assert_string_equal(look(), "");
	pass(3 * DAY);
	assert_string_equal(look(), "key_expiry raised: key Eve has expired\n");
	assert_string_equal(look(), "");
	/* It is prolonged. */
	world.keys = key("\"used_bytes\": 0, \"expires_at_s\": 1800777600");
	assert_string_equal(look(), "key_expiry raised: key Eve expires within 3 days\n");
	/* The largest number is never, and what expired long ago is no news. */
	world.keys = key("\"used_bytes\": 0, \"expires_at_s\": 9223372036854775807");
	assert_string_equal(look(), "");
	world.keys = key("\"used_bytes\": 0, \"expires_at_s\": 1799000000");
	assert_string_equal(look(), "");
	end();
}

static void many_keys_at_once_are_few_messages_that_name_all(void **state)
{
	char text[8192] = "{\"keys\": [";
	size_t length = strlen(text);

	(void)state;
	begin("");
	for (int i = 0; i < 45; i++)
		length += (size_t)snprintf(
			text + length, sizeof(text) - length,
			"%s{\"id\": \"%d\", \"name\": \"k%d\", \"uuid\": \"%d\", \"used_bytes\": "
			"10, \"limit_bytes\": 10}",
			i ? "," : "", i, i, i);
	snprintf(text + length, sizeof(text) - length, "]}");
	world.keys = text;
	assert_string_equal(look(), "key_limit raised: 20 keys have used 100 % of their limits\n"
				    "key_limit raised: 20 keys have used 100 % of their limits\n"
				    "key_limit raised: 5 keys have used 100 % of their limits\n");
	assert_string_equal(look(), "");
	end();
}

static const char *budget(const char *from, const char *next, int used, int projected, double left)
{
	static char text[512];

	snprintf(text, sizeof(text),
		 "{\"from\": \"%s\", \"next\": \"%s\", \"limit_bytes\": 1000, \"used_bytes\": %d, "
		 "\"projected_bytes\": %d, \"days_left\": %.2f}",
		 from, next, used, projected, left);
	return text;
}

static void a_budget_is_told_at_each_percentage_once_a_period(void **state)
{
	(void)state;
	begin("");
	world.budget = budget("2027-01-01", "2027-02-01", 10, 5000, 30.5);
	/* The projection of half a day is worth nothing. */
	assert_string_equal(look(), "");
	world.budget = budget("2027-01-01", "2027-02-01", 510, 1001, 29);
	assert_string_equal(look(), "budget raised: 50 % of the traffic budget are used\n"
				    "budget_projected raised: the traffic budget will not last\n");
	world.budget = budget("2027-01-01", "2027-02-01", 510, 900, 28);
	assert_string_equal(look(), "");
	world.budget = budget("2027-01-01", "2027-02-01", 990, 1200, 27);
	assert_string_equal(look(), "budget raised: 95 % of the traffic budget are used\n");
	world.budget = budget("2027-02-01", "2027-03-01", 500, 2000, 20);
	assert_string_equal(look(), "budget raised: 50 % of the traffic budget are used\n"
				    "budget_projected raised: the traffic budget will not last\n");
	end();
}

static void a_reason_that_lasts_is_told_and_so_is_its_end(void **state)
{
	static const char drops[] = "{\"reasons\": [{\"reason\": \"queue_drops\", \"detail\": "
				    "\"eth0\"}], \"devices\": []}";

	(void)state;
	begin("");
	world.status = drops;
	assert_string_equal(look(), "");
	pass(59);
	assert_string_equal(look(), "");
	/* It goes for a moment, and the time begins anew. */
	world.status = healthy;
	assert_string_equal(look(), "");
	world.status = drops;
	pass(30);
	assert_string_equal(look(), "");
	pass(60);
	assert_string_equal(look(), "degraded raised: degraded: queue_drops\n");
	close_watch();
	open_watch();
	assert_string_equal(look(), "");
	world.status = healthy;
	pass(30);
	assert_string_equal(look(), "");
	world.status = drops;
	pass(30);
	assert_string_equal(look(), "");
	world.status = healthy;
	pass(30);
	assert_string_equal(look(), "");
	pass(61);
	assert_string_equal(look(), "degraded cleared: no longer degraded: queue_drops\n");
	end();
}

static void a_daemon_that_does_not_answer_is_told_and_forgets_nothing(void **state)
{
	(void)state;
	begin("");
	world.keys = key("\"used_bytes\": 100, \"limit_bytes\": 100");
	look();
	world.problem = "refused";
	assert_string_equal(look(), "");
	pass(60);
	assert_string_equal(look(), "unreachable raised: v2meterd does not answer\n");
	pass(600);
	assert_string_equal(look(), "");
	close_watch();
	open_watch();
	assert_string_equal(look(), "");
	world.problem = NULL;
	assert_string_equal(look(), "unreachable cleared: v2meterd answers again\n");
	end();
}

static const char *moved(long long bytes)
{
	static char text[256];

	snprintf(text, sizeof(text),
		 "{\"reasons\": [], \"devices\": [{\"ingress\": {\"keys\": {\"bytes\": %lld}}}]}",
		 bytes);
	return text;
}

static void a_proxy_that_goes_silent_is_told(void **state)
{
	(void)state;
	begin("");
	for (int i = 0; i < 10; i++) {
		world.status = moved(1000000 * i);
		assert_string_equal(look(), "");
		pass(60);
	}
	/* Strangers still knock. */
	for (int i = 0; i < 14; i++) {
		world.status = moved(9000000 + 100 * i);
		assert_string_equal(look(), "");
		pass(60);
	}
	assert_string_equal(look(), "silent raised: the proxy has gone silent\n");
	pass(600);
	assert_string_equal(look(), "");
	world.status = moved(50000000);
	assert_string_equal(look(), "silent cleared: there is traffic again\n");
	end();
}

static void restarts_neither_end_nor_hide_a_silence(void **state)
{
	(void)state;
	begin("");
	for (int i = 0; i < 3; i++) {
		world.status = moved(1000000 * i);
		assert_string_equal(look(), "");
		pass(60);
	}
	/* A restart before the silence is told: it is told after the whole time. */
	pass(600);
	close_watch();
	open_watch();
	assert_string_equal(look(), "");
	pass(14 * 60);
	assert_string_equal(look(), "");
	pass(60);
	assert_string_equal(look(), "silent raised: the proxy has gone silent\n");
	/* A restart afterwards is no traffic. */
	close_watch();
	open_watch();
	for (int i = 0; i < 3; i++) {
		assert_string_equal(look(), "");
		pass(600);
	}
	world.status = moved(50000000);
	assert_string_equal(look(), "silent cleared: there is traffic again\n");
	end();
}

static void silence_at_an_hour_that_is_always_silent_is_none(void **state)
{
	long long bytes = 0;

	(void)state;
	begin("");
	/* Three days with traffic from hour 0 to 11 only, counted from the start. */
	for (int hour = 0; hour < 72; hour++) {
		world.status = moved(bytes += hour % 24 < 12 ? 100000000 : 0);
		look();
		pass(HOUR);
	}
	/* The fourth day is like these. */
	for (int hour = 0; hour < 24; hour++) {
		const char *told;

		world.status = moved(bytes += hour % 24 < 12 ? 100000000 : 0);
		told = look();
		if (*told)
			fail_msg("hour %d: %s", hour, told);
		pass(HOUR);
	}
	/* The fifth is not. */
	world.status = moved(bytes);
	assert_string_equal(look(), "silent raised: the proxy has gone silent\n");
	end();
}

static int listen_somewhere(uint16_t *port)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static const char *key_at(uint16_t port, bool is_active)
{
	static char text[512];

	snprintf(text, sizeof(text),
		 "{\"keys\": [{\"id\": \"i\", \"uuid\": \"u\", \"name\": \"Eve\", \"is_active\": "
		 "%s, \"ports\": [{\"port\": %u, \"transport\": \"tcp\"}]}]}",
		 is_active ? "true" : "false", port);
	return text;
}

static void a_port_at_which_nobody_listens_is_told_at_the_second_look(void **state)
{
	uint16_t port;
	int fd;

	(void)state;
	begin("");
	world.settings.listeners = true;
	fd = listen_somewhere(&port);
	world.keys = key_at(port, true);
	assert_string_equal(look(), "");
	close(fd);
	assert_string_equal(look(), "");
	assert_string_equal(look(), "not_listening raised: nobody listens at 1 port of keys\n");
	assert_string_equal(look(), "");
	/* The port of a key that is off may be closed. */
	world.keys = key_at(port, false);
	assert_string_equal(look(), "not_listening cleared: 1 port of keys listen again, or have "
				    "no key any more\n");
	assert_string_equal(look(), "");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_over_its_limit_is_one_alert_for_each_crossing),
		cmocka_unit_test(a_default_limit_is_for_keys_without_one),
		cmocka_unit_test(a_new_month_is_a_new_crossing),
		cmocka_unit_test(an_expiry_is_told_before_and_when_it_comes),
		cmocka_unit_test(many_keys_at_once_are_few_messages_that_name_all),
		cmocka_unit_test(a_budget_is_told_at_each_percentage_once_a_period),
		cmocka_unit_test(a_reason_that_lasts_is_told_and_so_is_its_end),
		cmocka_unit_test(a_daemon_that_does_not_answer_is_told_and_forgets_nothing),
		cmocka_unit_test(a_proxy_that_goes_silent_is_told),
		cmocka_unit_test(restarts_neither_end_nor_hide_a_silence),
		cmocka_unit_test(silence_at_an_hour_that_is_always_silent_is_none),
		cmocka_unit_test(a_port_at_which_nobody_listens_is_told_at_the_second_look),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
