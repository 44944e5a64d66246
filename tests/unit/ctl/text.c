// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/text.h"
#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct example {
	const char *text;
	const char *clean;
};

static void assert_cleaned(char *(*clean)(const char *), const struct example *examples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		V2M_FREE char *got = clean(examples[i].text);

		assert_non_null(got);
		assert_string_equal(got, examples[i].clean);
	}
}

static void printable_text_stays_as_it_is(void **state)
{
	static const struct example examples[] = {
		{ "", "" },
		{ "user@example.com", "user@example.com" },
		{ "\xc3\xa9", "\xc3\xa9" },
		{ "\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac" },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	};

	(void)state;
	assert_cleaned(v2m_text_clean, examples, V2M_ARRAY_LEN(examples));
}

static void characters_that_control_a_terminal_are_escaped(void **state)
{
	static const struct example examples[] = {
		{ "\033[2J", "\\u001b[2J" },
		{ "a\nb\tc\r", "a\\u000ab\\u0009c\\u000d" },
		{ "\x7f", "\\u007f" },
		{ "\xc2\x9b"
		  "31m",
		  "\\u009b31m" },
		{ "\xe2\x80\xae"
		  "exe",
		  "\\u202eexe" },
		{ "\xe2\x81\xa6", "\\u2066" },
		{ "\xf3\xa0\x80\x81", "\\udb40\\udc01" },
	};

	(void)state;
	assert_cleaned(v2m_text_clean, examples, V2M_ARRAY_LEN(examples));
}

/* RFC 3629: overlong forms, surrogates, values above U+10FFFF, cut characters, lone continuations.
 */
static void bytes_that_are_not_utf8_become_question_marks(void **state)
{
	static const struct example examples[] = {
		{ "\xff", "?" },
		{ "\xc0\xaf", "??" },
		{ "\xc1\x9b", "??" },
		{ "\xe0\x80\x9b", "???" },
		{ "\xed\xa0\x80", "???" },
		{ "\xf4\x90\x80\x80", "????" },
		{ "\xf8\x88\x80\x80", "????" },
		{ "\xe6\x97", "??" },
		{ "\x9b", "?" },
		{ "\xc3(", "?(" },
	};

	(void)state;
	assert_cleaned(v2m_text_clean, examples, V2M_ARRAY_LEN(examples));
}

static void a_document_keeps_its_line_breaks(void **state)
{
	static const struct example examples[] = {
		{ "{\n \"a\": \"\x7f\"\n}", "{\n \"a\": \"\\u007f\"\n}" },
	};

	(void)state;
	assert_cleaned(v2m_text_clean_json, examples, V2M_ARRAY_LEN(examples));
}

static void width_is_counted_in_terminal_columns(void **state)
{
	(void)state;
	assert_int_equal(v2m_text_width(""), 0);
	assert_int_equal(v2m_text_width("abc"), 3);
	assert_int_equal(v2m_text_width("\xe6\x97\xa5\xe6\x9c\xac"), 4);
	assert_int_equal(v2m_text_width("e\xcc\x81"), 1);
	assert_int_equal(v2m_text_width("\xc3\x9cnal"), 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(printable_text_stays_as_it_is),
		cmocka_unit_test(characters_that_control_a_terminal_are_escaped),
		cmocka_unit_test(bytes_that_are_not_utf8_become_question_marks),
		cmocka_unit_test(a_document_keeps_its_line_breaks),
		cmocka_unit_test(width_is_counted_in_terminal_columns),
	};

	/* The result must not depend on the environment. */
	setenv("LC_ALL", "C", 1);
	v2m_text_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
