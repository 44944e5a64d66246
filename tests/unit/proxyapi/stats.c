// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/proxyapi/client_fixture.h"

#include "base/clock.h"
#include "base/macros.h"
#include "messages.pb-c.h"
#include "proxyapi/stats.h"

#define QUERY "/v2ray.core.app.stats.command.StatsService/QueryStats#user>>>"

struct counter {
	const char *name;
	int64_t value;
};

static void publish(struct scene *scene, const struct counter *counters, size_t n)
{
	V2mPb__StatList list = V2M_PB__STAT_LIST__INIT;
	V2mPb__Stat stats[8];
	V2mPb__Stat *pointers[8];
	uint8_t data[1024];

	for (size_t i = 0; i < n; i++) {
		v2m_pb__stat__init(&stats[i]);
		stats[i].name = (char *)counters[i].name;
		stats[i].value = counters[i].value;
		pointers[i] = &stats[i];
	}
	list.stats = pointers;
	list.n_stats = n;
	server_answer(scene->server, QUERY, data, v2m_pb__stat_list__pack(&list, data), 0);
}

static int ask(struct scene *scene)
{
	return v2m_proxy_stats_ask(scene->grpc, v2m_clock_mono_ns() + 5000000000ull, &scene->stats,
				   &scene->error);
}

static void both_directions_of_a_user_are_put_together(void **state)
{
	static const struct counter counters[] = {
		{ "user>>>bob>>>traffic>>>downlink", 5000000000 },
		{ "user>>>alice>>>traffic>>>uplink", 7 },
		{ "inbound>>>in>>>traffic>>>uplink", 99 },
		{ "user>>>bob>>>traffic>>>uplink", 3 },
		{ "user>>>a>>>b>>>traffic>>>downlink", 11 },
		{ "user>>>alice>>>online", 2 },
		{ "user>>>traffic>>>uplink", 1 },
	};
	struct scene *scene = *state;
	const struct v2m_proxy_stat *bob;

	publish(scene, counters, V2M_ARRAY_LEN(counters));
	assert_int_equal(ask(scene), 0);
	assert_int_equal(scene->stats.count, 3);
	bob = v2m_proxy_stats_find(&scene->stats, "bob");
	assert_non_null(bob);
	assert_int_equal(bob->rx_bytes, 3);
	assert_int_equal(bob->tx_bytes, 5000000000);
	assert_int_equal(v2m_proxy_stats_find(&scene->stats, "alice")->rx_bytes, 7);
	assert_int_equal(v2m_proxy_stats_find(&scene->stats, "a>>>b")->tx_bytes, 11);
	assert_null(v2m_proxy_stats_find(&scene->stats, "carol"));
}

/* The counting process would take the answer for that of somebody else. */
static void a_name_that_no_key_can_have_is_passed_over(void **state)
{
	struct scene *scene = *state;
	char name[300];
	const struct counter counters[] = { { name, 1 }, { "user>>>bob>>>traffic>>>uplink", 3 } };

	snprintf(name, sizeof(name), "user>>>%0256d>>>traffic>>>uplink", 0);
	publish(scene, counters, V2M_ARRAY_LEN(counters));
	assert_int_equal(ask(scene), 0);
	assert_int_equal(scene->stats.count, 1);
	v2m_proxy_stats_clear(&scene->stats);
	snprintf(name, sizeof(name), "user>>>%0255d>>>traffic>>>uplink", 0);
	publish(scene, counters, V2M_ARRAY_LEN(counters));
	assert_int_equal(ask(scene), 0);
	assert_int_equal(scene->stats.count, 2);
}

static void a_proxy_without_counters_has_none(void **state)
{
	struct scene *scene = *state;

	server_answer(scene->server, QUERY, "", 0, 0);
	assert_int_equal(ask(scene), 0);
	assert_int_equal(scene->stats.count, 0);
	assert_null(v2m_proxy_stats_find(&scene->stats, "bob"));
}

static void malformed_counters_are_an_error(void **state)
{
	struct scene *scene = *state;

	server_answer(scene->server, QUERY, "\x0a\x7f?", 3, 0);
	assert_int_equal(ask(scene), -EPROTO);
	assert_non_null(strstr(scene->error.text, "malformed"));
	server_answer(scene->server, QUERY, "", 0, 12);
	assert_int_equal(ask(scene), -EOPNOTSUPP);
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(both_directions_of_a_user_are_put_together),
		WITH_SERVER(a_name_that_no_key_can_have_is_passed_over),
		WITH_SERVER(a_proxy_without_counters_has_none),
		WITH_SERVER(malformed_counters_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
