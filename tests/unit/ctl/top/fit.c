// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Texts and bars of a fixed width. */
#include "ctl/top/fit.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"

static void texts_have_exactly_the_width(void **state)
{
	static const struct {
		const char *text;
		int width;
		bool right;
		bool ascii;
		const char *expected;
	} cases[] = {
		{ "anna", 6, false, false, "anna  " }, { "anna", 6, true, false, "  anna" },
		{ "anna", 4, true, false, "anna" },    { "annabel", 4, false, false, "ann…" },
		{ "annabel", 4, true, true, "ann~" },  { "жук", 5, false, false, "жук  " },
		{ "жук", 5, false, true, "???  " },    { "日本語", 5, false, false, "日本…" },
		{ "日本語", 4, false, false, "日 …" }, { "日本", 4, false, true, "????" },
		{ "", 2, false, false, "  " },         { "anna", 0, false, false, "" },
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(cases); i++) {
		char out[64];

		v2m_top_fit(cases[i].text, cases[i].width, cases[i].right, cases[i].ascii, out,
			    sizeof(out));
		assert_string_equal(out, cases[i].expected);
	}
}

static void a_small_buffer_is_never_overrun(void **state)
{
	char out[5];

	(void)state;
	v2m_top_fit("日本語日本語", 10, false, false, out, sizeof(out));
	assert_true(strlen(out) < sizeof(out));
}

static void bars_show_eighths_and_anything_above_nothing(void **state)
{
	static const struct {
		double share;
		bool ascii;
		const char *expected;
	} cases[] = {
		{ 0, false, "    " },   { 1, false, "████" },       { 2, false, "████" },
		{ 0.5, false, "██  " }, { 0.53125, false, "██▏ " }, { 1e-9, false, "▏   " },
		{ -1, false, "    " },  { 0.5, true, "##  " },      { 1e-9, true, "#   " },
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(cases); i++) {
		char out[64];

		v2m_top_bar(cases[i].share, 4, cases[i].ascii, out, sizeof(out));
		assert_string_equal(out, cases[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_have_exactly_the_width),
		cmocka_unit_test(a_small_buffer_is_never_overrun),
		cmocka_unit_test(bars_show_eighths_and_anything_above_nothing),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
