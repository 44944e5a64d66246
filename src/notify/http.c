// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/http.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"

volatile sig_atomic_t v2m_notify_stop;

struct taken {
	V2M_ARRAY(char) bytes; /* with room for a 0 */
	size_t max;
	bool strict; /* more than max is an error */
	bool too_large;
};

static size_t take_body(char *data, size_t one, size_t length, void *context)
{
	struct taken *taken = context;
	size_t room = taken->max - taken->bytes.count;
	size_t kept = length < room ? length : room;

	if (kept < length && taken->strict) {
		taken->too_large = true;
		return 0;
	}
	if (v2m_array_reserve(&taken->bytes, kept + 1))
		return 0;
	memcpy(taken->bytes.items + taken->bytes.count, data, kept);
	taken->bytes.count += kept;
	taken->bytes.items[taken->bytes.count] = 0;
	return one * length;
}

static int look_at_stop(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)context;
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return v2m_notify_stop;
}

/* NULL: out of memory. */
static struct curl_slist *make_headers(const struct v2m_http_request *request)
{
	struct curl_slist *list = curl_slist_append(NULL, "Accept: application/json");
	struct curl_slist *longer = list;
	V2M_FREE char *key = NULL;

	if (list && request->api_key) {
		if (asprintf(&key, "X-API-Key: %s", request->api_key) < 0)
			key = NULL;
		longer = key ? curl_slist_append(list, key) : NULL;
	}
	if (longer && request->body)
		longer = curl_slist_append(list, "Content-Type: application/json");
	if (longer && request->body)
		longer = curl_slist_append(list, "Expect:");
	if (longer)
		return list;
	curl_slist_free_all(list);
	return NULL;
}

static void set_options(CURL *curl, const struct v2m_http_request *request,
			struct curl_slist *headers, struct taken *taken)
{
	curl_easy_setopt(curl, CURLOPT_URL, request->url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "v2meter-notify/" V2M_VERSION);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)request->timeout_s);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)request->timeout_s);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, request->proxy ? request->proxy : "");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, taken);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_at_stop);
	if (request->body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)strlen(request->body));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
	}
}

/* libcurl's own sentence of an error may name the URL, whose path can be a secret. */
static void describe(struct v2m_http_answer *answer, CURLcode code, const struct taken *taken)
{
	if (v2m_notify_stop)
		snprintf(answer->problem, sizeof(answer->problem), "stopped");
	else if (taken->too_large)
		snprintf(answer->problem, sizeof(answer->problem),
			 "an answer of more than %zu bytes", taken->max);
	else
		snprintf(answer->problem, sizeof(answer->problem), "%s", curl_easy_strerror(code));
}

static void perform(CURL *curl, const struct v2m_http_request *request, struct curl_slist *headers,
		    struct v2m_http_answer *answer)
{
	struct taken taken = { .max = request->answer_max, .strict = !request->body };
	curl_off_t after = 0;
	CURLcode code;

	set_options(curl, request, headers, &taken);
	code = curl_easy_perform(curl);
	if (code == CURLE_OK) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
		curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &after);
	} else {
		describe(answer, code, &taken);
	}
	if (after > 0)
		answer->retry_after_s =
			(unsigned)(after < V2M_RETRY_AFTER_MAX_S ? after : V2M_RETRY_AFTER_MAX_S);
	answer->body = taken.bytes.items ? taken.bytes.items : strdup("");
	answer->length = taken.bytes.count;
}

void v2m_http_send(const struct v2m_http_request *request, struct v2m_http_answer *answer)
{
	struct curl_slist *headers = make_headers(request);
	CURL *curl = curl_easy_init();

	*answer = (struct v2m_http_answer){ 0 };
	if (headers && curl)
		perform(curl, request, headers, answer);
	else
		snprintf(answer->problem, sizeof(answer->problem), "out of memory");
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
}

void v2m_http_answer_clear(struct v2m_http_answer *answer)
{
	free(answer->body);
	*answer = (struct v2m_http_answer){ 0 };
}
