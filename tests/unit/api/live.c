// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/live.h"
#include "accounting/account.h"
#include "unit/api/api_fixture.h"
#include "unit/fixture.h"

static const json_t *row_of(const json_t *answer, const char *subject)
{
	json_t *row;
	size_t i;

	json_array_foreach (at(answer, "data/rows"), i, row)
		if (strcmp(json_string_value(json_array_get(row, 0)), subject) == 0)
			return row;
	return NULL;
}

static json_int_t figure(const json_t *answer, const char *subject, size_t column)
{
	const json_t *row = row_of(answer, subject);

	assert_non_null(row);
	assert_int_equal(json_array_size(row), json_array_size(at(answer, "data/columns")));
	return json_integer_value(json_array_get(row, column));
}

static void a_row_has_the_figures_that_its_columns_name(void **state)
{
	static const char *const names[] = { "subject",        "rx_bytes",    "tx_bytes",
					     "lifetime_bytes", "connections", "traffic_rate" };
	json_t *answer = render(*state, v2m_api_live, NULL, 200);
	const json_t *columns = at(answer, "data/columns");

	assert_int_equal(json_array_size(columns), V2M_ARRAY_LEN(names));
	for (size_t i = 0; i < V2M_ARRAY_LEN(names); i++)
		assert_string_equal(json_string_value(json_array_get(columns, i)), names[i]);
	assert_int_equal(figure(answer, "key-1", 1), FAKE_RX_WIRE);
	assert_int_equal(figure(answer, "key-1", 2), FAKE_TX_WIRE);
	assert_int_equal(figure(answer, "key-1", 3), FAKE_RX_WIRE + FAKE_TX_WIRE);
	assert_int_equal(figure(answer, "key-1", 4), 3);
	assert_int_equal(figure(answer, "key-1", 5), 4500);
	assert_text(answer, "data/accounting/mode", "ebpf");
	assert_integer(answer, "data/total_keys", 6);
	json_decref(answer);
}

/* A client that knows nothing of sharing must not bill each user for all of them. */
static void a_shared_port_has_one_row_and_names_its_keys(void **state)
{
	json_t *answer = render(*state, v2m_api_live, NULL, 200);
	const json_t *users = at(answer, "data/shared/port:9002");

	assert_int_equal(json_array_size(users), 2);
	assert_string_equal(json_string_value(json_array_get(users, 0)), "shared-a");
	assert_null(row_of(answer, "shared-a"));
	assert_int_equal(figure(answer, "port:9002", 1), FAKE_RX_WIRE);
	json_decref(answer);
}

static void a_key_without_a_port_has_no_row_and_is_not_called_uncounted(void **state)
{
	json_t *answer = render(*state, v2m_api_live, NULL, 200);

	assert_null(row_of(answer, "portless"));
	assert_int_equal(json_array_size(at(answer, "data/not_counted")), 0);
	json_decref(answer);
}

#define SPAN(first, last, bits)                                                                    \
	{                                                                                          \
		.first_port = first, .last_port = last, .transports = bits                         \
	}

/* Keys on several ports, on one port by one transport each, and on a shared port. Every slot has a
 * rate of 100 and a connection, except the one of "uncounted". */
static json_t *render_several(void)
{
	static const struct key_on on[] = {
		{ "many", { SPAN(10001, 10001, V2M_TCP), SPAN(20000, 30000, V2M_TCP) }, { NULL } },
		{ "by-tcp", { SPAN(443, 443, V2M_TCP) }, { NULL } },
		{ "by-udp", { SPAN(443, 443, V2M_UDP) }, { NULL } },
		{ "sharer", { SPAN(8443, 8443, V2M_TCP), SPAN(9000, 9000, V2M_TCP) }, { NULL } },
		{ "other", { SPAN(8443, 8443, V2M_TCP) }, { NULL } },
		{ "uncounted", { SPAN(7000, 7000, V2M_UDP) }, { NULL } },
	};
	struct v2m_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	struct v2m_account *account = v2m_account_new();
	struct world world = { .snapshot = snapshot };
	json_t *answer;

	snapshot->references = 1;
	snapshot->keyset = keyset_on(on, V2M_ARRAY_LEN(on));
	assert_int_equal(v2m_account_fill(account, snapshot), 0);
	for (size_t i = 0; i < snapshot->keyset->slots.count; i++) {
		bool counted = snapshot->keyset->slots.items[i].first_port != 7000;

		snapshot->slots[i].counted = counted;
		snapshot->slots[i].rate_bytes_s = counted ? 100 : 0;
		snapshot->slots[i].n_connections = counted;
	}
	answer = render(&world, v2m_api_live, NULL, 200);
	v2m_snapshot_unref(snapshot);
	v2m_account_free(account);
	return answer;
}

static void a_key_on_several_ports_has_one_row_with_their_sum(void **state)
{
	json_t *answer = render_several();

	(void)state;
	assert_int_equal(figure(answer, "many", 5), 200);
	assert_int_equal(figure(answer, "many", 4), 2);
	json_decref(answer);
}

static void two_keys_on_one_port_by_one_transport_each_do_not_share(void **state)
{
	json_t *answer = render_several();

	(void)state;
	assert_int_equal(figure(answer, "by-tcp", 5), 100);
	assert_int_equal(figure(answer, "by-udp", 5), 100);
	assert_null(json_object_get(at(answer, "data/shared"), "port:443"));
	json_decref(answer);
}

/* The bytes of its other port are in no row of a key, so they need one of their own. */
static void a_key_that_shares_one_of_its_ports_has_rows_by_port(void **state)
{
	json_t *answer = render_several();

	(void)state;
	assert_null(row_of(answer, "sharer"));
	assert_int_equal(figure(answer, "port:8443", 5), 100);
	assert_int_equal(figure(answer, "port:9000", 5), 100);
	assert_int_equal(json_array_size(at(answer, "data/shared/port:8443")), 2);
	assert_int_equal(json_array_size(at(answer, "data/shared/port:9000")), 1);
	json_decref(answer);
}

static void a_key_that_is_not_counted_has_no_row_and_is_named(void **state)
{
	json_t *answer = render_several();
	const json_t *named = at(answer, "data/not_counted");

	(void)state;
	assert_null(row_of(answer, "uncounted"));
	assert_int_equal(json_array_size(named), 1);
	assert_string_equal(json_string_value(json_array_get(named, 0)), "uncounted");
	json_decref(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_row_has_the_figures_that_its_columns_name),
		WORLD_TEST(a_shared_port_has_one_row_and_names_its_keys),
		WORLD_TEST(a_key_without_a_port_has_no_row_and_is_not_called_uncounted),
		cmocka_unit_test(a_key_on_several_ports_has_one_row_with_their_sum),
		cmocka_unit_test(two_keys_on_one_port_by_one_transport_each_do_not_share),
		cmocka_unit_test(a_key_that_shares_one_of_its_ports_has_rows_by_port),
		cmocka_unit_test(a_key_that_is_not_counted_has_no_row_and_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
