// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fixture.h"
#include "base/sample.h"
#include "base/transport.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct v2m_device_config ethernet = { .device_slot = 3, .link_header = 14 };

static struct run *shared;

bool not_permitted(void)
{
	if (run_open(&ethernet, &shared) != -EPERM)
		return false;
	print_message("SKIP: eBPF is not permitted here\n");
	return true;
}

static void set_rules(struct run *run)
{
	static const struct v2m_port_rule rules[] = {
		{ PORT, PORT, V2M_TCP | V2M_UDP, false, false },
		{ TCP_PORT, TCP_PORT, V2M_TCP, false, false },
		{ UDP_PORT, UDP_PORT, V2M_UDP, false, false },
		{ LOCAL_PORT, LOCAL_PORT, V2M_TCP, true, false },
		{ SHARED_PORT, SHARED_PORT, V2M_TCP | V2M_UDP, false, true },
	};
	static const int slots[] = { SLOT, TCP_SLOT, UDP_SLOT, LOCAL_SLOT, SHARED_SLOT };

	run_set_rules(run, rules, slots, sizeof(rules) / sizeof(rules[0]));
}

struct run *open_run(const struct v2m_device_config *config)
{
	struct run *run = NULL;

	assert_int_equal(run_open(config, &run), 0);
	set_rules(run);
	return run;
}

int setup(void **state)
{
	assert_non_null(shared);
	run_reset(shared);
	set_rules(shared);
	*state = shared;
	return 0;
}

int close_shared_run(void **state)
{
	(void)state;
	run_close(shared);
	return 0;
}

static void assert_adds_up(const struct v2m_device_flow *flow)
{
	assert_int_equal(flow->seen.packets, flow->keys.packets + flow->unattributed.packets +
						     flow->other.packets + flow->too_deep.packets +
						     flow->foreign.packets);
	assert_int_equal(flow->seen.wire_bytes,
			 flow->keys.wire_bytes + flow->unattributed.wire_bytes +
				 flow->other.wire_bytes + flow->too_deep.wire_bytes +
				 flow->foreign.wire_bytes);
}

void run_gso(struct run *run, bool egress, const struct frame *frame, uint32_t gso_size,
	     uint32_t gso_segs)
{
	struct v2m_device_counters before = run_device(run);
	struct v2m_device_counters after;

	assert_int_equal(run_packet(run, egress, frame->data, frame->length, gso_size, gso_segs),
			 -1);
	after = run_device(run);
	assert_adds_up(&after.ingress);
	assert_adds_up(&after.egress);
	assert_true(after.ingress.seen.packets + after.egress.seen.packets >
		    before.ingress.seen.packets + before.egress.seen.packets);
}

void run_in(struct run *run, const struct frame *frame)
{
	run_gso(run, false, frame, 0, 0);
}

void assert_flow(struct v2m_flow flow, uint64_t packets, uint64_t wire, uint64_t payload)
{
	assert_int_equal(flow.packets, packets);
	assert_int_equal(flow.wire_bytes, wire);
	assert_int_equal(flow.payload_bytes, payload);
}

void assert_tcp_in(struct run *run, uint64_t wire, uint64_t payload)
{
	struct v2m_port_sample port = run_port(run, SLOT);

	assert_flow(port.tcp_rx, 1, wire, payload);
	assert_flow(port.tcp_tx, 0, 0, 0);
	assert_flow(port.udp_rx, 0, 0, 0);
	assert_int_equal(run_device(run).ingress.keys.wire_bytes, wire);
}

void assert_other(struct run *run, uint64_t wire)
{
	struct v2m_device_counters device = run_device(run);

	assert_int_equal(device.ingress.keys.packets, 0);
	assert_int_equal(device.ingress.unattributed.packets, 0);
	assert_int_equal(device.ingress.other.packets, 1);
	assert_int_equal(device.ingress.other.wire_bytes, wire);
}

void assert_too_deep(struct run *run, uint64_t wire)
{
	struct v2m_device_counters device = run_device(run);

	assert_int_equal(device.ingress.other.packets, 0);
	assert_int_equal(device.ingress.too_deep.packets, 1);
	assert_int_equal(device.ingress.too_deep.wire_bytes, wire);
}

struct frame tcp4(uint16_t source, uint16_t destination, size_t payload)
{
	struct frame frame = {};

	frame_ethernet(&frame, 0x0800);
	frame_ipv4(&frame, TCP, 0, 1, 2);
	frame_tcp(&frame, source, destination, 8);
	frame_zeros(&frame, payload);
	frame_finish(&frame);
	return frame;
}

struct frame tcp6(uint16_t source, uint16_t destination, size_t payload)
{
	struct frame frame = {};

	frame_ethernet(&frame, 0x86dd);
	frame_ipv6(&frame, TCP, 1, 2);
	frame_tcp(&frame, source, destination, 8);
	frame_zeros(&frame, payload);
	frame_finish(&frame);
	return frame;
}

struct frame udp(bool ipv6, uint16_t source, uint16_t destination, size_t payload)
{
	struct frame frame = {};

	frame_ethernet(&frame, ipv6 ? 0x86dd : 0x0800);
	if (ipv6)
		frame_ipv6(&frame, UDP, 1, 2);
	else
		frame_ipv4(&frame, UDP, 0, 1, 2);
	frame_udp(&frame, source, destination);
	frame_zeros(&frame, payload);
	frame_finish(&frame);
	return frame;
}
