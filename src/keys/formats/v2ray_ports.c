// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/v2ray_ports.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define PORT_FORMS                                                                                 \
	"a port from 1 to 65535, a range \"10001-10010\", a list of them, or \"env:NAME\""

const char *v2m_v2ray_variable(const char *name)
{
	const char *value = getenv(name);
	char upper[128];
	size_t n = 0;

	if (value)
		return value;
	for (; isspace((unsigned char)*name); name++)
		;
	for (; *name && n < sizeof(upper) - 1; name++)
		upper[n++] = (char)(*name == '.' ? '_' : toupper((unsigned char)*name));
	while (n > 0 && isspace((unsigned char)upper[n - 1]))
		n--;
	upper[n] = 0;
	return getenv(upper);
}

static int compare_runs(const void *left, const void *right)
{
	const struct v2m_port_run *a = left;
	const struct v2m_port_run *b = right;

	return (int)a->first - (int)b->first;
}

static void join_runs(struct v2m_port_runs *runs)
{
	size_t n = 0;

	if (runs->count)
		qsort(runs->items, runs->count, sizeof(*runs->items), compare_runs);
	for (size_t i = 0; i < runs->count; i++) {
		struct v2m_port_run *last = n ? &runs->items[n - 1] : NULL;

		if (!last || runs->items[i].first > last->last + 1u)
			runs->items[n++] = runs->items[i];
		else if (runs->items[i].last > last->last)
			last->last = runs->items[i].last;
	}
	runs->count = n;
}

/* Reads digits with spaces around them and moves *text behind them. 65536: it is no port. */
static unsigned scan_port(const char **text)
{
	unsigned port = 0;
	bool found = false;

	while (isspace((unsigned char)**text))
		(*text)++;
	for (; isdigit((unsigned char)**text) && port <= 65535; (*text)++) {
		port = 10 * port + (unsigned)(**text - '0');
		found = true;
	}
	while (isspace((unsigned char)**text))
		(*text)++;
	return found && port <= 65535 ? port : 65536;
}

/* Adds "443" or "10001-10010". On port 0 the proxy does not listen at a port that one could know.
 * 0, -EINVAL or -ENOMEM. */
static int add_element(const char *text, struct v2m_port_runs *runs)
{
	unsigned first = scan_port(&text);
	unsigned last = first;

	if (*text == '-') {
		text++;
		last = scan_port(&text);
	}
	if (*text || first > 65535 || last < first || last > 65535)
		return -EINVAL;
	if (last == 0)
		return 0;
	return v2m_array_add(runs, (struct v2m_port_run){ .first = (uint16_t)(first ? first : 1),
							  .last = (uint16_t)last });
}

/* As in Xray, an element of a list may be a variable. */
static int add_variable(const struct v2m_json_node *node, const char *name,
			struct v2m_port_runs *runs, char why[static V2M_V2RAY_WHY_LEN],
			struct v2m_error *error)
{
	const char *value = v2m_v2ray_variable(name);
	int result;

	if (!value || !*value) {
		snprintf(why, V2M_V2RAY_WHY_LEN, "the environment variable %s is not set", name);
		return 1;
	}
	result = add_element(value, runs);
	if (result == -EINVAL)
		return v2m_json_fail(node, error,
				     "expected a port or a range in the environment variable %s",
				     name);
	return result;
}

static int add_list(const struct v2m_json_node *node, char *list, struct v2m_port_runs *runs,
		    char why[static V2M_V2RAY_WHY_LEN], struct v2m_error *error)
{
	char *rest = list;
	char *element;
	int result = 0;

	while (!result && (element = strsep(&rest, ","))) {
		element += strspn(element, " \t");
		if (strncmp(element, "env:", 4) == 0)
			result = add_variable(node, element + 4, runs, why, error);
		else if (*element)
			result = add_element(element, runs);
	}
	return result;
}

static int read_ports(const struct v2m_json_node *port, struct v2m_port_runs *runs,
		      char why[static V2M_V2RAY_WHY_LEN], struct v2m_error *error)
{
	long long number = json_integer_value(port->value);
	V2M_FREE char *list = NULL;

	if (json_is_integer(port->value) && number >= 1 && number <= 65535)
		return v2m_array_add(runs, (struct v2m_port_run){ .first = (uint16_t)number,
								  .last = (uint16_t)number });
	if (json_is_integer(port->value) && number == 0)
		return 0;
	if (!json_is_string(port->value))
		return v2m_json_expected(port, error, PORT_FORMS);
	list = strdup(json_string_value(port->value));
	return list ? add_list(port, list, runs, why, error) : -ENOMEM;
}

int v2m_v2ray_ports(const struct v2m_json_node *port, struct v2m_port_runs *runs,
		    char why[static V2M_V2RAY_WHY_LEN], struct v2m_error *error)
{
	struct v2m_error found = { 0 };
	int result = read_ports(port, runs, why, &found);

	if (result == -EINVAL && !*found.text)
		v2m_json_expected(port, &found, PORT_FORMS);
	if (result == -ENOMEM)
		v2m_error_set(&found, result, "%s: out of memory", port->doc->path);
	if (result < 0 && error)
		*error = found;
	if (result)
		return result;
	join_runs(runs);
	if (runs->count)
		return 0;
	snprintf(why, V2M_V2RAY_WHY_LEN, "it names no port from 1 to 65535");
	return 1;
}
