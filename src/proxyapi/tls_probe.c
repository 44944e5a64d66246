// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proxyapi/tls_probe.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "proxyapi/wait.h"

/* The shortest beginning of a handshake (RFC 5246). */
#define ZEROS_8 0, 0, 0, 0, 0, 0, 0, 0
/* clang-format off */
static const uint8_t hello[] = {
	22, 3, 1, 0, 47,                    /* a record with a message of the handshake */
	1, 0, 0, 43,                        /* which is a ClientHello */
	3, 3,                               /* TLS 1.2 */
	ZEROS_8, ZEROS_8, ZEROS_8, ZEROS_8, /* the random number */
	0,                                  /* no session */
	0, 4, 0xc0, 0x2f, 0xc0, 0x2b,       /* two cipher suites */
	1, 0,                               /* no compression */
};
/* clang-format on */

#define RECORD_ALERT     21
#define RECORD_HANDSHAKE 22

bool v2m_tls_probe(int fd, uint64_t deadline_ns)
{
	V2M_CLOSE int taken = fd;
	uint8_t head[2];
	ssize_t n;

	if (v2m_wait_connected(taken, deadline_ns) ||
	    send(taken, hello, sizeof(hello), MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof(hello) ||
	    v2m_wait_until(taken, false, deadline_ns))
		return false;
	n = recv(taken, head, sizeof(head), MSG_DONTWAIT);
	return n == sizeof(head) && (head[0] == RECORD_ALERT || head[0] == RECORD_HANDSHAKE) &&
	       head[1] == 3;
}
