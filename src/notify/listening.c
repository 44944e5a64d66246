// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/listening.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/macros.h"
#include "base/proc_tcp_line.h"

/* The state of a UDP socket that is not connected: TCP_CLOSE. */
#define UDP_BOUND 7

/* The kernel lists all listening TCP sockets before the first other one, so a file with many
 * connections is not read to its end. */
static int read_ports(const char *path, unsigned state, bool stops, bool ports[static 65536])
{
	V2M_FCLOSE FILE *file = fopen(path, "re");
	struct v2m_connection socket;
	char line[512];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (v2m_proc_tcp_parse(line, &socket))
			continue;
		if (socket.state == state)
			ports[socket.local_port] = true;
		else if (stops)
			break;
	}
	return ferror(file) ? -EIO : 0;
}

int v2m_listening_read(const char *proc, struct v2m_listening *listening)
{
	static const struct {
		const char *name;
		bool tcp;
		bool needed;
	} files[] = {
		{ "tcp", true, true },
		{ "tcp6", true, false },
		{ "udp", false, true },
		{ "udp6", false, false },
	};

	memset(listening, 0, sizeof(*listening));
	for (size_t i = 0; i < V2M_ARRAY_LEN(files); i++) {
		char path[PATH_MAX];
		int result;

		snprintf(path, sizeof(path), "%s/net/%s", proc, files[i].name);
		result = read_ports(path, files[i].tcp ? V2M_TCP_LISTEN : UDP_BOUND, files[i].tcp,
				    files[i].tcp ? listening->tcp : listening->udp);
		if (result && (files[i].needed || result != -ENOENT))
			return result;
	}
	return 0;
}
