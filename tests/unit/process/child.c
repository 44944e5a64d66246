// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The child is this test program itself, started with a word that says what it shall do. */
#include "process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/macros.h"
#include "process/channel.h"
#include "process/confine.h"

static void tell_parent(const char *text)
{
	struct v2m_message message = { .data = text, .length = strlen(text) + 1, .fd = -1 };

	if (v2m_channel_send(V2M_CHILD_CHANNEL, &message))
		_exit(70);
}

static int wait_for_end(void)
{
	struct pollfd channel = { .fd = V2M_CHILD_CHANNEL, .events = POLLIN };

	poll(&channel, 1, -1);
	return 0;
}

/* The descriptors beyond the channel, and a variable that only the parent needs. */
static int tell_inheritance(void)
{
	char text[64];
	unsigned open_fds = 0;

	for (int fd = V2M_CHILD_CHANNEL + 1; fd < 256; fd++)
		open_fds += fcntl(fd, F_GETFD) >= 0;
	snprintf(text, sizeof(text), "%u %s %s", open_fds, getenv("SECRET") ? "secret" : "none",
		 getenv("TZ") ? getenv("TZ") : "none");
	tell_parent(text);
	return wait_for_end();
}

static const char *what_is_open(void)
{
	struct stat status;

	if (open("/etc/passwd", O_RDONLY) >= 0 || open(".", O_RDONLY) >= 0)
		return "a file can be opened";
	if (open("/made", O_WRONLY | O_CREAT, 0600) >= 0)
		return "a file can be made";
	if (geteuid() == 0 && stat("/etc", &status) == 0)
		return "the root is not empty";
	return NULL;
}

static void *end_at_once(void *argument)
{
	return argument;
}

/* Returns what should not be possible and is. */
static const char *what_is_allowed(void)
{
	char *const words[] = { (char *)"true", NULL };
	pthread_t thread;

	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM)
		return "socket() works";
	if (execv("/bin/true", words) == 0 || errno != EPERM)
		return "execve() works";
	if (fork() >= 0)
		return "fork() works";
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	    MAP_FAILED)
		return "memory can be executed";
	if (pthread_create(&thread, NULL, end_at_once, NULL) || pthread_join(thread, NULL))
		return "a thread cannot be made";
	return NULL;
}

static const int calls[] = {
	SCMP_SYS(sendmsg),
	SCMP_SYS(poll),
	SCMP_SYS(munmap),
	SCMP_SYS(futex),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(madvise),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(gettid),
	SCMP_SYS(prlimit64),
	SCMP_SYS(close),
	SCMP_SYS(read),
	SCMP_SYS(unlink),
	SCMP_SYS(mkdir),
	SCMP_SYS(capget),
};

static int confine_and_tell(void)
{
	const struct v2m_confine_options options = {
		.user = "v2meter",
		.empty_in = "/tmp",
		.max_file = 4096,
		.max_opened = 16,
	};
	bool root = geteuid() == 0;
	unsigned missing = v2m_confine(&options);
	const char *wrong = what_is_open();

	if (missing & ~(root ? 0u : V2M_PROTECT_USER))
		wrong = "not everything could be given up";
	if (root && (getuid() == 0 || getgid() == 0))
		wrong = "the user is root";
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 ||
	    (root && prctl(PR_CAPBSET_READ, 0, 0, 0, 0) != 0))
		wrong = "privileges can be gained";
	v2m_child_follow_parent();
	if (v2m_confine_calls(calls, V2M_ARRAY_LEN(calls), false))
		wrong = "no system calls could be forbidden";
	if (!wrong)
		wrong = what_is_allowed();
	tell_parent(wrong ? wrong : "well");
	wait_for_end();
	_exit(3);
}

/* Returns what is wrong with a process that reads files. */
static const char *what_of_files(const char *closed)
{
	char text[8] = "";
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, 1) != 1)
		return "no file can be read";
	close(fd);
	fd = open(closed, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return "a file that is closed to others cannot be read";
	close(fd);
	/* EPERM: the list of system calls forbids it, before Landlock and the owner do. */
	if (open(closed, O_WRONLY) >= 0 || errno != EPERM || open(closed, O_RDWR) >= 0 ||
	    errno != EPERM || open(closed, O_RDONLY | O_TRUNC) >= 0 || errno != EPERM)
		return "a file can be opened for writing";
	if (open("/tmp/v2m-made", O_RDONLY | O_CREAT, 0600) >= 0 || errno != EPERM)
		return "a file can be made";
	if (mkdir("/tmp/v2m-made", 0700) == 0)
		return "a directory can be made";
	if (unlink(closed) == 0)
		return "a file can be removed";
	return NULL;
}

