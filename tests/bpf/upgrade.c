// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From version 1 to this one, under traffic: what version 1 pinned goes on counting until the new
 * programs are in its place, and nothing is lost or counted twice. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath.h"
#include "flood.h"
#include "datapath/map_list.h"
#include "version1.skel.h"
#include "base/sample.h"
#include "datapath/attach_clsact.h"
#include "datapath/attach_tcx.h"
#include "datapath/previous.h"
#include "pins/pins.h"

#define SLOT        1234
#define ASSIGNED_NS 1700000000000000000u

static const uint8_t epoch[V2M_EPOCH_LEN] = "version one";

static void pin_version1(const struct v2m_pins *pins, int map, const char *name)
{
	char path[PATH_MAX];

	assert_int_equal(v2m_pin_path(pins, name, path), 0);
	assert_int_equal(bpf_obj_pin(map, path), 0);
}

/* The map that tells the version after it how the counters are laid out. */
static void pin_btf(const struct v2m_pins *pins, const struct bpf_object *object)
{
	uint32_t size;
	uint32_t key = 0;
	const void *raw = btf__raw_data(bpf_object__btf(object), &size);
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "btf", sizeof(key), size, 1, NULL);

	assert_true(map >= 0);
	assert_int_equal(bpf_map_update_elem(map, &key, raw, BPF_ANY), 0);
	pin_version1(pins, map, "btf");
	close(map);
}

/* The port's element of port_slot and its name in every CPU's copy, as version 1 wrote them. */
static void monitor(struct version1_bpf *object)
{
	struct {
		uint16_t port;
		uint16_t pad[3];
		uint64_t assigned_ns;
		uint64_t flows[12];
	} *copies = calloc((size_t)libbpf_num_possible_cpus(), sizeof(*copies));
	const uint16_t place = SLOT | 3 << 12;
	uint32_t port = PORT;
	uint32_t slot = SLOT;

	assert_non_null(copies);
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++) {
		copies[cpu].port = PORT;
		copies[cpu].assigned_ns = ASSIGNED_NS;
	}
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(object->maps.port_counters), &slot, copies,
					     BPF_ANY),
			 0);
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(object->maps.port_slot), &port, &place, BPF_ANY),
		0);
	free(copies);
}

static void write_meta(struct version1_bpf *object)
{
	struct v2m_meta meta = { .abi_hash = 1 };
	uint32_t key = 0;

	memcpy(meta.identity, epoch, sizeof(meta.identity));
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(object->maps.meta), &key, &meta, BPF_ANY),
			 0);
}

static void put_version1(const struct fixture *fixture, const struct v2m_pins *pins,
			 enum v2m_direction direction, int program)
{
	uint32_t ifindex = if_nametoindex("v2m0");
	bool missing = false;
	int result = -EINVAL;

	if (!fixture->force_clsact)
		result = v2m_tcx_put(pins, ifindex, direction, program, &missing);
	if (result == -EINVAL || result == -EOPNOTSUPP)
		result = v2m_clsact_put(pins, ifindex, direction, program, &missing);
	assert_int_equal(result, 0);
}

/* Pins and attaches what a daemon of version 1 leaves when it ends. */
static void begin_with_version1(const struct fixture *fixture)
{
	struct version1_bpf *object;
	struct v2m_pins pins;
	struct v2m_error error = {};
	int lock = v2m_bpffs_lock(fixture->pin_dir, true, &error);

	assert_true(lock >= 0);
	close(lock);
	object = version1_bpf__open_and_load();
	assert_non_null(object);
	assert_int_equal(v2m_pins_init(&pins, fixture->pin_dir, "v1"), 0);
	assert_int_equal(mkdir(pins.dir, 0700), 0);
	monitor(object);
	write_meta(object);
	pin_version1(&pins, bpf_map__fd(object->maps.port_slot), "port_slot");
	pin_version1(&pins, bpf_map__fd(object->maps.port_counters), "port_counters");
	pin_btf(&pins, object->obj);
	pin_version1(&pins, bpf_map__fd(object->maps.meta), "meta");
	put_version1(fixture, &pins, V2M_INGRESS, bpf_program__fd(object->progs.v2m_ingress));
	put_version1(fixture, &pins, V2M_EGRESS, bpf_program__fd(object->progs.v2m_egress));
	version1_bpf__destroy(object);
}

static void an_upgrade_from_version_1_under_a_flood_loses_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_sample previous = {};
	struct v2m_error error = {};
	uint64_t before;
	uint64_t sent;

	begin_with_version1(fixture);
	net_send(&fixture->net, PORT, 20, DATAGRAM);
	flood_begin(&fixture->net, PORT, DATAGRAM);
	flood_wait(2000);
	open_and_attach(fixture);
	flood_wait(2000);
	sent = flood_end() + 20;

	if (v2m_datapath_read_previous(fixture->datapath, &previous, &error))
		fail_msg("%s", error.text);
	assert_memory_equal(previous.epoch, epoch, sizeof(epoch));
	assert_int_equal(previous.n_ports, 1);
	assert_int_equal(previous.ports[0].port, PORT);
	assert_int_equal(previous.ports[0].last_port, PORT);
	assert_int_equal(previous.ports[0].slot, SLOT);
	assert_int_equal(previous.ports[0].assigned_ns, ASSIGNED_NS);
	before = previous.ports[0].udp_rx.packets;
	assert_int_equal(previous.ports[0].udp_rx.wire_bytes, before * DATAGRAM_WIRE);
	assert_int_equal(previous.ports[0].udp_rx.payload_bytes, before * DATAGRAM);
	v2m_sample_clear(&previous);
	print_message("%" PRIu64 " datagrams, %" PRIu64 " of them counted by version 1\n", sent,
		      before);
	assert_true(before > 20 && before < sent);
	assert_received(fixture, sent - before);
	assert_int_equal(v2m_datapath_drop_previous(fixture->datapath), 0);
	assert_int_equal(v2m_datapath_read_previous(fixture->datapath, &previous, &error), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_WAYS(an_upgrade_from_version_1_under_a_flood_loses_nothing),
	};

	return not_permitted() ? SKIPPED : cmocka_run_group_tests(tests, NULL, NULL);
}
