// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/find_daemon.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define NAME        "v2meterd"
#define CMDLINE_MAX 16384

static bool has_name(const struct v2m_patient *patient, pid_t pid)
{
	char path[64];
	char name[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	return v2m_patient_read(patient, path, name, sizeof(name)) > 0 && strcmp(name, NAME) == 0;
}

static pid_t parent_of(const struct v2m_patient *patient, pid_t pid)
{
	char path[64];
	char text[8192];
	const char *line;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (v2m_patient_read(patient, path, text, sizeof(text)) <= 0)
		return 0;
	line = strstr(text, "\nPPid:");
	return line && sscanf(line, "\nPPid: %d", &parent) == 1 ? parent : 0;
}

/* The value of --config among the words, which end with a 0 each. NULL: the option is not there. */
static const char *find_option(const char *words, size_t length)
{
	const char *end = words + length;

	for (const char *word = words; word < end; word += strlen(word) + 1) {
		const char *next = word + strlen(word) + 1;

		if (strncmp(word, "--config=", 9) == 0)
			return word + 9;
		if (strncmp(word, "-c", 2) == 0 && word[2])
			return word + 2;
		if ((strcmp(word, "--config") == 0 || strcmp(word, "-c") == 0) && next < end)
			return next;
	}
	return NULL;
}

/* Finds the path of the daemon's configuration, "" for the defaults. */
static void find_config(const struct v2m_patient *patient, pid_t pid, char config[PATH_MAX])
{
	char path[PATH_MAX];
	char words[CMDLINE_MAX];
	const char *value;
	ssize_t length;

	config[0] = 0;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	length = v2m_patient_read(patient, path, words, sizeof(words));
	value = length > 0 ? find_option(words, (size_t)length) : NULL;
	if (!value)
		return;
	if (value[0] == '/')
		snprintf(path, sizeof(path), "%s", value);
	else
		snprintf(path, sizeof(path), "%s/proc/%d/cwd/%s", patient->root, (int)pid, value);
	if (!realpath(path, config))
		snprintf(config, PATH_MAX, "%s", path);
}

static void find_exe(const struct v2m_patient *patient, pid_t pid, char exe[PATH_MAX])
{
	char path[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), "%s/proc/%d/exe", patient->root, (int)pid);
	length = readlink(path, exe, PATH_MAX - 1);
	exe[length > 0 ? length : 0] = 0;
}

static void take(struct v2m_patient *patient, pid_t pid, const char *wanted)
{
	struct v2m_daemon_process *process = &patient->process;
	char config[PATH_MAX];

	find_config(patient, pid, config);
	if (wanted && strcmp(config, wanted) != 0)
		return;
	if (process->pid) {
		process->others++;
		return;
	}
	process->pid = pid;
	snprintf(process->config, sizeof(process->config), "%s", config);
	find_exe(patient, pid, process->exe);
}

void v2m_find_daemon(struct v2m_patient *patient, const char *config)
{
	char path[PATH_MAX];
	char wanted[PATH_MAX];
	struct dirent *entry;
	DIR *directory;

	if (config && !realpath(config, wanted))
		snprintf(wanted, sizeof(wanted), "%s", config);
	snprintf(path, sizeof(path), "%s/proc", patient->root);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (isdigit((unsigned char)entry->d_name[0]) && has_name(patient, pid) &&
		    !has_name(patient, parent_of(patient, pid)))
			take(patient, pid, config ? wanted : NULL);
	}
	if (directory)
		closedir(directory);
}
