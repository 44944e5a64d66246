/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything that the checks of the doctor look at. gather.c fills it on a real machine; a test
 * fills it as it needs. The checks themselves ask nobody.
 */
#ifndef V2METER_CTL_DOCTOR_PATIENT_H
#define V2METER_CTL_DOCTOR_PATIENT_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "config/config.h"

/* A running v2meterd. */
struct v2m_daemon_process {
	pid_t pid;             /* 0: none was found */
	size_t others;         /* further daemons */
	char exe[PATH_MAX];    /* "" if unknown */
	char config[PATH_MAX]; /* of --config; "": the defaults */
};

struct v2m_patient {
	const char *root; /* in front of /proc and /sys; "" except in tests */
	const char *url;
	struct v2m_daemon_process process;
	char config_path[PATH_MAX]; /* "": the defaults */
	struct v2m_config config;   /* zeros if it cannot be read */
	struct v2m_error config_error;
	/* The server's answers; NULL: it gave none. */
	json_t *health;
	json_t *status;
	json_t *keys;
	json_t *traffic;
	char server_problem[256]; /* why there is no status; "" if there is one */
	int64_t now_us;           /* this machine's clock when it had answered */
	/* The machine. */
	bool clock_known;
	bool clock_synchronised;
	bool disk_known; /* the state directory is there */
	uint64_t disk_free;
	char *rules;      /* of nft and iptables, as text; NULL: no tool could list them */
	bool rules_whole; /* every tool that is installed has listed its rules */
	int self_test;    /* exit status; -1: it could not be started */
	char self_test_text[512];
};

/* Frees everything and leaves zeros. */
void v2m_patient_clear(struct v2m_patient *patient);

/* Reads a small file below root, such as /proc/sys/..., without its last line break. Its length, or
 * -errno with text empty. */
ssize_t v2m_patient_read(const struct v2m_patient *patient, const char *path, char *text,
			 size_t size);
bool v2m_patient_has(const struct v2m_patient *patient, const char *path);

#endif
