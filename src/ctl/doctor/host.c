// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A day of a large server takes less. */
#define DISK_LEAST (UINT64_C(64) << 20)
/* Further apart, the days of two machines differ. */
#define CLOCKS_APART_S 5

void v2m_check_ledger(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	const char *dir = patient->config.state_dir;
	char path[PATH_MAX];
	struct stat status;

	if (!dir)
		return;
	snprintf(path, sizeof(path), "%s/ledger.db", dir);
	if (!patient->disk_known || stat(path, &status)) {
		v2m_found(findings, V2M_LEVEL_FAIL,
			  "%s is not there or cannot be reached: no totals "
			  "are stored",
			  path);
		v2m_advise(findings, "run v2meterctl doctor as root; start v2meterd");
	} else if (patient->disk_free < DISK_LEAST) {
		v2m_found(findings, V2M_LEVEL_WARN,
			  "the disk of %s has %" PRIu64
			  " MiB free: if it is full, resets are refused",
			  dir, patient->disk_free >> 20);
		v2m_advise(findings, "free space, or lower retention_days and retention_hours");
	} else {
		v2m_found(findings, V2M_LEVEL_OK,
			  "%s has %" PRIu64 " KiB, the disk has %" PRIu64 " MiB free", path,
			  (uint64_t)status.st_size >> 10, patient->disk_free >> 20);
	}
}

/* The server's clock in Unix seconds; 0: unknown. Its text is local time, which is ours if the
 * server runs here. */
static time_t server_time(const struct v2m_patient *patient)
{
	const char *text = json_string_value(json_object_get(patient->status, "timestamp"));
	struct tm parts = { .tm_isdst = -1 };

	return text && strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) ? mktime(&parts) : 0;
}

void v2m_check_clock(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	time_t there = server_time(patient);
	int64_t apart = there ? there - patient->now_us / 1000000 : 0;

	if (apart > CLOCKS_APART_S || apart < -CLOCKS_APART_S) {
		v2m_found(findings, V2M_LEVEL_WARN,
			  "the server's time and this shell's are %" PRId64
			  " s apart: they have different clocks or time zones",
			  apart < 0 ? -apart : apart);
		v2m_advise(findings, "compare the output of date with TZ of the unit");
	} else if (!patient->clock_known) {
		v2m_found(findings, V2M_LEVEL_WARN,
			  "whether the clock is synchronised is not known");
		v2m_advise(findings, "timedatectl status");
	} else if (!patient->clock_synchronised) {
		v2m_found(
			findings, V2M_LEVEL_WARN,
			"the clock is not synchronised: days and months may begin at a wrong time");
		v2m_advise(findings, "timedatectl set-ntp true");
	} else {
		v2m_found(findings, V2M_LEVEL_OK, "the clock is synchronised");
	}
}

void v2m_check_time_zone(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	const char *variable = getenv("TZ");
	time_t now = (time_t)(patient->now_us / 1000000);
	struct tm parts;
	char zone[64] = "";

	if (localtime_r(&now, &parts))
		strftime(zone, sizeof(zone), "%Z, UTC%z", &parts);
	if (!variable && !v2m_patient_has(patient, "/etc/localtime")) {
		v2m_found(findings, V2M_LEVEL_WARN,
			  "/etc/localtime is missing: days and months begin at midnight of UTC");
		v2m_advise(findings, "timedatectl set-timezone ZONE");
		return;
	}
	v2m_found(findings, V2M_LEVEL_OK, "days and months begin at midnight of %s", zone);
}

void v2m_check_self_test(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	if (patient->self_test == 0) {
		v2m_found(findings, V2M_LEVEL_OK, "%s", patient->self_test_text);
		return;
	}
	v2m_found(findings, patient->self_test < 0 ? V2M_LEVEL_WARN : V2M_LEVEL_FAIL,
		  "the self-test %s: %s",
		  patient->self_test < 0 ? "could not be started" : "has failed",
		  patient->self_test_text);
	v2m_advise(findings, "run v2meterd --self-test as root");
}
