// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Devices that come and go, others that use the same hooks, and what is repaired. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath.h"
#include "datapath/attach.h"
#include "datapath/datapath.h"
#include "datapath/remove.h"

static void detach_link(struct fixture *fixture, const char *direction)
{
	char name[64];
	char path[256];
	int fd;

	snprintf(name, sizeof(name), "link_%u_%s", if_nametoindex("v2m0"), direction);
	pin_path(fixture, name, path);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	assert_int_equal(bpf_link_detach(fd), 0);
	close(fd);
}

static bool uses_links(struct fixture *fixture)
{
	char name[64];
	char path[256];

	snprintf(name, sizeof(name), "link_%u_ingress", if_nametoindex("v2m0"));
	pin_path(fixture, name, path);
	return access(path, F_OK) == 0;
}

static void take_our_attachment_away(struct fixture *fixture)
{
	if (uses_links(fixture))
		detach_link(fixture, "ingress");
	else
		assert_int_equal(command("tc filter del dev v2m0 ingress"), 0);
}

static void a_deleted_attachment_is_repaired(void **state)
{
	struct fixture *fixture = *state;

	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 2, DATAGRAM);
	assert_received(fixture, 2);
	take_our_attachment_away(fixture);
	net_send(&fixture->net, PORT, 5, DATAGRAM);
	assert_true(attach(fixture));
	assert_false(attach(fixture));
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 5);
}

static void what_was_deleted_while_no_daemon_ran_is_repaired(void **state)
{
	struct fixture *fixture = *state;

	open_and_attach(fixture);
	close_datapath(fixture);
	take_our_attachment_away(fixture);
	open_datapath(fixture);
	assert_true(attach(fixture));
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 3);
}

static void a_deleted_qdisc_is_repaired(void **state)
{
	struct fixture *fixture = *state;

	fixture->force_clsact = true;
	open_and_attach(fixture);
	assert_int_equal(command("tc qdisc del dev v2m0 clsact"), 0);
	assert_true(attach(fixture));
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 3);
}

static void deleted_pins_are_made_again(void **state)
{
	struct fixture *fixture = *state;

	open_and_attach(fixture);
	assert_int_equal(
		command("rm %s/v4/*_ingress %s/v4/*_egress", fixture->pin_dir, fixture->pin_dir),
		0);
	assert_true(attach(fixture));
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 3);
	assert_false(attach(fixture));
}

/* As the service finds it: a program that is not pinned is not shown to it. */
static void deleted_pins_are_made_again_without_cap_sys_admin(void **state)
{
	set_sys_admin(false);
	deleted_pins_are_made_again(state);
}

/* With it go the maps' pins and our lock, and on tcx the programs. */
static void a_deleted_pin_directory_is_made_again(void **state)
{
	struct fixture *fixture = *state;
	const struct v2m_datapath_options options = { .pin_dir = fixture->pin_dir };
	struct v2m_datapath *second = NULL;
	struct v2m_error error = {};

	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 2, DATAGRAM);
	assert_received(fixture, 2);
	assert_int_equal(command("rm -r %s", fixture->pin_dir), 0);
	attach(fixture);
	assert_false(attach(fixture));
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 5);
	assert_int_equal(v2m_datapath_open(&options, &second, &error), -EBUSY);
	close_datapath(fixture);
	net_send(&fixture->net, PORT, 4, DATAGRAM);
	open_datapath(fixture);
	assert_false(attach(fixture));
	assert_received(fixture, 9);
}

static void deleted_pins_of_maps_are_made_again(void **state)
{
	struct fixture *fixture = *state;

	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 2, DATAGRAM);
	assert_received(fixture, 2);
	assert_int_equal(
		command("rm %s/v4/port_counters %s/v4/meta", fixture->pin_dir, fixture->pin_dir),
		0);
	assert_false(attach(fixture));
	close_datapath(fixture);
	open_datapath(fixture);
	assert_received(fixture, 2);
}

