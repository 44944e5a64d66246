/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Real connections, and how ss lists them. */
#ifndef V2METER_TESTS_CONNECTIONS_H
#define V2METER_TESTS_CONNECTIONS_H

#include "sockets/sockets.h"

/* The object under test. The setup and teardown of the group open and close it. */
extern struct v2m_sockets *sockets;
int open_sockets(void **state);
int close_sockets(void **state);

/* Both ends of a connection to a listener. */
struct pair {
	int client;
	int server;
};

/* device: to which the socket is bound, or "". */
int listen_on(const char *host, uint16_t port, const char *device);
/* scope: the device of a link-local address, or "". */
struct pair connect_to(int listener, const char *host, uint16_t port, const char *scope);
/* Ends a connection by a reset, so that no TIME-WAIT is left. */
void cut(struct pair pair);

/* The caller gives the reference back. */
struct v2m_connection_table *dump(const uint16_t *ports, size_t n_ports);
/* Asserts that ss and a dump list the same connections, and that many. */
void assert_same_as_ss(const uint16_t *ports, size_t n_ports, size_t expected);
/* Counts the connections of a port that ss lists in a state that begins with the text. States that
 * a dump does not list are left out. */
size_t count_state(uint16_t port, const char *state);

#endif
