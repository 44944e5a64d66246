// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Totals as a document, out and in. */
#include <errno.h>

#include "http/body.h"
#include "http/exchange.h"
#include "api/history.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* 4,096 keys with 300 days each; it takes 100 Mbit/s six seconds. */
#define DOCUMENT_MAX  (64u << 20)
#define DOCUMENT_TIME 120

void answer_export(struct exchange *exchange)
{
	const struct v2m_meter *meter = exchange->http->meter;
	struct v2m_reply *reply = exchange->reply;
	enum v2m_verdict verdict =
		meter->export_totals(meter->context, &reply->own.data, &reply->own.length);

	reply->own.status = 200;
	if (verdict == V2M_OK)
		v2m_reply_own(reply, 0);
	else if (verdict == V2M_NOT_STORED)
		v2m_reply_error(reply, 503, "not_stored",
				"The totals cannot be stored now, and only what is stored may "
				"leave.");
	else
		answer_verdict(reply, verdict);
}

/* Nobody may have the daemon hold several documents at a time: they are large, and the trees that
 * are made of them larger. */
static bool enter(struct v2m_http *http)
{
	return !__atomic_exchange_n(&http->importing, true, __ATOMIC_ACQUIRE);
}

static void leave(struct v2m_http *http)
{
	__atomic_store_n(&http->importing, false, __ATOMIC_RELEASE);
}

/* What is left of the body makes the connection useless for another request. */
static void refuse_body(struct v2m_reply *reply, int status, const char *code, const char *detail)
{
	reply->close = true;
	reply->linger = true;
	v2m_reply_error(reply, status, code, detail);
}

static void answer_unread(struct v2m_reply *reply, int result)
{
	switch (result) {
	case -EFBIG:
		refuse_body(reply, 413, "body_too_large", "The document is larger than 64 MiB");
		break;
	case -ENOMEM:
		refuse_body(reply, 503, "out_of_memory", "Out of memory.");
		break;
	default:
		refuse_body(reply, 400, "bad_request",
			    "The document ends early, or did not arrive within two minutes");
	}
}

static void import(struct exchange *exchange, const char *text, size_t length)
{
	const struct v2m_meter *meter = exchange->http->meter;
	struct v2m_reply *reply = exchange->reply;
	struct v2m_import_result counts = { 0 };
	struct v2m_error error = { 0 };
	enum v2m_verdict verdict =
		meter->import_totals(meter->context, text, length, &counts, &error);

	switch (verdict) {
	case V2M_OK:
		v2m_reply_own(reply, v2m_api_import(&counts, v2m_clock_real_us(), &reply->own));
		break;
	case V2M_BAD_DOCUMENT:
		v2m_reply_error(reply, 422, "bad_document", error.text);
		break;
	case V2M_OWN_DOCUMENT:
		v2m_reply_error(reply, 409, "own_document",
				"This server wrote the document: its totals are here already.");
		break;
	case V2M_NOT_STORED:
		v2m_reply_error(reply, 503, "not_stored",
				"The totals could not be stored; nothing was changed.");
		break;
	default:
		answer_verdict(reply, verdict);
	}
}

void answer_import(struct exchange *exchange)
{
	V2M_FREE char *text = NULL;
	size_t length = 0;
	int result;

	if (!enter(exchange->http)) {
		refuse_body(exchange->reply, 503, "import_running",
			    "Another import is running; try again when it is done.");
		return;
	}
	result = v2m_body_read(exchange->connection, DOCUMENT_MAX, DOCUMENT_TIME, &text, &length);
	if (result)
		answer_unread(exchange->reply, result);
	else
		import(exchange, text, length);
	leave(exchange->http);
}
