// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "base/text.h"

static void only_ascii_letters_become_lower_case(void **state)
{
	char lower[64];

	(void)state;
	assert_int_equal(v2m_lower_case("E9828D67-@[`{z \xc3\x84", lower, sizeof(lower)), 17);
	assert_string_equal(lower, "e9828d67-@[`{z \xc3\x84");
	assert_int_equal(v2m_lower_case("", lower, sizeof(lower)), 0);
	assert_string_equal(lower, "");
}

static void a_text_that_does_not_fit_is_cut_off_and_its_length_says_so(void **state)
{
	char lower[4] = "xxx";

	(void)state;
	assert_int_equal(v2m_lower_case("ABC", lower, sizeof(lower)), 3);
	assert_string_equal(lower, "abc");
	assert_int_equal(v2m_lower_case("ABCDE", lower, sizeof(lower)), 5);
	assert_string_equal(lower, "abc");
	assert_int_equal(v2m_lower_case("ABCDE", lower, 1), 5);
	assert_string_equal(lower, "");
}

static void characters_at_the_limits_of_each_length_are_decoded(void **state)
{
	static const struct {
		const char *text;
		uint32_t character;
	} cases[] = {
		{ "a", 'a' },
		{ "\x7f", 0x7f },
		{ "\xc2\x80", 0x80 },
		{ "\xdf\xbf", 0x7ff },
		{ "\xe0\xa0\x80", 0x800 },
		{ "\xed\x9f\xbf", 0xd7ff },
		{ "\xee\x80\x80", 0xe000 },
		{ "\xef\xbf\xbf", 0xffff },
		{ "\xf0\x90\x80\x80", 0x10000 },
		{ "\xf4\x8f\xbf\xbf", 0x10ffff },
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(cases); i++) {
		uint32_t character = 0;

		assert_int_equal(v2m_utf8_decode(cases[i].text, &character), strlen(cases[i].text));
		assert_int_equal(character, cases[i].character);
		assert_true(v2m_is_utf8(cases[i].text));
	}
	assert_true(v2m_is_utf8(""));
}

static void everything_else_is_refused(void **state)
{
	static const char *const cases[] = {
		"\x80",         "\xbf",         "\xc0\x80",         "\xc1\xbf",
		"\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",     "\xf0\x8f\xbf\xbf",
		"\xff",         "\xf8\x88\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xc3",         "\xe6\x97",     "\xf0\x9f\x98",     "\xc3(",
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(cases); i++) {
		assert_int_equal(v2m_utf8_decode(cases[i], NULL), 0);
		assert_false(v2m_is_utf8(cases[i]));
	}
	assert_false(v2m_is_utf8("abc\xff"));
}

static void expect_plain(const char *text, const char *plain)
{
	char copy[64];

	strcpy(copy, text);
	v2m_text_make_plain(copy);
	assert_string_equal(copy, plain);
}

static void a_plain_text_holds_nothing_that_a_terminal_obeys(void **state)
{
	(void)state;
	expect_plain("", "");
	expect_plain("caf\xc3\xa9 ~\xc2\xa0", "caf\xc3\xa9 ~\xc2\xa0");
	expect_plain("a\x1b[31mb\nc\x7f", "a [31mb c ");
	expect_plain("\xc2\x9b"
		     "31m\xc2\x80\xc2\x9f",
		     "  31m    ");
	expect_plain("\x9b"
		     "31m\xff\xc3",
		     "?31m??");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_text_holds_nothing_that_a_terminal_obeys),
		cmocka_unit_test(only_ascii_letters_become_lower_case),
		cmocka_unit_test(a_text_that_does_not_fit_is_cut_off_and_its_length_says_so),
		cmocka_unit_test(characters_at_the_limits_of_each_length_are_decoded),
		cmocka_unit_test(everything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