static void a_device_that_is_made_again_starts_at_zero(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_error error = {};
	uint32_t old = if_nametoindex("v2m0");
	uint32_t found[4];

	(void)old;
	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 3);
	old = if_nametoindex("v2m0");
	assert_int_equal(command("ip link del v2m0"), 0);
	net_make_veth(&fixture->net);
	assert_int_equal(v2m_datapath_detach(fixture->datapath, old), 0);
	attach(fixture);
	assert_int_equal(v2m_datapath_attached(fixture->datapath, found, 4), 1);
	assert_int_equal(found[0], if_nametoindex("v2m0"));
	assert_int_equal(read_device(fixture, "v2m0").ingress.keys.packets, 0);
	net_send(&fixture->net, PORT, 2, DATAGRAM);
	assert_received(fixture, 5);
	assert_int_equal(read_device(fixture, "v2m0").ingress.keys.packets, 2);
	assert_int_equal(error.text[0], 0);
}

static void another_device_with_an_old_index_starts_at_zero(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_device device;
	struct v2m_error error = {};
	bool repaired;

	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 3);
	device = device_v2m0();
	assert_int_equal(command("ip link del v2m0"), 0);
	assert_int_equal(
		command("ip link add v2m9 index %u type veth peer name v2m8", device.ifindex), 0);
	snprintf(device.name, sizeof(device.name), "v2m9");
	assert_int_equal(v2m_datapath_attach(fixture->datapath, &device, &repaired, &error), 0);
	assert_int_equal(read_device(fixture, "v2m9").ingress.seen.packets, 0);
	assert_string_equal(read_device(fixture, "v2m0").name, "");
	command("ip link del v2m9");
}

static void detaching_stops_the_counting(void **state)
{
	struct fixture *fixture = *state;
	uint32_t found;

	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 3);
	assert_int_equal(v2m_datapath_detach(fixture->datapath, if_nametoindex("v2m0")), 0);
	assert_int_equal(v2m_datapath_attached(fixture->datapath, &found, 1), 0);
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 3);
	assert_int_not_equal(command("tc qdisc show dev v2m0 | grep clsact"), 0);
}

/* A program of somebody else's, which returns this and nothing more. */
static int foreign_program(int verdict)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", code, 2, NULL);

	assert_true(fd >= 0);
	return fd;
}

static void add_foreign_filter(enum bpf_tc_attach_point point, uint32_t priority, int verdict)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex("v2m0"),
		    .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = foreign_program(verdict),
		    .priority = priority);

	assert_int_equal(bpf_tc_attach(&hook, &options), 0);
	close(options.prog_fd);
}

/* Puts a program of somebody else's into our filter, handle and all. */
static void replace_our_filter(void)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex("v2m0"),
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = foreign_program(TC_ACT_UNSPEC), .priority = 1,
		    .flags = BPF_TC_F_REPLACE);
	char text[256];

	command_output(text, sizeof(text),
		       "tc filter show dev v2m0 ingress | grep -o 'handle 0x[0-9a-f]*'");
	assert_int_equal(sscanf(text, "handle %x", &options.handle), 1);
	assert_int_equal(bpf_tc_attach(&hook, &options), 0);
	close(options.prog_fd);
}

static void a_foreign_program_in_our_place_is_not_touched(void **state)
{
	struct fixture *fixture = *state;
	const struct v2m_device device = device_v2m0();
	struct v2m_error error = {};
	char before[4096];
	char after[4096];

	fixture->force_clsact = true;
	open_and_attach(fixture);
	replace_our_filter();
	command_output(before, sizeof(before), "tc filter show dev v2m0 ingress");
	assert_int_equal(v2m_datapath_attach(fixture->datapath, &device, NULL, &error), -EEXIST);
	assert_int_equal(v2m_datapath_detach(fixture->datapath, device.ifindex), 0);
	command_output(after, sizeof(after), "tc filter show dev v2m0 ingress");
	assert_non_null(strstr(after, "foreign"));
	assert_string_equal(before, after);
}

