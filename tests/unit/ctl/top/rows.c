// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The rows of v2meterctl top, and the rates of their directions. */
#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "ctl/top/rates.h"
#include "ctl/top/rows.h"

static const char keys_text[] = "[{\"id\": \"a\", \"name\": \"anna\", \"port\": 10001},"
				" {\"id\": \"b\", \"name\": \"bert\\u001b[2J\", \"port\": 443},"
				" {\"id\": \"c\", \"name\": \"\", \"port\": 443},"
				" {\"id\": \"d\", \"name\": \"dora\", \"port\": 20000, \"ports\": "
				"[20000, \"30000-40000\", \"\\u001b[2J\"]}]";

/* The columns come in another order than in docs/openapi.yaml, and there is a new one. */
static json_t *make_live(double clock_s, long long a_tx, long long d_tx)
{
	json_t *live = json_pack(
		"{s:{s:f, s:i, s:{s:b}, s:[s,s,s,s,s,s,s], s:[[i,I,s,f,i,i,i],[i,I,s,f,i,i,i],"
		"[i,I,s,f,i,i,i]], s:{s:[s,s]}}}",
		"data", "clock_s", clock_s, "total_keys", 4, "accounting", "exact", 1, "columns",
		"connections", "tx_bytes", "subject", "traffic_rate", "new", "rx_bytes",
		"lifetime_bytes", "rows", 1, (json_int_t)a_tx, "a", 50.0, 0, 10, 500, 2,
		(json_int_t)7, "port:443", 70.0, 0, 8, 15, 0, (json_int_t)d_tx, "d", 0.0, 0, 0, 0,
		"shared", "port:443", "b", "c");

	assert_non_null(live);
	return live;
}

static void read_rows(double clock_s, long long a_tx, long long d_tx, struct v2m_top_rows *rows)
{
	json_t *keys = json_loads(keys_text, 0, NULL);
	json_t *live = make_live(clock_s, a_tx, d_tx);

	assert_int_equal(v2m_top_rows_read(live, keys, rows), 0);
	json_decref(live);
	json_decref(keys);
}

static const struct v2m_top_row *find(const struct v2m_top_rows *rows, const char *subject)
{
	for (size_t i = 0; i < rows->count; i++)
		if (strcmp(rows->items[i].subject, subject) == 0)
			return &rows->items[i];
	fail_msg("no row %s", subject);
	return NULL;
}

static void rows_have_the_figures_and_safe_names(void **state)
{
	struct v2m_top_rows rows = { 0 };
	const struct v2m_top_row *row;

	(void)state;
	read_rows(1, 90, 3, &rows);
	assert_int_equal(rows.count, 3);
	assert_int_equal(rows.n_keys, 4);
	assert_true(rows.exact);
	row = find(&rows, "a");
	assert_string_equal(row->name, "anna");
	assert_string_equal(row->ports, "10001");
	assert_true(row->rx == 10 && row->tx == 90 && row->lifetime == 500 &&
		    row->connections == 1 && row->rate == 50 && row->tx_rate < 0);
	row = find(&rows, "port:443");
	assert_true(row->is_port);
	assert_string_equal(row->name, "2 keys: bert\\u001b[2J, c");
	assert_string_equal(find(&rows, "d")->ports, "20000, 30000-40000, \\u001b[2J");
	v2m_top_rows_clear(&rows);
}

static void another_shape_is_refused_and_changes_nothing(void **state)
{
	static const char *const answers[] = {
		"{}",
		"{\"data\": {\"clock_s\": 1.0, \"columns\": [\"subject\"], \"rows\": []}}",
		"{\"data\": {\"clock_s\": 1.0, \"columns\": [\"subject\", \"rx_bytes\", "
		"\"tx_bytes\","
		" \"lifetime_bytes\", \"connections\", \"traffic_rate\"], \"rows\": [[\"a\", -1, "
		"1, 1, 1, 1]]}}",
	};
	struct v2m_top_rows rows = { 0 };

	(void)state;
	read_rows(1, 90, 3, &rows);
	for (size_t i = 0; i < V2M_ARRAY_LEN(answers); i++) {
		json_t *answer = json_loads(answers[i], 0, NULL);

		assert_non_null(answer);
		assert_int_equal(v2m_top_rows_read(answer, NULL, &rows), -EINVAL);
		assert_int_equal(rows.count, 3);
		json_decref(answer);
	}
	v2m_top_rows_clear(&rows);
}

