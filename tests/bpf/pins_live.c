// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pins that somebody renamed: nothing counts twice. */
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
#include "datapath/program.h"
#include "datapath/remove.h"

#define TCX_INGRESS 46
#define FLAG_BEFORE (1U << 3)

static bool has_links(const struct fixture *fixture)
{
	char name[64];

	snprintf(name, sizeof(name), V2M_PINS_DIRECTORY "/link_%u_ingress", if_nametoindex("v2m0"));
	return pin_exists(fixture, name);
}

/* The directory gets another name, and the daemon goes on, and is started again. */
static void assert_counted_once_after(struct fixture *fixture, const char *renamed)
{
	open_and_attach(fixture);
	send_and_expect(fixture, 2, 2);
	rename_pin(fixture, V2M_PINS_DIRECTORY, renamed);
	/* Nothing was off the device. */
	assert_false(attach(fixture));
	send_and_expect(fixture, 3, 5);
	assert_false(pin_exists(fixture, renamed));
	close_datapath(fixture);
	open_and_attach(fixture);
	send_and_expect(fixture, 4, 9);
	assert_false(attach(fixture));
}

static void a_renamed_directory_counts_once(void **state)
{
	assert_counted_once_after(*state, "x");
}

static void a_renamed_directory_counts_once_without_cap_sys_admin(void **state)
{
	set_sys_admin(false);
	assert_counted_once_after(*state, "x");
}

static void a_directory_moved_out_of_pin_dir_counts_once(void **state)
{
	struct fixture *fixture = *state;
	char outside[128];

	set_sys_admin(false);
	snprintf(outside, sizeof(outside), "../v2m_test_outside_%d", getpid());
	assert_counted_once_after(fixture, outside);
}

static void a_renamed_pin_dir_counts_once(void **state)
{
	struct fixture *fixture = *state;
	char elsewhere[128];

	set_sys_admin(false);
	open_and_attach(fixture);
	send_and_expect(fixture, 2, 2);
	snprintf(elsewhere, sizeof(elsewhere), "%s_elsewhere", fixture->pin_dir);
	assert_int_equal(rename(fixture->pin_dir, elsewhere), 0);
	assert_false(attach(fixture));
	send_and_expect(fixture, 3, 5);
	assert_int_equal(rmdir(elsewhere), 0);
}

static void a_renamed_link_counts_once(void **state)
{
	struct fixture *fixture = *state;
	char link[64];

	set_sys_admin(false);
	open_and_attach(fixture);
	if (!has_links(fixture))
		return;
	send_and_expect(fixture, 2, 2);
	snprintf(link, sizeof(link), V2M_PINS_DIRECTORY "/link_%u_ingress", if_nametoindex("v2m0"));
	rename_pin(fixture, link, V2M_PINS_DIRECTORY "/foo");
	assert_true(attach(fixture));
	send_and_expect(fixture, 3, 5);
	assert_false(pin_exists(fixture, V2M_PINS_DIRECTORY "/foo"));
	close_datapath(fixture);
	rename_pin(fixture, link, V2M_PINS_DIRECTORY "/foo");
	open_and_attach(fixture);
	send_and_expect(fixture, 4, 9);
}

/* Nobody was there who could see it: the counts go on. */
static void a_directory_renamed_while_no_daemon_ran_is_taken_over(void **state)
{
	struct fixture *fixture = *state;

	set_sys_admin(false);
	open_and_attach(fixture);
	send_and_expect(fixture, 2, 2);
	close_datapath(fixture);
	rename_pin(fixture, V2M_PINS_DIRECTORY, "x");
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	open_and_attach(fixture);
	send_and_expect(fixture, 4, 9);
	assert_false(pin_exists(fixture, "x"));
}

static void a_renamed_directory_is_removed(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_error error = {};

	open_and_attach(fixture);
	close_datapath(fixture);
	rename_pin(fixture, V2M_PINS_DIRECTORY, "x");
	assert_int_equal(v2m_datapath_remove(fixture->pin_dir, &error), 0);
	assert_int_not_equal(access(fixture->pin_dir, F_OK), 0);
	assert_int_not_equal(command("tc filter show dev v2m0 ingress | grep v2m_"), 0);
}

/* As a version left it that began anew beside the renamed directory. */
static void other_maps_in_a_renamed_directory_are_carried_over(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_sample previous = {};
	struct v2m_error error = {};
	char hidden[64];

	open_and_attach(fixture);
	send_and_expect(fixture, 2, 2);
	close_datapath(fixture);
	snprintf(hidden, sizeof(hidden), "../v2m_test_hidden_%d", getpid());
	rename_pin(fixture, V2M_PINS_DIRECTORY, hidden);
	open_and_attach(fixture);
	close_datapath(fixture);
	rename_pin(fixture, hidden, "x");
	open_and_attach(fixture);
	send_and_expect(fixture, 4, 4);
	assert_int_equal(v2m_datapath_read_previous(fixture->datapath, &previous, &error), 0);
	assert_int_equal(previous.ports[0].udp_rx.packets, 2);
	v2m_sample_clear(&previous);
}