static void show_filters(char text[4096])
{
	command_output(text, 4096,
		       "tc filter show dev v2m0 ingress; tc filter show dev v2m0 "
		       "egress; tc qdisc show dev v2m0");
	assert_non_null(strstr(text, "foreign"));
}

static void foreign_filters_and_their_qdisc_survive(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_error error = {};
	char before[4096];
	char after[4096];

	assert_int_equal(command("tc qdisc add dev v2m0 clsact"), 0);
	add_foreign_filter(BPF_TC_INGRESS, 1, TC_ACT_OK);
	add_foreign_filter(BPF_TC_INGRESS, 7, TC_ACT_SHOT);
	add_foreign_filter(BPF_TC_EGRESS, 1, TC_ACT_UNSPEC);
	show_filters(before);
	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 3);
	close_datapath(fixture);
	assert_int_equal(v2m_datapath_remove(fixture->pin_dir, &error), 0);
	show_filters(after);
	assert_string_equal(before, after);
}

static void a_later_filter_that_accepts_does_not_starve_ours(void **state)
{
	struct fixture *fixture = *state;

	open_and_attach(fixture);
	command("tc qdisc add dev v2m0 clsact");
	add_foreign_filter(BPF_TC_INGRESS, 2, TC_ACT_OK);
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 3);
}

static void what_a_filter_behind_ours_drops_was_counted(void **state)
{
	struct fixture *fixture = *state;

	open_and_attach(fixture);
	command("tc qdisc add dev v2m0 clsact");
	net_send(&fixture->net, PORT, 1, DATAGRAM);
	assert_received(fixture, 1);
	add_foreign_filter(BPF_TC_INGRESS, 2, TC_ACT_SHOT);
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 4);
}

static void a_priority_that_has_no_room_is_stepped_over(void **state)
{
	struct fixture *fixture = *state;

	fixture->force_clsact = true;
	assert_int_equal(command("tc qdisc add dev v2m0 clsact && tc filter add dev v2m0 ingress "
				 "protocol ip prio 1 bpf bytecode '1,6 0 0 0,'"),
			 0);
	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 3);
	assert_false(attach(fixture));
}

static void our_qdisc_stays_while_others_use_it(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_error error = {};

	fixture->force_clsact = true;
	open_and_attach(fixture);
	add_foreign_filter(BPF_TC_EGRESS, 9, TC_ACT_OK);
	close_datapath(fixture);
	assert_int_equal(v2m_datapath_remove(fixture->pin_dir, &error), 0);
	assert_int_equal(command("tc filter show dev v2m0 egress | grep foreign"), 0);
	assert_int_not_equal(command("tc filter show dev v2m0 egress | grep v2m_"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_WAYS(a_deleted_attachment_is_repaired),
		BOTH_WAYS(what_was_deleted_while_no_daemon_ran_is_repaired),
		BOTH_WAYS(a_deleted_qdisc_is_repaired),
		BOTH_WAYS(deleted_pins_are_made_again),
		BOTH_WAYS(deleted_pins_are_made_again_without_cap_sys_admin),
		BOTH_WAYS(a_deleted_pin_directory_is_made_again),
		BOTH_WAYS(deleted_pins_of_maps_are_made_again),
		BOTH_WAYS(a_device_that_is_made_again_starts_at_zero),
		BOTH_WAYS(another_device_with_an_old_index_starts_at_zero),
		BOTH_WAYS(detaching_stops_the_counting),
		BOTH_WAYS(foreign_filters_and_their_qdisc_survive),
		BOTH_WAYS(a_foreign_program_in_our_place_is_not_touched),
		BOTH_WAYS(a_later_filter_that_accepts_does_not_starve_ours),
		BOTH_WAYS(what_a_filter_behind_ours_drops_was_counted),
		BOTH_WAYS(a_priority_that_has_no_room_is_stepped_over),
		BOTH_WAYS(our_qdisc_stays_while_others_use_it),
	};

	return not_permitted() ? SKIPPED : cmocka_run_group_tests(tests, NULL, NULL);
}
