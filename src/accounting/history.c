// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/history.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/totals.h"

void v2m_history_figures_add(struct v2m_history_figures *sum,
			     const struct v2m_history_figures *more)
{
	sum->totals = v2m_totals_add(sum->totals, more->totals);
	sum->sessions = v2m_counter_add(sum->sessions, more->sessions);
	if (more->max_connections > sum->max_connections)
		sum->max_connections = more->max_connections;
}

void v2m_history_clear(struct v2m_history *history)
{
	for (size_t i = 0; i < history->n_keys; i++) {
		free(history->keys[i].id);
		free(history->keys[i].uuid);
		free(history->keys[i].name);
		free(history->keys[i].created_at);
		free(history->keys[i].days);
	}
	free(history->keys);
	memset(history, 0, sizeof(*history));
}
