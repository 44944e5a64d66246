// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Has the kernel look at all open sockets. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "sockets/sessions.h"
#include "sockets/sessions_state.h"

/* The iterator writes connections, nearly always none. A read ends when the buffer is full, when
 * all sockets have been seen, or after a million of them. */
static int run_pass(int iterator, struct v2m_foreign_flows *began)
{
	struct v2m_foreign_flow flows[32];
	ssize_t length;

	do {
		length = read(iterator, flows, sizeof(flows));
		for (size_t i = 0; length > 0 && i < (size_t)length / sizeof(*flows); i++)
			if (v2m_array_add(began, flows[i]))
				return -ENOMEM;
	} while (length > 0 || (length < 0 && (errno == EAGAIN || errno == EINTR)));
	return length < 0 ? -errno : 0;
}

/* A connection without a note is taken for one that was open before: what it had carried until the
 * next pass is missing. */
static void log_untracked(struct v2m_sessions *sessions)
{
	struct v2m_session_scope scope;
	uint32_t first = 0;

	if (bpf_map_lookup_elem(sessions->maps[V2M_SESSIONS_SCOPE], &first, &scope) ||
	    scope.untracked == sessions->untracked)
		return;
	v2m_log_warning("the first bytes of %u connections are not in the delivered bytes: there "
			"was no memory for them in the kernel",
			scope.untracked - sessions->untracked);
	sessions->untracked = scope.untracked;
}

static int look(const struct v2m_sessions *sessions, struct v2m_foreign_flows *began)
{
	V2M_CLOSE int iterator = bpf_iter_create(bpf_link__fd(sessions->pass));

	return iterator < 0 ? iterator : run_pass(iterator, began);
}

static uint64_t thread_cpu_ns(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int v2m_sessions_pass(struct v2m_sessions *sessions, struct v2m_foreign_flows *began)
{
	uint64_t begun_ns = thread_cpu_ns();
	int result;

	if (!sessions->pass)
		return 0;
	log_untracked(sessions);
	result = look(sessions, began);
	sessions->look = (struct v2m_look_pace){ .ended_ns = v2m_clock_mono_ns(),
						 .cost_ns = thread_cpu_ns() - begun_ns };
	return result;
}

bool v2m_sessions_pass_is_due(const struct v2m_sessions *sessions)
{
	return sessions->pass && v2m_look_pace_is_due(&sessions->look, v2m_clock_mono_ns());
}
