// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/cleanup.h"

/* 4,096 ports with 100,000 connections are about 15 MB. */
#define BODY_MAX (64u << 20)

struct v2m_client {
	CURL *curl;
	struct curl_slist *headers;
	struct curl_slist *body_headers; /* the same for a request with a body */
	char *url;
	char curl_text[CURL_ERROR_SIZE];
};

struct body {
	V2M_ARRAY(char) bytes; /* with a 0 behind them that count does not include */
	bool too_large;
};

/* Checks the URL, adds a missing scheme and removes query, fragment and slashes at the end. */
static int normalize_url(const char *url, char **normal, struct v2m_error *error)
{
	CURLU *parsed = curl_url();
	char *scheme = NULL;
	char *whole = NULL;
	char *copy = NULL;
	size_t length;
	int result = -EINVAL;

	if (!parsed)
		return -ENOMEM;
	if (curl_url_set(parsed, CURLUPART_URL, url, CURLU_GUESS_SCHEME) ||
	    curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) ||
	    curl_url_set(parsed, CURLUPART_QUERY, NULL, 0) ||
	    curl_url_set(parsed, CURLUPART_FRAGMENT, NULL, 0) ||
	    curl_url_get(parsed, CURLUPART_URL, &whole, 0)) {
		v2m_error_set(error, -EINVAL, "\"%s\" is not an http or https URL", url);
	} else {
		length = strlen(whole);
		while (length > 0 && whole[length - 1] == '/')
			length--;
		copy = strndup(whole, length);
		result = copy ? 0 : -ENOMEM;
	}
	curl_free(scheme);
	curl_free(whole);
	curl_url_cleanup(parsed);
	if (result == 0)
		*normal = copy;
	return result;
}

/* False: out of memory. */
static bool append_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer)
		*list = longer;
	return longer != NULL;
}

/* False: out of memory. */
static bool add_header(struct v2m_client *client, const char *name, const char *value)
{
	V2M_FREE char *line = NULL;

	if (asprintf(&line, "%s: %s", name, value) < 0) {
		line = NULL;
		return false;
	}
	return append_line(&client->headers, line) && append_line(&client->body_headers, line);
}

static void set_options(struct v2m_client *client, long timeout_ms)
{
	CURL *curl = client->curl;

	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->curl_text);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "v2meterctl/" V2M_VERSION);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	/* If the server closes a kept connection without an answer, libcurl itself sends the
	 * request again, even a POST (7.88 sent a reset twice). A reset must be sent once. */
	curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
}

int v2m_client_new(const struct v2m_client_options *options, struct v2m_client **client,
		   struct v2m_error *error)
{
	V2M_CLEANUP(v2m_client_freep) struct v2m_client *made = NULL;
	int result;

	v2m_error_set(error, 0, "out of memory");
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	result = normalize_url(options->url, &made->url, error);
	if (result)
		return result;
	made->curl = curl_easy_init();
	if (!made->curl || !add_header(made, "Accept", "application/json") ||
	    !add_header(made, "Cache-Control", "no-cache") ||
	    (options->api_key && !add_header(made, "X-API-Key", options->api_key)) ||
	    !append_line(&made->body_headers, "Content-Type: application/json") ||
	    !append_line(&made->body_headers, "Expect: 100-continue"))
		return -ENOMEM;
	set_options(made, options->timeout_ms);
	*client = V2M_TAKE(made);
	return 0;
}

void v2m_client_freep(struct v2m_client **client)
{
	if (!*client)
		return;
	curl_easy_cleanup((*client)->curl);
	curl_slist_free_all((*client)->headers);
	curl_slist_free_all((*client)->body_headers);
	free((*client)->url);
	free(*client);
	curl_global_cleanup();
}

const char *v2m_client_url(const struct v2m_client *client)
{
	return client->url;
}

bool v2m_client_unauthorized(const struct v2m_client *client)
{
	long status = 0;

	return curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
	       status == 401;
}

static size_t take_body(char *data, size_t one, size_t length, void *context)
{
	struct body *body = context;

	if (length == 0)
		return 0;
	if (length > BODY_MAX - body->bytes.count) {
		body->too_large = true;
		return 0;
	}
	if (v2m_array_reserve(&body->bytes, length + 1))
		return 0;
	memcpy(body->bytes.items + body->bytes.count, data, length);
	body->bytes.count += length;
	body->bytes.items[body->bytes.count] = 0;
	return one * length;
}

