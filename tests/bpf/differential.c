// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Packets of all kinds through the kernel programs and through the model, on every kind of device;
 * all counters have to be equal, always. V2M_DIFF_COUNT packets, V2M_DIFF_SEED to repeat a run,
 * V2M_DIFF_EVERY 1 to find the first packet that differs.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <cmocka.h>

#include "fixture.h"
#include "generate.h"
#include "model.h"
#include "base/sample.h"
#include "base/transport.h"

#define DEFAULT_COUNT 1000000
#define DEFAULT_EVERY 500
/* After so many, both sides start anew: with more first fragments than this makes, the kernel's
 * table might begin to forget. */
#define ROUND 100000

/* This host's addresses, ascending, as frame_ipv4() and frame_ipv6() write them. The last one of
 * either version has no room beside the list. */
#define IPV4(number)                                                                               \
	{                                                                                          \
		.address = { [10] = 0xff, 0xff, 9, 0, 0, number }                                  \
	}
#define IPV6(number)                                                                               \
	{                                                                                          \
		.address = { 0x20, 1, [15] = number }                                              \
	}
static const struct v2m_local_address here[] = {
	IPV4(1),
	IPV4(2),
	IPV4(3),
	IPV4(4),
	IPV4(5),
	IPV4(6),
	IPV4(7),
	IPV4(8),
	IPV4(9),
	IPV4(10),
	IPV4(11),
	IPV4(12),
	IPV4(13),
	IPV4(14),
	{ .address = { [10] = 0xff, 0xff, 10, 0, 0, 2 } },
	IPV6(1),
	IPV6(2),
	IPV6(3),
	IPV6(4),
	IPV6(5),
	IPV6(6),
	IPV6(7),
	{ .address = { 0xfd, [15] = 2 } },
};
static const struct v2m_local_address two[] = {
	{ .address = { [10] = 0xff, 0xff, 10, 0, 0, 2 } },
	{ .address = { 0xfd, [15] = 2 } },
};

static const struct device {
	struct v2m_device_config config;
	const struct v2m_local_address *here;
	size_t n_here;
	bool fast; /* whether as many as there is room for are beside the list */
} devices[] = {
	{ { .device_slot = 1, .link_header = 14 }, NULL, 0, false },
	{ { .device_slot = 2, .link_header = 14, .loopback = 1 }, NULL, 0, false },
	{ { .device_slot = 3, .link_header = 14, .host_only = 1 }, two, 2, true },
	{ { .device_slot = 4 }, NULL, 0, false },
	{ { .device_slot = 7, .link_header = 14, .forwards = 1 }, two, 2, true },
	{ { .device_slot = 5, .host_only = 1 }, two, 2, false },
	{ { .device_slot = 6, .link_header = 14, .host_only = 1 },
	  here,
	  sizeof(here) / sizeof(here[0]),
	  true },
};

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static uint64_t seed(void)
{
	static uint64_t chosen;

	if (!chosen) {
		if (getrandom(&chosen, sizeof(chosen), 0) != sizeof(chosen))
			chosen = 1;
		chosen = from_environment("V2M_DIFF_SEED", chosen);
	}
	return chosen;
}

/* Single ports of either transport and of both, on the loopback device and elsewhere; ports with a
 * slot for each transport; ranges with single ports in them, and ranges that overlap. Most packets
 * have the ports from GENERATED_PORT on. */
static const struct model_rule rules[] = {
	{ GENERATED_PORT, GENERATED_PORT + 5, true, true, false, 2 },
	{ GENERATED_PORT + 1, GENERATED_PORT + 1, true, false, false, 0 },
	{ GENERATED_PORT + 1, GENERATED_PORT + 1, false, true, false, 1 },
	{ GENERATED_PORT + 2, GENERATED_PORT + 2, false, true, false, 3 },
	{ GENERATED_PORT + 3, GENERATED_PORT + 3, true, true, true, 4 },
	{ GENERATED_PORT + 4, GENERATED_PORT + 4, true, true, false, 5 },
	{ GENERATED_PORT + 6, GENERATED_PORT + 6, true, false, true, 6 },
	{ GENERATED_PORT + 6, GENERATED_PORT + 6, false, true, false, 7 },
	{ 20000, 49999, false, true, false, 8 },
	{ 30000, 60000, true, true, false, 9 },
	{ 1, 65535, true, false, true, 15 },
};
#define N_RULES (sizeof(rules) / sizeof(rules[0]))

static void set_rules(struct run *run)
{
	struct v2m_port_rule same[N_RULES];
	int slots[N_RULES];

	for (size_t i = 0; i < N_RULES; i++) {
		same[i] = (struct v2m_port_rule){
			.first_port = rules[i].first_port,
			.last_port = rules[i].last_port,
			.transports = (rules[i].tcp ? V2M_TCP : 0u) | (rules[i].udp ? V2M_UDP : 0u),
			.loopback = rules[i].loopback,
		};
		slots[i] = (int)rules[i].slot;
	}
	run_set_rules(run, same, slots, N_RULES);
}

