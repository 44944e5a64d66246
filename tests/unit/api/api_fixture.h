/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A snapshot to render answers from, and functions that read the answers. */
#ifndef V2METER_TESTS_API_FIXTURE_H
#define V2METER_TESTS_API_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "fake/fake_meter.h"

#define WHEN_US 1754307939255796
#define UUID_1  "00000000-0000-4000-8000-000000000001"

struct world {
	struct fake_meter *fake;
	struct v2m_snapshot *snapshot;
};

static inline int make_world(void **state)
{
	const struct fake_options options = { .n_keys = 2, .n_connections = 5, .special = true };
	struct world *world = calloc(1, sizeof(*world));

	setenv("TZ", "UTC", 1);
	world->fake = fake_meter_new(&options);
	world->snapshot = fake_meter_snapshot(world->fake);
	world->snapshot->real_us = WHEN_US;
	*state = world;
	return 0;
}

static inline int drop_world(void **state)
{
	struct world *world = *state;

	v2m_snapshot_unref(world->snapshot);
	fake_meter_free(world->fake);
	free(world);
	return 0;
}

static inline json_t *render(const struct world *world, v2m_render function, const char *key,
			     int status)
{
	const struct v2m_key *argument = key ? v2m_keyset_find(world->snapshot->keyset, key) : NULL;
	struct v2m_body body = { 0 };
	json_t *read;

	assert_int_equal(function(world->snapshot, V2M_API_BYTES_WIRE, argument, &body), 0);
	assert_int_equal(body.status, status);
	assert_int_equal(strlen(body.data), body.length);
	read = json_loads(body.data, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	assert_non_null(read);
	free(body.data);
	return read;
}

/* Finds a member by a path of names, separated by '/'. */
static inline const json_t *at(const json_t *json, const char *path)
{
	char copy[128];
	char *rest = copy;

	strcpy(copy, path);
	for (char *name; (name = strsep(&rest, "/"));) {
		json = json_object_get(json, name);
		if (!json)
			fail_msg("no member %s of %s", name, path);
	}
	return json;
}

static inline void assert_integer(const json_t *json, const char *path, json_int_t expected)
{
	assert_true(json_is_integer(at(json, path)));
	assert_int_equal(json_integer_value(at(json, path)), expected);
}

static inline void assert_text(const json_t *json, const char *path, const char *expected)
{
	assert_true(json_is_string(at(json, path)));
	assert_string_equal(json_string_value(at(json, path)), expected);
}

static inline void assert_seconds(const json_t *json, const char *path)
{
	assert_true(json_is_real(at(json, path)));
	assert_true(json_real_value(at(json, path)) == WHEN_US / 1e6);
}

#define WORLD_TEST(function) cmocka_unit_test_setup_teardown(function, make_world, drop_world)

#endif
