// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/transfer_answers.h"

#include <errno.h>

#include "api/history.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "http/body.h"

/* A document of 4,096 keys with 300 days each has 64 MiB. 100 Mbit/s carry it in six seconds. */
#define DOCUMENT_MAX    (64u << 20)
#define DOCUMENT_TIME_S 120

void v2m_http_answer_export(struct v2m_exchange *exchange)
{
	const struct v2m_meter *meter = exchange->service->meter;
	struct v2m_http_reply *reply = exchange->reply;
	enum v2m_verdict verdict =
		meter->export_totals(meter->context, &reply->own.data, &reply->own.length);

	reply->own.status = 200;
	if (verdict == V2M_OK)
		v2m_http_reply_own(reply, 0);
	else if (verdict == V2M_NOT_STORED)
		v2m_http_reply_error(reply, 503, "not_stored",
				     "The totals cannot be stored now. Only stored totals can be "
				     "exported.");
	else
		v2m_exchange_fail(exchange, verdict);
}

/* Only one import at a time. Documents are large, and their parsed trees are larger: several
 * together could take all memory. False: another import is running. */
static bool begin_import(struct v2m_http_service *service)
{
	return !__atomic_exchange_n(&service->importing, true, __ATOMIC_ACQUIRE);
}

static void end_import(struct v2m_http_service *service)
{
	__atomic_store_n(&service->importing, false, __ATOMIC_RELEASE);
}

/* The rest of the body is still in the connection, so it can carry no other request. */
static void refuse_body(struct v2m_http_reply *reply, int status, const char *code,
			const char *detail)
{
	reply->close = true;
	reply->linger = true;
	v2m_http_reply_error(reply, status, code, detail);
}

static void refuse_unread_body(struct v2m_http_reply *reply, int result)
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

static void import_document(struct v2m_exchange *exchange, const char *text, size_t length)
{
	const struct v2m_meter *meter = exchange->service->meter;
	struct v2m_http_reply *reply = exchange->reply;
	struct v2m_import_result counts = { 0 };
	struct v2m_error error = { 0 };
	enum v2m_verdict verdict = meter->import_totals(meter->context, exchange->auth->text, text,
							length, &counts, &error);

	switch (verdict) {
	case V2M_OK:
		v2m_http_reply_own(reply,
				   v2m_api_import(&counts, v2m_clock_real_us(), &reply->own));
		break;
	case V2M_BAD_DOCUMENT:
		v2m_http_reply_error(reply, 422, "bad_document", error.text);
		break;
	case V2M_OWN_DOCUMENT:
		v2m_http_reply_error(
			reply, 409, "own_document",
			"This server wrote the document; its totals are here already.");
		break;
	case V2M_NOT_STORED:
		v2m_http_reply_error(reply, 503, "not_stored",
				     "The totals could not be stored; nothing was changed.");
		break;
	default:
		v2m_exchange_fail(exchange, verdict);
	}
}

void v2m_http_answer_import(struct v2m_exchange *exchange)
{
	V2M_FREE char *text = NULL;
	size_t length = 0;
	int result;

	if (!begin_import(exchange->service)) {
		refuse_body(exchange->reply, 503, "import_running",
			    "Another import is running; try again when it is done.");
		return;
	}
	result = v2m_body_read(exchange->connection, DOCUMENT_MAX, DOCUMENT_TIME_S, &text, &length);
	if (result)
		refuse_unread_body(exchange->reply, result);
	else
		import_document(exchange, text, length);
	end_import(exchange->service);
}
