/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by the tests of single packets. */
#ifndef V2METER_TESTS_BPF_FIXTURE_H
#define V2METER_TESTS_BPF_FIXTURE_H

#include "frame.h"
#include "run.h"

#define TCP         6
#define UDP         17
#define PORT        10001 /* TCP and UDP */
#define TCP_PORT    10002
#define UDP_PORT    10003
#define LOCAL_PORT  10004 /* loopback only */
#define SHARED_PORT 10005 /* TCP and UDP, shared by several keys */
#define CLIENT      40000
#define MORE        0x2000

#define SLOT        7
#define TCP_SLOT    8
#define UDP_SLOT    9
#define LOCAL_SLOT  4095
#define SHARED_SLOT 10

/* Says why and returns true where eBPF is not permitted: the program then ends with SKIPPED, which
 * CTest shows as such. */
bool not_permitted(void);
#define SKIPPED 77
#define RUN_PACKET_TESTS(tests)                                                                    \
	(not_permitted() ? SKIPPED : cmocka_run_group_tests(tests, NULL, close_shared_run))

/* Monitors the ports above on a device like this. */
struct run *open_run(const struct v2m_device_config *config);
/* *state is a run on an Ethernet device, as if it were new. All tests of a program share it. */
int setup(void **state);
int close_shared_run(void **state);
#define PACKET_TEST(name) cmocka_unit_test_setup(name, setup)

/* Runs a packet, and asserts that it goes on and that the device's books balance. */
void run_gso(struct run *run, bool egress, const struct frame *frame, uint32_t gso_size,
	     uint32_t gso_segs);
/* The same on ingress with a plain packet. */
void run_in(struct run *run, const struct frame *frame);

void assert_flow(struct v2m_flow flow, uint64_t packets, uint64_t wire, uint64_t payload);
/* One packet came in for PORT, over TCP. */
void assert_tcp_in(struct run *run, uint64_t wire, uint64_t payload);
/* One packet came in, and belongs to nobody. */
void assert_other(struct run *run, uint64_t wire);
void assert_too_deep(struct run *run, uint64_t wire);

/* Whole packets; the TCP header has 32 bytes. */
struct frame tcp4(uint16_t source, uint16_t destination, size_t payload);
struct frame tcp6(uint16_t source, uint16_t destination, size_t payload);
struct frame udp(bool ipv6, uint16_t source, uint16_t destination, size_t payload);

#endif
