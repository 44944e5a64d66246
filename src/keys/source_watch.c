// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/source_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/string_list.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "keys/watch_list.h"

#define MS UINT64_C(1000000)

struct v2m_source_watch {
	int epoll_fd; /* over the other two descriptors; the caller polls it */
	int timer_fd; /* runs out when a change has to be reported */
	struct v2m_strings paths;
	struct v2m_watch_list list;
	uint64_t changed_ns; /* CLOCK_MONOTONIC of the first change that is not reported yet; 0:
				none */
};

void v2m_source_watch_close(struct v2m_source_watch *watch)
{
	if (!watch)
		return;
	v2m_watch_list_clear(&watch->list);
	v2m_strings_clear(&watch->paths);
	v2m_closep(&watch->list.inotify_fd);
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
	made->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	made->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	made->list.inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	result = made->epoll_fd < 0 ? -errno : poll_also(made, made->list.inotify_fd);
	if (!result)
		result = poll_also(made, made->timer_fd);
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

/* Walks all paths again, because they may lead elsewhere now. A watch that is still needed is kept,
 * so that none of its events is lost. */
static int rebuild_list(struct v2m_source_watch *watch, struct v2m_error *error)
{
	struct v2m_watch_list old = watch->list;
	int result = 0;

	watch->list = (struct v2m_watch_list){ .inotify_fd = old.inotify_fd };
	for (size_t i = 0; i < watch->paths.count && !result; i++)
		result = v2m_watch_list_add_path(&watch->list, watch->paths.items[i]);
	for (size_t i = 0; i < old.count; i++)
		if (!v2m_watch_list_has_watch(&watch->list, old.items[i].wd))
			inotify_rm_watch(old.inotify_fd, old.items[i].wd);
	v2m_watch_list_clear(&old);
	if (!result)
		result = watch->list.failed;
	if (result)
		return v2m_error_set(error, result, "key sources cannot all be watched: %s",
				     strerror(-result));
	return 0;
}

int v2m_source_watch_set(struct v2m_source_watch *watch, const struct v2m_strings *paths,
			 struct v2m_error *error)
{
	struct v2m_strings copy = { 0 };

	for (size_t i = 0; i < paths->count; i++) {
		if (v2m_strings_add(&copy, paths->items[i]) == 0)
			continue;
		v2m_strings_clear(&copy);
		return v2m_error_set(error, -ENOMEM, "key sources: out of memory");
	}
	v2m_strings_clear(&watch->paths);
	watch->paths = copy;
	return rebuild_list(watch, error);
}

/* Sets the timer to the end of the quiet time, but not beyond the latest moment. */
static void note_change(struct v2m_source_watch *watch)
{
	uint64_t now_ns = v2m_clock_mono_ns();
	uint64_t due_ns = now_ns + V2M_SOURCE_WATCH_QUIET_MS * MS;
	struct itimerspec timer = { 0 };

	if (!watch->changed_ns)
		watch->changed_ns = now_ns;
	if (due_ns > watch->changed_ns + V2M_SOURCE_WATCH_LATEST_MS * MS)
		due_ns = watch->changed_ns + V2M_SOURCE_WATCH_LATEST_MS * MS;
	timer.it_value.tv_sec = (time_t)(due_ns / (1000 * MS));
	timer.it_value.tv_nsec = (long)(due_ns % (1000 * MS));
	timerfd_settime(watch->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

/* Whether one of the waiting events matters. After an overflow, one of the lost events may have. */
static bool read_events(struct v2m_source_watch *watch)
{
	_Alignas(struct inotify_event) char buffer[16384];
	bool matters = false;
	ssize_t length;

	while ((length = read(watch->list.inotify_fd, buffer, sizeof(buffer))) > 0) {
		const char *at = buffer;

		while (at < buffer + length) {
			const struct inotify_event *event = (const void *)at;

			if (event->mask & IN_Q_OVERFLOW ||
			    v2m_watch_list_concerns(&watch->list, event))
				matters = true;
			at += sizeof(*event) + event->len;
		}
	}
	return matters;
}

bool v2m_source_watch_drain(struct v2m_source_watch *watch)
{
	struct v2m_error error;
	uint64_t expirations;

	if (read_events(watch))
		note_change(watch);
	if (read(watch->timer_fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return false;
	watch->changed_ns = 0;
	if (rebuild_list(watch, &error))
		v2m_log_warning("%s", error.text);
	return true;
}
