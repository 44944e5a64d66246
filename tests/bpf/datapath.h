/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by the tests of the datapath. Every test has namespaces and a pin directory of its own,
 * and runs once by tcx (if the kernel has it) and once by clsact. */
#ifndef V2METER_TESTS_BPF_DATAPATH_H
#define V2METER_TESTS_BPF_DATAPATH_H

#include "datapath/datapath.h"
#include "namespace.h"
#include "base/sample.h"

#define PORT 10001
/* A datagram of this payload has DATAGRAM_WIRE bytes on the wire. */
#define DATAGRAM      100
#define DATAGRAM_WIRE (14 + 20 + 8 + DATAGRAM)

struct fixture {
	struct net net;
	char pin_dir[64];
	bool force_clsact;
	uint32_t flows_max; /* 0: as many as usual */
	uint32_t users_max; /* 0: as many as usual */
	struct v2m_datapath *datapath;
};

#define SKIPPED 77
bool not_permitted(void);

int setup(void **state); /* *state: a bool, force_clsact; then a struct fixture */
int teardown(void **state);
#define BOTH_WAYS(name)                                                                            \
	{ #name " by tcx", name, setup, teardown, (void *)"" },                                    \
	{                                                                                          \
#name " by clsact", name, setup, teardown, (void *)"clsact"                        \
	}

/* Opens the datapath, monitors PORT over both transports and attaches to v2m0. */
void open_and_attach(struct fixture *fixture);
void open_datapath(struct fixture *fixture);
void close_datapath(struct fixture *fixture);
struct v2m_device device_v2m0(void);
/* Attaches to v2m0; whether something had to be repaired. */
bool attach(struct fixture *fixture);

struct v2m_port_sample read_port(struct fixture *fixture, uint16_t port);
struct v2m_device_sample read_device(struct fixture *fixture, const char *name);
/* Waits until PORT has received so many datagrams, then asserts that it is no more. */
void assert_received(struct fixture *fixture, uint64_t packets);
/* Sends datagrams to PORT and waits until the programs on v2m0 have seen them, whether they are
 * counted or not. */
void send_seen(struct fixture *fixture, unsigned count);
/* The same to another port. */
void send_to_seen(struct fixture *fixture, uint16_t port, unsigned count);
/* Sends datagrams to PORT and asserts how many PORT has received in total. */
void send_and_expect(struct fixture *fixture, unsigned count, uint64_t total);
/* Path of a pin of the current version. */
void pin_path(const struct fixture *fixture, const char *name, char path[256]);
/* Path of a pin or directory whose name is relative to pin_dir. */
void path_below(const struct fixture *fixture, const char *name, char path[256]);
/* Both names are relative to pin_dir. */
void rename_pin(const struct fixture *fixture, const char *from, const char *to);
/* The name is relative to pin_dir. */
bool pin_exists(const struct fixture *fixture, const char *name);

#endif
