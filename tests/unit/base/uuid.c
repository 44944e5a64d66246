// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/uuid.h"

/* The expected values are Python's uuid.uuid5(). */
static void a_uuid5_equals_that_of_other_implementations(void **state)
{
	static const struct {
		const char *name;
		const char *text;
	} cases[] = {
		{ "", "f974dc17-7bb9-5044-b400-272fd2a0d09c" },
		{ "user@example.com", "921794a4-bc62-5e9e-80e5-215def08785a" },
		{ "e9828d67-08e2-4942-815d-61f41b3dacf7", "ccf01e2d-ec84-5a19-a99b-328d295d53ab" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  "6c642a5c-518a-5a76-8139-7f38a1e9c292" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  "4cb734c1-40c8-5525-a24f-444c50c27ebc" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  "bebc9bba-deb8-5f07-a358-d44786b29e80" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  "95e40dcc-daad-54b5-990d-489657e9ccde" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[V2M_UUID_LEN];

		v2m_uuid5(cases[i].name, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void the_id_of_a_key_does_not_depend_on_the_case_of_its_uuid(void **state)
{
	char lower[V2M_UUID_LEN];
	char upper[V2M_UUID_LEN];

	(void)state;
	v2m_uuid_key_id("e9828d67-08e2-4942-815d-61f41b3dacf7", lower);
	v2m_uuid_key_id("E9828D67-08E2-4942-815D-61F41B3DACF7", upper);
	assert_string_equal(lower, upper);
	assert_string_not_equal(lower, "e9828d67-08e2-4942-815d-61f41b3dacf7");
}

static void a_uuid_is_written_in_one_way(void **state)
{
	char text[V2M_UUID_LEN] = "as before";

	(void)state;
	assert_true(v2m_uuid_canonical("E9828D6708E24942815D61F41B3DACF7", text));
	assert_string_equal(text, "e9828d67-08e2-4942-815d-61f41b3dacf7");
	assert_true(v2m_uuid_canonical("11461131-0644-438d-9429-cb5e7f60fd80", text));
	assert_string_equal(text, "11461131-0644-438d-9429-cb5e7f60fd80");
}

static void what_is_no_uuid_is_left_alone(void **state)
{
	static const char *const cases[] = { "", "love@example.com",
					     "11461131-0644-438d-9429-cb5e7f60fd8",
					     "11461131-0644-438d-9429-cb5e7f60fd800",
					     "11461131-0644-438d-9429-cb5e7f60fd8g" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[V2M_UUID_LEN] = "as before";

		assert_false(v2m_uuid_canonical(cases[i], text));
		assert_string_equal(text, "as before");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_uuid5_equals_that_of_other_implementations),
		cmocka_unit_test(the_id_of_a_key_does_not_depend_on_the_case_of_its_uuid),
		cmocka_unit_test(a_uuid_is_written_in_one_way),
		cmocka_unit_test(what_is_no_uuid_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
