// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/round.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"

int v2m_round_send(const struct v2m_round *round, json_t *event)
{
	const char *word = json_string_value(json_object_get(event, "event"));
	V2M_FREE char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;
	int result = text && word ? 0 : v2m_error_set(round->error, -ENOMEM, "out of memory");

	for (size_t i = 0; i < round->settings->channels.count && !result; i++) {
		const struct v2m_channel *channel = &round->settings->channels.items[i];

		if (v2m_channel_takes(channel, word))
			result = v2m_store_queue(round->store, channel->name, text,
						 round->look->real_us, round->error);
	}
	if (!result)
		v2m_log_info("alert: %s %s: %s", word,
			     json_string_value(json_object_get(event, "state")),
			     json_string_value(json_object_get(event, "title")));
	json_decref(event);
	return result;
}

json_t *v2m_round_event(const struct v2m_round *round, enum v2m_event_kind kind,
			enum v2m_event_state state, const char *format, ...)
{
	V2M_FREE char *title = NULL;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vasprintf(&title, format, arguments);
	va_end(arguments);
	if (length < 0) {
		title = NULL;
		return NULL;
	}
	return v2m_event_new(kind, state, round->server, round->look->real_us, title);
}
