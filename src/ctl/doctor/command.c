// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/command.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

static int spawn(const char *const argv[], int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int result = posix_spawn_file_actions_init(&actions);

	if (result)
		return -result;
	result = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!result)
		result = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (!result)
		result = posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	if (!result)
		result = posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -result;
}

/* 0 or -ENOMEM. */
static int read_all(int fd, char **text)
{
	V2M_FREE char *made = NULL;
	size_t length = 0;
	size_t capacity = 0;
	ssize_t got;

	do {
		if (capacity - length < 4096) {
			char *larger = realloc(made, capacity = capacity * 2 + 8192);

			if (!larger)
				return -ENOMEM;
			made = larger;
		}
		got = read(fd, made + length, capacity - length - 1);
		length += got > 0 ? (size_t)got : 0;
	} while ((got > 0 || (got < 0 && errno == EINTR)) && length < V2M_COMMAND_MAX);
	made[length] = 0;
	*text = V2M_TAKE(made);
	return 0;
}

int v2m_command_run(const char *const argv[], char **text)
{
	V2M_FREE char *made = NULL;
	int pipes[2];
	int status = 0;
	int result;
	pid_t pid;

	*text = NULL;
	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	result = spawn(argv, pipes[1], &pid);
	close(pipes[1]);
	if (result) {
		close(pipes[0]);
		return result;
	}
	result = read_all(pipes[0], &made);
	close(pipes[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (result)
		return result;
	if (!WIFEXITED(status))
		return -EINTR;
	*text = V2M_TAKE(made);
	return WEXITSTATUS(status);
}
