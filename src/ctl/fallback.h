/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Asks servers of any age, as every client of this API does: first the newest path, then, after an
 * error, the next older one. */
#ifndef V2METER_CTL_FALLBACK_H
#define V2METER_CTL_FALLBACK_H

#include "ctl/client.h"
#include "ctl/figures.h"
#include "ctl/outcome.h"

enum v2m_question {
	V2M_ASK_ALL,   /* the traffic of every key */
	V2M_ASK_KEY,   /* the traffic of one key */
	V2M_ASK_RESET, /* the reset of one key */
};

struct v2m_fallback_answer {
	struct v2m_client_reply reply;
	struct v2m_ctl_figures figures; /* its strings belong to reply.json */
	char path[640];                 /* the path that answered */
};

/*
 * Asks one path after the other until an answer is usable. Says on stderr which path answered if it
 * was not the first, why there is no answer and, if verbose, every attempt.
 *
 * An error is: a connection that closed early, no answer in time, an HTTP status other than 200, an
 * answer that is not JSON or not called so, JSON of another shape. After an error the next path is
 * asked.
 *
 * A definite no ends the question: 401; 404 with the detail "Key not found"; 400, 403, 409 and 422
 * with a detail, which only a server that knows the path sends; an answer to a reset that says it
 * was not done. A connection that cannot be made ends it too, because all paths are on the same
 * server.
 *
 * A reset is different. A second one leaves the totals right but loses the previous_* figures of
 * the first one, and bills are made from these. So the next path is asked only if the first request
 * certainly did nothing: the path is unknown there (404, 405, or an answer of another type, because
 * a panel may serve its page on any path), or the server said that it failed (500, 501, 503). After
 * a time-out, a connection that closed when the request was out, a gateway's 502 or 504, or a 200
 * that cannot be read, the outcome is V2M_UNKNOWN and nothing more is sent.
 *
 * key_id is NULL for V2M_ASK_ALL. If the outcome is V2M_DONE the caller clears *answer; otherwise
 * *answer is unchanged.
 */
enum v2m_outcome v2m_fallback_ask(struct v2m_client *client, enum v2m_question question,
				  const char *key_id, bool verbose,
				  struct v2m_fallback_answer *answer);
void v2m_fallback_answer_clear(struct v2m_fallback_answer *answer);

/* Sends one GET without a fallback. The answer must be an array or an object. *reply is always
 * filled, and the caller clears it and prints the messages. */
enum v2m_outcome v2m_fallback_get(struct v2m_client *client, const char *path,
				  struct v2m_client_reply *reply);

/* Says on stderr why the request to that path has no usable answer. Returns V2M_REFUSED or
 * V2M_UNREACHED. */
enum v2m_outcome v2m_fallback_fail(const struct v2m_client *client, const char *path,
				   const struct v2m_client_reply *reply);

#endif
