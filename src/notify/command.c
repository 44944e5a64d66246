// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "notify/http.h"

#define PROBLEM_LEN 256
#define PAUSE_MS    20

static int spawn(char *const argv[], int input, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	int result = posix_spawn_file_actions_init(&actions);

	if (result)
		return result;
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	result = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (!result)
		result = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	if (!result)
		result = posix_spawn(pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return result;
}

/* Writes what fits into the pipe. Returns the bytes left to write; 0 also if nobody reads. */
static size_t feed(int fd, const char *input, size_t length)
{
	ssize_t written = write(fd, input, length);

	if (written >= 0)
		return length - (size_t)written;
	return errno == EAGAIN || errno == EINTR ? length : 0;
}

/* Feeds and waits. Returns whether the program has ended in time, with *status. */
static bool supervise(pid_t pid, int fd, const char *input, uint64_t deadline_ns, int *status)
{
	V2M_CLOSE int pipe_end = fd;
	size_t left = strlen(input);
	const size_t length = left;

	while (!v2m_notify_stop && v2m_clock_mono_ns() < deadline_ns) {
		pid_t ended = waitpid(pid, status, WNOHANG);

		if (ended == pid)
			return true;
		if (ended < 0 && errno != EINTR)
			return false;
		if (left)
			left = feed(pipe_end, input + length - left, left);
		if (!left && pipe_end >= 0)
			close(V2M_TAKE_FD(pipe_end));
		poll(NULL, 0, PAUSE_MS);
	}
	return false;
}

static int judge(int status, char problem[static PROBLEM_LEN])
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		snprintf(problem, PROBLEM_LEN, "the command ended with status %d",
			 WEXITSTATUS(status));
	else
		snprintf(problem, PROBLEM_LEN, "the command was ended by signal %d",
			 WTERMSIG(status));
	return -1;
}

int v2m_command_notify(char *const argv[], const char *input, unsigned timeout_s,
		       char problem[static PROBLEM_LEN])
{
	const uint64_t deadline_ns = v2m_clock_mono_ns() + timeout_s * 1000000000ull;
	V2M_CLOSE int reading = -1;
	int pipes[2];
	int status = 0;
	int result;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC)) {
		snprintf(problem, PROBLEM_LEN, "no pipe: %s", strerror(errno));
		return -1;
	}
	reading = pipes[0];
	/* Only our end: the program expects a pipe that blocks. */
	fcntl(pipes[1], F_SETFL, O_NONBLOCK);
	result = spawn(argv, reading, &pid);
	if (result) {
		close(pipes[1]);
		snprintf(problem, PROBLEM_LEN, "%s cannot be run: %s", argv[0], strerror(result));
		return -1;
	}
	close(V2M_TAKE_FD(reading));
	if (supervise(pid, pipes[1], input, deadline_ns, &status))
		return judge(status, problem);
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	snprintf(problem, PROBLEM_LEN, "the command ran longer than %u s and was ended", timeout_s);
	return -1;
}
