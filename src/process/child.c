// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/zone.h"
#include "process/channel.h"

#define SELF         "/proc/self/exe"
#define STOP_WAIT_MS 1500

/* The sanitizers' options are for the tests. */
static const char *const variables[] = {
	"JOURNAL_STREAM", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
};

#define OWN_PREFIX "V2METER_"

static bool is_chosen(const char *entry, bool with_environment)
{
	if (with_environment)
		return strncmp(entry, OWN_PREFIX, strlen(OWN_PREFIX)) != 0;
	for (size_t i = 0; i < V2M_ARRAY_LEN(variables); i++) {
		size_t length = strlen(variables[i]);

		if (strncmp(entry, variables[i], length) == 0 && entry[length] == '=')
			return true;
	}
	return false;
}

/* An array of entries that end with NULL; only the array is the caller's to free. NULL: out of
 * memory. */
static char **choose_environment(bool with_environment)
{
	size_t count = 0;
	char **chosen;

	while (environ[count])
		count++;
	chosen = calloc(count + 1, sizeof(*chosen));
	count = 0;
	for (char **entry = environ; chosen && *entry; entry++)
		if (is_chosen(*entry, with_environment))
			chosen[count++] = *entry;
	return chosen;
}

/* posix_spawn() shares our memory until the exec, however large it is, and copies none of it. 0 or
 * -errno. */
static int spawn(const char *argument, int channel, char *const environment[], pid_t *pid)
{
	char *const words[] = { (char *)"v2meterd", (char *)argument, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int result = posix_spawn_file_actions_init(&actions);

	if (result)
		return -result;
	result = posix_spawnattr_init(&attributes);
	if (result) {
		posix_spawn_file_actions_destroy(&actions);
		return -result;
	}
	sigemptyset(&none);
	result = posix_spawn_file_actions_adddup2(&actions, channel, V2M_CHILD_CHANNEL);
	if (!result)
		result = posix_spawn_file_actions_addclosefrom_np(&actions, V2M_CHILD_CHANNEL + 1);
	if (!result)
		result = posix_spawnattr_setsigmask(&attributes, &none);
	if (!result)
		result = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	if (!result)
		result = posix_spawn(pid, SELF, &actions, &attributes, words, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -result;
}

/* dup2() would leave a descriptor with the wanted number close-on-exec, so ours get others. */
static int open_ends(int ends[2])
{
	int result = v2m_channel_pair(ends);

	for (size_t i = 0; !result && i < 2; i++) {
		int fd;

		if (ends[i] > V2M_CHILD_CHANNEL)
			continue;
		fd = fcntl(ends[i], F_DUPFD_CLOEXEC, V2M_CHILD_CHANNEL + 1);
		if (fd < 0)
			return -errno;
		close(ends[i]);
		ends[i] = fd;
	}
	return result;
}

int v2m_child_start(const char *argument, bool with_environment, struct v2m_child *child,
		    struct v2m_error *error)
{
	V2M_FREE char **environment = choose_environment(with_environment);
	struct v2m_child made = V2M_CHILD_NONE;
	int ends[2] = { -1, -1 };
	int result = environment ? open_ends(ends) : -ENOMEM;

	if (!result)
		result = spawn(argument, ends[1], environment, &made.pid);
	v2m_closep(&ends[1]);
	if (result) {
		v2m_closep(&ends[0]);
		return v2m_error_set(error, result, "a child process cannot be started: %s",
				     strerror(-result));
	}
	made.channel = ends[0];
	made.pidfd = (int)syscall(SYS_pidfd_open, made.pid, 0);
	if (made.pidfd < 0) {
		result = -errno;
		v2m_child_stop(&made);
		return v2m_error_set(error, result, "a child process cannot be watched: %s",
				     strerror(-result));
	}
	*child = made;
	return 0;
}

static void release(struct v2m_child *child)
{
	v2m_closep(&child->pidfd);
	v2m_closep(&child->channel);
	*child = V2M_CHILD_NONE;
}

bool v2m_child_wait(struct v2m_child *child, int timeout_ms, char *how, size_t size)
{
	struct pollfd ended = { .fd = child->pidfd, .events = POLLIN };
	int status;

	if (!child->pid)
		return false;
	if (timeout_ms)
		while (poll(&ended, 1, timeout_ms) < 0 && errno == EINTR)
			;
	if (waitpid(child->pid, &status, WNOHANG) != child->pid)
		return false;
	if (WIFSIGNALED(status))
		snprintf(how, size, "signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(how, size, "status %d", WEXITSTATUS(status));
	release(child);
	return true;
}

/* The channel is not closed: with messages in it that we have not read, the child would get an
 * error before it has read ours. */
void v2m_child_hang_up(struct v2m_child *child)
{
	if (child->channel >= 0)
		shutdown(child->channel, SHUT_RDWR);
}

void v2m_child_stop(struct v2m_child *child)
{
	char how[64];

	if (!child->pid)
		return;
	v2m_child_hang_up(child);
	if (v2m_child_wait(child, STOP_WAIT_MS, how, sizeof(how)))
		return;
	v2m_child_kill(child, STOP_WAIT_MS);
}

void v2m_child_kill(struct v2m_child *child, int timeout_ms)
{
	char how[64];

	if (!child->pid)
		return;
	/* A child with another user can only be killed with CAP_KILL. Without it, a child that
	 * hangs dies together with us. */
	if (kill(child->pid, SIGKILL) == 0 && v2m_child_wait(child, timeout_ms, how, sizeof(how)))
		return;
	release(child);
}

void v2m_child_follow_parent(void)
{
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	/* If the parent has ended by now, the channel has ended, too. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Only before the process has given up its rights to files. */
static void volunteer_to_end(void)
{
	V2M_CLOSE int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1000", 4) != 4)
		v2m_log_debug("a child process keeps its place when memory runs out");
}

/* The channel, the log, memory and the end of a process need these. */
static const int common_calls[] = {
	/* the channel and the log */
	SCMP_SYS(sendmsg),
	SCMP_SYS(write),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(close),
	SCMP_SYS(fcntl),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	/* memory, our own and shared */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(memfd_create),
	/* time */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(getrandom),
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	/* signals and the end */
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* Returns V2M_PROTECT_CALLS if this is not possible, else 0. */
static unsigned confine_calls(const int *calls, size_t count, bool reads_files)
{
	V2M_FREE int *all = calloc(V2M_ARRAY_LEN(common_calls) + count, sizeof(*all));

	if (!all)
		return V2M_PROTECT_CALLS;
	memcpy(all, common_calls, sizeof(common_calls));
	memcpy(all + V2M_ARRAY_LEN(common_calls), calls, count * sizeof(*calls));
	return v2m_confine_calls(all, V2M_ARRAY_LEN(common_calls) + count, reads_files);
}

unsigned v2m_child_confine(const struct v2m_confine_options *options, const int *calls,
			   size_t count)
{
	unsigned missing;
	unsigned missing_calls;

	/* The log shows local times, and the file of the time zone may not be readable later. */
	v2m_zone_follow();
	volunteer_to_end();
	missing = v2m_confine(options);
	v2m_child_follow_parent();
	missing_calls = confine_calls(calls, count, options->reads_files);
	/* The list of calls protects files as well as Landlock does. */
	if (!missing_calls)
		missing &= ~V2M_PROTECT_FILES;
	return missing | missing_calls;
}
