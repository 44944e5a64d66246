// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/look.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "notify/http.h"

#define API_KEY_MAX 4096
/* 32,768 keys with long names are some 15 MB. */
#define ANSWER_MAX (64u << 20)

void v2m_look_clear(struct v2m_look *look)
{
	json_decref(look->status);
	json_decref(look->keys);
	json_decref(look->month);
	json_decref(look->budget);
	*look = (struct v2m_look){ 0 };
}

V2M_PRINTF(2, 3) static void describe(struct v2m_look *look, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(look->problem, sizeof(look->problem), format, arguments);
	va_end(arguments);
}

/* The first line of the file. NULL, with a problem: it cannot be used. */
static char *read_api_key(const char *path, struct v2m_look *look)
{
	V2M_FREE char *text = NULL;
	size_t length;
	int result = v2m_read_file(path, API_KEY_MAX, &text, &length);

	if (result) {
		describe(look, "the API key %s cannot be read: %s", path, strerror(-result));
		return NULL;
	}
	text[strcspn(text, "\r\n")] = 0;
	for (const char *at = text; *at; at++)
		if (*at <= ' ' || *at > '~') {
			describe(look, "the API key in %s is not printable ASCII", path);
			return NULL;
		}
	if (!*text)
		describe(look, "the API key file %s is empty", path);
	return *text ? V2M_TAKE(text) : NULL;
}

/* Asks for one path. Returns the HTTP status; 0, with a problem: no answer. *json may be NULL. */
static long ask(const struct v2m_notify_settings *settings, const char *api_key, const char *path,
		json_t **json, struct v2m_look *look)
{
	V2M_CLEANUP(v2m_http_answer_clear) struct v2m_http_answer answer = { 0 };
	V2M_FREE char *url = NULL;
	struct v2m_http_request request = { .api_key = api_key,
					    .timeout_s = settings->timeout_s,
					    .answer_max = ANSWER_MAX };
	size_t length = strlen(settings->daemon);

	*json = NULL;
	while (length > 0 && settings->daemon[length - 1] == '/')
		length--;
	if (asprintf(&url, "%.*s%s", (int)length, settings->daemon, path) < 0) {
		url = NULL;
		describe(look, "out of memory");
		return 0;
	}
	request.url = url;
	v2m_http_send(&request, &answer);
	if (!answer.status)
		describe(look, "%s", answer.problem);
	else if (answer.body)
		*json = json_loads(answer.body, 0, NULL);
	return answer.status;
}

/* "data" of an answer with status 200, else NULL. */
static json_t *ask_data(const struct v2m_notify_settings *settings, const char *api_key,
			const char *path, long *status, struct v2m_look *look)
{
	json_t *whole;
	json_t *data;

	*status = ask(settings, api_key, path, &whole, look);
	data = *status == 200 ? json_incref(json_object_get(whole, "data")) : NULL;
	json_decref(whole);
	return data;
}

/* A daemon that cannot serve figures still says why. */
static void ask_health(const struct v2m_notify_settings *settings, struct v2m_look *look)
{
	json_t *health;
	const char *reason;

	if (!ask(settings, NULL, "/health", &health, look))
		return;
	reason = json_string_value(json_object_get(health, "reason"));
	if (!reason)
		reason = json_string_value(json_object_get(health, "code"));
	look->status =
		json_pack("{s[{ss ss}]}", "reasons", "reason", reason ? reason : "cannot_serve",
			  "detail", "the daemon cannot serve figures");
	json_decref(health);
}

void v2m_look_take(const struct v2m_notify_settings *settings, struct v2m_look *look)
{
	V2M_FREE char *api_key = NULL;
	long status;

	*look = (struct v2m_look){ .real_us = v2m_clock_real_us(), .mono_ns = v2m_clock_mono_ns() };
	api_key = read_api_key(settings->api_key_file, look);
	if (!api_key)
		return;
	status = ask(settings, api_key, "/api/meter/status", &look->status, look);
	if (status == 401 || status == 403)
		describe(look, "the daemon refuses the API key in %s (HTTP %ld)",
			 settings->api_key_file, status);
	else if (status && status < 500 && (status != 200 || !look->status))
		describe(look, "%s does not answer as v2meterd does (HTTP %ld)", settings->daemon,
			 status);
	if (!status || status != 200 || *look->problem) {
		json_decref(look->status);
		look->status = NULL;
		if (status >= 500)
			ask_health(settings, look);
		return;
	}
	look->keys = ask_data(settings, api_key, "/api/meter/keys", &status, look);
	if (status && settings->key_period == V2M_PERIOD_MONTH)
		look->month = ask_data(settings, api_key, "/api/traffic/monthly", &status, look);
	if (status)
		look->budget = ask_data(settings, api_key, "/api/meter/budget", &status, look);
	look->no_budget = status == 404;
}
