/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Real connections, and what ss says of them. */
#ifndef V2METER_TESTS_CONNECTIONS_H
#define V2METER_TESTS_CONNECTIONS_H

#include "sockets/sockets.h"

/* What is tested; opened and closed by the group's setup and teardown. */
extern struct v2m_sockets *sockets;
int open_sockets(void **state);
int close_sockets(void **state);

/* Both ends of a connection to a listener. */
struct pair {
	int client;
	int server;
};

/* device: what the socket is bound to, or "". */
int listen_on(const char *host, uint16_t port, const char *device);
/* scope: the device of a link-local address, or "". */
struct pair connect_to(int listener, const char *host, uint16_t port, const char *scope);
/* Ends a connection without a trace: by a reset, no TIME-WAIT. */
void cut(struct pair pair);

struct v2m_connection_table *dump(const uint16_t *ports, size_t n_ports);
/* Both must list that many connections, and write them alike. */
void assert_same_as_ss(const uint16_t *ports, size_t n_ports, size_t expected);
/* Counts what ss lists for a port in the states that are listed and begin with the text. */
size_t count_state(uint16_t port, const char *state);

#endif
