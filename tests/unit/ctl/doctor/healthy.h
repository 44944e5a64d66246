/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A server on which every check of the doctor is content. A test spoils one thing. Include it after
 * cmocka.h. */
#ifndef V2METER_TESTS_CTL_DOCTOR_HEALTHY_H
#define V2METER_TESTS_CTL_DOCTOR_HEALTHY_H

#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "ctl/doctor/checks.h"
#include "unit/temporary.h"

#define DAEMON 4711

static const char status_text[] =
	"{'status': 'healthy', 'version': '0.1.0', 'timestamp': '2026-11-28T12:00:00.000000',"
	" 'reasons': [], 'accounting': {'mode': 'ebpf', 'exact': true}, 'total_keys': 2,"
	" 'devices': [{'name': 'eth0', 'attach': 'tcx', 'outrun': false, 'loopback': false,"
	"  'reason': 'default route', 'queue': {'kind': 'fq', 'sent': {'packets': 9, 'bytes': "
	"100000}, 'dropped': {'packets': 1, 'bytes': 500}}}],"
	" 'key_sources': [{'path': 'CONFIG', 'kind': 'V2Ray configuration', 'keys': 2, 'error': "
	"null}], 'key_notes': []}";
static const char keys_text[] = "[{'port': 443}, {'port': 10001, 'ports': [10001, '20000-20100']}]";
static const char traffic_text[] =
	"{'data': {'ports': {'443': {'owners': 'single'}, '10001': {'owners': 'single'}}}}";
static const char proxy_text[] =
	"{\"inbounds\": [], \"outbounds\": [{\"protocol\": \"freedom\"}, {\"tag\": \"blocked\", "
	"\"protocol\": \"blackhole\"}], \"routing\": {\"domainStrategy\": \"IPOnDemand\", "
	"\"rules\": [{\"outboundTag\": \"blocked\", \"ip\": [\"127.0.0.0/8\"]}]}}";

/* Single quotes stand for double ones. */
static json_t *parse(const char *text)
{
	char *copy = strdup(text);
	json_t *json;

	for (char *at = copy; *at; at++)
		*at = *at == '\'' ? '"' : *at;
	json = json_loads(copy, 0, NULL);
	assert_non_null(json);
	free(copy);
	return json;
}

static void write_below(const char *path, const char *text)
{
	char parent[PATH_MAX];

	snprintf(parent, sizeof(parent), "%s%s", temporary_directory, path);
	*strrchr(parent, '/') = 0;
	assert_int_equal(v2m_make_directories(parent, 0755, 0755), 0);
	temporary_file(path, text);
}

