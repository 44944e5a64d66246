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

#define DEFAULT_COUNT 1000000
#define DEFAULT_EVERY 500
/* After so many, both sides start anew: with more first fragments than this makes, the kernel's
 * table might begin to forget. */
#define ROUND 100000

static const struct v2m_device_config devices[] = {
	{ .device_slot = 1, .link_header = 14 },
	{ .device_slot = 2, .link_header = 14, .loopback = 1 },
	{ .device_slot = 3, .link_header = 14, .host_only = 1 },
	{ .device_slot = 4 },
	{ .device_slot = 5, .host_only = 1 },
};

/* 10.0.0.2 as frame_ipv4() writes it. */
static const struct v2m_local_address here = { .address = { [10] = 0xff, 0xff, 10, 0, 0, 2 } };

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

/* Every combination of transports and loopback, and the last slot. */
static struct v2m_port_slot rule_of(unsigned number)
{
	return (struct v2m_port_slot){
		.slot = number & 0xf,
		.tcp = number & 1,
		.udp = number >> 1 & 1,
		.loopback = number >> 2 & 1,
	};
}

static struct run *open_both(const struct v2m_device_config *device, struct model *model)
{
	struct run *run = NULL;

	assert_int_equal(run_open(device, &run), 0);
	model->device = *device;
	model->here = here;
	run_add_address(run, &here);
	for (unsigned i = 0; i < GENERATED_PORTS; i++) {
		run_set_port(run, (uint16_t)(GENERATED_PORT + i), rule_of(i));
		model->port_slot[GENERATED_PORT + i] = rule_of(i);
	}
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
	for (uint32_t slot = 0; slot < GENERATED_PORTS; slot++) {
		struct v2m_port_counters port = run_port(run, slot);

		if (memcmp(&port, &model->ports[slot], sizeof(port)))
			return false;
	}
	return true;
}

static void compare_on(const struct v2m_device_config *device, struct generator *generator,
		       uint64_t count)
{
	uint64_t every = from_environment("V2M_DIFF_EVERY", DEFAULT_EVERY);
	struct model *model = calloc(1, sizeof(*model));
	struct generated packet;
	struct run *run;

	assert_non_null(model);
	run = open_both(device, model);
	for (uint64_t i = 1; i <= count; i++) {
		generate_packet(generator, device->link_header, &packet);
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
			 seed(), device->device_slot, i, every - 1);
	}
	print_message("device %u: %" PRIu64 " packets, %" PRIu64 " for keys, %" PRIu64
		      " unattributed, %zu first fragments, 0 differences\n",
		      device->device_slot, count,
		      (uint64_t)(model->counters.ingress.keys.packets +
				 model->counters.egress.keys.packets),
		      (uint64_t)(model->counters.ingress.unattributed.packets +
				 model->counters.egress.unattributed.packets),
		      model->n_fragments);
	/* A generator that only made rubbish would prove nothing. */
	assert_true(model->counters.ingress.keys.packets > count / 100);
	assert_true(model->counters.egress.unattributed.packets > 0);
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

	return not_permitted() ? SKIPPED : cmocka_run_group_tests(tests, NULL, NULL);
}
