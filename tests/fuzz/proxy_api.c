// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Takes the input as the answers of a proxy's API: as the list of its inbounds, as the users of
 * each, and as what arrives on the connection. Inbounds that can be read must make a configuration
 * that can be read.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json_doc.h"
#include "proxyapi/grpc.h"
#include "proxyapi/inbound.h"
#include "fuzz.h"

static void check_text(const struct v2m_proxy_inbounds *inbounds)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	V2M_FREE char *text = NULL;
	struct v2m_error error = { 0 };
	size_t length;

	FUZZ_CHECK(v2m_proxy_inbounds_write(inbounds, &text, &length) == 0);
	FUZZ_CHECK(v2m_json_doc_parse("f", text, length, V2M_JSON_V2RAY, &doc, &error) == 0);
}

static void read_messages(const struct v2m_grpc_message *message)
{
	V2M_CLEANUP(v2m_proxy_inbounds_clear) struct v2m_proxy_inbounds inbounds = { 0 };
	V2M_CLEANUP(v2m_proxy_inbounds_clear) struct v2m_proxy_inbounds again = { 0 };
	struct v2m_error error = { 0 };

	if (v2m_proxy_inbounds_read(message, &inbounds, &error)) {
		FUZZ_CHECK(*error.text);
		return;
	}
	check_text(&inbounds);
	FUZZ_CHECK(v2m_proxy_inbounds_read(message, &again, &error) == 0);
	for (size_t i = 0; i < inbounds.count; i++)
		if (v2m_proxy_inbound_set_users(&inbounds.items[i], message, &error))
			FUZZ_CHECK(*error.text);
	check_text(&inbounds);
	FUZZ_CHECK(v2m_proxy_inbounds_keep(&inbounds, &again) == 0);
	check_text(&inbounds);
}

/* The server has sent all of the input, and closed the connection. */
static void read_connection(const uint8_t *data, size_t size)
{
	V2M_CLEANUP(v2m_grpc_message_clear) struct v2m_grpc_message answer = { 0 };
	const struct v2m_grpc_message request = { 0 };
	struct v2m_grpc *grpc;
	struct v2m_error error = { 0 };
	int ends[2];

	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
	/* Bytes that do not fit into the buffer are left out. */
	if (send(ends[0], data, size, MSG_NOSIGNAL) < 0)
		FUZZ_CHECK(size == 0);
	shutdown(ends[0], SHUT_WR);
	FUZZ_CHECK(v2m_grpc_new_on("f", ends[1], &grpc) == 0);
	if (v2m_grpc_call(grpc, "/a/b", &request, v2m_clock_mono_ns() + 1000000000, &answer,
			  &error))
		FUZZ_CHECK(strncmp(error.text, "f:", 2) == 0);
	v2m_grpc_free(grpc);
	close(ends[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct v2m_grpc_message message = { (uint8_t *)data, size };

	v2m_log_set_level(V2M_LOG_ERROR);
	read_messages(&message);
	read_connection(data, size);
	return 0;
}
