// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "discovery/proxy_find.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/macros.h"
#include "discovery/command_line.h"
#include "discovery/listening.h"

/* Bytes of a command line and of other small files that are read. */
#define TEXT_MAX 65536
/* A proxy has a socket for each connection. */
#define INODES_MAX 1000000

struct search {
	const char *proc;
	struct v2m_proxy_found *found;
	struct v2m_inodes inodes; /* of all proxies */
};

static void closedirp(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

/* Reads a file of a process. NULL: the process has ended, or we may not read it. */
static char *read_text(const struct search *search, const char *pid, const char *name,
		       size_t *length)
{
	char path[300];
	char *text;

	snprintf(path, sizeof(path), "%.200s/%.32s/%s", search->proc, pid, name);
	return v2m_read_file(path, TEXT_MAX, &text, length) ? NULL : text;
}

/* "xray", "v2ray", or what panels call them: "xray-linux-amd64", cut to 15 bytes, and "rw-core" of
 * Remnawave. */
static bool is_proxy_name(const char *name)
{
	static const char *const names[] = { "xray", "v2ray", "rw-core" };

	for (size_t i = 0; i < V2M_ARRAY_LEN(names); i++) {
		size_t length = strlen(names[i]);

		if (strncmp(name, names[i], length) == 0 &&
		    (!name[length] || name[length] == '\n' || name[length] == '-'))
			return true;
	}
	return false;
}

/* The accounts of services: below those of people, those that systemd makes, and nobody. */
#define FIRST_PERSON  1000
#define FIRST_DYNAMIC 61184
#define NOBODY        65534

static bool is_service_account(unsigned user)
{
	return user < FIRST_PERSON || (user >= FIRST_DYNAMIC && user <= NOBODY);
}

/* The effective user: the second number behind "Uid:". False: it cannot be told. */
static bool read_user(const char *status, unsigned *user)
{
	const char *line = strstr(status, "\nUid:");

	return line && sscanf(line, "\nUid: %*u %u", user) == 1;
}

/* A process of root, or a service or a container with the account of a service. What cron starts
 * for a person is in no login session either. */
static bool is_trusted(const struct search *search, const char *pid)
{
	V2M_FREE char *groups = NULL;
	V2M_FREE char *status = NULL;
	unsigned user;
	size_t length;

	status = read_text(search, pid, "status", &length);
	groups = read_text(search, pid, "cgroup", &length);
	if (!status || !read_user(status, &user) || !is_service_account(user))
		return false;
	if (user == 0)
		return true;
	return groups && !strstr(groups, ":/user.slice/");
}

/* Which network namespace a process is in. */
enum network { NETWORK_OURS, NETWORK_FOREIGN, NETWORK_UNKNOWN };

/* The ports of a configuration are those of the network namespace in which the proxy runs. */
static enum network network_of(const struct search *search, const char *pid)
{
	char path[300];
	char ours[64] = "";
	char theirs[64] = "";

	snprintf(path, sizeof(path), "%.200s/self/ns/net", search->proc);
	if (readlink(path, ours, sizeof(ours) - 1) <= 0)
		return NETWORK_UNKNOWN;
	snprintf(path, sizeof(path), "%.200s/%.32s/ns/net", search->proc, pid);
	if (readlink(path, theirs, sizeof(theirs) - 1) <= 0)
		return NETWORK_UNKNOWN;
	return strcmp(ours, theirs) == 0 ? NETWORK_OURS : NETWORK_FOREIGN;
}

static void add_foreign(struct v2m_proxy_found *found, const char *pid)
{
	if (found->n_foreign < V2M_PROXY_FOREIGN_MAX)
		found->foreign[found->n_foreign] = (pid_t)strtol(pid, NULL, 10);
	found->n_foreign++;
}

static bool is_proxy(const struct search *search, const char *pid)
{
	V2M_FREE char *name = NULL;
	size_t length;

	name = read_text(search, pid, "comm", &length);
	return name && is_proxy_name(name) && is_trusted(search, pid);
}

static bool is_only_roots(const struct stat *status)
{
	return status->st_uid == 0 && !(status->st_mode & (S_IWGRP | S_IWOTH));
}

/* Whether nobody except root can put another file in the place of this one. In a sticky directory,
 * such as /tmp, nobody can move what is root's. path: without symbolic links. */
static bool is_fixed(const char *path)
{
	char above[PATH_MAX];
	struct stat status;

	snprintf(above, sizeof(above), "%s", path);
	for (char *slash = strrchr(above, '/'); slash; slash = strrchr(above, '/')) {
		*slash = 0;
		if (stat(*above ? above : "/", &status) || status.st_uid != 0 ||
		    (!is_only_roots(&status) && !(status.st_mode & S_ISVTX)))
			return false;
	}
	return true;
}

/* Whether the process sees the same file at the path as we, and only root can change it. A process
 * in a container may see another one. */
static bool is_same_and_safe(const struct search *search, const char *pid, const char *path)
{
	V2M_FREE char *of_process = NULL;
	struct stat ours;
	struct stat theirs;

	if (asprintf(&of_process, "%s/%s/root%s", search->proc, pid, path) < 0) {
		of_process = NULL;
		return false;
	}
	return stat(path, &ours) == 0 && stat(of_process, &theirs) == 0 &&
	       ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino &&
	       is_only_roots(&ours) && is_fixed(path) &&
	       (S_ISREG(ours.st_mode) || S_ISDIR(ours.st_mode));
}

/* The path without symbolic links, which somebody could change later, malloc'd. NULL: the file is
 * not used. */
static char *resolve(const struct search *search, const char *pid, const char *path)
{
	V2M_FREE char *resolved = realpath(path, NULL);

	if (!resolved || !is_same_and_safe(search, pid, resolved))
		return NULL;
	return V2M_TAKE(resolved);
}

static bool has(const struct v2m_strings *strings, const char *item)
{
	for (size_t i = 0; i < strings->count; i++)
		if (strcmp(strings->items[i], item) == 0)
			return true;
	return false;
}

/* 0 or -ENOMEM. */
static int add_configs(const struct search *search, const char *pid)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings named = { 0 };
	struct v2m_strings *configs = &search->found->configs;
	V2M_FREE char *command = NULL;
	size_t length;
	int result;

	command = read_text(search, pid, "cmdline", &length);
	result = command ? v2m_command_line_configs(command, length, &named) : 0;
	for (size_t i = 0; i < named.count && !result; i++) {
		V2M_FREE char *path = resolve(search, pid, named.items[i]);

		if (path && configs->count < V2M_PROXY_CONFIGS_MAX && !has(configs, path))
			result = v2m_strings_add(configs, path);
	}
	return result;
}

