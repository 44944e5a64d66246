// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "discovery/command_line.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"

static const char *const options[] = { "c", "config", "confdir" };

/* The value of an option that names a configuration. NULL: the word is another one; "": the value
 * is the next word. */
static const char *find_value(const char *word)
{
	size_t length;

	if (*word != '-')
		return NULL;
	word += word[1] == '-' ? 2 : 1;
	length = strcspn(word, "=");
	for (size_t i = 0; i < V2M_ARRAY_LEN(options); i++)
		if (strlen(options[i]) == length && strncmp(word, options[i], length) == 0)
			return word[length] ? word + length + 1 : "";
	return NULL;
}

static bool is_path(const char *value)
{
	return *value == '/' && strlen(value) < PATH_MAX && v2m_is_utf8(value) &&
	       !strpbrk(value, "\n\r\t\x1b");
}

int v2m_command_line_configs(const char *text, size_t length, struct v2m_strings *configs)
{
	bool wants_value = false;
	size_t at = 0;

	while (at < length && memchr(text + at, 0, length - at)) {
		const char *word = text + at;
		const char *value = wants_value ? word : find_value(word);

		wants_value = !wants_value && value && !*value;
		if (value && is_path(value) && v2m_strings_add(configs, value))
			return -ENOMEM;
		at += strlen(word) + 1;
	}
	return 0;
}
