// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/gather.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "ctl/doctor/command.h"
#include "ctl/doctor/find_daemon.h"
#include "ctl/fallback.h"

/* Where a package puts it; used if no daemon runs that could tell. */
#define USUAL_CONFIG "/etc/v2meter/v2meter.json"

static void gather_config(struct v2m_patient *patient, const char *config)
{
	if (!config && *patient->process.config)
		config = patient->process.config;
	if (!config && !patient->process.pid && access(USUAL_CONFIG, R_OK) == 0)
		config = USUAL_CONFIG;
	snprintf(patient->config_path, sizeof(patient->config_path), "%s", config ? config : "");
	v2m_config_load(config, &patient->config, &patient->config_error);
}

/* The JSON of an answer with status 200, or NULL. */
static json_t *ask(const struct v2m_ctl *ctl, const char *path, char *problem, size_t size)
{
	V2M_CLEANUP(v2m_client_reply_clear) struct v2m_client_reply reply = { 0 };

	if (v2m_fallback_get(ctl->client, path, &reply) == V2M_DONE)
		return json_incref(reply.json);
	if (problem && v2m_client_reply_detail(&reply))
		snprintf(problem, size, "%s", v2m_client_reply_detail(&reply));
	else if (problem)
		snprintf(problem, size, "%s", v2m_client_reply_text(&reply));
	return NULL;
}

static void gather_answers(const struct v2m_ctl *ctl, struct v2m_patient *patient)
{
	char *problem = patient->server_problem;

	patient->url = v2m_client_url(ctl->client);
	patient->status = ask(ctl, "/api/meter/status", problem, sizeof(patient->server_problem));
	patient->now_us = v2m_clock_real_us();
	patient->health = ask(ctl, "/health", NULL, 0);
	if (!patient->status)
		return;
	patient->keys = ask(ctl, "/api/keys", NULL, 0);
	patient->traffic = ask(ctl, "/api/traffic/simple", NULL, 0);
}

static void gather_machine(struct v2m_patient *patient)
{
	struct timex clock = { 0 };
	struct statvfs disk;

	if (adjtimex(&clock) >= 0) {
		patient->clock_known = true;
		patient->clock_synchronised = !(clock.status & STA_UNSYNC);
	}
	if (patient->config.state_dir && statvfs(patient->config.state_dir, &disk) == 0) {
		patient->disk_known = true;
		patient->disk_free = (uint64_t)disk.f_bavail * disk.f_frsize;
	}
}

/* 0, or -ENOMEM. */
static int append(char **all, const char *text)
{
	char *joined;

	if (asprintf(&joined, "%s%s\n", *all ? *all : "", text) < 0)
		return -ENOMEM;
	free(*all);
	*all = joined;
	return 0;
}

/* Lists the rules of all tools that are installed. */
static void gather_rules(struct v2m_patient *patient)
{
	static const char *const tools[][4] = {
		{ "nft", "list", "ruleset", NULL },
		{ "iptables-save", NULL },
		{ "ip6tables-save", NULL },
	};
	size_t listed = 0;
	bool failed = false;

	for (size_t i = 0; i < V2M_ARRAY_LEN(tools); i++) {
		V2M_FREE char *text = NULL;
		int status = v2m_command_run(tools[i], &text);

		if (status == -ENOENT)
			continue;
		failed = failed || status || append(&patient->rules, text);
		listed += status == 0;
	}
	patient->rules_whole = listed && !failed;
}

/* The daemon that belongs to this client: the one that runs, else the one beside it. */
static void find_program(const struct v2m_patient *patient, char path[PATH_MAX])
{
	static const char *const places[] = { "v2meterd", "../sbin/v2meterd" };
	char own[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	snprintf(path, PATH_MAX, "%s", patient->process.exe);
	if (access(path, X_OK) == 0)
		return;
	own[length > 0 ? length : 0] = 0;
	slash = strrchr(own, '/');
	if (slash)
		slash[1] = 0;
	for (size_t i = 0; i < V2M_ARRAY_LEN(places); i++) {
		snprintf(path, PATH_MAX, "%s%s", own, places[i]);
		if (access(path, X_OK) == 0)
			return;
	}
	snprintf(path, PATH_MAX, "v2meterd");
}

/* The last line that is not empty, without the time and level of a log. */
static const char *last_line(char *text)
{
	size_t length = strlen(text);
	const char *level;
	char *line;

	while (length > 0 && text[length - 1] == '\n')
		text[--length] = 0;
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	level = strstr(line, " error   ");
	return level ? level + strlen(" error   ") : line;
}

static void gather_self_test(struct v2m_patient *patient)
{
	char path[PATH_MAX];
	const char *argv[] = { path, "--self-test", "--config", patient->config_path, NULL };
	V2M_FREE char *text = NULL;

	if (geteuid() != 0) {
		patient->self_test = -1;
		snprintf(patient->self_test_text, sizeof(patient->self_test_text), "it needs root");
		return;
	}
	if (!*patient->config_path || patient->config_error.text[0])
		argv[2] = NULL;
	find_program(patient, path);
	patient->self_test = v2m_command_run(argv, &text);
	snprintf(patient->self_test_text, sizeof(patient->self_test_text), "%s",
		 patient->self_test < 0 ? strerror(-patient->self_test) : last_line(text));
}

void v2m_gather(const struct v2m_ctl *ctl, const char *config, struct v2m_patient *patient)
{
	*patient = (struct v2m_patient){ .root = "" };
	v2m_find_daemon(patient, config);
	gather_config(patient, config);
	gather_answers(ctl, patient);
	gather_machine(patient);
	gather_rules(patient);
	gather_self_test(patient);
}
