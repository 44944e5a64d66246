// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Counting, slots and the counts of another version survive a daemon. */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath.h"
#include "flood.h"
#include "sockets/sessions.h"
#include "datapath/counters.h"
#include "datapath/datapath.h"
#include "datapath/ledger_mark.h"
#include "datapath/previous.h"
#include "datapath/remove.h"
#include "base/sample.h"

static void datagrams_are_counted(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_device_sample device;

	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 100, DATAGRAM);
	assert_received(fixture, 100);
	device = read_device(fixture, "v2m0");
	assert_int_equal(device.ingress.keys.packets, 100);
	assert_int_equal(device.ingress.seen.wire_bytes,
			 device.ingress.keys.wire_bytes + device.ingress.other.wire_bytes);
}

static void counting_goes_on_while_no_daemon_runs(void **state)
{
	struct fixture *fixture = *state;

	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 10, DATAGRAM);
	close_datapath(fixture);
	net_send(&fixture->net, PORT, 10, DATAGRAM);
	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 10, DATAGRAM);
	assert_received(fixture, 30);
}

static void nothing_is_repaired_where_all_is_in_place(void **state)
{
	struct fixture *fixture = *state;

	open_and_attach(fixture);
	assert_false(attach(fixture));
	close_datapath(fixture);
	open_datapath(fixture);
	assert_false(attach(fixture));
}

/* By either way half of them. */
static unsigned wanted_swaps(void)
{
	const char *wanted = getenv("V2M_SWAPS");

	return (wanted ? (unsigned)strtoul(wanted, NULL, 10) : 60) / 2;
}

static void swaps_of_programs_under_a_flood_miss_no_packet(void **state)
{
	struct fixture *fixture = *state;
	unsigned swaps = wanted_swaps();
	uint64_t datagrams;

	open_and_attach(fixture);
	/* Not while the datapath is open: the child would keep the lock. */
	close_datapath(fixture);
	flood_begin(&fixture->net, PORT, DATAGRAM);
	for (unsigned i = 0; i < swaps; i++) {
		close_datapath(fixture);
		open_and_attach(fixture);
	}
	datagrams = flood_end();
	print_message("%u swaps, %" PRIu64 " datagrams\n", swaps, datagrams);
	assert_true(datagrams > 0);
	assert_received(fixture, datagrams);
}

static void a_second_datapath_is_refused_and_names_the_first(void **state)
{
	struct fixture *fixture = *state;
	const struct v2m_datapath_options options = { .pin_dir = fixture->pin_dir };
	struct v2m_datapath *second = NULL;
	struct v2m_error error = {};
	char pid[16];

	open_datapath(fixture);
	snprintf(pid, sizeof(pid), "%d", getpid());
	assert_int_equal(v2m_datapath_open(&options, &second, &error), -EBUSY);
	assert_null(second);
	assert_non_null(strstr(error.text, pid));
}

static void removing_is_refused_while_in_use(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_error error = {};

	open_and_attach(fixture);
	assert_int_equal(v2m_datapath_remove(fixture->pin_dir, &error), -EBUSY);
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 3);
}

/* Makes the pinned maps look as if another version had made them. */
static void spoil_meta(struct fixture *fixture, size_t offset)
{
	struct v2m_meta meta;
	uint32_t key = 0;
	char path[256];
	int fd;

	pin_path(fixture, "meta", path);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &meta), 0);
	((uint8_t *)&meta)[offset] ^= 1;
	assert_int_equal(bpf_map_update_elem(fd, &key, &meta, BPF_ANY), 0);
	close(fd);
}

static void read_epoch(struct fixture *fixture, uint8_t epoch[V2M_EPOCH_LEN])
{
	struct v2m_sample sample = {};
	struct v2m_error error = {};

	assert_int_equal(v2m_datapath_read(fixture->datapath, &sample, &error), 0);
	memcpy(epoch, sample.epoch, V2M_EPOCH_LEN);
	v2m_sample_clear(&sample);
}

