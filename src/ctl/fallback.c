// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/fallback.h"

#include <errno.h>
#include <string.h>

#include "ctl/text.h"
#include "base/cleanup.h"

#define N_ROUTES 3

struct route {
	const char *before; /* the path up to the key's id */
	const char *after;  /* the path behind it */
	enum v2m_shape shape;
};

/* The newest path first. */
static const struct route routes[][N_ROUTES] = {
	[V2M_ASK_ALL] = {
		{ "/api/traffic/simple", "", V2M_SHAPE_SIMPLE },
		{ "/api/traffic/ports/exact", "", V2M_SHAPE_PORTS_EXACT },
		{ "/api/traffic/exact", "", V2M_SHAPE_EXACT },
	},
	[V2M_ASK_KEY] = {
		{ "/api/keys/", "/traffic/simple", V2M_SHAPE_KEY_SIMPLE },
		{ "/api/keys/", "/traffic/port/exact", V2M_SHAPE_KEY_PORT_EXACT },
		{ "/api/keys/", "/traffic/exact", V2M_SHAPE_KEY_EXACT },
	},
	[V2M_ASK_RESET] = {
		{ "/api/keys/", "/traffic/simple/reset", V2M_SHAPE_RESET },
		{ "/api/keys/", "/traffic/port/reset", V2M_SHAPE_RESET },
		{ "/api/keys/", "/traffic/reset", V2M_SHAPE_RESET },
	},
};

enum verdict {
	USABLE,
	DEFINITE_NO,
	NO_CONNECTION,
	TRY_NEXT,
	UNCERTAIN, /* a reset that may have happened */
};

static bool is_definite_no(const struct v2m_client_reply *reply)
{
	const char *detail = v2m_client_reply_detail(reply);

	switch (reply->status) {
	case 401:
		return true;
	case 404:
		return detail && strcmp(detail, "Key not found") == 0;
	case 400:
	case 403:
	case 409:
	case 422:
		/* A 422 may have a list as its detail, so any type counts. */
		return json_object_get(reply->json, "detail") != NULL;
	default:
		return false;
	}
}

/* Whether a reset with this reply has certainly not happened. */
static bool nothing_was_reset(const struct v2m_client_reply *reply)
{
	switch (reply->status) {
	case 0:
	case 408:
	case 502:
	case 504:
		return false;
	case 200:
		/* A page, from a server that does not know the path. JSON that cannot be read may
		 * have been a success. */
		return !reply->called_json;
	default:
		return reply->status >= 300;
	}
}

static enum verdict judge(const struct v2m_client_reply *reply, enum v2m_shape shape,
			  struct v2m_ctl_figures *figures)
{
	if (!reply->sent)
		return NO_CONNECTION;
	if (reply->status == 200 && reply->json &&
	    v2m_ctl_figures_read(shape, reply->json, figures))
		return USABLE;
	if (is_definite_no(reply))
		return DEFINITE_NO;
	if (shape != V2M_SHAPE_RESET)
		return TRY_NEXT;
	if (reply->status == 200 && v2m_ctl_reset_refused(reply->json))
		return DEFINITE_NO;
	return nothing_was_reset(reply) ? TRY_NEXT : UNCERTAIN;
}

static void tell_no(const struct v2m_client *client, const struct v2m_client_reply *reply)
{
	const char *message = json_string_value(json_object_get(reply->json, "message"));

	if (v2m_client_reply_detail(reply))
		v2m_note("%s", v2m_client_reply_detail(reply));
	else if (reply->status == 200 && message)
		v2m_note("%s", message);
	else
		v2m_note("%s answered: %s", v2m_client_url(client), v2m_client_reply_text(reply));
}

static int make_path(const struct route *route, const char *key_id, char *path, size_t size)
{
	V2M_FREE char *escaped = v2m_client_escape(key_id ? key_id : "");

	if (!escaped)
		return -ENOMEM;
	if (snprintf(path, size, "%s%s%s", route->before, escaped, route->after) >= (int)size)
		return -ENAMETOOLONG;
	return 0;
}

/* The paths that did not give a usable answer, and why. */
struct failures {
	char lines[N_ROUTES][1024];
	size_t n;
	bool refused; /* one of them answered with an HTTP error */
};

