// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/kept_child.h"

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
#include "process/confine.h"

/* The pause before the next process doubles so often if the processes end soon, so that one which
 * cannot run does not fill the log. */
#define DOUBLINGS_MAX 7
#define END_MS        1000
/* A process that ends within this time has not done what it is there for. */
#define SOON_NS (5 * SECOND_NS)
/* At most so many messages at a time, and in a second: a process that sends without end must not
 * hold us. */
#define MESSAGES_MAX   64
#define PER_SECOND_MAX 1000
#define SECOND_NS      UINT64_C(1000000000)

struct v2m_kept_child {
	struct v2m_kept_child_options options;
	int epoll_fd; /* over the timer, the channel and the end of the process */
	int timer_fd; /* starts the next process, or kills one that hangs */
	struct v2m_child child;
	bool is_wanted;
	bool is_killed;      /* its end is expected */
	bool has_spoken;     /* a message of options.useful_kind */
	unsigned n_useless;  /* processes in a row that ended soon, or did nothing */
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	uint64_t heard_ns;   /* the last word */
	uint64_t period_ns;  /* when the count of messages began */
	unsigned n_messages;
	uint32_t unprotected; /* protections that a process said it lacks */
	char why_killed[128];
};

int v2m_kept_child_open(const struct v2m_kept_child_options *options, struct v2m_kept_child **kept)
{
	struct v2m_kept_child *made = calloc(1, sizeof(*made));
	struct epoll_event event = { .events = EPOLLIN };

	if (!made)
		return -ENOMEM;
	made->options = *options;
	made->child = V2M_CHILD_NONE;
	made->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	made->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (made->epoll_fd < 0 || made->timer_fd < 0 ||
	    epoll_ctl(made->epoll_fd, EPOLL_CTL_ADD, made->timer_fd, &event)) {
		int result = -errno;

		v2m_kept_child_close(made);
		return result;
	}
	*kept = made;
	return 0;
}

void v2m_kept_child_close(struct v2m_kept_child *kept)
{
	if (!kept)
		return;
	v2m_child_kill(&kept->child, END_MS);
	v2m_closep(&kept->timer_fd);
	v2m_closep(&kept->epoll_fd);
	free(kept);
}

int v2m_kept_child_fd(const struct v2m_kept_child *kept)
{
	return kept->epoll_fd;
}

static void set_timer(const struct v2m_kept_child *kept, unsigned ms)
{
	const struct itimerspec timer = { .it_value = { .tv_sec = ms / 1000,
							.tv_nsec = (long)(ms % 1000) * 1000000 } };

	timerfd_settime(kept->timer_fd, 0, &timer, NULL);
}

void v2m_kept_child_kill(struct v2m_kept_child *kept, const char *why)
{
	if (!kept->child.pid || kept->is_killed)
		return;
	kept->is_killed = true;
	snprintf(kept->why_killed, sizeof(kept->why_killed), "%s", why);
	/* It would be readable until the process has ended. */
	epoll_ctl(kept->epoll_fd, EPOLL_CTL_DEL, kept->child.channel, NULL);
	if (kill(kept->child.pid, SIGKILL))
		v2m_log_error("%s cannot be killed: %s", kept->options.name, strerror(errno));
}

/* 0, or -errno with a sentence. */
static int begin(struct v2m_kept_child *kept, struct v2m_error *error)
{
	struct epoll_event event = { .events = EPOLLIN };
	int result = v2m_child_start(kept->options.argument, false, &kept->child, error);

	if (result)
		return result;
	if (epoll_ctl(kept->epoll_fd, EPOLL_CTL_ADD, kept->child.channel, &event) ||
	    epoll_ctl(kept->epoll_fd, EPOLL_CTL_ADD, kept->child.pidfd, &event)) {
		result = -errno;
		v2m_child_kill(&kept->child, END_MS);
		return v2m_error_set(error, result, "a child process cannot be watched: %s",
				     strerror(-result));
	}
	return 0;
}

static void start(struct v2m_kept_child *kept)
{
	struct v2m_error error = { 0 };

	kept->is_killed = false;
	kept->has_spoken = false;
	kept->started_ns = kept->heard_ns = v2m_clock_mono_ns();
	if (begin(kept, &error)) {
		v2m_log_error("%s: %s", kept->options.name, error.text);
		set_timer(kept, kept->options.pause_ms << DOUBLINGS_MAX);
		return;
	}
	set_timer(kept, kept->options.silence_ms);
	kept->options.brief(kept->options.context);
}

void v2m_kept_child_start(struct v2m_kept_child *kept)
{
	if (kept->is_wanted)
		return;
	kept->is_wanted = true;
	start(kept);
}

