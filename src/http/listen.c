// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/listen.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc_tcp_line.h"
#include "config/endpoint.h"

/* Connections that nobody has accepted yet. */
#define BACKLOG      1024
#define PROC_TCP_MAX (16u << 20) /* 100,000 sockets take 15 MB */

static void closedirp(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

/* Whether the line of /proc/net/tcp or tcp6 is a listener that prevents listening on the address.
 * *inode: of that listener. */
static bool is_listener_on(const char *line, const struct sockaddr_in *address, uint64_t *inode)
{
	static const uint8_t any[16] = { 0 };
	struct v2m_connection socket;
	bool same;

	if (v2m_proc_tcp_parse(line, &socket) || socket.state != V2M_TCP_LISTEN ||
	    socket.local_port != ntohs(address->sin_port))
		return false;
	same = socket.family == AF_INET &&
	       memcmp(socket.local, &address->sin_addr, sizeof(address->sin_addr)) == 0;
	if (!same && address->sin_addr.s_addr != 0 && memcmp(socket.local, any, sizeof(any)) != 0)
		return false;
	return v2m_proc_tcp_inode(line, inode) == 0;
}

static bool find_listener(const char *path, const struct sockaddr_in *address, uint64_t *inode)
{
	V2M_FREE char *text = NULL;
	size_t length;
	char *rest;

	if (v2m_read_file(path, PROC_TCP_MAX, &text, &length))
		return false;
	rest = text;
	for (char *line; (line = strsep(&rest, "\n"));)
		if (is_listener_on(line, address, inode))
			return true;
	return false;
}

static bool process_has_socket(const char *pid, const char *wanted)
{
	V2M_CLEANUP(closedirp) DIR *directory = NULL;
	struct dirent *entry;
	char path[300];

	snprintf(path, sizeof(path), "/proc/%.32s/fd", pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		char link[64];
		ssize_t length =
			readlinkat(dirfd(directory), entry->d_name, link, sizeof(link) - 1);

		if (length <= 0)
			continue;
		link[length] = 0;
		if (strcmp(link, wanted) == 0)
			return true;
	}
	return false;
}

/* Writes " by nginx (pid 123)", or "" if /proc does not show the holder. */
static void describe_holder(const struct sockaddr_in *address, char *text, size_t size)
{
	V2M_CLEANUP(closedirp) DIR *processes = opendir("/proc");
	struct dirent *entry;
	uint64_t inode;
	char wanted[64];

	text[0] = 0;
	if (!find_listener("/proc/net/tcp", address, &inode) &&
	    !find_listener("/proc/net/tcp6", address, &inode))
		return;
	snprintf(wanted, sizeof(wanted), "socket:[%" PRIu64 "]", inode);
	while (processes && (entry = readdir(processes))) {
		V2M_FREE char *name = NULL;
		char path[64];
		size_t length;

		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !process_has_socket(entry->d_name, wanted))
			continue;
		snprintf(path, sizeof(path), "/proc/%.32s/comm", entry->d_name);
		if (v2m_read_file(path, 64, &name, &length))
			return;
		name[strcspn(name, "\n")] = 0;
		snprintf(text, size, " by %s (pid %s)", name, entry->d_name);
		return;
	}
}

/* Connections of an earlier server in TIME_WAIT do not prevent the bind. A descriptor or -errno. */
static int open_listener(const struct sockaddr_in *address)
{
	V2M_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) || listen(fd, BACKLOG))
		return -errno;
	return V2M_TAKE_FD(fd);
}

static int open_address(const char *text, struct v2m_error *error)
{
	struct sockaddr_in address;
	char holder[128];
	int result = v2m_endpoint_parse(text, &address);

	if (result)
		return v2m_error_set(error, result,
				     "listen: \"%s\" is not an IPv4 address and port", text);
	result = open_listener(&address);
	if (result == -EADDRINUSE) {
		describe_holder(&address, holder, sizeof(holder));
		return v2m_error_set(error, result, "listen: %s is taken%s", text, holder);
	}
	if (result < 0)
		return v2m_error_set(error, result, "listen: cannot listen on %s: %s", text,
				     strerror(-result));
	return result;
}

int v2m_listen_open(const struct v2m_strings *listen, struct v2m_listeners *listeners,
		    struct v2m_error *error)
{
	V2M_CLEANUP(v2m_listeners_close) struct v2m_listeners opened = { 0 };

	if (!listen->count)
		return v2m_error_set(error, -EINVAL, "listen: expected at least one address");
	if (v2m_array_reserve(&opened, listen->count))
		return v2m_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < listen->count; i++) {
		int fd = open_address(listen->items[i], error);

		if (fd < 0)
			return fd;
		opened.items[opened.count++] = fd;
	}
	*listeners = opened;
	opened = (struct v2m_listeners){ 0 };
	return 0;
}

void v2m_listeners_close(struct v2m_listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++)
		close(listeners->items[i]);
	v2m_array_clear(listeners);
}
