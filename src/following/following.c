// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "following/following.h"

#include <errno.h>
#include <poll.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/macros.h"
#include "following/log_round.h"
#include "process/channel.h"
#include "process/child.h"

/* The records of the longest answer, the answer, and the heap that they were taken from. */
#define MAX_DATA (UINT64_C(96) << 20)
/* Two files for each log, and some for looking for a rotated one. */
#define MAX_OPENED 64

/* Reading files and directories needs these, besides those of every child process. No socket,
 * program, process or write to a file. */
static const int calls[] = {
	/* files; to open them is allowed for reading only */
	SCMP_SYS(read),
	SCMP_SYS(pread64),
	SCMP_SYS(lseek),
	SCMP_SYS(stat),
	SCMP_SYS(statx),
	SCMP_SYS(fstatfs),
	SCMP_SYS(getdents64),
	/* orders */
	SCMP_SYS(recvmsg),
};

static _Noreturn void end(const char *why)
{
	v2m_log_error("the process that follows access logs ends: %s", why);
	_exit(1);
}

static void wait_for(short events)
{
	struct pollfd channel = { .fd = V2M_CHILD_CHANNEL, .events = events };

	poll(&channel, 1, -1);
}

static void say(uint32_t kind, uint64_t id, const struct v2m_wire *wire)
{
	const struct v2m_message message = {
		.kind = kind, .id = id, .data = wire->items, .length = wire->length, .fd = -1
	};
	int result = v2m_wire_end(wire);

	if (!result && wire->length > V2M_FOLLOWING_NEWS_MAX)
		result = -EMSGSIZE;
	while (!result && (result = v2m_channel_send(V2M_CHILD_CHANNEL, &message)) == -EAGAIN) {
		wait_for(POLLOUT);
		result = 0;
	}
	if (result == -EPIPE)
		_exit(0);
	if (result)
		end(strerror(-result));
}

static void say_ready(uint32_t unprotected)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };

	v2m_wire_u32(&wire, &unprotected);
	say(V2M_FOLLOWING_READY, 0, &wire);
}

static void take_order(struct v2m_log_round *round, struct v2m_wire *wire)
{
	V2M_CLEANUP(v2m_following_order_clear) struct v2m_following_order order = { 0 };
	int result;

	v2m_put_following_order(wire, &order);
	result = v2m_wire_end(wire);
	if (!result)
		result = v2m_log_round_add(round, &order);
	if (result)
		end(strerror(-result));
}

/* Lines that did not fit into memory are read again by the next process: the counting process knows
 * how far the last answer went. */
static void answer(struct v2m_log_round *round, uint64_t id, struct v2m_wire *wire)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire written = { 0 };
	struct v2m_following_question question = { 0 };
	struct v2m_following_news *news;
	int result;

	v2m_put_following_question(wire, &question);
	result = v2m_wire_end(wire);
	if (!result)
		result = v2m_log_round_read(round, &question, &news);
	if (result)
		end(strerror(-result));
	v2m_put_following_news(&written, news);
	say(V2M_FOLLOWING_NEWS, id, &written);
}

static void take_message(struct v2m_log_round *round, const struct v2m_message *message)
{
	struct v2m_wire wire = v2m_wire_reader(message->data, message->length);

	if (message->fd < 0 && message->kind == V2M_FOLLOWING_FOLLOW)
		take_order(round, &wire);
	else if (message->fd < 0 && message->kind == V2M_FOLLOWING_READ)
		answer(round, message->id, &wire);
	else
		end("what the counting process says cannot be read");
}

static _Noreturn void serve(struct v2m_log_round *round)
{
	for (;;) {
		struct v2m_message message;
		int result;

		wait_for(POLLIN);
		result = v2m_channel_receive(V2M_CHILD_CHANNEL, V2M_FOLLOWING_ORDER_MAX, &message);
		if (result == 0)
			_exit(0);
		if (result == -EAGAIN)
			continue;
		if (result < 0)
			end(strerror(-result));
		take_message(round, &message);
		v2m_message_clear(&message);
	}
}

/* Returns the enum v2m_protection bits that are missing. */
static unsigned give_up_rights(void)
{
	const struct v2m_confine_options options = {
		.user = "v2meter-reader",
		.reads_files = true,
		.max_data = MAX_DATA,
		.max_file = V2M_FOLLOWING_NEWS_MAX,
		.max_opened = MAX_OPENED,
	};

	return v2m_child_confine(&options, calls, V2M_ARRAY_LEN(calls));
}

void v2m_following_run(void)
{
	struct v2m_log_round *round;

	/* exec() has named the process after the link that it was started by. */
	prctl(PR_SET_NAME, "v2meter-follow");
	say_ready(give_up_rights());
	round = v2m_log_round_new();
	if (!round)
		end("out of memory");
	serve(round);
}
