/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets of running proxies that are not the API of their proxy. */
#ifndef V2METER_SUPPLY_REFUSED_H
#define V2METER_SUPPLY_REFUSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many are remembered. */
#define V2M_REFUSED_MAX 128

struct v2m_refused_socket {
	uint64_t inode;
	unsigned tries;
	bool has_tls;
};

/* Starts as zeros. */
struct v2m_refused {
	struct v2m_refused_socket items[V2M_REFUSED_MAX];
	size_t count; /* of all times */
};

/* Notes the answer of a socket that is not the API: -errno of v2m_survey_ask(). Returns whether the
 * socket speaks TLS. */
bool v2m_refused_note(struct v2m_refused *refused, uint64_t inode, int result);
/* Whether the socket is not to be tried again. One that did not answer at all is tried three times:
 * a proxy that has just been started may be slow. */
bool v2m_refused_is_final(const struct v2m_refused *refused, uint64_t inode);
/* Whether the socket speaks TLS. */
bool v2m_refused_has_tls(const struct v2m_refused *refused, uint64_t inode);

#endif
