// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* There is no tracepoint here. The daemon works without sessions. */
#include "sockets/sessions.h"

#include <errno.h>

int v2m_sessions_open(const char *pin_dir, int owner_sessions, struct v2m_sessions **sessions,
		      struct v2m_error *error)
{
	(void)pin_dir;
	(void)owner_sessions;
	(void)sessions;
	return v2m_error_set(error, -EOPNOTSUPP, "there is no tracepoint here");
}

void v2m_sessions_close(struct v2m_sessions *sessions)
{
	(void)sessions;
}

int v2m_sessions_set(struct v2m_sessions *sessions, const struct v2m_port_rule *rules,
		     size_t n_rules, uint32_t netns, struct v2m_error *error)
{
	(void)sessions;
	(void)rules;
	(void)n_rules;
	(void)netns;
	return v2m_error_set(error, -EOPNOTSUPP, "there is no tracepoint here");
}

int v2m_sessions_set_flows(struct v2m_sessions *sessions, int flows, int owner_sessions)
{
	(void)sessions;
	(void)flows;
	(void)owner_sessions;
	return -EOPNOTSUPP;
}

bool v2m_sessions_measure_delivered(const struct v2m_sessions *sessions)
{
	(void)sessions;
	return false;
}

int v2m_sessions_pass(struct v2m_sessions *sessions, struct v2m_foreign_flows *began)
{
	(void)sessions;
	(void)began;
	return 0;
}

bool v2m_sessions_pass_is_due(const struct v2m_sessions *sessions)
{
	(void)sessions;
	return false;
}

void v2m_sessions_keep(struct v2m_sessions *sessions)
{
	(void)sessions;
}

int v2m_sessions_read(struct v2m_sessions *sessions, struct v2m_session_reading **readings,
		      size_t *n_readings)
{
	(void)sessions;
	*readings = NULL;
	*n_readings = 0;
	return -EOPNOTSUPP;
}

void v2m_sessions_date(struct v2m_sessions *sessions, const struct v2m_connection_table *known,
		       struct v2m_connection_table *table)
{
	(void)sessions;
	(void)known;
	(void)table;
}