static void assert_order(struct v2m_top_rows *rows, enum v2m_top_sort sort, bool reversed,
			 const char *expected)
{
	char order[64] = "";

	v2m_top_rows_sort(rows, sort, reversed);
	for (size_t i = 0; i < rows->count; i++)
		strncat(order, rows->items[i].subject, 1);
	assert_string_equal(order, expected);
}

static void rows_sort_by_each_figure(void **state)
{
	struct v2m_top_rows rows = { 0 };

	(void)state;
	read_rows(1, 90, 300, &rows);
	assert_order(&rows, V2M_TOP_BY_RATE, false, "pad");
	assert_order(&rows, V2M_TOP_BY_RATE, true, "dap");
	assert_order(&rows, V2M_TOP_BY_TOTAL, false, "dap");
	assert_order(&rows, V2M_TOP_BY_LIFETIME, false, "apd");
	assert_order(&rows, V2M_TOP_BY_CONNECTIONS, false, "pad");
	assert_order(&rows, V2M_TOP_BY_NAME, false, "pad");
	/* Equal ones stay in the order of their names. */
	assert_order(&rows, V2M_TOP_BY_DOWN, false, "pad");
	assert_order(&rows, V2M_TOP_BY_DOWN, true, "pad");
	v2m_top_rows_clear(&rows);
}

static void a_filter_looks_at_name_id_and_ports(void **state)
{
	struct v2m_top_rows rows = { 0 };

	(void)state;
	read_rows(1, 90, 3, &rows);
	assert_true(v2m_top_row_fits(find(&rows, "a"), "ANN"));
	assert_true(v2m_top_row_fits(find(&rows, "a"), ""));
	assert_true(v2m_top_row_fits(find(&rows, "port:443"), "bert"));
	assert_true(v2m_top_row_fits(find(&rows, "d"), "30000"));
	assert_false(v2m_top_row_fits(find(&rows, "d"), "anna"));
	v2m_top_rows_clear(&rows);
}

static double rate_after(struct v2m_top_rates *rates, double clock_s, long long a_tx)
{
	struct v2m_top_rows rows = { 0 };
	double rate;

	read_rows(clock_s, a_tx, 0, &rows);
	assert_int_equal(v2m_top_rates_add(rates, &rows), 0);
	rate = find(&rows, "a")->tx_rate;
	v2m_top_rows_clear(&rows);
	return rate;
}

static void a_rate_is_what_was_added_and_survives_a_reset(void **state)
{
	struct v2m_top_rates *rates = v2m_top_rates_new();

	(void)state;
	assert_true(rate_after(rates, 100, 1000) < 0);
	assert_true(rate_after(rates, 102, 3000) == 1000);
	assert_true(rate_after(rates, 102, 3000) == 1000);
	assert_true(rate_after(rates, 104, 50) < 0);
	assert_true(rate_after(rates, 106, 250) == 100);
	/* The machine has started anew. */
	assert_true(rate_after(rates, 5, 300) < 0);
	v2m_top_rates_free(rates);
}

static void a_rate_forgets_what_is_ten_seconds_ago(void **state)
{
	struct v2m_top_rates *rates = v2m_top_rates_new();
	double rate = 0;

	(void)state;
	for (int second = 0; second <= 100; second += 2)
		rate = rate_after(rates, second, second < 80 ? 0 : (second - 78) * 100);
	assert_true(rate == 100);
	v2m_top_rates_free(rates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_have_the_figures_and_safe_names),
		cmocka_unit_test(another_shape_is_refused_and_changes_nothing),
		cmocka_unit_test(rows_sort_by_each_figure),
		cmocka_unit_test(a_filter_looks_at_name_id_and_ports),
		cmocka_unit_test(a_rate_is_what_was_added_and_survives_a_reset),
		cmocka_unit_test(a_rate_forgets_what_is_ten_seconds_ago),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