static void assert_carried_over(struct fixture *fixture, size_t spoiled)
{
	const struct v2m_ledger_mark written = { .name = "who", .stores = 5 };
	struct v2m_ledger_mark mark = {};
	struct v2m_sample previous = {};
	struct v2m_error error = {};
	uint8_t epoch[V2M_EPOCH_LEN];
	uint8_t now[V2M_EPOCH_LEN];

	open_and_attach(fixture);
	read_epoch(fixture, epoch);
	assert_int_equal(v2m_datapath_write_mark(fixture->datapath, &written), 0);
	net_send(&fixture->net, PORT, 10, DATAGRAM);
	close_datapath(fixture);
	spoil_meta(fixture, spoiled);
	open_datapath(fixture);
	/* The old programs go on in the old maps until the new ones are in place. */
	net_send(&fixture->net, PORT, 5, DATAGRAM);
	close_datapath(fixture);
	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 7, DATAGRAM);
	assert_received(fixture, 7);
	read_epoch(fixture, now);
	assert_memory_not_equal(now, epoch, sizeof(epoch));

	assert_int_equal(v2m_datapath_read_mark(fixture->datapath, &mark), 0);
	assert_string_equal(mark.name, "");
	assert_int_equal(v2m_datapath_read_previous_mark(fixture->datapath, &mark), 0);
	assert_string_equal(mark.name, written.name);
	assert_int_equal(mark.stores, written.stores);
	assert_int_equal(v2m_datapath_read_previous(fixture->datapath, &previous, &error), 0);
	assert_memory_equal(previous.epoch, epoch, sizeof(epoch));
	assert_int_equal(previous.n_ports, 1);
	assert_int_equal(previous.ports[0].port, PORT);
	assert_int_equal(previous.ports[0].udp_rx.packets, 15);
	assert_int_equal(previous.ports[0].udp_rx.wire_bytes, 15 * DATAGRAM_WIRE);
	v2m_sample_clear(&previous);
	assert_int_equal(v2m_datapath_drop_previous(fixture->datapath), 0);
	assert_int_equal(v2m_datapath_read_previous(fixture->datapath, &previous, &error), -ENOENT);
}

static void counts_of_another_layout_are_carried_over(void **state)
{
	assert_carried_over(*state, offsetof(struct v2m_meta, abi_hash));
}

static void counts_of_another_boot_are_carried_over(void **state)
{
	assert_carried_over(*state, offsetof(struct v2m_meta, boot_id));
}

/* As the service reads them: what the kernel keeps of BTF is not shown to it. */
static void counts_are_carried_over_without_cap_sys_admin(void **state)
{
	set_sys_admin(false);
	assert_carried_over(*state, offsetof(struct v2m_meta, abi_hash));
}

static void count_and_remove_btf(struct fixture *fixture)
{
	char path[256];

	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 4, DATAGRAM);
	assert_received(fixture, 4);
	close_datapath(fixture);
	pin_path(fixture, "btf", path);
	assert_int_equal(unlink(path), 0);
}

/* As the version before left them. The pin is there before the first device is looked at, where a
 * pin that is missing is one that was removed. */
static void maps_without_btf_are_taken_over(void **state)
{
	struct fixture *fixture = *state;
	char path[256];

	set_sys_admin(false);
	count_and_remove_btf(fixture);
	open_datapath(fixture);
	pin_path(fixture, "btf", path);
	assert_int_equal(access(path, F_OK), 0);
	assert_false(attach(fixture));
	assert_received(fixture, 4);
}

static void counts_of_maps_without_btf_wait_for_cap_sys_admin(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_sample previous = {};
	struct v2m_error error = {};

	count_and_remove_btf(fixture);
	spoil_meta(fixture, offsetof(struct v2m_meta, abi_hash));
	open_and_attach(fixture);
	set_sys_admin(false);
	assert_int_equal(v2m_datapath_read_previous(fixture->datapath, &previous, &error), -EPERM);
	assert_non_null(strstr(error.text, "CAP_SYS_ADMIN"));
	set_sys_admin(true);
	assert_int_equal(v2m_datapath_read_previous(fixture->datapath, &previous, &error), 0);
	assert_int_equal(previous.ports[0].udp_rx.packets, 4);
	v2m_sample_clear(&previous);
}

