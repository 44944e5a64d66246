// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/proc_tcp_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The kernel writes an address as 32-bit numbers in the host's byte order, with eight digits each,
 * and the port with four. Returns the length of the address in bytes, or 0 if the word is not an
 * endpoint. */
static size_t parse_endpoint(const char *word, uint8_t address[16], uint16_t *port)
{
	size_t n_digits = strspn(word, "0123456789ABCDEF");
	char digits[9] = "";

	if ((n_digits != 8 && n_digits != 32) || word[n_digits] != ':')
		return 0;
	for (size_t i = 0; i < n_digits / 8; i++) {
		uint32_t number;

		memcpy(digits, word + 8 * i, 8);
		number = (uint32_t)strtoul(digits, NULL, 16);
		memcpy(address + 4 * i, &number, sizeof(number));
	}
	*port = (uint16_t)strtoul(word + n_digits + 1, NULL, 16);
	return n_digits / 2;
}

int v2m_proc_tcp_parse(const char *line, struct v2m_connection *connection)
{
	struct v2m_connection parsed = { 0 };
	char local[48];
	char remote[48];
	char state[8];
	size_t length;

	if (sscanf(line, " %*[0-9]: %47s %47s %7s", local, remote, state) != 3)
		return -EINVAL;
	length = parse_endpoint(local, parsed.local, &parsed.local_port);
	if (!length || parse_endpoint(remote, parsed.remote, &parsed.remote_port) != length)
		return -EINVAL;
	parsed.family = length == 4 ? AF_INET : AF_INET6;
	parsed.state = (uint8_t)strtoul(state, NULL, 16);
	*connection = parsed;
	return 0;
}

int v2m_proc_tcp_inode(const char *line, uint64_t *inode)
{
	/* sl, both endpoints, state, queues, timer, retransmits, uid and time-out come first. */
	return sscanf(line, " %*[0-9]: %*s %*s %*s %*s %*s %*s %*d %*d %" SCNu64, inode) == 1
		       ? 0
		       : -EINVAL;
}
