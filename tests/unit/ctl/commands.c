// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of commands against the manual page. Runs in tests/unit/. */
#include "ctl/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"

#define MANUAL   "../../docs/man/v2meterctl.1"
#define TEXT_MAX (1u << 20)

static char *manual;

static int read_manual(void **state)
{
	size_t length;

	(void)state;
	return v2m_read_file(MANUAL, TEXT_MAX, &manual, &length);
}

static int free_manual(void **state)
{
	(void)state;
	free(manual);
	return 0;
}

/* The line of the manual's list for the command: ".It Cm show Ar KEY", ".It Cm export Op Ar FILE".
 */
static void make_item(const struct v2m_command *command, char *item, size_t size)
{
	snprintf(item, size, "\n.It Cm %s%s%s%s\n", command->name, command->optional ? " Op" : "",
		 command->argument ? " Ar " : "", command->argument ? command->argument : "");
}

static void the_manual_lists_every_command_in_the_order_of_the_table(void **state)
{
	const char *at = manual;

	(void)state;
	assert_true(v2m_n_commands > 0);
	for (size_t i = 0; i < v2m_n_commands; i++) {
		char item[128];

		make_item(&v2m_commands[i], item, sizeof(item));
		at = strstr(at, item);
		if (!at)
			fail_msg("not in the manual, or not in this order: %s", item);
	}
}

static void the_manual_lists_no_other_command(void **state)
{
	size_t n_items = 0;

	(void)state;
	for (const char *at = manual; (at = strstr(at, "\n.It Cm ")); at++)
		n_items++;
	assert_int_equal(n_items, v2m_n_commands);
}

/* ".Cm status | keys": every line of the synopsis names commands. */
static void the_synopsis_names_every_command_once(void **state)
{
	const char *start = strstr(manual, "\n.Sh SYNOPSIS\n");
	const char *end = strstr(manual, "\n.Sh DESCRIPTION\n");
	V2M_FREE char *synopsis = NULL;
	size_t n_named = 0;
	char *rest;

	(void)state;
	assert_true(start && end && start < end);
	synopsis = strndup(start, (size_t)(end - start));
	rest = synopsis;
	for (char *line; (line = strsep(&rest, "\n"));) {
		char *words = line + 4;

		if (strncmp(line, ".Cm ", 4) != 0)
			continue;
		for (char *word; (word = strsep(&words, " |"));) {
			if (!*word)
				continue;
			if (!v2m_command_find(word))
				fail_msg("the synopsis has no command of ours: %s", word);
			n_named++;
		}
	}
	assert_int_equal(n_named, v2m_n_commands);
}

static void the_usage_has_a_line_for_every_command(void **state)
{
	V2M_FREE char *usage = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&usage, &length);
	size_t n_lines = 0;

	(void)state;
	v2m_commands_print(out);
	fclose(out);
	for (size_t i = 0; i < length; i++)
		n_lines += usage[i] == '\n';
	assert_int_equal(n_lines, v2m_n_commands);
	assert_non_null(strstr(usage, "  show KEY       "));
	assert_non_null(strstr(usage, "  export [FILE]  "));
	for (size_t i = 0; i < v2m_n_commands; i++)
		assert_non_null(strstr(usage, v2m_commands[i].summary));
}

static void a_command_is_found_by_its_whole_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < v2m_n_commands; i++)
		assert_ptr_equal(v2m_command_find(v2m_commands[i].name), &v2m_commands[i]);
	assert_null(v2m_command_find("stat"));
	assert_null(v2m_command_find("status "));
	assert_null(v2m_command_find(""));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manual_lists_every_command_in_the_order_of_the_table),
		cmocka_unit_test(the_manual_lists_no_other_command),
		cmocka_unit_test(the_synopsis_names_every_command_once),
		cmocka_unit_test(the_usage_has_a_line_for_every_command),
		cmocka_unit_test(a_command_is_found_by_its_whole_name),
	};

	return cmocka_run_group_tests(tests, read_manual, free_manual);
}
