// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath.h"
#include "base/transport.h"

#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sockets/sessions.h"
#include "datapath/attach.h"
#include "datapath/counters.h"
#include "datapath/datapath.h"
#include "datapath/port_slots.h"
#include "datapath/remove.h"
#include "base/sample.h"

bool not_permitted(void)
{
	const struct v2m_datapath_options options = { .pin_dir = "/sys/fs/bpf/v2m_test_permitted" };
	struct v2m_datapath *datapath = NULL;
	struct v2m_error error = {};
	struct net net;
	int result = net_open(&net);

	if (result == 0) {
		result = v2m_datapath_open(&options, &datapath, &error);
		v2m_datapath_close(datapath);
		v2m_datapath_remove(options.pin_dir, &error);
		net_close(&net);
	}
	if (result == -EPERM || result == -EACCES)
		print_message("SKIP: eBPF or namespaces are not permitted here: %s\n", error.text);
	return result == -EPERM || result == -EACCES;
}

int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture)
		return -1;
	fixture->force_clsact = strcmp(*state, "clsact") == 0;
	snprintf(fixture->pin_dir, sizeof(fixture->pin_dir), "/sys/fs/bpf/v2m_test_%d", getpid());
	assert_int_equal(net_open(&fixture->net), 0);
	*state = fixture;
	return 0;
}

int teardown(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_error error = {};

	set_sys_admin(true);
	close_datapath(fixture);
	if (v2m_sessions_remove(fixture->pin_dir, &error) ||
	    v2m_datapath_remove(fixture->pin_dir, &error))
		fail_msg("%s", error.text);
	assert_int_not_equal(access(fixture->pin_dir, F_OK), 0);
	net_close(&fixture->net);
	free(fixture);
	return 0;
}

void open_datapath(struct fixture *fixture)
{
	const struct v2m_datapath_options options = {
		.pin_dir = fixture->pin_dir,
		.force_clsact = fixture->force_clsact,
		.flows_max = fixture->flows_max,
		.users_max = fixture->users_max,
	};
	struct v2m_error error = {};

	if (v2m_datapath_open(&options, &fixture->datapath, &error))
		fail_msg("%s", error.text);
}

void close_datapath(struct fixture *fixture)
{
	v2m_datapath_close(fixture->datapath);
	fixture->datapath = NULL;
}

struct v2m_device device_v2m0(void)
{
	struct v2m_device device = {
		.ifindex = if_nametoindex("v2m0"),
		.name = "v2m0",
		.link_header = 14,
	};

	assert_int_not_equal(device.ifindex, 0);
	return device;
}

bool attach(struct fixture *fixture)
{
	const struct v2m_device device = device_v2m0();
	struct v2m_error error = {};
	bool repaired = false;

	if (v2m_datapath_attach(fixture->datapath, &device, &repaired, &error))
		fail_msg("%s", error.text);
	return repaired;
}

void open_and_attach(struct fixture *fixture)
{
	const struct v2m_port_rule rule = { .first_port = PORT,
					    .last_port = PORT,
					    .transports = V2M_TCP | V2M_UDP };
	struct v2m_error error = {};

	open_datapath(fixture);
	assert_int_equal(v2m_datapath_set_ports(fixture->datapath, &rule, 1, &error), 1);
	attach(fixture);
}

struct v2m_port_sample read_port(struct fixture *fixture, uint16_t port)
{
	struct v2m_sample sample = {};
	struct v2m_port_sample found = {};
	struct v2m_error error = {};

	assert_int_equal(v2m_datapath_read(fixture->datapath, &sample, &error), 0);
	for (size_t i = 0; i < sample.n_ports; i++)
		if (sample.ports[i].port == port)
			found = sample.ports[i];
	v2m_sample_clear(&sample);
	return found;
}

struct v2m_device_sample read_device(struct fixture *fixture, const char *name)
{
	struct v2m_sample sample = {};
	struct v2m_device_sample found = {};
	struct v2m_error error = {};

	assert_int_equal(v2m_datapath_read(fixture->datapath, &sample, &error), 0);
	for (size_t i = 0; i < sample.n_devices; i++)
		if (strcmp(sample.devices[i].name, name) == 0)
			found = sample.devices[i];
	v2m_sample_clear(&sample);
	return found;
}

void assert_received(struct fixture *fixture, uint64_t packets)
{
	struct v2m_port_sample port = read_port(fixture, PORT);

	for (int tries = 0; tries < 500 && port.udp_rx.packets < packets; tries++) {
		usleep(10000);
		port = read_port(fixture, PORT);
	}
	assert_int_equal(port.udp_rx.packets, packets);
	assert_int_equal(port.udp_rx.wire_bytes, packets * DATAGRAM_WIRE);
	assert_int_equal(port.udp_rx.payload_bytes, packets * DATAGRAM);
}

void send_seen(struct fixture *fixture, unsigned count)
{
	send_to_seen(fixture, PORT, count);
}

void send_to_seen(struct fixture *fixture, uint16_t port, unsigned count)
{
	uint64_t before = read_device(fixture, "v2m0").ingress.seen.wire_bytes;
	uint64_t now = before;

	net_send(&fixture->net, port, count, DATAGRAM);
	for (int tries = 0; tries < 500 && now < before + count * DATAGRAM_WIRE; tries++) {
		now = read_device(fixture, "v2m0").ingress.seen.wire_bytes;
		usleep(1000);
	}
	assert_true(now >= before + count * DATAGRAM_WIRE);
}

void send_and_expect(struct fixture *fixture, unsigned count, uint64_t total)
{
	net_send(&fixture->net, PORT, count, DATAGRAM);
	assert_received(fixture, total);
}

void pin_path(const struct fixture *fixture, const char *name, char path[256])
{
	snprintf(path, 256, "%s/v" V2M_STRINGIFY(V2M_ABI_VERSION) "/%s", fixture->pin_dir, name);
}

void path_below(const struct fixture *fixture, const char *name, char path[256])
{
	snprintf(path, 256, "%s/%s", fixture->pin_dir, name);
}

void rename_pin(const struct fixture *fixture, const char *from, const char *to)
{
	char old_path[256];
	char new_path[256];

	path_below(fixture, from, old_path);
	path_below(fixture, to, new_path);
	assert_int_equal(rename(old_path, new_path), 0);
}

bool pin_exists(const struct fixture *fixture, const char *name)
{
	char path[256];

	path_below(fixture, name, path);
	return access(path, F_OK) == 0;
}