/* The capabilities of this process below 32, as bits. */
static unsigned capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	syscall(SYS_capget, &header, data);
	return data[0].permitted | data[0].effective;
}

static int read_and_tell(const char *closed)
{
	const struct v2m_confine_options options = {
		.user = "v2meter-reader",
		.reads_files = true,
		.max_file = 4096,
		.max_opened = 16,
	};
	bool root = geteuid() == 0;
	unsigned missing = v2m_child_confine(&options, calls, V2M_ARRAY_LEN(calls));
	const char *wrong = what_of_files(closed);

	if (root && capabilities() != 1u << CAP_DAC_READ_SEARCH)
		wrong = "it has other capabilities";
	if (missing & ~(root ? 0u : V2M_PROTECT_USER))
		wrong = "not everything could be given up";
	if (!wrong)
		wrong = what_is_allowed();
	tell_parent(wrong ? wrong : "well");
	return wait_for_end();
}

static void receive(const struct v2m_child *child, char *text, size_t size)
{
	struct pollfd channel = { .fd = child->channel, .events = POLLIN };
	struct v2m_message got;

	assert_int_equal(poll(&channel, 1, 5000), 1);
	assert_int_equal(v2m_channel_receive(child->channel, size, &got), 1);
	snprintf(text, size, "%s", (const char *)got.data);
	v2m_message_clear(&got);
}

static void test_a_child_inherits_nothing_but_its_channel(void **state)
{
	struct v2m_child child;
	struct v2m_error error;
	char text[128];
	int fd = open("/dev/null", O_RDONLY); /* without close-on-exec */

	(void)state;
	setenv("SECRET", "x", 1);
	setenv("TZ", "UTC", 1);
	assert_int_equal(v2m_child_start("inheritance", false, &child, &error), 0);
	receive(&child, text, sizeof(text));
	assert_string_equal(text, "0 none UTC");
	close(fd);
	v2m_child_stop(&child);
	assert_int_equal(child.pid, 0);
}

static void test_a_confined_child_can_do_nothing(void **state)
{
	struct v2m_child child;
	struct v2m_error error;
	char text[128];

	(void)state;
	assert_int_equal(v2m_child_start("confine", false, &child, &error), 0);
	receive(&child, text, sizeof(text));
	assert_string_equal(text, "well");
	assert_false(v2m_child_wait(&child, 0, text, sizeof(text)));
	shutdown(child.channel, SHUT_WR);
	assert_true(v2m_child_wait(&child, 5000, text, sizeof(text)));
	assert_string_equal(text, "status 3");
}

static void test_a_child_that_reads_files_can_do_nothing_else(void **state)
{
	char closed[] = "read:/tmp/v2m-closed-XXXXXX";
	struct v2m_child child;
	struct v2m_error error;
	char text[128];
	int fd = mkstemp(closed + strlen("read:"));

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(v2m_child_start(closed, false, &child, &error), 0);
	receive(&child, text, sizeof(text));
	unlink(closed + strlen("read:"));
	assert_string_equal(text, "well");
	v2m_child_stop(&child);
}

static void test_the_end_of_a_child_is_told(void **state)
{
	struct v2m_child child;
	struct v2m_error error;
	char text[128];

	(void)state;
	assert_int_equal(v2m_child_start("inheritance", false, &child, &error), 0);
	kill(child.pid, SIGKILL);
	assert_true(v2m_child_wait(&child, 5000, text, sizeof(text)));
	assert_string_equal(text, "signal 9 (Killed)");
}

static void test_a_child_that_hangs_is_killed(void **state)
{
	struct v2m_child child;
	struct v2m_error error;
	char text[128];

	(void)state;
	assert_int_equal(v2m_child_start("inheritance", false, &child, &error), 0);
	receive(&child, text, sizeof(text));
	kill(child.pid, SIGSTOP);
	v2m_child_stop(&child);
	assert_int_equal(child.pid, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_child_inherits_nothing_but_its_channel),
		cmocka_unit_test(test_a_confined_child_can_do_nothing),
		cmocka_unit_test(test_a_child_that_reads_files_can_do_nothing_else),
		cmocka_unit_test(test_the_end_of_a_child_is_told),
		cmocka_unit_test(test_a_child_that_hangs_is_killed),
	};

	if (argc > 1 && strncmp(argv[1], "read:", strlen("read:")) == 0)
		return read_and_tell(argv[1] + strlen("read:"));
	if (argc > 1)
		return strcmp(argv[1], "confine") == 0 ? confine_and_tell() : tell_inheritance();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
