// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "supply/asker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "ipc/asking.h"
#include "process/child.h"

/* The pause before the next process doubles so often if the processes end soon, so that one which
 * cannot run does not fill the log. */
#define DOUBLINGS_MAX 7
/* Without a word for so long, the process hangs: it says something in each round. */
#define SILENCE_MS 60000
#define END_MS     1000
/* A process that ends within this time has not done what it is there for. */
#define SOON_NS (5 * SECOND_NS)
/* At most so many messages at a time, and in a second: a process that sends without end must not
 * hold us. */
#define MESSAGES_MAX   64
#define PER_SECOND_MAX 1000
#define SECOND_NS      UINT64_C(1000000000)

struct v2m_asker {
	const char *argument;
	unsigned pause_ms;
	struct v2m_asker_owner owner;
	int epoll_fd; /* over the timer, the channel and the end of the process */
	int timer_fd; /* starts the next process, or kills one that hangs */
	struct v2m_child child;
	bool is_wanted;
	bool is_killed;      /* its end is expected */
	bool has_spoken;     /* of an API */
	unsigned n_useless;  /* processes in a row that ended soon, or did nothing */
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	uint64_t heard_ns;   /* the last word */
	uint64_t period_ns;  /* when the count of messages began */
	unsigned n_messages;
	char why_killed[128];
};

int v2m_asker_open(const char *argument, unsigned pause_ms, const struct v2m_asker_owner *owner,
		   struct v2m_asker **asker)
{
	struct v2m_asker *made = calloc(1, sizeof(*made));
	struct epoll_event event = { .events = EPOLLIN };

	if (!made)
		return -ENOMEM;
	made->argument = argument;
	made->pause_ms = pause_ms;
	made->owner = *owner;
	made->child = V2M_CHILD_NONE;
	made->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	made->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (made->epoll_fd < 0 || made->timer_fd < 0 ||
	    epoll_ctl(made->epoll_fd, EPOLL_CTL_ADD, made->timer_fd, &event)) {
		int result = -errno;

		v2m_asker_close(made);
		return result;
	}
	*asker = made;
	return 0;
}

void v2m_asker_close(struct v2m_asker *asker)
{
	if (!asker)
		return;
	v2m_child_kill(&asker->child, END_MS);
	v2m_closep(&asker->timer_fd);
	v2m_closep(&asker->epoll_fd);
	free(asker);
}

int v2m_asker_fd(const struct v2m_asker *asker)
{
	return asker->epoll_fd;
}

static void set_timer(const struct v2m_asker *asker, unsigned ms)
{
	const struct itimerspec timer = { .it_value = { .tv_sec = ms / 1000,
							.tv_nsec = (long)(ms % 1000) * 1000000 } };

	timerfd_settime(asker->timer_fd, 0, &timer, NULL);
}

static void kill_child(struct v2m_asker *asker, const char *why)
{
	if (!asker->child.pid || asker->is_killed)
		return;
	asker->is_killed = true;
	snprintf(asker->why_killed, sizeof(asker->why_killed), "%s", why);
	/* It would be readable until the process has ended. */
	epoll_ctl(asker->epoll_fd, EPOLL_CTL_DEL, asker->child.channel, NULL);
	if (kill(asker->child.pid, SIGKILL))
		v2m_log_error("the asking process cannot be killed: %s", strerror(errno));
}

/* 0, or -errno with a sentence. */
static int begin(struct v2m_asker *asker, struct v2m_error *error)
{
	struct epoll_event event = { .events = EPOLLIN };
	int result = v2m_child_start(asker->argument, false, &asker->child, error);

	if (result)
		return result;
	if (epoll_ctl(asker->epoll_fd, EPOLL_CTL_ADD, asker->child.channel, &event) ||
	    epoll_ctl(asker->epoll_fd, EPOLL_CTL_ADD, asker->child.pidfd, &event)) {
		result = -errno;
		v2m_child_kill(&asker->child, END_MS);
		return v2m_error_set(error, result, "a child process cannot be watched: %s",
				     strerror(-result));
	}
	return 0;
}

