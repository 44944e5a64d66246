/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A client of a server whose answers the test makes, and what the client was told. */
#ifndef V2METER_TESTS_CLIENT_FIXTURE_H
#define V2METER_TESTS_CLIENT_FIXTURE_H

#include "unit/proxyapi/grpc_server.h"

#include "keys/online_users.h"
#include "proxyapi/stats.h"

struct scene {
	struct grpc_server *server;
	struct v2m_grpc *grpc;
	struct v2m_proxy_stats stats;
	struct v2m_online_users users;
	struct v2m_error error;
};

static inline int start(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	scene->server = server_start();
	assert_int_equal(server_client(scene->server, &scene->grpc), 0);
	*state = scene;
	return 0;
}

static inline int stop(void **state)
{
	struct scene *scene = *state;

	v2m_proxy_stats_clear(&scene->stats);
	v2m_online_users_clear(&scene->users);
	v2m_grpc_free(scene->grpc);
	server_stop(scene->server);
	free(scene);
	return 0;
}

#endif