/* 0 or -ENOMEM. */
static int add_inodes(struct search *search, const char *pid)
{
	V2M_CLEANUP(closedirp) DIR *directory = NULL;
	struct dirent *entry;
	char path[300];
	int result = 0;

	snprintf(path, sizeof(path), "%.200s/%.32s/fd", search->proc, pid);
	directory = opendir(path);
	if (!directory && errno == EACCES)
		search->found->n_hidden++;
	while (directory && !result && (entry = readdir(directory))) {
		char link[64];
		ssize_t length =
			readlinkat(dirfd(directory), entry->d_name, link, sizeof(link) - 1);
		uint64_t inode;

		if (length <= 0)
			continue;
		link[length] = 0;
		if (sscanf(link, "socket:[%" SCNu64 "]", &inode) == 1 &&
		    search->inodes.count < INODES_MAX)
			result = v2m_array_add(&search->inodes, inode);
	}
	return result;
}

/* When the process began stands behind its number in its status line, which is never used again
 * together with it. */
static uint64_t fingerprint_of(const struct search *search, const char *pid)
{
	V2M_FREE char *text = NULL;
	const char *name_end;
	uint64_t parts[] = { strtoull(pid, NULL, 10), 0 };
	size_t length;

	text = read_text(search, pid, "stat", &length);
	name_end = text ? strrchr(text, ')') : NULL;
	if (name_end)
		sscanf(name_end,
		       ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
		       "%*d %" SCNu64,
		       &parts[1]);
	return v2m_hash(parts, sizeof(parts));
}

/* 0 or -ENOMEM. */
static int take_process(struct search *search, const char *pid, bool wants_sockets)
{
	enum network network = network_of(search, pid);
	int result;

	search->found->n_processes++;
	search->found->fingerprint += fingerprint_of(search, pid);
	if (network == NETWORK_FOREIGN)
		add_foreign(search->found, pid);
	if (network == NETWORK_OURS)
		search->found->ours = (pid_t)strtol(pid, NULL, 10);
	result = network == NETWORK_OURS ? add_configs(search, pid) : 0;
	return !result && wants_sockets ? add_inodes(search, pid) : result;
}

/* Looks for proxies among all processes. 0 or -ENOMEM. */
static int look(struct search *search, bool wants_sockets)
{
	V2M_CLEANUP(closedirp) DIR *processes = opendir(search->proc);
	struct dirent *entry;
	int result = 0;

	while (processes && !result && (entry = readdir(processes))) {
		if (isdigit((unsigned char)entry->d_name[0]) && is_proxy(search, entry->d_name))
			result = take_process(search, entry->d_name, wants_sockets);
	}
	if (!result)
		result = v2m_listening_find(search->proc, &search->inodes, NULL,
					    &search->found->listeners);
	v2m_array_clear(&search->inodes);
	return result;
}

int v2m_proxy_find(const char *proc, bool sockets, struct v2m_proxy_found *found)
{
	struct search search = { .proc = proc, .found = found };

	return look(&search, sockets);
}

bool v2m_proxy_listens(const char *proc, const char *source, uint64_t inode)
{
	V2M_CLEANUP(v2m_proxy_found_clear) struct v2m_proxy_found found = { 0 };
	struct v2m_inodes inodes = { .items = &inode, .count = 1 };

	return v2m_listening_find(proc, &inodes, source, &found.listeners) == 0 &&
	       found.listeners.count;
}

bool v2m_proxy_is(const char *proc, pid_t pid)
{
	const struct search search = { .proc = proc };
	char number[16];

	snprintf(number, sizeof(number), "%d", pid);
	return is_proxy(&search, number);
}

void v2m_proxy_found_clear(struct v2m_proxy_found *found)
{
	v2m_strings_clear(&found->configs);
	for (size_t i = 0; i < found->listeners.count; i++)
		free(found->listeners.items[i].source);
	v2m_array_clear(&found->listeners);
}
