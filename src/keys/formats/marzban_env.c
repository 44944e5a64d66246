// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/marzban_env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r"

/* Where the installer puts the database and the settings. */
#define INSTALLED_DATABASES "/var/lib/marzban/"
#define INSTALLED_ENV       "/opt/marzban/.env"

void v2m_marzban_env_path(const char *database, char path[static PATH_MAX])
{
	const char *slash = strrchr(database, '/');

	if (strncmp(database, INSTALLED_DATABASES, strlen(INSTALLED_DATABASES)) == 0)
		snprintf(path, PATH_MAX, INSTALLED_ENV);
	else
		snprintf(path, PATH_MAX, "%.*s.env", slash ? (int)(slash - database + 1) : 0,
			 database);
}

/* The beginning of the value if the line sets the name; NULL if it does not. */
static const char *find_value(const char *line, const char *name)
{
	line += strspn(line, BLANKS);
	if (strncmp(line, "export ", strlen("export ")) == 0)
		line += strlen("export ");
	if (strncmp(line, name, strlen(name)) != 0)
		return NULL;
	line += strlen(name);
	line += strspn(line, BLANKS);
	if (*line != '=')
		return NULL;
	line++;
	return line + strspn(line, BLANKS);
}

/* Where the value ends, which has no quotation marks, and begins in a line of this length. */
static size_t plain_length(const char *value, size_t length)
{
	for (size_t i = 1; i < length; i++)
		if (value[i] == '#' && strchr(BLANKS, value[i - 1]))
			length = i;
	while (length && strchr(BLANKS, value[length - 1]))
		length--;
	return length;
}

static char *copy_value(const char *value)
{
	size_t length = strcspn(value, "\n");
	const char *end =
		*value == '"' || *value == '\'' ? memchr(value + 1, *value, length - 1) : NULL;

	if (end)
		return strndup(value + 1, (size_t)(end - value - 1));
	return strndup(value, *value == '#' ? 0 : plain_length(value, length));
}

char *v2m_marzban_env_find(const char *text, const char *name)
{
	const char *found = NULL;

	while (*text) {
		const char *value = find_value(text, name);

		found = value ? value : found;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return found ? copy_value(found) : NULL;
}
