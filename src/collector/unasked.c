// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/unasked.h"

#include "base/clock.h"
#include "collector/connections.h"
#include "collector/parts.h"
#include "config/config.h"

/* So long after a live answer somebody is taken to watch. */
#define WATCHED_NS UINT64_C(10000000000)

void v2m_unasked_note_dump(struct v2m_unasked *unasked, uint64_t cost_ns)
{
	unasked->dump = (struct v2m_look_pace){ v2m_clock_mono_ns(), cost_ns };
}

void v2m_unasked_note_pass(struct v2m_unasked *unasked, uint64_t cost_ns)
{
	unasked->pass_ns = cost_ns;
}

void v2m_unasked_note_watched(struct v2m_unasked *unasked)
{
	unasked->watched_ns = v2m_clock_mono_ns();
}

bool v2m_unasked_may_wait(const struct v2m_parts *parts)
{
	const uint64_t watched_ns = parts->unasked.watched_ns;
	const uint64_t now_ns = v2m_clock_mono_ns();
	struct v2m_look_pace both = parts->unasked.dump;

	if (parts->config->api_bytes == V2M_API_BYTES_DELIVERED ||
	    !v2m_connections_measure_delivered(parts->connections))
		return false;
	if (watched_ns && now_ns - watched_ns < WATCHED_NS)
		return false;
	both.cost_ns += parts->unasked.pass_ns;
	return !v2m_look_pace_is_due_unasked(&both, now_ns);
}
