// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "asking/asking.h"

#include <seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "asking/rounds.h"
#include "asking/talk.h"
#include "base/log.h"
#include "base/macros.h"
#include "process/child.h"

/* The largest answers that are accepted take a part of it. */
#define MAX_DATA   (UINT64_C(384) << 20)
#define MAX_OPENED (V2M_ASKING_APIS_MAX + 32)

/* Connections, memory and the channel need these. No file, new socket, program, thread or process.
 */
static const int calls[] = {
	/* connections, which the counting process makes, and the channel */
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(getsockopt),
	SCMP_SYS(close),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	/* memory, our own and shared, and the log */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(memfd_create),
	SCMP_SYS(fcntl),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(write),
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

/* Returns the enum v2m_protection bits that are missing. */
static unsigned give_up_rights(void)
{
	const struct v2m_confine_options options = {
		.user = "v2meter-reader",
		.max_data = MAX_DATA,
		.max_file = V2M_ASKING_SAID_MAX,
		.max_opened = MAX_OPENED,
	};

	return v2m_child_confine(&options, calls, V2M_ARRAY_LEN(calls));
}

void v2m_asking_run(void)
{
	/* exec() has named the process after the link that it was started by. */
	prctl(PR_SET_NAME, "v2meter-ask");
	v2m_talk_ready(give_up_rights());
	v2m_rounds_run();
}