void v2m_kept_child_send(struct v2m_kept_child *kept, uint32_t kind, uint64_t id,
			 const struct v2m_wire *payload, int fd)
{
	const struct v2m_message message = {
		.kind = kind, .id = id, .data = payload->items, .length = payload->length, .fd = fd
	};
	int result = v2m_wire_end(payload);

	if (!kept->child.pid || kept->is_killed)
		return;
	if (!result)
		result = v2m_channel_send(kept->child.channel, &message);
	/* One that has ended is seen to be so. */
	if (result && result != -EPIPE)
		v2m_kept_child_kill(kept, "it does not read what it is told");
}

int v2m_kept_child_note_protection(struct v2m_kept_child *kept, struct v2m_wire *wire)
{
	uint32_t unprotected = 0;
	char names[256];

	v2m_wire_u32(wire, &unprotected);
	if (v2m_wire_end(wire) || unprotected & ~(uint32_t)V2M_PROTECT_ALL)
		return -EBADMSG;
	if (unprotected && unprotected != kept->unprotected) {
		v2m_confine_names(unprotected, names, sizeof(names));
		v2m_log_warning("%s runs without %s", kept->options.name, names);
	}
	kept->unprotected = unprotected;
	return 0;
}

/* False: the process says more than there is to say. */
static bool may_go_on(struct v2m_kept_child *kept)
{
	if (kept->heard_ns - kept->period_ns > SECOND_NS) {
		kept->period_ns = kept->heard_ns;
		kept->n_messages = 0;
	}
	return kept->options.only_answers || kept->n_messages++ < PER_SECOND_MAX;
}

/* False: there is no further message. */
static bool take_next(struct v2m_kept_child *kept)
{
	struct v2m_message message;
	int result = v2m_channel_receive(kept->child.channel, kept->options.said_max, &message);

	if (result == -EAGAIN)
		return false;
	if (result == 0) {
		epoll_ctl(kept->epoll_fd, EPOLL_CTL_DEL, kept->child.channel, NULL);
		return false;
	}
	if (result == 1) {
		kept->heard_ns = v2m_clock_mono_ns();
		result = may_go_on(kept) ? kept->options.take(kept->options.context, &message)
					 : -EBADMSG;
		kept->has_spoken |= message.kind == kept->options.useful_kind && !result;
		v2m_message_clear(&message);
	}
	if (result)
		v2m_kept_child_kill(kept, result == -ENOMEM ? "memory ran out for what it said"
							    : "what it said is not allowed");
	return !result;
}

static void take_messages(struct v2m_kept_child *kept)
{
	for (int i = 0; i < MESSAGES_MAX && kept->child.pid && !kept->is_killed; i++)
		if (!take_next(kept))
			return;
}

static void follow_timer(struct v2m_kept_child *kept)
{
	uint64_t expirations;
	uint64_t silent_ms;

	if (read(kept->timer_fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return;
	if (!kept->child.pid) {
		start(kept);
		return;
	}
	if (!kept->options.silence_ms)
		return;
	silent_ms = (v2m_clock_mono_ns() - kept->heard_ns) / 1000000;
	if (silent_ms < kept->options.silence_ms) {
		set_timer(kept, kept->options.silence_ms - (unsigned)silent_ms);
		return;
	}
	v2m_kept_child_kill(kept, "it hangs");
}

static void follow_end(struct v2m_kept_child *kept)
{
	char how[64];
	char sentence[256];

	if (!v2m_child_wait(&kept->child, 0, how, sizeof(how)))
		return;
	snprintf(sentence, sizeof(sentence), "%s has ended (%s%s)", kept->options.name,
		 kept->is_killed ? "killed, because " : "",
		 kept->is_killed ? kept->why_killed : how);
	if (kept->has_spoken && v2m_clock_mono_ns() - kept->started_ns >= SOON_NS)
		kept->n_useless = 0;
	else
		kept->n_useless++;
	set_timer(kept,
		  kept->options.pause_ms
			  << (kept->n_useless < DOUBLINGS_MAX ? kept->n_useless : DOUBLINGS_MAX));
	v2m_log_warning("%s and is started again; %s", sentence, kept->options.meanwhile);
	kept->options.note_end(kept->options.context, kept->n_useless, sentence);
}

void v2m_kept_child_drain(struct v2m_kept_child *kept)
{
	struct pollfd ended = { .fd = kept->child.pidfd, .events = POLLIN };
	/* Before the messages, so that the last one is not missed. */
	bool has_ended = kept->child.pid && poll(&ended, 1, 0) == 1;

	take_messages(kept);
	if (has_ended)
		follow_end(kept);
	follow_timer(kept);
}
