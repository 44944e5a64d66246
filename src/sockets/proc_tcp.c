// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/proc_tcp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Of the calling thread: it may be in another network namespace than the process began in. */
#define TCP4 "/proc/thread-self/net/tcp"
#define TCP6 "/proc/thread-self/net/tcp6"

bool v2m_proc_tcp_exists(void)
{
	return access(TCP4, R_OK) == 0;
}

/* Addresses are written as 32-bit numbers of the host's byte order, each eight digits, the port in
 * four. Returns the length of the address in bytes, 0 if that is not what the word is. */
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

static int take_line(struct v2m_socket_dump *dump, const char *line)
{
	struct v2m_connection parsed;
	struct v2m_connection *connection;
	int result;

	if (v2m_proc_tcp_parse(line, &parsed) || parsed.state >= 32 ||
	    !(V2M_DUMP_STATES & 1u << parsed.state))
		return 0;
	result = v2m_socket_dump_add(dump, parsed.local_port, &connection);
	if (!result && connection)
		*connection = parsed;
	return result;
}

static int read_file(struct v2m_socket_dump *dump, const char *path)
{
	V2M_FCLOSE FILE *file = fopen(path, "re");
	V2M_FREE char *line = NULL;
	size_t size = 0;
	int result = 0;

	if (!file)
		return -errno;
	while (!result && getline(&line, &size, file) > 0)
		result = take_line(dump, line);
	return !result && ferror(file) ? -EIO : result;
}

int v2m_proc_tcp_dump(struct v2m_socket_dump *dump)
{
	int result = read_file(dump, TCP4);

	if (result)
		return result;
	/* A kernel without IPv6 has no such file. */
	result = read_file(dump, TCP6);
	return result == -ENOENT ? 0 : result;
}
