// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pinned maps that are not of this version, and the pins of the program that sees sessions. */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath.h"
#include "datapath/attach.h"
#include "datapath/datapath.h"
#include "datapath/map_list.h"
#include "datapath/previous.h"
#include "datapath/remove.h"
#include "sockets/sessions.h"

enum property { TYPE, KEY_SIZE, VALUE_SIZE, ENTRIES, N_PROPERTIES };

/* Puts a map that differs in one property in the place of a pin. */
static void replace_map(const char *path, enum property property)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	int map = bpf_obj_get(path);
	LIBBPF_OPTS(bpf_map_create_opts, options);

	assert_true(map >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(map, &info, &size), 0);
	close(map);
	/* A map that can have any key and any value. */
	if (property == TYPE || property == KEY_SIZE)
		info.type =
			info.type == BPF_MAP_TYPE_HASH ? BPF_MAP_TYPE_LRU_HASH : BPF_MAP_TYPE_HASH;
	options.map_flags = info.type == BPF_MAP_TYPE_LPM_TRIE ? BPF_F_NO_PREALLOC : 0;
	info.key_size += property == KEY_SIZE ? 4 : 0;
	info.value_size += property == VALUE_SIZE ? 8 : 0;
	info.max_entries += property == ENTRIES ? 1 : 0;
	map = bpf_map_create((enum bpf_map_type)info.type, "foreign", info.key_size,
			     info.value_size, info.max_entries, &options);
	assert_true(map >= 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(bpf_obj_pin(map, path), 0);
	close(map);
}

static uint32_t id_of_map(const char *path)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	int map = bpf_obj_get(path);

	assert_true(map >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(map, &info, &size), 0);
	close(map);
	return info.id;
}

/* Each map that is refused leaves a complete set of new maps, in which the next one is replaced. */
static void a_map_of_another_shape_is_not_taken_over(void **state)
{
	struct fixture *fixture = *state;
	char path[256];

	open_and_attach(fixture);
	close_datapath(fixture);
	for (int map = 0; map < V2M_N_MAPS; map++) {
		for (int property = 0; property < N_PROPERTIES; property++) {
			/* A map of flows that has only another size is replaced alone. */
			bool alone = map == V2M_MAP_FLOWS && property == ENTRIES;
			uint32_t foreign;

			/* Every build has a BTF of another size. */
			if (map == V2M_MAP_BTF && property == VALUE_SIZE)
				continue;
			pin_path(fixture, v2m_map_names[map], path);
			replace_map(path, (enum property)property);
			foreign = id_of_map(path);
			open_and_attach(fixture);
			if (id_of_map(path) == foreign)
				fail_msg("%s was taken over with another property %d",
					 v2m_map_names[map], property);
			send_and_expect(fixture, 3, alone ? 6 : 3);
			assert_int_equal(v2m_datapath_drop_previous(fixture->datapath),
					 alone ? -ENOENT : 0);
			close_datapath(fixture);
		}
	}
}

static const char *const session_maps[] = { "session_counters", "session_starts", "session_scope",
					    "session_ports" };

static void open_sessions(struct fixture *fixture, struct v2m_sessions **sessions)
{
	struct v2m_error error = {};

	if (v2m_sessions_open(fixture->pin_dir, -1, sessions, &error))
		fail_msg("%s", error.text);
}

static bool uses_map(uint32_t program_id, uint32_t map_id)
{
	uint32_t maps[16] = {};
	struct bpf_prog_info info = { .nr_map_ids = 16, .map_ids = (uintptr_t)maps };
	uint32_t size = sizeof(info);
	int program = bpf_prog_get_fd_by_id(program_id);
	bool uses = false;

	if (program < 0)
		return false;
	assert_int_equal(bpf_obj_get_info_by_fd(program, &info, &size), 0);
	close(program);
	for (int i = 0; i < 16; i++)
		uses |= maps[i] == map_id;
	return uses;
}

/* The links in the kernel whose programs use the pinned map. A link whose pin is gone is dropped
 * later, by a kernel worker. */
static unsigned count_links(struct fixture *fixture, const char *name)
{
	char path[256];
	uint32_t map_id;
	uint32_t id = 0;
	unsigned count = 0;

	path_below(fixture, name, path);
	map_id = id_of_map(path);
	while (bpf_link_get_next_id(id, &id) == 0) {
		struct bpf_link_info info = {};
		uint32_t size = sizeof(info);
		int link = bpf_link_get_fd_by_id(id);

		if (link < 0)
			continue;
		assert_int_equal(bpf_obj_get_info_by_fd(link, &info, &size), 0);
		close(link);
		/* The iterator's link is no pin, and ends with its process. */
		count += info.type != BPF_LINK_TYPE_ITER && uses_map(info.prog_id, map_id);
	}
	return count;
}

/* A program in the same map may be the one that is about to be dropped: the kernel gets time for
 * that. */
static unsigned count_links_later(struct fixture *fixture, const char *name)
{
	usleep(300000);
	return count_links(fixture, name);
}

/* Only one program can be in a map that is new. */
static void expect_one_link(struct fixture *fixture, const char *name)
{
	for (int tries = 0; tries < 500 && count_links(fixture, name) != 1; tries++)
		usleep(10000);
	assert_int_equal(count_links(fixture, name), 1);
}

static void renamed_pins_of_sessions_count_once(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_sessions *sessions = NULL;

	open_datapath(fixture);
	open_sessions(fixture, &sessions);
	assert_int_equal(count_links_later(fixture, "sessions_v1/session_counters"), 1);
	set_sys_admin(false);
	rename_pin(fixture, "sessions_v1", "y");
	v2m_sessions_keep(sessions);
	set_sys_admin(true);
	assert_int_equal(count_links_later(fixture, "sessions_v1/session_counters"), 1);
	assert_false(pin_exists(fixture, "y"));
	set_sys_admin(false);
	rename_pin(fixture, "sessions_v1/link", "sessions_v1/foo");
	v2m_sessions_keep(sessions);
	set_sys_admin(true);
	assert_int_equal(count_links_later(fixture, "sessions_v1/session_counters"), 1);
	assert_false(pin_exists(fixture, "sessions_v1/foo"));
	v2m_sessions_close(sessions);
}

static void a_map_of_sessions_of_another_shape_is_not_taken_over(void **state)
{
	struct fixture *fixture = *state;

	open_datapath(fixture);
	for (size_t map = 0; map < 3; map++) {
		for (int property = 0; property < N_PROPERTIES; property++) {
			struct v2m_sessions *sessions = NULL;
			char name[64];
			char path[256];
			uint32_t foreign;

			open_sessions(fixture, &sessions);
			v2m_sessions_close(sessions);
			snprintf(name, sizeof(name), "sessions_v1/%s", session_maps[map]);
			path_below(fixture, name, path);
			replace_map(path, (enum property)property);
			foreign = id_of_map(path);
			set_sys_admin(false);
			open_sessions(fixture, &sessions);
			set_sys_admin(true);
			if (id_of_map(path) == foreign)
				fail_msg("%s was taken over with another property %d",
					 session_maps[map], property);
			/* The program that runs is the one that counts in the new map. */
			expect_one_link(fixture, name);
			v2m_sessions_close(sessions);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_WAYS(a_map_of_another_shape_is_not_taken_over),
		BOTH_WAYS(renamed_pins_of_sessions_count_once),
		BOTH_WAYS(a_map_of_sessions_of_another_shape_is_not_taken_over),
	};

	return not_permitted() ? SKIPPED : cmocka_run_group_tests(tests, NULL, NULL);
}