static void add_failure(struct failures *failures, const struct v2m_fallback_answer *answer,
			bool verbose)
{
	char *line = failures->lines[failures->n++];

	snprintf(line, sizeof(failures->lines[0]), "%s: %s", answer->path,
		 v2m_client_reply_text(&answer->reply));
	failures->refused |= answer->reply.status >= 400;
	if (verbose)
		v2m_note("%s", line);
}

static enum v2m_outcome give_up(const struct v2m_client *client, const struct failures *failures,
				bool told)
{
	v2m_note("no usable answer from %s", v2m_client_url(client));
	for (size_t i = 0; i < failures->n && !told; i++)
		v2m_note("  %s", failures->lines[i]);
	return failures->refused ? V2M_REFUSED : V2M_UNREACHED;
}

static void tell_who_answered(const char *path, const struct failures *failures, bool verbose)
{
	if (failures->n)
		v2m_note("answered by %s (%s)", path, failures->lines[failures->n - 1]);
	else if (verbose)
		v2m_note("answered by %s", path);
}

static enum v2m_outcome conclude(const struct v2m_client *client, enum verdict verdict,
				 const struct v2m_fallback_answer *answer)
{
	if (verdict == DEFINITE_NO) {
		tell_no(client, &answer->reply);
		return V2M_REFUSED;
	}
	if (verdict == NO_CONNECTION)
		return v2m_fallback_fail(client, answer->path, &answer->reply);
	v2m_note("the reset was sent, but whether it happened is not known (%s: %s); it is not "
		 "sent again, and `v2meterctl show` tells whether the count began anew",
		 answer->path, v2m_client_reply_text(&answer->reply));
	return V2M_UNKNOWN;
}

enum v2m_outcome v2m_fallback_ask(struct v2m_client *client, enum v2m_question question,
				  const char *key_id, bool verbose,
				  struct v2m_fallback_answer *answer)
{
	const char *method = question == V2M_ASK_RESET ? "POST" : "GET";
	struct failures failures = { .n = 0 };

	while (failures.n < N_ROUTES) {
		const struct route *route = &routes[question][failures.n];
		V2M_CLEANUP(v2m_fallback_answer_clear)
		struct v2m_fallback_answer made = { .path = "" };
		enum verdict verdict;

		if (make_path(route, key_id, made.path, sizeof(made.path))) {
			v2m_note("the key is too long");
			return V2M_USAGE;
		}
		v2m_client_request(client, method, made.path, &made.reply);
		verdict = judge(&made.reply, route->shape, &made.figures);
		if (verdict == USABLE) {
			tell_who_answered(made.path, &failures, verbose);
			*answer = made;
			memset(&made, 0, sizeof(made));
			return V2M_DONE;
		}
		if (verdict != TRY_NEXT)
			return conclude(client, verdict, &made);
		add_failure(&failures, &made, verbose);
	}
	return give_up(client, &failures, verbose);
}

void v2m_fallback_answer_clear(struct v2m_fallback_answer *answer)
{
	v2m_ctl_figures_clear(&answer->figures);
	v2m_client_reply_clear(&answer->reply);
}

enum v2m_outcome v2m_fallback_fail(const struct v2m_client *client, const char *path,
				   const struct v2m_client_reply *reply)
{
	if (!reply->sent)
		v2m_note("cannot reach %s: %s", v2m_client_url(client),
			 v2m_client_reply_text(reply));
	else if (v2m_client_reply_detail(reply))
		v2m_note("%s", v2m_client_reply_detail(reply));
	else
		v2m_note("%s%s: %s", v2m_client_url(client), path, v2m_client_reply_text(reply));
	return reply->status >= 400 ? V2M_REFUSED : V2M_UNREACHED;
}

enum v2m_outcome v2m_fallback_get(struct v2m_client *client, const char *path,
				  struct v2m_client_reply *reply)
{
	v2m_client_request(client, "GET", path, reply);
	if (!reply->sent)
		return V2M_UNREACHED;
	if (reply->status == 200 && (json_is_object(reply->json) || json_is_array(reply->json)))
		return V2M_DONE;
	return reply->status >= 400 ? V2M_REFUSED : V2M_UNREACHED;
}
