/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every consumer of this API does with a server whose age it does not know: it asks the newest
 * path, and on an error the next older one.
 */
#ifndef V2METER_CTL_FALLBACK_H
#define V2METER_CTL_FALLBACK_H

#include "ctl/client.h"
#include "ctl/figures.h"

/* Also the exit statuses of v2meterctl. */
enum v2m_outcome {
	V2M_DONE = 0,
	V2M_REFUSED = 1,   /* the server said no */
	V2M_USAGE = 2,     /* wrong usage; no request comes to this */
	V2M_UNREACHED = 3, /* no server of this API was reached */
	V2M_UNKNOWN = 4,   /* a reset or an import was sent, and whether it happened is not known */
};

enum v2m_question {
	V2M_ASK_ALL,   /* every key's traffic */
	V2M_ASK_KEY,   /* one key's */
	V2M_ASK_RESET, /* the reset of one key */
};

struct v2m_answer {
	struct v2m_reply reply;
	struct v2m_figures figures; /* points into reply.json */
	char path[640];             /* that answered */
};

/*
 * Asks path after path until one gives an answer that can be used, and says on stderr what is worth
 * saying: which path answered if it was not the first, every attempt where verbose, and why there
 * is no answer.
 *
 * An error, after which the next path is asked: the connection closed midway, no answer in time,
 * any HTTP status but 200, no JSON, not called JSON, JSON of another shape. Not an error but a
 * definite no, after which nothing is asked: 401; 404 with the detail "Key not found"; 400, 403,
 * 409 and 422 with a detail, which only a server that knows the path gives; a reset's answer that
 * says it was not done. Nor is anything asked after a connection that could not be made: the server
 * is the same.
 *
 * A reset is different. Doing it twice leaves the totals right but loses the previous_* figures
 * that the first one closed, and those are what people bill on. So the next path is asked only
 * where the first certainly did nothing: the path is not known there (404, 405, or an answer of
 * another type, as a panel gives that serves its page on any path), or the server said that it
 * failed (500, 501, 503). After a time-out, a connection closed once the request was out, a
 * gateway's 502 or 504, or a 200 that cannot be read, the outcome is V2M_UNKNOWN and nothing more
 * is sent.
 *
 * key_id: NULL for V2M_ASK_ALL. *answer is the caller's to clear where the outcome is V2M_DONE, and
 * untouched otherwise.
 */
enum v2m_outcome v2m_fallback_ask(struct v2m_client *client, enum v2m_question question,
				  const char *key_id, bool verbose, struct v2m_answer *answer);
void v2m_answer_clear(struct v2m_answer *answer);

/* One GET without a fallback, of an answer that must be an array or an object. The reply is filled
 * in any case; messages are the caller's. */
enum v2m_outcome v2m_fallback_get(struct v2m_client *client, const char *path,
				  struct v2m_reply *reply);

#endif