/* 0 where there is none. */
static uint32_t id_of_sessions_link(const struct fixture *fixture)
{
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/sessions_v1/link", fixture->pin_dir);
	fd = bpf_obj_get(path);
	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
		close(fd);
	return info.id;
}

static void open_sessions(const struct fixture *fixture)
{
	struct v2m_sessions *sessions = NULL;
	struct v2m_error error = {};

	if (v2m_sessions_open(fixture->pin_dir, -1, &sessions, &error))
		fail_msg("%s", error.text);
	v2m_sessions_close(sessions);
}

/* A new one would miss the connections of that moment. */
static void the_link_of_sessions_is_taken_over(void **state)
{
	struct fixture *fixture = *state;
	uint32_t link;

	open_datapath(fixture);
	open_sessions(fixture);
	link = id_of_sessions_link(fixture);
	assert_int_not_equal(link, 0);
	set_sys_admin(false);
	open_sessions(fixture);
	assert_int_equal(id_of_sessions_link(fixture), link);
}

static void counts_of_another_version_are_carried_over(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_sample previous = {};
	struct v2m_error error = {};
	char now[128];
	char other[128];

	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 4, DATAGRAM);
	assert_received(fixture, 4);
	close_datapath(fixture);
	snprintf(now, sizeof(now), "%s/v" V2M_STRINGIFY(V2M_ABI_VERSION), fixture->pin_dir);
	snprintf(other, sizeof(other), "%s/v77", fixture->pin_dir);
	assert_int_equal(rename(now, other), 0);
	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 6, DATAGRAM);
	assert_received(fixture, 6);
	assert_int_equal(v2m_datapath_read_previous(fixture->datapath, &previous, &error), 0);
	assert_int_equal(previous.ports[0].udp_rx.packets, 4);
	v2m_sample_clear(&previous);
	assert_int_equal(v2m_datapath_drop_previous(fixture->datapath), 0);
	assert_int_equal(v2m_datapath_read_previous(fixture->datapath, &previous, &error), -ENOENT);
}

static void incomplete_pins_are_set_aside(void **state)
{
	struct fixture *fixture = *state;
	char path[256];

	open_and_attach(fixture);
	close_datapath(fixture);
	pin_path(fixture, "port_slot", path);
	assert_int_equal(unlink(path), 0);
	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 2, DATAGRAM);
	assert_received(fixture, 2);
}

static void pins_without_counters_do_not_pile_up(void **state)
{
	struct fixture *fixture = *state;
	char path[256];

	open_and_attach(fixture);
	for (int i = 0; i < 20; i++) {
		close_datapath(fixture);
		pin_path(fixture, "port_counters", path);
		assert_int_equal(unlink(path), 0);
		open_datapath(fixture);
	}
	close_datapath(fixture);
	open_and_attach(fixture);
	assert_int_not_equal(command("ls -d %s/previous_*", fixture->pin_dir), 0);
	net_send(&fixture->net, PORT, 2, DATAGRAM);
	assert_received(fixture, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_WAYS(datagrams_are_counted),
		BOTH_WAYS(counting_goes_on_while_no_daemon_runs),
		BOTH_WAYS(nothing_is_repaired_where_all_is_in_place),
		BOTH_WAYS(swaps_of_programs_under_a_flood_miss_no_packet),
		BOTH_WAYS(a_second_datapath_is_refused_and_names_the_first),
		BOTH_WAYS(removing_is_refused_while_in_use),
		BOTH_WAYS(counts_of_another_layout_are_carried_over),
		BOTH_WAYS(counts_of_another_boot_are_carried_over),
		BOTH_WAYS(counts_are_carried_over_without_cap_sys_admin),
		BOTH_WAYS(maps_without_btf_are_taken_over),
		BOTH_WAYS(counts_of_maps_without_btf_wait_for_cap_sys_admin),
		BOTH_WAYS(the_link_of_sessions_is_taken_over),
		BOTH_WAYS(counts_of_another_version_are_carried_over),
		BOTH_WAYS(incomplete_pins_are_set_aside),
		BOTH_WAYS(pins_without_counters_do_not_pile_up),
	};

	return not_permitted() ? SKIPPED : cmocka_run_group_tests(tests, NULL, NULL);
}
