/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A supply of keys from a server whose answers the test makes. The asking process is the test
 * program itself. */
#ifndef V2METER_TESTS_LIVE_FIXTURE_H
#define V2METER_TESTS_LIVE_FIXTURE_H

#include "unit/proxyapi/grpc_server.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "ipc/asking.h"
#include "supply/live_supply.h"
#include "unit/own_child.h"

#define LIST  "/xray.app.proxyman.command.HandlerService/ListInbounds"
#define USERS "/xray.app.proxyman.command.HandlerService/GetInboundUsers#"

#define INTERVAL_NS 20000000ull
#define BOB         "user2@example.com"

struct scene {
	struct grpc_server *server;
	struct v2m_live_supply *supply;
	struct v2m_live_sources live;
};

static inline void answer_with_file(struct scene *scene, const char *path, const char *file)
{
	char *data;
	size_t length;

	assert_int_equal(v2m_read_file(file, 65536, &data, &length), 0);
	server_answer(scene->server, path, data, length, 0);
	free(data);
}

static inline int start(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	v2m_log_set_level(V2M_LOG_ERROR);
	scene->server = server_start();
	answer_with_file(scene, LIST, "../data/proxyapi/inbounds.bin");
	answer_with_file(scene, USERS "vless", "../data/proxyapi/users.bin");
	server_answer(scene->server, USERS "vmess", "", 0, 0);
	server_answer(scene->server, USERS "trojan", "", 0, 0);
	server_answer(scene->server, USERS "tun", "", 0, 2);
	*state = scene;
	return 0;
}

static inline int stop(void **state)
{
	struct scene *scene = *state;

	v2m_live_supply_close(scene->supply);
	server_stop(scene->server);
	v2m_live_sources_clear(&scene->live);
	free(scene);
	return 0;
}

static inline void open_with(struct scene *scene, const char *argument, const char *source)
{
	const struct v2m_live_options options = { argument, INTERVAL_NS, 20 };
	struct v2m_strings sources = { 0 };

	if (source)
		assert_int_equal(v2m_strings_add(&sources, source), 0);
	assert_int_equal(v2m_live_supply_open(&options, &sources, &scene->supply), 0);
	v2m_strings_clear(&sources);
}

static inline void open_supply(struct scene *scene)
{
	open_with(scene, V2M_ASKING_ARGUMENT, scene->server->name);
}

/* What the first API said last. */
static inline const struct v2m_live_source *collect(struct scene *scene, bool waits)
{
	v2m_live_sources_clear(&scene->live);
	assert_int_equal(v2m_live_supply_collect(scene->supply, waits, &scene->live), 0);
	assert_int_equal(scene->live.count, 1);
	return &scene->live.items[0];
}

/* Waits until there is news. */
static inline bool has_news(struct scene *scene, int timeout_ms)
{
	uint64_t end_ns = v2m_clock_mono_ns() + (uint64_t)timeout_ms * 1000000;
	struct pollfd entry = { v2m_live_supply_fd(scene->supply), POLLIN, 0 };

	while (v2m_clock_mono_ns() < end_ns) {
		poll(&entry, 1, 10);
		if (v2m_live_supply_drain(scene->supply))
			return true;
	}
	return false;
}

#endif
