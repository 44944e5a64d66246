// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "supply/source_reader.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "process/channel.h"
#include "process/child.h"

/* How long a process may take to end after it has handed over what it read. */
#define END_WAIT_MS 1000
/* More than a source needs for its path. */
#define MESSAGES_MAX 64

struct v2m_source_reader {
	const char *argument;
	unsigned deadline_ms;
	int epoll_fd; /* over the timer, the channel and the end of the process */
	int timer_fd; /* kills the process */
	struct v2m_child child;
	bool has_outcome;  /* the process is only expected to end */
	bool is_late;      /* it is killed for that */
	int inotify_fd;    /* of the reading in progress */
	char at[PATH_MAX]; /* the source that is read; "" until it is known */
};

int v2m_source_reader_open(const char *argument, unsigned deadline_ms,
			   struct v2m_source_reader **reader, struct v2m_error *error)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct v2m_source_reader *made = calloc(1, sizeof(*made));
	int result = 0;

	if (!made)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	made->argument = argument;
	made->deadline_ms = deadline_ms;
	made->inotify_fd = -1;
	made->child = V2M_CHILD_NONE;
	made->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	made->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (made->epoll_fd < 0 || made->timer_fd < 0 ||
	    epoll_ctl(made->epoll_fd, EPOLL_CTL_ADD, made->timer_fd, &event))
		result = -errno;
	if (result) {
		v2m_source_reader_close(made);
		return v2m_error_set(error, result, "the reading process cannot be followed: %s",
				     strerror(-result));
	}
	*reader = made;
	return 0;
}

void v2m_source_reader_close(struct v2m_source_reader *reader)
{
	if (!reader)
		return;
	v2m_child_kill(&reader->child, END_WAIT_MS);
	v2m_closep(&reader->inotify_fd);
	v2m_closep(&reader->timer_fd);
	v2m_closep(&reader->epoll_fd);
	free(reader);
}

int v2m_source_reader_fd(const struct v2m_source_reader *reader)
{
	return reader->epoll_fd;
}

bool v2m_source_reader_is_busy(const struct v2m_source_reader *reader)
{
	return reader->child.pid != 0;
}

static void set_timer(struct v2m_source_reader *reader, unsigned ms)
{
	const struct itimerspec timer = { .it_value = { .tv_sec = ms / 1000,
							.tv_nsec = (long)(ms % 1000) * 1000000 } };

	timerfd_settime(reader->timer_fd, 0, &timer, NULL);
}

/* 0 or -errno. */
static int send_order(struct v2m_source_reader *reader, const struct v2m_strings *sources,
		      const struct v2m_strings *found, const struct v2m_live_sources *live)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	/* Writing changes nothing. */
	struct v2m_reading_order order = {
		.sources = *sources,
		.found = found ? *found : (struct v2m_strings){ 0 },
		.live = live ? *live : (struct v2m_live_sources){ 0 },
		.verbose = v2m_log_level() == V2M_LOG_DEBUG,
		.watches = reader->inotify_fd >= 0,
	};
	struct v2m_message message = { .kind = V2M_READING_WATCH, .fd = reader->inotify_fd };
	int result = 0;

	v2m_put_reading_order(&wire, &order);
	if (order.watches)
		result = v2m_channel_send(reader->child.channel, &message);
	message = (struct v2m_message){ .kind = V2M_READING_ORDER, .fd = -1 };
	message.data = wire.items;
	message.length = wire.length;
	if (!result)
		result = v2m_wire_end(&wire);
	return result ? result : v2m_channel_send(reader->child.channel, &message);
}

