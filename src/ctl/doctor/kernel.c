// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/kernel.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"

#define VERSION(major, minor) ((major)*1000 + (minor))

/* 0: not known. */
static unsigned kernel_version(const struct v2m_patient *patient, char *text, size_t size)
{
	unsigned major;
	unsigned minor;

	if (v2m_patient_read(patient, "/proc/sys/kernel/osrelease", text, size) <= 0 ||
	    sscanf(text, "%u.%u", &major, &minor) != 2)
		return 0;
	return VERSION(major, minor);
}

void v2m_check_kernel(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	char release[128];
	unsigned version = kernel_version(patient, release, sizeof(release));

	if (version == 0) {
		v2m_found(findings, V2M_LEVEL_WARN,
			  "the version of the kernel is not known: \"%s\"", release);
		v2m_advise(findings, "mount /proc");
	} else if (version < VERSION(5, 10)) {
		v2m_found(findings, V2M_LEVEL_FAIL,
			  "Linux %s is too old for the kernel programs: bytes come from the "
			  "sockets' own counters, which are not exact and leave out UDP",
			  release);
		v2m_advise(findings, "boot Linux 5.10 or newer");
	} else {
		v2m_found(findings, V2M_LEVEL_OK, "Linux %s attaches programs to %s", release,
			  version < VERSION(6, 6) ? "clsact" : "tcx");
	}
}

void v2m_check_btf(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	if (v2m_patient_has(patient, "/sys/kernel/btf/vmlinux")) {
		v2m_found(findings, V2M_LEVEL_OK, "the kernel describes its types");
		return;
	}
	v2m_found(findings, V2M_LEVEL_FAIL,
		  "the kernel has no BTF, /sys/kernel/btf/vmlinux: programs that need it cannot be "
		  "loaded");
	v2m_advise(findings, "boot a kernel with CONFIG_DEBUG_INFO_BTF=y, as Debian's are");
}

static bool is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && (path[length] == '/' || !path[length]);
}

/* Whether a bpffs is mounted at or above the path. */
static bool has_bpffs(const struct v2m_patient *patient, const char *path)
{
	char mounts[65536];
	char *rest = mounts;

	if (v2m_patient_read(patient, "/proc/self/mounts", mounts, sizeof(mounts)) <= 0)
		return false;
	for (char *line; (line = strsep(&rest, "\n"));) {
		char place[PATH_MAX];
		char type[64];

		if (sscanf(line, "%*s %4095s %63s", place, type) == 2 && strcmp(type, "bpf") == 0 &&
		    is_below(path, place))
			return true;
	}
	return false;
}

void v2m_check_bpffs(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	const char *dir = patient->config.pin_dir;

	if (!dir)
		return;
	if (has_bpffs(patient, dir)) {
		v2m_found(findings, V2M_LEVEL_OK, "pin_dir %s is on a bpffs", dir);
		return;
	}
	v2m_found(findings, V2M_LEVEL_FAIL,
		  "pin_dir %s is on no bpffs: counting would end with the daemon", dir);
	v2m_advise(findings, "mount -t bpf bpf /sys/fs/bpf");
}

void v2m_check_process(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	const struct v2m_daemon_process *process = &patient->process;

	if (process->pid == 0) {
		v2m_found(findings, V2M_LEVEL_FAIL,
			  "v2meterd does not run: programs that are pinned go on counting, but "
			  "nobody reads them");
		v2m_advise(findings, "systemctl start v2meterd");
	} else if (process->others) {
		v2m_found(findings, V2M_LEVEL_WARN,
			  "%zu v2meterd run; the checks below are about process %d",
			  process->others + 1, (int)process->pid);
		v2m_advise(findings, "name the configuration of the one that is meant: v2meterctl "
				     "doctor FILE");
	} else {
		v2m_found(findings, V2M_LEVEL_OK, "v2meterd runs as process %d", (int)process->pid);
	}
}

static bool read_capabilities(const struct v2m_patient *patient, uint64_t *set)
{
	char path[64];
	char text[8192];
	const char *line;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)patient->process.pid);
	if (v2m_patient_read(patient, path, text, sizeof(text)) <= 0)
		return false;
	line = strstr(text, "\nCapEff:");
	return line && sscanf(line, "\nCapEff: %" SCNx64, set) == 1;
}

static bool has(uint64_t set, unsigned capability)
{
	return set & (UINT64_C(1) << capability);
}

/* Before Linux 5.11 maps count against the limit of locked memory. */
static bool is_memory_locked(const struct v2m_patient *patient, char *limit, size_t size)
{
	char path[64];
	char text[8192];
	const char *line;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)patient->process.pid);
	if (v2m_patient_read(patient, path, text, sizeof(text)) <= 0)
		return false;
	line = strstr(text, "Max locked memory");
	if (!line || size < 32 || sscanf(line, "Max locked memory %31s", limit) != 1)
		return false;
	return strcmp(limit, "unlimited") != 0;
}

/* docs/capabilities.md has the measured sets. */
static void list_missing(uint64_t set, bool netns, char *missing, size_t size)
{
	bool admin = has(set, CAP_SYS_ADMIN);

	snprintf(missing, size, "%s%s%s%s", has(set, CAP_NET_ADMIN) ? "" : " CAP_NET_ADMIN",
		 admin || has(set, CAP_BPF) ? "" : " CAP_BPF",
		 admin || has(set, CAP_PERFMON) ? "" : " CAP_PERFMON",
		 netns && !admin ? " CAP_SYS_ADMIN" : "");
}

void v2m_check_capabilities(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	char release[128];
	unsigned version = kernel_version(patient, release, sizeof(release));
	char missing[128];
	char limit[32];
	uint64_t set;

	if (patient->process.pid == 0)
		return;
	if (!read_capabilities(patient, &set)) {
		v2m_found(findings, V2M_LEVEL_WARN, "the capabilities of process %d cannot be read",
			  (int)patient->process.pid);
		v2m_advise(findings, "run v2meterctl doctor as root");
		return;
	}
	list_missing(set, patient->config.netns, missing, sizeof(missing));
	if (*missing) {
		v2m_found(findings, V2M_LEVEL_FAIL, "v2meterd runs without%s", missing);
		v2m_advise(findings,
			   "add%s to CapabilityBoundingSet of the unit and restart v2meterd",
			   missing);
	} else if (version && version < VERSION(5, 11) &&
		   is_memory_locked(patient, limit, sizeof(limit))) {
		v2m_found(findings, V2M_LEVEL_WARN,
			  "v2meterd may lock only %s bytes of memory, and Linux %s counts maps "
			  "against that",
			  limit, release);
		v2m_advise(findings, "set LimitMEMLOCK=infinity in the unit and restart v2meterd");
	} else {
		v2m_found(findings, V2M_LEVEL_OK, "v2meterd has the capabilities that it needs");
	}
}
