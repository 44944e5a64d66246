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

/* Connections, which the counting process makes, and orders need these, besides those of every
 * child process. No file, new socket, program, thread or process. */
static const int calls[] = {
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(getsockopt),
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
