// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The manual and the README say of every setting what the table in config.c says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "config/config.h"

#define MANUAL  "../../docs/man/v2meter.json.5"
#define README  "../../README.md"
#define EXAMPLE "../../packaging/examples/v2meter.json"

static char *read_document(const char *path)
{
	char *text = NULL;
	size_t length;

	assert_int_equal(v2m_read_file(path, 1 << 20, &text, &length), 0);
	return text;
}

static bool is_macro(const char *word)
{
	static const char *const macros[] = { "Dq", "Pa", "Cm", "Li", "Ev", "Sx", "Ql", "Xr" };

	for (size_t i = 0; i < V2M_ARRAY_LEN(macros); i++)
		if (strcmp(word, macros[i]) == 0)
			return true;
	return false;
}

/* Appends a line of mdoc(7) as plain text: without macros, and with punctuation at the word before
 * it. */
static void append_line(char *line, char *text, size_t size)
{
	bool request = *line == '.';
	char *rest = request ? line + 1 : line;
	char *word;

	while ((word = strsep(&rest, " "))) {
		size_t used = strlen(text);

		if (!*word || (request && is_macro(word)))
			continue;
		snprintf(text + used, size - used, "%s%s",
			 used && !strchr(".,:;)", *word) ? " " : "", word);
	}
}

/* Reads the text of an entry of the manual's list, and the name of the next entry, "" after the
 * last. */
static void read_entry(char **rest, char *text, size_t size, char *next, size_t next_size)
{
	char *line;

	text[0] = 0;
	next[0] = 0;
	while ((line = strsep(rest, "\n"))) {
		if (strncmp(line, ".El", 3) == 0)
			return;
		if (strncmp(line, ".It Cm ", 7) == 0) {
			snprintf(next, next_size, "%s", line + 7);
			return;
		}
		append_line(line, text, size);
	}
	fail_msg("the list of settings has no end");
}

/* Writes a default as the manual does: the words of a list one after the other, "none" for an empty
 * list. */
static void write_default(const struct v2m_setting *setting, char *text, size_t size)
{
	json_t *value = json_loads(setting->preset, JSON_DECODE_ANY, NULL);
	const json_t *item;
	size_t i;

	assert_non_null(value);
	snprintf(text, size, "Default %s",
		 json_is_string(value)  ? json_string_value(value)
		 : json_is_array(value) ? ""
					: setting->preset);
	json_array_foreach (value, i, item)
		snprintf(text + strlen(text), size - strlen(text), "%s%s", i ? ", " : "",
			 json_string_value(item));
	if (json_is_array(value) && !json_array_size(value))
		snprintf(text, size, "Default none");
	json_decref(value);
}

/* Whether the entry names this default and no longer one: "Default 10" is not in "Default 100.". */
static bool says_default(const char *entry, const char *expected)
{
	const char *found = strstr(entry, expected);

	return found && strchr(".:", found[strlen(expected)]);
}

static void check_entry(const struct v2m_setting *setting, const char *entry)
{
	char range[V2M_SETTING_RANGE_LEN];
	char expected[256];

	write_default(setting, expected, sizeof(expected));
	if (!says_default(entry, expected))
		fail_msg("the manual does not say \"%s\" of %s: %s", expected, setting->name,
			 entry);
	v2m_setting_range(setting, range);
	if (!strstr(entry, range))
		fail_msg("the manual does not say \"%s\" of %s: %s", range, setting->name, entry);
	for (size_t i = 0; i < V2M_ARRAY_LEN(setting->words) && setting->words[i]; i++)
		if (!strstr(entry, setting->words[i]))
			fail_msg("the manual does not say \"%s\" of %s: %s", setting->words[i],
				 setting->name, entry);
}

static void the_manual_has_every_setting_with_its_range_and_default(void **state)
{
	V2M_FREE char *manual = read_document(MANUAL);
	char *rest = strstr(manual, "\n.Sh DESCRIPTION\n");
	char entry[4096];
	char name[64];
	size_t count;
	const struct v2m_setting *settings = v2m_config_settings(&count);

	(void)state;
	assert_non_null(rest);
	/* The text before the list. */
	read_entry(&rest, entry, sizeof(entry), name, sizeof(name));
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(name, settings[i].name);
		read_entry(&rest, entry, sizeof(entry), name, sizeof(name));
		check_entry(&settings[i], entry);
	}
	assert_string_equal(name, "");
}

static void assert_shows_the_defaults(const char *text)
{
	V2M_CLEANUP(v2m_config_clear) struct v2m_config config = { 0 };
	V2M_FREE char *dump = NULL;
	json_t *shown = json_loads(text, 0, NULL);
	json_t *actual;

	assert_int_equal(v2m_config_load(NULL, &config, NULL), 0);
	dump = v2m_config_dump(&config);
	actual = json_loads(dump, 0, NULL);
	assert_non_null(shown);
	assert_true(json_equal(shown, actual));
	json_decref(shown);
	json_decref(actual);
}

static void the_readme_shows_the_defaults(void **state)
{
	V2M_FREE char *readme = read_document(README);
	char *block = strstr(readme, "\n```json\n{\n  \"listen\"");

	(void)state;
	assert_non_null(block);
	block = strchr(block, '{');
	*strstr(block, "```") = 0;
	assert_shows_the_defaults(block);
}

static void the_example_shows_the_defaults(void **state)
{
	V2M_FREE char *example = read_document(EXAMPLE);

	(void)state;
	assert_shows_the_defaults(example);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manual_has_every_setting_with_its_range_and_default),
		cmocka_unit_test(the_readme_shows_the_defaults),
		cmocka_unit_test(the_example_shows_the_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
