/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The gate in front of civetweb, which gives every connection that it accepts a thread. One thread
 * of ours accepts all connections, and hands one over only when its request has arrived with all of
 * its headers. Until then a connection costs a few bytes, and thousands of slow or silent clients
 * hold no worker.
 *
 * civetweb calls poll() and accept(). The gate puts a counter of ready connections (eventfd(2)) in
 * the place of its listening sockets, and defines accept(), which the shared library calls.
 */
#ifndef V2METER_HTTP_GATE_H
#define V2METER_HTTP_GATE_H

#include <stddef.h>
#include <stdint.h>

#include "http/listen.h"

struct v2m_gate;

/* Marks the listening sockets that are open now: they are not those of the next gate. */
struct v2m_gate *v2m_gate_prepare(void);
#define V2M_GATE_REFUSE UINT64_MAX

struct v2m_gate_rules {
	unsigned timeout_ms; /* for the headers of a first request */
	const char *late;    /* what a client is sent whose headers are not complete then */
	/* When the first request of a connection may be answered, CLOCK_MONOTONIC. It holds no
	 * worker until then. 0: now; V2M_GATE_REFUSE: not at all. address: IPv4, network byte
	 * order. NULL: every request is answered now. */
	uint64_t (*turn)(void *context, uint32_t address, const char *header, size_t length);
	const char *refused; /* what a client is sent then, before its connection is closed */
	void *context;
};

/* Takes the place of the listening sockets that were opened since. It will accept connections from
 * others, which stay the caller's. The texts of the rules must outlive the gate. 0 or -errno. */
int v2m_gate_install(struct v2m_gate *gate, const struct v2m_listeners *listeners,
		     const struct v2m_gate_rules *rules);
/* Begins to accept connections, after v2m_gate_install(). 0 or -errno. */
int v2m_gate_accept(struct v2m_gate *gate);
/* Accepts no new connection any more. Those that are open are served. */
void v2m_gate_close(struct v2m_gate *gate);
/* From now on the counter is ready all the time, so that civetweb sees that it shall stop. No
 * connection is handed over any more. */
void v2m_gate_shut(struct v2m_gate *gate);
/* After civetweb has stopped. Closes the connections that wait. Does nothing on NULL. */
void v2m_gate_free(struct v2m_gate *gate);

#endif
