// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "notify/crossings.h"
#include "notify/watch_budget.h"
#include "notify/watch_health.h"
#include "notify/watch_keys.h"
#include "notify/watch_traffic.h"

struct v2m_watch {
	const struct v2m_notify_settings *settings;
	struct v2m_store *store;
	struct v2m_crossings *crossings;
	struct v2m_health_watch health;
	struct v2m_traffic_watch traffic;
	struct v2m_listening listening;
	bool warned; /* that sockets cannot be read */
	char server[HOST_NAME_MAX + 1];
};

void v2m_watch_closep(struct v2m_watch **watch)
{
	if (!*watch)
		return;
	v2m_crossings_closep(&(*watch)->crossings);
	v2m_health_watch_clear(&(*watch)->health);
	free(*watch);
	*watch = NULL;
}

int v2m_watch_open(const struct v2m_notify_settings *settings, struct v2m_store *store,
		   struct v2m_watch **watch, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_watch_closep) struct v2m_watch *made = calloc(1, sizeof(*made));
	int result;

	if (!made)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	made->settings = settings;
	made->store = store;
	if (settings->server)
		snprintf(made->server, sizeof(made->server), "%s", settings->server);
	else if (gethostname(made->server, sizeof(made->server) - 1))
		snprintf(made->server, sizeof(made->server), "v2meter");
	result = v2m_crossings_open(store, &made->crossings, error);
	if (!result)
		*watch = V2M_TAKE(made);
	return result;
}

const char *v2m_watch_server(const struct v2m_watch *watch)
{
	return watch->server;
}

static void read_sockets(struct v2m_watch *watch)
{
	int result = watch->settings->listeners ? v2m_listening_read("/proc", &watch->listening)
						: -ENOENT;

	watch->traffic.listening = result ? NULL : &watch->listening;
	if (result && watch->settings->listeners && !watch->warned)
		v2m_log_warning("the sockets of this host cannot be read: %s", strerror(-result));
	watch->warned = result;
}

static int run_round(struct v2m_watch *watch, const struct v2m_round *round)
{
	int result = v2m_watch_health(round, &watch->health);

	if (!result)
		result = v2m_watch_traffic(round, &watch->traffic);
	if (!result)
		result = v2m_watch_budget(round);
	return result ? result : v2m_watch_keys(round);
}

/* Brings what is in memory back to what is on disk. */
static void reopen_crossings(struct v2m_watch *watch)
{
	struct v2m_error error = { 0 };

	v2m_store_rollback(watch->store);
	v2m_crossings_closep(&watch->crossings);
	if (v2m_crossings_open(watch->store, &watch->crossings, &error))
		v2m_log_error("%s", error.text);
}

int v2m_watch_take(struct v2m_watch *watch, const struct v2m_look *look, struct v2m_error *error)
{
	struct v2m_round round = { .settings = watch->settings,
				   .look = look,
				   .store = watch->store,
				   .server = watch->server,
				   .error = error };
	int result = 0;

	/* An earlier error may have left none. */
	if (!watch->crossings)
		result = v2m_crossings_open(watch->store, &watch->crossings, error);
	if (!result)
		result = v2m_store_begin(watch->store, error);
	if (result)
		return result;
	round.crossings = watch->crossings;
	read_sockets(watch);
	result = run_round(watch, &round);
	if (!result)
		result = v2m_store_commit(watch->store, error);
	if (result)
		reopen_crossings(watch);
	return result;
}
