// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "reading/reading.h"

#include <errno.h>
#include <poll.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/macros.h"
#include "ipc/reading.h"
#include "process/channel.h"
#include "process/child.h"
#include "reading/gather.h"
#include "reading/watch_walk.h"

#define ORDER_WAIT_MS 5000
#define SEND_WAIT_MS  5000

/* The largest sources that are accepted take a part of these. */
#define MAX_CPU_S  10
#define MAX_DATA   (UINT64_C(512) << 20)
#define MAX_OPENED 64

/* Reading files and SQLite need these, besides those of every child process. No socket, program,
 * process or write to a file. */
static const int calls[] = {
	/* files; to open them is allowed for reading only */
	SCMP_SYS(read),
	SCMP_SYS(pread64),
	SCMP_SYS(readv),
	SCMP_SYS(lseek),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(statx),
	SCMP_SYS(statfs),
	SCMP_SYS(fstatfs),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),
	SCMP_SYS(getcwd),
	SCMP_SYS(fadvise64),
	SCMP_SYS(inotify_add_watch),
	/* SQLite asks who it is */
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(sched_getaffinity),
};

static _Noreturn void end(const char *why)
{
	v2m_log_error("the reading process ends: %s", why);
	_exit(1);
}

/* 0 or -errno. */
static int receive_message(size_t max, struct v2m_message *message)
{
	struct pollfd channel = { .fd = V2M_CHILD_CHANNEL, .events = POLLIN };
	int result;

	poll(&channel, 1, ORDER_WAIT_MS);
	result = v2m_channel_receive(V2M_CHILD_CHANNEL, max, message);
	return result == 1 ? 0 : result ? result : -EPIPE;
}

/* *inotify_fd: -1 if nothing is to be watched. 0 or -errno. */
static int receive_order(struct v2m_reading_order *order, int *inotify_fd)
{
	struct v2m_message message;
	struct v2m_wire wire;
	int result = receive_message(V2M_READING_ORDER_MAX, &message);

	if (!result && message.kind == V2M_READING_WATCH) {
		*inotify_fd = V2M_TAKE_FD(message.fd);
		v2m_message_clear(&message);
		result = receive_message(V2M_READING_ORDER_MAX, &message);
	}
	if (result)
		return result;
	wire = v2m_wire_reader(message.data, message.length);
	v2m_put_reading_order(&wire, order);
	result = message.kind == V2M_READING_ORDER ? v2m_wire_end(&wire) : -EBADMSG;
	v2m_message_clear(&message);
	return order->watches == (*inotify_fd >= 0) ? result : -EBADMSG;
}

/* Returns the enum v2m_protection bits that are missing. */
static unsigned give_up_rights(void)
{
	const struct v2m_confine_options options = {
		.user = "v2meter-reader",
		.reads_files = true,
		.max_cpu_s = MAX_CPU_S,
		.max_data = MAX_DATA,
		.max_file = V2M_READING_DONE_MAX,
		.max_opened = MAX_OPENED,
	};

	return v2m_child_confine(&options, calls, V2M_ARRAY_LEN(calls));
}

static void tell_at(const char *path)
{
	const struct v2m_message message = {
		.kind = V2M_READING_AT, .data = path, .length = strlen(path) + 1, .fd = -1
	};

	/* Only for the log: if there is no room, it has to do without. */
	v2m_channel_send(V2M_CHILD_CHANNEL, &message);
}

static void hand_over(struct v2m_reading *reading)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct pollfd channel = { .fd = V2M_CHILD_CHANNEL, .events = POLLOUT };
	struct v2m_message message = { .kind = V2M_READING_DONE, .fd = -1 };
	int result;

	v2m_put_reading(&wire, reading);
	result = v2m_wire_end(&wire);
	if (result)
		end(result == -ENOMEM ? "out of memory"
				      : "it cannot put what it read into a message");
	if (wire.length > V2M_READING_DONE_MAX)
		end("the key sources hold too much text");
	message.data = wire.items;
	message.length = wire.length;
	while ((result = v2m_channel_send(V2M_CHILD_CHANNEL, &message)) == -EAGAIN)
		if (poll(&channel, 1, SEND_WAIT_MS) <= 0)
			break;
	if (result)
		end(strerror(-result));
}

static bool any_failed(const struct v2m_gathered *gathered)
{
	for (size_t i = 0; i < gathered->sources.count; i++)
		if (gathered->sources.items[i].result && !gathered->sources.items[i].absent)
			return true;
	return false;
}

/* Watches first, so that no change is missed between the two. */
static int read_sources(const struct v2m_reading_order *order, int inotify_fd,
			struct v2m_reading *reading)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings paths = { 0 };
	const struct v2m_gather_options options = { .live = &order->live,
						    .found = &order->found,
						    .at = tell_at };
	struct v2m_gathered *gathered = &reading->gathered;
	int result = v2m_gather_paths(&order->sources, NULL, &paths);

	for (size_t i = 0; i < order->found.count && !result; i++)
		if (!v2m_is_live_source(order->found.items[i]))
			result = v2m_strings_add(&paths, order->found.items[i]);
	if (!result && inotify_fd >= 0)
		result = v2m_watch_walk(inotify_fd, &paths, &reading->watched);
	if (!result)
		result = v2m_gather_sources(&order->sources, &options, gathered);
	if (result || !any_failed(gathered))
		return result;
	/* The keys of the others are of no use alone. */
	v2m_key_list_clear(&gathered->customers);
	v2m_key_list_clear(&gathered->clients);
	v2m_key_list_clear(&gathered->assignments);
	return 0;
}

void v2m_reading_run(void)
{
	struct v2m_reading_order order = { 0 };
	struct v2m_reading reading = { 0 };
	int inotify_fd = -1;

	/* exec() has named the process after the link that it was started by. */
	prctl(PR_SET_NAME, "v2meter-read");
	if (receive_order(&order, &inotify_fd)) {
		v2m_log_error("the reading process is started by the counting process, and by "
			      "nobody else");
		_exit(2);
	}
	if (order.verbose)
		v2m_log_set_level(V2M_LOG_DEBUG);
	reading.unprotected = give_up_rights();
	if (read_sources(&order, inotify_fd, &reading))
		end("out of memory");
	hand_over(&reading);
	_exit(0);
}
