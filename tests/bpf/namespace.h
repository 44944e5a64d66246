/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Network namespaces for tests of the datapath: each test gets an empty one, with a veth pair whose
 * other end is in a second one. */
#ifndef V2METER_TESTS_BPF_NAMESPACE_H
#define V2METER_TESTS_BPF_NAMESPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net {
	int home;  /* the namespace the test process came from */
	int here;  /* the server's: device "v2m0", 10.9.0.1/24 and fd09::1/64 */
	int there; /* the client's: device "v2m1", 10.9.0.2/24 and fd09::2/64 */
};

/* Makes both and enters here. 0 or -errno; -EPERM where that is not permitted. */
int net_open(struct net *net);
/* Goes home; the namespaces go with their last descriptor. */
void net_close(struct net *net);
void net_enter(int namespace);

/* Whether what follows may use CAP_SYS_ADMIN, which the service has not; entering a namespace may
 * at any time, and so may commands. Returns whether it could before. */
bool set_sys_admin(bool allowed);

/* Makes the veth pair and its addresses (again). */
void net_make_veth(const struct net *net);

/* Runs a command; its status, or -1. Output is dropped unless V2M_TEST_VERBOSE is set. */
int command(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, and the command's standard output. */
void command_output(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sends count datagrams of size bytes of payload from there to the port of 10.9.0.1. */
void net_send(const struct net *net, uint16_t port, unsigned count, size_t size);
/* Sends one from a port of the client. */
void net_send_from(const struct net *net, uint16_t from, uint16_t port, size_t size);

#endif
