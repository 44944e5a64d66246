// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/look_pace.h"

bool v2m_look_pace_is_due(const struct v2m_look_pace *last, uint64_t now_ns)
{
	return !last->ended_ns || last->cost_ns < V2M_LOOK_CHEAP_NS ||
	       (now_ns - last->ended_ns) / V2M_LOOK_SHARE >= last->cost_ns;
}

bool v2m_look_pace_is_due_unasked(const struct v2m_look_pace *last, uint64_t now_ns)
{
	uint64_t waited_ns = now_ns - last->ended_ns;

	return !last->ended_ns || waited_ns >= V2M_LOOK_UNASKED_WAIT_NS ||
	       waited_ns / V2M_LOOK_UNASKED_SHARE >= last->cost_ns;
}

bool v2m_unasked_looks_may_wait(const struct v2m_unasked_looks *looks, uint64_t now_ns)
{
	struct v2m_look_pace both = looks->dump;

	both.cost_ns += looks->pass_ns;
	if (looks->needed_ns && now_ns - looks->needed_ns < V2M_LOOKS_NEEDED_NS)
		return false;
	return !v2m_look_pace_is_due_unasked(&both, now_ns);
}
