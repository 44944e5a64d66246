// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/port_holder.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/transport.h"

/* The word behind the option. "": there is none. words: each with a 0 behind it. */
static const char *find_value(const char *words, const char *end, const char *option)
{
	for (const char *word = words; word < end; word += strlen(word) + 1)
		if (strcmp(word, option) == 0 && word + strlen(word) + 1 < end)
			return word + strlen(word) + 1;
	return "";
}

/* The transport for which the process serves the port. 0: it does not, or is another program. */
static unsigned read_process(const char *proc, const char *pid, uint16_t port)
{
	char path[PATH_MAX];
	char words[1024];
	V2M_FCLOSE FILE *file = NULL;
	const char *name;
	const char *protocol;
	size_t length;

	snprintf(path, sizeof(path), "%s/%s/cmdline", proc, pid);
	file = fopen(path, "re");
	length = file ? fread(words, 1, sizeof(words) - 1, file) : 0;
	words[length] = 0;
	name = strrchr(words, '/');
	if (strcmp(name ? name + 1 : words, "docker-proxy") != 0 ||
	    strtoul(find_value(words, words + length, "-host-port"), NULL, 10) != port)
		return 0;
	protocol = find_value(words, words + length, "-proto");
	return strcmp(protocol, "tcp") == 0 ? V2M_TCP : strcmp(protocol, "udp") == 0 ? V2M_UDP : 0;
}

static void close_directory(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

static bool is_given_out(const char *proc, uint16_t port)
{
	char path[PATH_MAX];
	char line[64];
	char *end;
	unsigned long first;
	V2M_FCLOSE FILE *file = NULL;

	snprintf(path, sizeof(path), "%s/sys/net/ipv4/ip_local_port_range", proc);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return false;
	first = strtoul(line, &end, 10);
	return port >= first && port <= strtoul(end, NULL, 10);
}

bool v2m_port_holder_serves(const char *proc, uint16_t port, unsigned transports)
{
	V2M_CLEANUP(close_directory) DIR *directory = NULL;
	const struct dirent *entry;

	if (transports & V2M_UDP && is_given_out(proc, port))
		transports &= ~(unsigned)V2M_UDP;
	if (transports)
		directory = opendir(proc);
	while (transports && directory && (entry = readdir(directory)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			transports &= ~read_process(proc, entry->d_name, port);
	return transports;
}