/* A second program that counts into our maps, with a link. Returns that. */
static int double_link(struct fixture *fixture)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = FLAG_BEFORE);
	const struct v2m_device_config config = { .link_header = 14 };
	int programs[V2M_N_DIRECTIONS];
	struct v2m_error error = {};
	int link;

	if (v2m_programs_load(fixture->datapath, &config, programs, &error))
		fail_msg("%s", error.text);
	link = bpf_link_create(programs[V2M_INGRESS], (int)if_nametoindex("v2m0"),
			       (enum bpf_attach_type)TCX_INGRESS, &options);
	assert_true(link >= 0);
	close(programs[V2M_INGRESS]);
	close(programs[V2M_EGRESS]);
	return link;
}

/* As an older version made it: both directories are there, with the same maps. */
static void what_an_older_version_doubled_counts_once(void **state)
{
	struct fixture *fixture = *state;
	char path[256];
	int link;

	open_and_attach(fixture);
	if (!has_links(fixture))
		return;
	link = double_link(fixture);
	send_and_expect(fixture, 1, 2);
	path_below(fixture, "x", path);
	assert_int_equal(mkdir(path, 0700), 0);
	for (int i = 0; i < V2M_N_MAPS; i++) {
		char from[256];
		char name[64];
		int map;

		pin_path(fixture, v2m_map_names[i], from);
		map = bpf_obj_get(from);
		snprintf(name, sizeof(name), "x/%s", v2m_map_names[i]);
		path_below(fixture, name, path);
		assert_int_equal(bpf_obj_pin(map, path), 0);
		close(map);
	}
	snprintf(path, sizeof(path), "%s/x/link_%u_ingress", fixture->pin_dir,
		 if_nametoindex("v2m0"));
	assert_int_equal(bpf_obj_pin(link, path), 0);
	close(link);
	close_datapath(fixture);
	set_sys_admin(false);
	open_and_attach(fixture);
	send_and_expect(fixture, 3, 5);
	assert_false(pin_exists(fixture, "x"));
}

/* Only CAP_SYS_ADMIN sees what a program is that is pinned nowhere. */
static void a_link_that_is_pinned_nowhere_is_detached_with_cap_sys_admin(void **state)
{
	struct fixture *fixture = *state;
	int link;

	open_and_attach(fixture);
	if (!has_links(fixture))
		return;
	link = double_link(fixture);
	send_and_expect(fixture, 1, 2);
	close_datapath(fixture);
	open_and_attach(fixture);
	send_and_expect(fixture, 3, 5);
	close(link);
}

/* A filter outlives its pins: the next attachment must not be a tcx link beside it. */
static void a_filter_that_lost_its_pins_stays_the_only_one(void **state)
{
	struct fixture *fixture = *state;

	set_sys_admin(false);
	fixture->force_clsact = true;
	open_and_attach(fixture);
	close_datapath(fixture);
	fixture->force_clsact = false;
	open_and_attach(fixture);
	assert_false(has_links(fixture));
	assert_int_equal(command("rm %s/" V2M_PINS_DIRECTORY "/*", fixture->pin_dir), 0);
	assert_true(attach(fixture));
	assert_false(has_links(fixture));
	send_and_expect(fixture, 3, 3);
}

static void another_daemon_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	struct fixture other = *fixture;
	struct v2m_error error = {};

	snprintf(other.pin_dir, sizeof(other.pin_dir), "/sys/fs/bpf/v2m_test_other_%d", getpid());
	open_and_attach(&other);
	open_and_attach(fixture);
	rename_pin(fixture, V2M_PINS_DIRECTORY, "x");
	assert_false(attach(fixture));
	assert_false(attach(&other));
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 3);
	assert_received(&other, 3);
	close_datapath(&other);
	assert_int_equal(v2m_datapath_remove(other.pin_dir, &error), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_WAYS(a_renamed_directory_counts_once),
		BOTH_WAYS(a_renamed_directory_counts_once_without_cap_sys_admin),
		BOTH_WAYS(a_directory_moved_out_of_pin_dir_counts_once),
		BOTH_WAYS(a_renamed_pin_dir_counts_once),
		BOTH_WAYS(a_renamed_link_counts_once),
		BOTH_WAYS(a_directory_renamed_while_no_daemon_ran_is_taken_over),
		BOTH_WAYS(a_renamed_directory_is_removed),
		BOTH_WAYS(other_maps_in_a_renamed_directory_are_carried_over),
		BOTH_WAYS(what_an_older_version_doubled_counts_once),
		BOTH_WAYS(a_link_that_is_pinned_nowhere_is_detached_with_cap_sys_admin),
		BOTH_WAYS(a_filter_that_lost_its_pins_stays_the_only_one),
		BOTH_WAYS(another_daemon_is_left_alone),
	};

	return not_permitted() ? SKIPPED : cmocka_run_group_tests(tests, NULL, NULL);
}
