// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/negotiate.h"

static void gzip_is_used_if_it_is_accepted(void **state)
{
	(void)state;
	assert_true(v2m_accepts_gzip("gzip"));
	assert_true(v2m_accepts_gzip("deflate, GZIP;q=0.5, br"));
	assert_true(v2m_accepts_gzip("gzip ; q=1.0"));
	assert_true(v2m_accepts_gzip("*"));
	assert_true(v2m_accepts_gzip("identity, *;q=0.1"));
}

static void gzip_is_not_used_if_it_is_not_accepted(void **state)
{
	(void)state;
	assert_false(v2m_accepts_gzip(NULL));
	assert_false(v2m_accepts_gzip(""));
	assert_false(v2m_accepts_gzip("identity"));
	assert_false(v2m_accepts_gzip("gzip;q=0"));
	assert_false(v2m_accepts_gzip("gzip; q=0.000, br"));
	assert_false(v2m_accepts_gzip("gzip;q=0, *"));
	assert_false(v2m_accepts_gzip("*;q=0"));
	assert_false(v2m_accepts_gzip("gzippy, xgzip"));
}

static void an_entity_tag_matches_in_a_list_and_weakly(void **state)
{
	(void)state;
	assert_true(v2m_etag_matches("\"a-1\"", "\"a-1\""));
	assert_true(v2m_etag_matches("W/\"a-1\"", "\"a-1\""));
	assert_true(v2m_etag_matches("\"x\", \"y,z\" , W/\"a-1\"", "\"a-1\""));
	assert_true(v2m_etag_matches("*", "\"a-1\""));
	assert_true(v2m_etag_matches(" *", "\"a-1\""));
}

static void another_entity_tag_does_not_match(void **state)
{
	(void)state;
	assert_false(v2m_etag_matches(NULL, "\"a-1\""));
	assert_false(v2m_etag_matches("", "\"a-1\""));
	assert_false(v2m_etag_matches("\"a-2\"", "\"a-1\""));
	assert_false(v2m_etag_matches("\"a-1-gzip\"", "\"a-1\""));
	assert_false(v2m_etag_matches("a-1", "\"a-1\""));
	assert_false(v2m_etag_matches("\"a-1", "\"a-1\""));
	assert_false(v2m_etag_matches("\"x\" \"", "\"a-1\""));
	assert_false(v2m_etag_matches("\"x,\"a-1\"", "\"a-1\""));
}

static void only_no_cache_asks_for_a_fresh_answer(void **state)
{
	(void)state;
	assert_true(v2m_asks_for_fresh("no-cache"));
	assert_true(v2m_asks_for_fresh("max-age=0, No-Cache"));
	assert_false(v2m_asks_for_fresh(NULL));
	assert_false(v2m_asks_for_fresh("max-age=0"));
	assert_false(v2m_asks_for_fresh("x-no-cache"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gzip_is_used_if_it_is_accepted),
		cmocka_unit_test(gzip_is_not_used_if_it_is_not_accepted),
		cmocka_unit_test(an_entity_tag_matches_in_a_list_and_weakly),
		cmocka_unit_test(another_entity_tag_does_not_match),
		cmocka_unit_test(only_no_cache_asks_for_a_fresh_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