static void make_machine(void)
{
	write_below("/proc/sys/kernel/osrelease", "6.12.0-1-amd64\n");
	write_below("/sys/kernel/btf/vmlinux", "");
	write_below("/proc/self/mounts", "tmpfs /run tmpfs rw 0 0\nbpf /sys/fs/bpf bpf rw 0 0\n");
	write_below("/proc/4711/status", "Name:\tv2meterd\nPPid:\t1\nCapEff:\t000000c000001000\n");
	write_below("/proc/4711/comm", "v2meterd\n");
	write_below(
		"/proc/4711/limits",
		"Limit  Soft Limit  Hard Limit\nMax locked memory  unlimited  unlimited  bytes\n");
	write_below("/proc/net/route",
		    "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
		    "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
	write_below("/proc/net/ipv6_route",
		    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		    "00000000000000000000000000000000 ffffffff 1 0 00200200 lo\n");
	write_below("/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
	write_below("/proc/sys/net/ipv4/ip_local_reserved_ports", "\n");
	write_below("/proc/sys/net/ipv4/ip_forward", "1\n");
	write_below("/proc/sys/net/ipv6/conf/all/forwarding", "0\n");
	write_below("/etc/localtime", "");
	write_below("/state/ledger.db", "");
	write_below("/state/api_key", "0123");
	assert_int_equal(chmod(temporary_path("state/api_key"), 0600), 0);
	write_below("/xray/config.json", proxy_text);
}

static int make_patient(void **state)
{
	struct v2m_patient *patient = calloc(1, sizeof(*patient));
	struct tm noon = {
		.tm_year = 126, .tm_mon = 10, .tm_mday = 28, .tm_hour = 12, .tm_isdst = -1
	};

	make_temporary(state);
	make_machine();
	patient->root = temporary_directory;
	patient->url = "http://127.0.0.1:9469";
	patient->process.pid = DAEMON;
	assert_int_equal(v2m_config_load(NULL, &patient->config, &patient->config_error), 0);
	free(patient->config.state_dir);
	patient->config.state_dir = strdup(temporary_path("state"));
	patient->health = parse("{'status': 'healthy'}");
	patient->status = parse(status_text);
	json_object_set_new(json_array_get(json_object_get(patient->status, "key_sources"), 0),
			    "path", json_string(temporary_path("xray/config.json")));
	patient->keys = parse(keys_text);
	patient->traffic = parse(traffic_text);
	patient->now_us = (int64_t)mktime(&noon) * 1000000;
	patient->clock_known = patient->clock_synchronised = true;
	patient->disk_known = true;
	patient->disk_free = UINT64_C(1) << 30;
	patient->rules = strdup("table inet filter {\n\ttcp dport 443 accept\n}\n");
	patient->rules_whole = true;
	snprintf(patient->self_test_text, sizeof(patient->self_test_text),
		 "every byte was counted");
	*state = patient;
	return 0;
}

static int free_patient(void **state)
{
	struct v2m_patient *patient = *state;

	v2m_patient_clear(patient);
	free(patient);
	return remove_temporary(state);
}

/* Runs one check. The caller clears the findings. */
static struct v2m_findings run_check(const struct v2m_patient *patient, const char *name)
{
	struct v2m_findings findings = { .check = name };

	for (size_t i = 0; i < v2m_n_checks; i++)
		if (strcmp(v2m_checks[i].name, name) == 0)
			v2m_checks[i].run(patient, &findings);
	assert_false(findings.lost);
	assert_true(findings.count > 0);
	for (size_t i = 0; i < findings.count; i++)
		assert_int_equal(findings.items[i].level != V2M_LEVEL_OK,
				 findings.items[i].advice != NULL);
	return findings;
}

/* Asserts the worst level of the check, and that a line of that level has the words in its meaning
 * or in its advice. */
static void assert_found(const struct v2m_patient *patient, const char *name, enum v2m_level level,
			 const char *words)
{
	struct v2m_findings findings = run_check(patient, name);
	bool said = false;

	assert_int_equal(v2m_findings_worst(&findings), level);
	for (size_t i = 0; i < findings.count; i++) {
		const struct v2m_finding *finding = &findings.items[i];

		said = said || (finding->level == level &&
				(strstr(finding->means, words) ||
				 (finding->advice && strstr(finding->advice, words))));
	}
	if (!said)
		fail_msg("%s does not say \"%s\"; it says: %s To do: %s", name, words,
			 findings.items[findings.count - 1].means,
			 findings.items[findings.count - 1].advice);
	v2m_findings_clear(&findings);
}

#define assert_warns(patient, name, words) assert_found(patient, name, V2M_LEVEL_WARN, words)
#define assert_fails(patient, name, words) assert_found(patient, name, V2M_LEVEL_FAIL, words)
#define assert_content(patient, name)      assert_found(patient, name, V2M_LEVEL_OK, "")

/* The first device of the status. */
static inline json_t *device_of(struct v2m_patient *patient)
{
	return json_array_get(json_object_get(patient->status, "devices"), 0);
}

#define DOCTOR_TEST(name) cmocka_unit_test_setup_teardown(name, make_patient, free_patient)

#endif
