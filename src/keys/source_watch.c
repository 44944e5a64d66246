// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/source_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define MS UINT64_C(1000000)

/* So much is read of the kernel's events at once: somebody may make them without end. */
#define BUFFER_LEN  16384
#define MAX_BUFFERS 16

struct v2m_source_watch {
	int epoll_fd;   /* over the other two descriptors; the caller polls it */
	int timer_fd;   /* runs out when a change has to be reported */
	int inotify_fd; /* -1: nothing is watched */
	struct v2m_watch_list list;
	uint64_t changed_ns; /* CLOCK_MONOTONIC of the first change that is not reported yet; 0:
				none */
};

void v2m_source_watch_close(struct v2m_source_watch *watch)
{
	if (!watch)
		return;
	v2m_watch_list_clear(&watch->list);
	v2m_closep(&watch->inotify_fd);
	v2m_closep(&watch->timer_fd);
	v2m_closep(&watch->epoll_fd);
	free(watch);
}

static int poll_also(struct v2m_source_watch *watch, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return fd < 0 || epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

int v2m_source_watch_open(struct v2m_source_watch **watch, struct v2m_error *error)
{
	struct v2m_source_watch *made = calloc(1, sizeof(*made));
	int result;

	if (!made)
		return v2m_error_set(error, -ENOMEM, "key sources: out of memory");
	made->inotify_fd = -1;
	made->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	made->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	result = made->epoll_fd < 0 ? -errno : poll_also(made, made->timer_fd);
	if (result) {
		v2m_source_watch_close(made);
		return v2m_error_set(error, result, "key sources cannot be watched: %s",
				     strerror(-result));
	}
	*watch = made;
	return 0;
}

int v2m_source_watch_fd(const struct v2m_source_watch *watch)
{
	return watch->epoll_fd;
}

int v2m_source_watch_set(struct v2m_source_watch *watch, int inotify_fd,
			 struct v2m_watch_list *list)
{
	int result = poll_also(watch, inotify_fd);

	if (result) {
		close(inotify_fd);
		v2m_watch_list_clear(list);
		return result;
	}
	v2m_closep(&watch->inotify_fd);
	v2m_watch_list_clear(&watch->list);
	watch->inotify_fd = inotify_fd;
	watch->list = *list;
	*list = (struct v2m_watch_list){ 0 };
	v2m_watch_list_sort(&watch->list);
	return 0;
}

static void set_timer(struct v2m_source_watch *watch, uint64_t due_ns)
{
	struct itimerspec timer = { 0 };

	timer.it_value.tv_sec = (time_t)(due_ns / (1000 * MS));
	timer.it_value.tv_nsec = (long)(due_ns % (1000 * MS));
	timerfd_settime(watch->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

/* Sets the timer to the end of the quiet time, but not beyond the latest moment. */
static void note_change(struct v2m_source_watch *watch)
{
	uint64_t now_ns = v2m_clock_mono_ns();
	uint64_t due_ns = now_ns + V2M_SOURCE_WATCH_QUIET_MS * MS;

	if (!watch->changed_ns)
		watch->changed_ns = now_ns;
	if (due_ns > watch->changed_ns + V2M_SOURCE_WATCH_LATEST_MS * MS)
		due_ns = watch->changed_ns + V2M_SOURCE_WATCH_LATEST_MS * MS;
	set_timer(watch, due_ns);
}

/* A file that was made is read once it is written and closed, or else at the latest moment: it may
 * be a link. */
static void note_beginning(struct v2m_source_watch *watch)
{
	if (watch->changed_ns)
		return;
	watch->changed_ns = v2m_clock_mono_ns();
	set_timer(watch, watch->changed_ns + V2M_SOURCE_WATCH_LATEST_MS * MS);
}

static void note_event(struct v2m_source_watch *watch, const struct inotify_event *event)
{
	enum v2m_watch_concern concern = v2m_watch_list_concerns(&watch->list, event);

	/* After an overflow, one of the lost events may have mattered. */
	if (event->mask & IN_Q_OVERFLOW || concern == V2M_WATCH_CHANGE)
		note_change(watch);
	else if (concern == V2M_WATCH_BEGIN)
		note_beginning(watch);
}

static void read_events(struct v2m_source_watch *watch)
{
	_Alignas(struct inotify_event) char buffer[BUFFER_LEN];
	ssize_t length;

	for (int i = 0; i < MAX_BUFFERS; i++) {
		const char *at = buffer;

		length =
			watch->inotify_fd < 0 ? 0 : read(watch->inotify_fd, buffer, sizeof(buffer));
		if (length <= 0)
			return;
		while (at < buffer + length) {
			const struct inotify_event *event = (const void *)at;

			note_event(watch, event);
			at += sizeof(*event) + event->len;
		}
	}
}

bool v2m_source_watch_drain(struct v2m_source_watch *watch)
{
	uint64_t expirations;

	read_events(watch);
	if (read(watch->timer_fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return false;
	watch->changed_ns = 0;
	return true;
}
