// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/event.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"

static const struct {
	const char *word;
	const char *severity;
} kinds[V2M_N_EVENTS] = {
	[V2M_EVENT_KEY_LIMIT] = { "key_limit", "warning" },
	[V2M_EVENT_KEY_EXPIRY] = { "key_expiry", "warning" },
	[V2M_EVENT_BUDGET] = { "budget", "warning" },
	[V2M_EVENT_BUDGET_PROJECTED] = { "budget_projected", "warning" },
	[V2M_EVENT_DEGRADED] = { "degraded", "warning" },
	[V2M_EVENT_UNREACHABLE] = { "unreachable", "critical" },
	[V2M_EVENT_SILENT] = { "silent", "critical" },
	[V2M_EVENT_NOT_LISTENING] = { "not_listening", "critical" },
	[V2M_EVENT_DROPPED] = { "dropped", "critical" },
	[V2M_EVENT_TEST] = { "test", "info" },
};

const char *v2m_event_word(enum v2m_event_kind kind)
{
	return kinds[kind].word;
}

bool v2m_event_known(const char *word)
{
	for (size_t i = 0; i < V2M_N_EVENTS; i++)
		if (strcmp(kinds[i].word, word) == 0)
			return true;
	return false;
}

/* False: there is no random number. */
static bool make_id(char id[static 33])
{
	unsigned char bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(id + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

json_t *v2m_event_new(enum v2m_event_kind kind, enum v2m_event_state state, const char *server,
		      int64_t real_us, const char *title)
{
	const time_t now = (time_t)(real_us / 1000000);
	V2M_FREE char *plain_title = strdup(title);
	V2M_FREE char *plain_server = strdup(server);
	char id[33];
	char when[32];
	struct tm utc;

	if (!plain_title || !plain_server || !make_id(id))
		return NULL;
	v2m_text_make_plain(plain_title);
	v2m_text_make_plain(plain_server);
	gmtime_r(&now, &utc);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return json_pack("{ss ss ss ss ss ss ss ss}", "id", id, "event", kinds[kind].word, "state",
			 state == V2M_STATE_RAISED ? "raised" : "cleared", "severity",
			 state == V2M_STATE_RAISED ? kinds[kind].severity : "info", "server",
			 plain_server, "time", when, "title", plain_title, "text", "");
}

int v2m_event_line(json_t *event, const char *format, ...)
{
	const char *before = json_string_value(json_object_get(event, "text"));
	V2M_FREE char *line = NULL;
	V2M_FREE char *text = NULL;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vasprintf(&line, format, arguments);
	va_end(arguments);
	if (length < 0) {
		line = NULL;
		return -ENOMEM;
	}
	v2m_text_make_plain(line);
	if (asprintf(&text, "%s%s%s", before ? before : "", before && *before ? "\n" : "", line) <
	    0) {
		text = NULL;
		return -ENOMEM;
	}
	return json_object_set_new(event, "text", json_string(text)) ? -ENOMEM : 0;
}
