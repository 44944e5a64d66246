// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "netlink/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/file.h"

#define PID_FILE_MAX 64

static int set_error(struct v2m_error *error, int code, const char *path)
{
	return v2m_error_set(error, code, "netns %s: %s", path, strerror(-code));
}

/* Reads a pid, which white space may follow. 0: the text is not a pid. */
static long parse_pid(const char *text)
{
	char *end;
	long pid = strtol(text, &end, 10);

	while (*end == '\n' || *end == ' ')
		end++;
	return end != text && !*end && pid > 0 && pid <= INT_MAX ? pid : 0;
}

static int open_namespace_of(long pid, struct v2m_error *error)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? set_error(error, -errno, path) : fd;
}

static int open_namespace_of_pid_file(const char *path, struct v2m_error *error)
{
	V2M_FREE char *text = NULL;
	size_t length;
	int result = v2m_read_file(path, PID_FILE_MAX, &text, &length);
	long pid = result ? 0 : parse_pid(text);

	if (result && result != -EFBIG)
		return set_error(error, result, path);
	if (!pid)
		return v2m_error_set(
			error, -EINVAL,
			"netns %s: this is neither a network namespace nor a file with a pid",
			path);
	return open_namespace_of(pid, error);
}

static bool is_namespace(int fd)
{
	struct statfs info;

	return fstatfs(fd, &info) == 0 && (unsigned long)info.f_type == NSFS_MAGIC;
}

static int open_namespace(const char *text, struct v2m_error *error)
{
	V2M_CLOSE int fd = -1;
	long pid = parse_pid(text);

	if (pid)
		return open_namespace_of(pid, error);
	fd = open(text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return set_error(error, -errno, text);
	return is_namespace(fd) ? V2M_TAKE_FD(fd) : open_namespace_of_pid_file(text, error);
}

int v2m_netns_open(const char *text, uint32_t *inode, struct v2m_error *error)
{
	V2M_CLOSE int fd = open_namespace(text, error);
	struct stat info;

	if (fd < 0)
		return fd;
	if (fstat(fd, &info))
		return set_error(error, -errno, text);
	*inode = (uint32_t)info.st_ino;
	return V2M_TAKE_FD(fd);
}

uint32_t v2m_netns_own(void)
{
	struct stat info;

	return stat("/proc/thread-self/ns/net", &info) ? 0 : (uint32_t)info.st_ino;
}

struct job {
	int netns;
	int (*run)(void *context);
	void *context;
	int result;
};

static void *run_job(void *argument)
{
	struct job *job = argument;

	job->result = setns(job->netns, CLONE_NEWNET) ? -errno : job->run(job->context);
	return NULL;
}

int v2m_netns_run(int netns, int (*run)(void *context), void *context)
{
	struct job job = { .netns = netns, .run = run, .context = context };
	pthread_t thread;
	int result;

	if (netns < 0)
		return run(context);
	result = pthread_create(&thread, NULL, run_job, &job);
	if (result)
		return -result;
	pthread_join(thread, NULL);
	return job.result;
}
