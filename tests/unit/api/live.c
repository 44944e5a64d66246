// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/live.h"
#include "unit/api/api_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_row_has_the_figures_that_its_columns_name),
		WORLD_TEST(a_shared_port_has_one_row_and_names_its_keys),
		WORLD_TEST(a_key_without_a_port_has_no_row_and_is_not_called_uncounted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