static int follow(struct v2m_source_reader *reader, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(reader->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int brief_child(struct v2m_source_reader *reader, const struct v2m_strings *sources,
		       const struct v2m_strings *found, const struct v2m_live_sources *live,
		       struct v2m_error *error)
{
	int result = follow(reader, reader->child.channel);

	if (!result)
		result = follow(reader, reader->child.pidfd);
	if (!result)
		result = send_order(reader, sources, found, live);
	if (!result)
		return 0;
	v2m_child_kill(&reader->child, END_WAIT_MS);
	return v2m_error_set(error, result, "the reading process cannot be told what to read: %s",
			     strerror(-result));
}

int v2m_source_reader_start(struct v2m_source_reader *reader, const struct v2m_strings *sources,
			    const struct v2m_strings *found, const struct v2m_live_sources *live,
			    bool watches, struct v2m_error *error)
{
	int result;

	if (reader->child.pid)
		return v2m_error_set(error, -EBUSY, "the reading process has not ended yet");
	reader->has_outcome = false;
	reader->is_late = false;
	reader->at[0] = 0;
	v2m_closep(&reader->inotify_fd);
	reader->inotify_fd = -1;
	if (watches)
		reader->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	result = v2m_child_start(reader->argument, true, &reader->child, error);
	if (!result)
		result = brief_child(reader, sources, found, live, error);
	if (!result)
		set_timer(reader, reader->deadline_ms);
	return result;
}

/* Adds the source at which the process was. A failure of the process may pass. */
static void fail(const struct v2m_source_reader *reader, struct v2m_reading_outcome *outcome,
		 const char *what)
{
	outcome->result = v2m_error_set_class(
		&outcome->error, V2M_FAILURE_PASSING, reader->is_late ? -ETIMEDOUT : -EIO,
		*reader->at ? "%s while it read %s" : "%s%s", what, reader->at);
	outcome->is_late = reader->is_late;
}

static void kill_child(const struct v2m_source_reader *reader)
{
	if (kill(reader->child.pid, SIGKILL))
		v2m_log_error("the reading process cannot be killed: %s", strerror(errno));
}

/* 0 or -errno. */
static int open_reading(const struct v2m_message *message, struct v2m_reading *reading)
{
	struct v2m_wire wire = v2m_wire_reader(message->data, message->length);
	int result;

	v2m_put_reading(&wire, reading);
	result = v2m_wire_end(&wire);
	if (!result && !v2m_reading_is_allowed(reading))
		result = -EBADMSG;
	if (result)
		v2m_reading_clear(reading);
	return result;
}

/* The process has nothing more to do after it handed over a reading, so it is not waited for. */
static void take_reading(struct v2m_source_reader *reader, const struct v2m_message *message,
			 struct v2m_reading_outcome *outcome)
{
	int result = open_reading(message, &outcome->reading);

	reader->has_outcome = true;
	if (!result) {
		outcome->inotify_fd = V2M_TAKE_FD(reader->inotify_fd);
		set_timer(reader, END_WAIT_MS);
		return;
	}
	fail(reader, outcome,
	     result == -ENOMEM ? "memory ran out for what the reading process found"
			       : "the reading process handed over nonsense");
	kill_child(reader);
}

static void note_at(struct v2m_source_reader *reader, const struct v2m_message *message)
{
	size_t length = message->length < sizeof(reader->at) ? message->length : sizeof(reader->at);

	if (!length)
		return;
	memcpy(reader->at, message->data, length);
	reader->at[length - 1] = 0;
	v2m_text_make_plain(reader->at);
}

static void take_message(struct v2m_source_reader *reader, const struct v2m_message *message,
			 struct v2m_reading_outcome *outcome)
{
	const struct v2m_message nothing = { .fd = -1 };

	if (message->kind == V2M_READING_AT && message->fd < 0)
		note_at(reader, message);
	else if (message->kind == V2M_READING_DONE && message->fd < 0)
		take_reading(reader, message, outcome);
	else
		take_reading(reader, &nothing, outcome);
}

/* The channel has no more news. It would be readable until the process has ended. */
static void leave_channel(const struct v2m_source_reader *reader)
{
	epoll_ctl(reader->epoll_fd, EPOLL_CTL_DEL, reader->child.channel, NULL);
}

static void refuse_channel(struct v2m_source_reader *reader, int result,
			   struct v2m_reading_outcome *outcome)
{
	char what[192];

	snprintf(what, sizeof(what), "what the reading process says cannot be read (%s)",
		 strerror(-result));
	reader->has_outcome = true;
	fail(reader, outcome, what);
	kill_child(reader);
}

/* Takes in the next message. False: there is none. */
static bool take_next(struct v2m_source_reader *reader, struct v2m_reading_outcome *outcome)
{
	struct v2m_message message;
	int result = v2m_channel_receive(reader->child.channel, V2M_READING_DONE_MAX, &message);

	if (result == -EAGAIN)
		return false;
	if (result == 1) {
		take_message(reader, &message, outcome);
		v2m_message_clear(&message);
	} else if (result) {
		refuse_channel(reader, result, outcome);
	}
	if (!result || reader->has_outcome)
		leave_channel(reader);
	return result == 1 && !reader->has_outcome;
}

/* At most some messages at a time: a process that sends without end must not hold its reader. If it
 * has ended, there are not many. */
static void take_messages(struct v2m_source_reader *reader, bool ended,
			  struct v2m_reading_outcome *outcome)
{
	int i = 0;

	if (reader->child.pid && !reader->has_outcome)
		while (take_next(reader, outcome) && (ended || ++i < MESSAGES_MAX))
			;
}

/* A process that hangs in the kernel may not even end then, so nobody waits for its end. */
static void follow_timer(struct v2m_source_reader *reader, struct v2m_reading_outcome *outcome)
{
	uint64_t expirations;
	char what[192];

	if (read(reader->timer_fd, &expirations, sizeof(expirations)) != sizeof(expirations) ||
	    !reader->child.pid)
		return;
	kill_child(reader);
	if (reader->has_outcome)
		return;
	reader->has_outcome = true;
	reader->is_late = true;
	leave_channel(reader);
	snprintf(what, sizeof(what),
		 "the reading process was killed, because it took longer than %u ms",
		 reader->deadline_ms);
	fail(reader, outcome, what);
}

static void take_end(struct v2m_source_reader *reader, struct v2m_reading_outcome *outcome)
{
	char how[64];
	char what[192];

	if (!v2m_child_wait(&reader->child, 0, how, sizeof(how)))
		return;
	set_timer(reader, 0);
	if (reader->has_outcome)
		return;
	reader->has_outcome = true;
	snprintf(what, sizeof(what), "the reading process has ended (%s)", how);
	fail(reader, outcome, what);
}

static bool has_ended(const struct v2m_source_reader *reader)
{
	struct pollfd end = { .fd = reader->child.pidfd, .events = POLLIN };

	return reader->child.pid && poll(&end, 1, 0) == 1;
}

bool v2m_source_reader_take(struct v2m_source_reader *reader, struct v2m_reading_outcome *outcome)
{
	struct v2m_reading_outcome made = { .inotify_fd = -1 };
	bool had_outcome = reader->has_outcome;
	/* Before the messages, so that the last one is not missed. */
	bool ended = has_ended(reader);

	take_messages(reader, ended, &made);
	follow_timer(reader, &made);
	if (ended)
		take_end(reader, &made);
	if (had_outcome || !reader->has_outcome)
		return false;
	*outcome = made;
	return true;
}

bool v2m_source_reader_wait(struct v2m_source_reader *reader, int timeout_ms, int stop_fd,
			    struct v2m_reading_outcome *outcome)
{
	uint64_t end_ms = v2m_clock_mono_ns() / 1000000 + (uint64_t)timeout_ms;
	struct pollfd fds[] = {
		{ .fd = reader->epoll_fd, .events = POLLIN },
		{ .fd = stop_fd, .events = POLLIN },
	};

	while (!v2m_source_reader_take(reader, outcome)) {
		int64_t left_ms = (int64_t)(end_ms - v2m_clock_mono_ns() / 1000000);

		if (left_ms <= 0 || fds[1].revents || !reader->child.pid)
			return false;
		poll(fds, 2, (int)left_ms);
	}
	return true;
}

void v2m_source_reader_wait_for_end(struct v2m_source_reader *reader)
{
	struct v2m_reading_outcome none;

	/* False: there is no second outcome. */
	v2m_source_reader_wait(reader, 2 * END_WAIT_MS, -1, &none);
}

void v2m_reading_outcome_clear(struct v2m_reading_outcome *outcome)
{
	v2m_reading_clear(&outcome->reading);
	v2m_closep(&outcome->inotify_fd);
	outcome->inotify_fd = -1;
}