static struct run *open_both(const struct device *device, struct model *model)
{
	struct run *run = NULL;

	assert_int_equal(run_open(&device->config, &run), 0);
	model->device = device->config;
	model->here = device->here;
	model->n_here = device->n_here;
	run_set_addresses(run, device->here, device->n_here, device->fast);
	model->rules = rules;
	model->n_rules = N_RULES;
	set_rules(run);
	return run;
}

static void print_packet(const struct generated *packet)
{
	printf("%s gso_size %u gso_segs %u length %zu:", packet->egress ? "egress" : "ingress",
	       packet->gso_size, packet->gso_segs, packet->frame.length);
	for (size_t i = 0; i < packet->frame.length && i < 200; i++)
		printf(" %02x", packet->frame.data[i]);
	printf("\n");
}

static bool is_equal(struct run *run, const struct model *model)
{
	struct v2m_device_counters device = run_device(run);

	if (memcmp(&device, &model->counters, sizeof(device)))
		return false;
	for (uint32_t slot = 0; slot < MODEL_SLOTS; slot++) {
		struct v2m_port_sample port = run_port(run, slot);
		const struct model_counters counted = { port.tcp_rx, port.tcp_tx, port.udp_rx,
							port.udp_tx };

		if (memcmp(&counted, &model->ports[slot], sizeof(counted)))
			return false;
	}
	return true;
}

static void compare_on(const struct device *device, struct generator *generator, uint64_t count)
{
	uint64_t every = from_environment("V2M_DIFF_EVERY", DEFAULT_EVERY);
	struct model *model = calloc(1, sizeof(*model));
	struct generated packet;
	struct run *run;

	assert_non_null(model);
	run = open_both(device, model);
	for (uint64_t i = 1; i <= count; i++) {
		generate_packet(generator, device->config.link_header, &packet);
		assert_int_equal(run_packet(run, packet.egress, packet.frame.data,
					    packet.frame.length, packet.gso_size, packet.gso_segs),
				 -1);
		model_count(model, packet.egress, packet.frame.data, packet.frame.length,
			    packet.gso_size, packet.gso_segs);
		if ((i % every && i < count) || is_equal(run, model))
			continue;
		print_packet(&packet);
		fail_msg("seed %#" PRIx64 ", device %u: differs at packet %" PRIu64
			 " or up to %" PRIu64 " before",
			 seed(), device->config.device_slot, i, every - 1);
	}
	print_message("device %u: %" PRIu64 " packets, %" PRIu64 " for keys, %" PRIu64
		      " unattributed, %" PRIu64 " and %" PRIu64
		      " foreign, %zu first fragments, 0 differences\n",
		      device->config.device_slot, count,
		      (uint64_t)(model->counters.ingress.keys.packets +
				 model->counters.egress.keys.packets),
		      (uint64_t)(model->counters.ingress.unattributed.packets +
				 model->counters.egress.unattributed.packets),
		      (uint64_t)model->counters.ingress.foreign.packets,
		      (uint64_t)model->counters.egress.foreign.packets, model->n_fragments);
	/* A generator that only made rubbish would prove nothing. */
	assert_true(model->counters.ingress.keys.packets > count / 100);
	/* Few packets may have none of a rare shape by chance. */
	if (count >= 20000) {
		assert_true(model->counters.egress.unattributed.packets > 0);
		assert_true(model->counters.ingress.too_deep.packets > 0);
	}
	/* Without a layer-2 header, no connection of this host's own addresses goes both ways. */
	if (count >= 20000 && (device->config.link_header || !device->config.host_only)) {
		assert_true(model->counters.ingress.foreign.packets > count / 10000);
		assert_true(model->counters.egress.foreign.packets > count / 10000);
	}
	run_close(run);
	free(model);
}

static void kernel_and_model_agree_on_every_packet(void **state)
{
	const size_t n_devices = sizeof(devices) / sizeof(devices[0]);
	uint64_t count = from_environment("V2M_DIFF_COUNT", DEFAULT_COUNT);

	(void)state;
	print_message("seed %#" PRIx64 "\n", seed());
	for (size_t i = 0; i < n_devices; i++) {
		struct generator generator = { .state = seed() + i };
		uint64_t left = count / n_devices;

		while (left > 0) {
			uint64_t round = left < ROUND ? left : ROUND;

			compare_on(&devices[i], &generator, round);
			left -= round;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_and_model_agree_on_every_packet),
	};

	return RUN_PACKET_TESTS(tests);
}