static void start(struct v2m_asker *asker)
{
	struct v2m_error error = { 0 };

	asker->is_killed = false;
	asker->has_spoken = false;
	asker->started_ns = asker->heard_ns = v2m_clock_mono_ns();
	if (begin(asker, &error)) {
		v2m_log_error("the process that asks the APIs of proxies: %s", error.text);
		set_timer(asker, asker->pause_ms << DOUBLINGS_MAX);
		return;
	}
	set_timer(asker, SILENCE_MS);
	asker->owner.brief(asker->owner.context);
}

void v2m_asker_start(struct v2m_asker *asker)
{
	if (asker->is_wanted)
		return;
	asker->is_wanted = true;
	start(asker);
}

void v2m_asker_send(struct v2m_asker *asker, uint32_t kind, uint64_t id,
		    const struct v2m_wire *payload, int fd)
{
	const struct v2m_message message = {
		.kind = kind, .id = id, .data = payload->items, .length = payload->length, .fd = fd
	};
	int result = v2m_wire_end(payload);

	if (!asker->child.pid || asker->is_killed)
		return;
	if (!result)
		result = v2m_channel_send(asker->child.channel, &message);
	/* One that has ended is seen to be so. */
	if (result && result != -EPIPE)
		kill_child(asker, "it does not read what it is told");
}

/* False: the process says more than there is to say. */
static bool may_go_on(struct v2m_asker *asker)
{
	if (asker->heard_ns - asker->period_ns > SECOND_NS) {
		asker->period_ns = asker->heard_ns;
		asker->n_messages = 0;
	}
	return asker->n_messages++ < PER_SECOND_MAX;
}

/* False: there is no further message. */
static bool take_next(struct v2m_asker *asker)
{
	struct v2m_message message;
	int result = v2m_channel_receive(asker->child.channel, V2M_ASKING_SAID_MAX, &message);

	if (result == -EAGAIN)
		return false;
	if (result == 0) {
		epoll_ctl(asker->epoll_fd, EPOLL_CTL_DEL, asker->child.channel, NULL);
		return false;
	}
	if (result == 1) {
		asker->heard_ns = v2m_clock_mono_ns();
		result = may_go_on(asker) ? asker->owner.take(asker->owner.context, &message)
					  : -EBADMSG;
		asker->has_spoken |= message.kind == V2M_ASKING_SAID && !result;
		v2m_message_clear(&message);
	}
	if (result)
		kill_child(asker, result == -ENOMEM ? "memory ran out for what it said"
						    : "what it said is not allowed");
	return !result;
}

static void take_messages(struct v2m_asker *asker)
{
	for (int i = 0; i < MESSAGES_MAX && asker->child.pid && !asker->is_killed; i++)
		if (!take_next(asker))
			return;
}

static void follow_timer(struct v2m_asker *asker)
{
	uint64_t expirations;
	uint64_t silent_ms;

	if (read(asker->timer_fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return;
	if (!asker->child.pid) {
		start(asker);
		return;
	}
	silent_ms = (v2m_clock_mono_ns() - asker->heard_ns) / 1000000;
	if (silent_ms < SILENCE_MS) {
		set_timer(asker, SILENCE_MS - (unsigned)silent_ms);
		return;
	}
	kill_child(asker, "it hangs");
}

static void follow_end(struct v2m_asker *asker)
{
	char how[64];
	char sentence[256];

	if (!v2m_child_wait(&asker->child, 0, how, sizeof(how)))
		return;
	snprintf(sentence, sizeof(sentence),
		 "the process that asks the APIs of proxies has ended (%s%s)",
		 asker->is_killed ? "killed, because " : "",
		 asker->is_killed ? asker->why_killed : how);
	if (asker->has_spoken && v2m_clock_mono_ns() - asker->started_ns >= SOON_NS)
		asker->n_useless = 0;
	else
		asker->n_useless++;
	set_timer(asker, asker->pause_ms << (asker->n_useless < DOUBLINGS_MAX ? asker->n_useless
									      : DOUBLINGS_MAX));
	v2m_log_warning("%s and is started again; the last good keys stay", sentence);
	asker->owner.note_end(asker->owner.context, asker->n_useless, sentence);
}

void v2m_asker_drain(struct v2m_asker *asker)
{
	struct pollfd ended = { .fd = asker->child.pidfd, .events = POLLIN };
	/* Before the messages, so that the last one is not missed. */
	bool has_ended = asker->child.pid && poll(&ended, 1, 0) == 1;

	take_messages(asker);
	if (has_ended)
		follow_end(asker);
	follow_timer(asker);
}