static bool is_json_type(const char *type)
{
	static const char wanted[] = "application/json";
	size_t length = sizeof(wanted) - 1;

	return type && strncasecmp(type, wanted, length) == 0 &&
	       (type[length] == 0 || type[length] == ';' || type[length] == ' ');
}

V2M_PRINTF(2, 3) static void describe(struct v2m_client_reply *reply, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reply->text, sizeof(reply->text), format, arguments);
	va_end(arguments);
}

const char *v2m_client_reply_detail(const struct v2m_client_reply *reply)
{
	return json_string_value(json_object_get(reply->json, "detail"));
}

const char *v2m_client_reply_text(const struct v2m_client_reply *reply)
{
	return *reply->text ? reply->text : "an answer of another shape";
}

static void read_answer(struct v2m_client *client, const struct body *body,
			struct v2m_client_reply *reply)
{
	const char *type = NULL;
	json_error_t problem = { .text = "" };

	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &reply->status);
	curl_easy_getinfo(client->curl, CURLINFO_CONTENT_TYPE, &type);
	reply->called_json = is_json_type(type);
	if (reply->called_json)
		reply->json =
			json_loadb(body->bytes.items ? body->bytes.items : "", body->bytes.count,
				   JSON_DECODE_ANY | JSON_ALLOW_NUL, &problem);
	if (reply->status != 200 && v2m_client_reply_detail(reply))
		describe(reply, "HTTP %ld, %s", reply->status, v2m_client_reply_detail(reply));
	else if (reply->status != 200)
		describe(reply, "HTTP %ld", reply->status);
	else if (!reply->called_json)
		describe(reply, "an answer of type %s instead of application/json",
			 type ? type : "(none)");
	else if (!reply->json)
		describe(reply, "an answer that is not JSON (%s)", problem.text);
}

/* Sends the request whose method, headers and body are already set. */
static void perform(struct v2m_client *client, const char *path, struct v2m_client_reply *reply)
{
	V2M_FREE char *url = NULL;
	struct body body = { 0 };
	long sent_bytes = 0;
	CURLcode code;

	memset(reply, 0, sizeof(*reply));
	if (asprintf(&url, "%s%s", client->url, path) < 0) {
		url = NULL;
		describe(reply, "out of memory");
		return;
	}
	client->curl_text[0] = 0;
	curl_easy_setopt(client->curl, CURLOPT_URL, url);
	curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &body);
	code = curl_easy_perform(client->curl);
	curl_easy_getinfo(client->curl, CURLINFO_REQUEST_SIZE, &sent_bytes);
	reply->sent = sent_bytes > 0;
	if (code == CURLE_OK)
		read_answer(client, &body, reply);
	else if (body.too_large)
		describe(reply, "an answer of more than %u MiB", BODY_MAX >> 20);
	else
		describe(reply, "%s",
			 client->curl_text[0] ? client->curl_text : curl_easy_strerror(code));
	reply->body = body.bytes.items;
	reply->length = body.bytes.count;
}

void v2m_client_request(struct v2m_client *client, const char *method, const char *path,
			struct v2m_client_reply *reply)
{
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->headers);
	if (strcmp(method, "POST") == 0) {
		curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
		curl_easy_setopt(client->curl, CURLOPT_COPYPOSTFIELDS, "");
	} else {
		curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L);
	}
	perform(client, path, reply);
}

void v2m_client_post(struct v2m_client *client, const char *path, const char *body, size_t length,
		     struct v2m_client_reply *reply)
{
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->body_headers);
	curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
	curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body);
	perform(client, path, reply);
}

void v2m_client_reply_clear(struct v2m_client_reply *reply)
{
	json_decref(reply->json);
	free(reply->body);
	memset(reply, 0, sizeof(*reply));
}

char *v2m_client_escape(const char *segment)
{
	char *escaped = curl_easy_escape(NULL, segment, 0);
	char *copy = escaped ? strdup(escaped) : NULL;

	curl_free(escaped);
	return copy;
}
