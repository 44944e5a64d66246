// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "discovery/listening.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/proc_tcp_line.h"
#include "base/text.h"

/* The flag of a unix socket that listens (__SO_ACCEPTCON), and the type of a stream. */
#define UNIX_LISTENS 0x10000
#define UNIX_STREAM  1

static int compare_inodes(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static bool has_inode(const struct v2m_inodes *inodes, uint64_t inode)
{
	return inodes->count && bsearch(&inode, inodes->items, inodes->count,
					sizeof(*inodes->items), compare_inodes);
}

struct search {
	const struct v2m_inodes *inodes;
	const char *source; /* the only one that is wanted; NULL: all are */
	struct v2m_proxy_listeners *listeners;
};

/* 0 or -ENOMEM. Beyond the most that are looked at, sockets are left out. */
static int add(const struct search *search, const char *source, uint64_t inode)
{
	struct v2m_proxy_listeners *listeners = search->listeners;
	struct v2m_proxy_listener listener = { .inode = inode };

	if (search->source && strcmp(search->source, source) != 0)
		return 0;
	listener.source = strdup(source);
	if (listener.source && listeners->count >= V2M_PROXY_LISTENERS_MAX) {
		free(listener.source);
		return 0;
	}
	if (listener.source && !v2m_array_add(listeners, listener))
		return 0;
	free(listener.source);
	return -ENOMEM;
}

/* Writes the address as a key source. An IPv6 socket may be bound to an IPv4 address. False:
 * another host can reach it. */
static bool describe_tcp(const struct v2m_connection *socket, char *text, size_t size)
{
	static const uint8_t six_loopback[16] = { [15] = 1 };
	static const uint8_t mapped[12] = { [10] = 255, [11] = 255 };
	const uint8_t *four = socket->family == AF_INET ? socket->local : NULL;
	char address[INET6_ADDRSTRLEN];

	if (!four && memcmp(socket->local, mapped, sizeof(mapped)) == 0)
		four = socket->local + sizeof(mapped);
	if (four ? *four != 127 : memcmp(socket->local, six_loopback, 16) != 0)
		return false;
	inet_ntop(four ? AF_INET : AF_INET6, four ? four : socket->local, address, sizeof(address));
	snprintf(text, size, four ? "xray-api://%s:%u" : "xray-api://[%s]:%u", address,
		 socket->local_port);
	return true;
}

/* The kernel lists the listening sockets before all others. */
static int find_tcp(const char *path, const struct search *search)
{
	V2M_FCLOSE FILE *file = fopen(path, "re");
	char line[512];
	int result = 0;

	while (file && !result && fgets(line, sizeof(line), file)) {
		struct v2m_connection socket;
		char source[128];
		uint64_t inode;

		if (v2m_proc_tcp_parse(line, &socket) || v2m_proc_tcp_inode(line, &inode))
			continue;
		if (socket.state != V2M_TCP_LISTEN)
			break;
		if (has_inode(search->inodes, inode) &&
		    describe_tcp(&socket, source, sizeof(source)))
			result = add(search, source, inode);
	}
	return result;
}

static int find_unix(const char *path, const struct search *search)
{
	V2M_FCLOSE FILE *file = fopen(path, "re");
	char line[512];
	int result = 0;

	while (file && !result && fgets(line, sizeof(line), file)) {
		char source[192];
		char name[110] = "";
		unsigned flags;
		unsigned type;
		uint64_t inode;

		if (sscanf(line, "%*x: %*x %*x %x %x %*x %" SCNu64 " %109[^\n]", &flags, &type,
			   &inode, name) != 4 ||
		    !(flags & UNIX_LISTENS) || type != UNIX_STREAM ||
		    !has_inode(search->inodes, inode))
			continue;
		/* An abstract name may hold anything. */
		if ((*name != '/' && *name != '@') || !v2m_is_utf8(name))
			continue;
		snprintf(source, sizeof(source), "xray-api+unix:%s", name);
		result = add(search, source, inode);
	}
	return result;
}

int v2m_listening_find(const char *proc, const struct v2m_inodes *inodes, const char *source,
		       struct v2m_proxy_listeners *listeners)
{
	static const char *const tables[] = { "tcp", "tcp6" };
	const struct search search = { inodes, source, listeners };
	char path[300];
	int result = 0;

	if (!inodes->count)
		return 0;
	qsort(inodes->items, inodes->count, sizeof(*inodes->items), compare_inodes);
	for (size_t i = 0; i < 2 && !result; i++) {
		snprintf(path, sizeof(path), "%.200s/net/%s", proc, tables[i]);
		result = find_tcp(path, &search);
	}
	if (result)
		return result;
	snprintf(path, sizeof(path), "%.200s/net/unix", proc);
	return find_unix(path, &search);
}
