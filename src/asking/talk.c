// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "asking/talk.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "process/channel.h"
#include "process/child.h"

void v2m_talk_end(const char *why)
{
	v2m_log_error("the asking process ends: %s", why);
	_exit(1);
}

static void wait_for(short events, int timeout_ms)
{
	struct pollfd channel = { .fd = V2M_CHILD_CHANNEL, .events = events };

	poll(&channel, 1, timeout_ms);
}

/* False: there is no message. */
static bool receive(struct v2m_message *message)
{
	int result = v2m_channel_receive(V2M_CHILD_CHANNEL, V2M_ASKING_ORDER_MAX, message);

	if (result == -EAGAIN)
		return false;
	if (result == 0)
		_exit(0);
	if (result < 0)
		v2m_talk_end(strerror(-result));
	return true;
}

static void take_order(const struct v2m_talk *talk, const struct v2m_message *message)
{
	V2M_CLEANUP(v2m_asking_order_clear) struct v2m_asking_order order = { 0 };
	struct v2m_wire wire = v2m_wire_reader(message->data, message->length);

	v2m_put_asking_order(&wire, &order);
	if (message->kind != V2M_ASKING_FOLLOW || message->fd >= 0 || v2m_wire_end(&wire))
		v2m_talk_end("what the counting process says cannot be read");
	talk->take(message->id, &order, talk->context);
}

void v2m_talk_listen(const struct v2m_talk *talk, int timeout_ms)
{
	struct v2m_message message;

	wait_for(POLLIN, timeout_ms);
	while (receive(&message)) {
		take_order(talk, &message);
		v2m_message_clear(&message);
	}
}

static int read_result(const struct v2m_message *message)
{
	struct v2m_wire wire = v2m_wire_reader(message->data, message->length);
	int32_t result = 0;

	v2m_wire_i32(&wire, &result);
	if (v2m_wire_end(&wire) || result > 0 || !result != (message->fd >= 0))
		v2m_talk_end("the counting process sends no connection");
	return result;
}

static void say(uint32_t kind, uint64_t number, const struct v2m_wire *wire)
{
	const struct v2m_message message = {
		.kind = kind, .id = number, .data = wire->items, .length = wire->length, .fd = -1
	};
	int result = v2m_wire_end(wire);

	if (wire->length > V2M_ASKING_SAID_MAX)
		v2m_talk_end("a proxy says too much");
	/* The counting process reads when it has time. */
	while (!result && (result = v2m_channel_send(V2M_CHILD_CHANNEL, &message)) == -EAGAIN) {
		wait_for(POLLOUT, -1);
		result = 0;
	}
	if (result == -EPIPE)
		_exit(0);
	if (result)
		v2m_talk_end(strerror(-result));
}

int v2m_talk_connect(const struct v2m_talk *talk, uint64_t number)
{
	const struct v2m_wire nothing = { 0 };

	say(V2M_ASKING_CONNECT, number, &nothing);
	for (;;) {
		struct v2m_message message;
		int result;

		wait_for(POLLIN, -1);
		if (!receive(&message))
			continue;
		if (message.kind != V2M_ASKING_CONNECTED) {
			take_order(talk, &message);
			v2m_message_clear(&message);
			continue;
		}
		result = read_result(&message);
		if (!result)
			result = V2M_TAKE_FD(message.fd);
		v2m_message_clear(&message);
		return result;
	}
}

void v2m_talk_ready(uint32_t unprotected)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };

	v2m_wire_u32(&wire, &unprotected);
	say(V2M_ASKING_READY, 0, &wire);
}

void v2m_talk_said(uint64_t number, struct v2m_asking_said *said)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };

	v2m_put_asking_said(&wire, said);
	say(V2M_ASKING_SAID, number, &wire);
}

void v2m_talk_counted(uint64_t number, struct v2m_proxy_stats *stats)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };

	v2m_put_asking_counted(&wire, stats);
	say(V2M_ASKING_COUNTED, number, &wire);
}

void v2m_talk_online(uint64_t number, struct v2m_online_list *online)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };

	v2m_put_asking_online(&wire, online);
	say(V2M_ASKING_ONLINE, number, &wire);
}
