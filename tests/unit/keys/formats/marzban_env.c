// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "keys/formats/marzban_env.h"

/* expected: NULL if the text does not set TAGS. */
static void assert_value(const char *text, const char *expected)
{
	char *value = v2m_marzban_env_find(text, "TAGS");

	if (expected)
		assert_string_equal(value, expected);
	else
		assert_null(value);
	free(value);
}

static void values_are_read_as_marzban_reads_them(void **state)
{
	(void)state;
	assert_value("A=1\nTAGS = \"ONE TWO\"\nB=2\n", "ONE TWO");
	assert_value("TAGS='ONE # TWO' # comment", "ONE # TWO");
	assert_value("export TAGS=ONE \t# comment\r\n", "ONE");
	assert_value("TAGS=ONE#TWO", "ONE#TWO");
	assert_value("TAGS=", "");
	assert_value("TAGS=# all of them", "");
	assert_value("TAGS=\"ONE", "\"ONE");
	assert_value("TAGS=\"", "\"");
	assert_value("TAGS=ONE\nTAGS=TWO", "TWO");
	assert_value("", NULL);
	assert_value("# TAGS=ONE\nTAGS2=TWO\nMORE_TAGS=THREE\nTAGS\nTAGS", NULL);
}

static void the_file_stands_beside_the_database_or_where_the_installer_puts_it(void **state)
{
	char path[PATH_MAX];

	(void)state;
	v2m_marzban_env_path("/srv/panel/db.sqlite3", path);
	assert_string_equal(path, "/srv/panel/.env");
	v2m_marzban_env_path("/var/lib/marzban/db.sqlite3", path);
	assert_string_equal(path, "/opt/marzban/.env");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read_as_marzban_reads_them),
		cmocka_unit_test(
			the_file_stands_beside_the_database_or_where_the_installer_puts_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
