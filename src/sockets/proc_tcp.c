// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/proc_tcp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc_tcp_line.h"

/* thread-self: the calling thread may be in another network namespace than the process. */
#define TCP4 "/proc/thread-self/net/tcp"
#define TCP6 "/proc/thread-self/net/tcp6"

bool v2m_proc_tcp_exists(void)
{
	return access(TCP4, R_OK) == 0;
}

static int add_line(struct v2m_socket_dump *dump, const char *line)
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

static int add_file(struct v2m_socket_dump *dump, const char *path)
{
	V2M_FCLOSE FILE *file = fopen(path, "re");
	V2M_FREE char *line = NULL;
	size_t size = 0;
	int result = 0;

	if (!file)
		return -errno;
	while (!result && getline(&line, &size, file) > 0)
		result = add_line(dump, line);
	return !result && ferror(file) ? -EIO : result;
}

int v2m_proc_tcp_dump(struct v2m_socket_dump *dump)
{
	int result = add_file(dump, TCP4);

	if (result)
		return result;
	/* A kernel without IPv6 does not have this file. */
	result = add_file(dump, TCP6);
	return result == -ENOENT ? 0 : result;
}
