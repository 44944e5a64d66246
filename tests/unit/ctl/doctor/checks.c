// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Each check is content with a healthy server, and finds what is wrong with it. Runs in
 * tests/unit/.
 */
#include "ctl/doctor/checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/ctl/doctor/healthy.h"

#define MANUAL "../../docs/man/v2meterctl.1"

static void every_check_is_content_with_a_healthy_server(void **state)
{
	for (size_t i = 0; i < v2m_n_checks; i++)
		assert_content(*state, v2m_checks[i].name);
}

static void the_manual_lists_every_check_in_the_order_of_the_table(void **state)
{
	char *manual = NULL;
	size_t length;
	const char *at;

	(void)state;
	assert_int_equal(v2m_read_file(MANUAL, 1u << 20, &manual, &length), 0);
	at = strstr(manual, "\n.Ss The checks of doctor\n");
	assert_non_null(at);
	for (size_t i = 0; i < v2m_n_checks; i++) {
		char item[64];

		snprintf(item, sizeof(item), "\n.It Li %s\n", v2m_checks[i].name);
		at = strstr(at, item);
		if (!at)
			fail_msg("not in the manual, or not in this order: %s", v2m_checks[i].name);
	}
	free(manual);
}

static void an_old_or_unknown_kernel_is_found(void **state)
{
	write_below("/proc/sys/kernel/osrelease", "5.4.0\n");
	assert_fails(*state, "kernel", "5.10");
	write_below("/proc/sys/kernel/osrelease", "?\n");
	assert_warns(*state, "kernel", "not known");
}

static void a_kernel_without_btf_is_found(void **state)
{
	assert_int_equal(remove(temporary_path("sys/kernel/btf/vmlinux")), 0);
	assert_fails(*state, "btf", "CONFIG_DEBUG_INFO_BTF");
}

static void pins_outside_a_bpffs_are_found(void **state)
{
	write_below("/proc/self/mounts",
		    "bpf /sys/fs/bpfs bpf rw 0 0\ntmpfs /sys/fs/bpf tmpfs rw 0 0\n");
	assert_fails(*state, "bpffs", "mount -t bpf");
}

static void a_daemon_that_does_not_run_or_is_one_of_several_is_found(void **state)
{
	struct v2m_patient *patient = *state;

	patient->process.others = 1;
	assert_warns(patient, "process", "2 v2meterd run");
	patient->process.pid = 0;
	assert_fails(patient, "process", "systemctl start");
}

static void missing_capabilities_are_found(void **state)
{
	struct v2m_patient *patient = *state;

	write_below("/proc/4711/status", "Name:\tv2meterd\nCapEff:\t0000004000001000\n");
	assert_fails(patient, "capabilities", "without CAP_BPF");
	write_below("/proc/4711/status", "Name:\tv2meterd\nCapEff:\t0000000000201000\n");
	assert_content(patient, "capabilities");
	write_below("/proc/4711/status", "Name:\tv2meterd\nCapEff:\t000000c000001000\n");
	patient->config.netns = strdup("/run/netns/proxy");
	assert_fails(patient, "capabilities", "CAP_SYS_ADMIN");
	assert_int_equal(remove(temporary_path("proc/4711/status")), 0);
	assert_warns(patient, "capabilities", "as root");
}

static void a_limit_of_locked_memory_is_found_on_a_kernel_that_has_it(void **state)
{
	write_below("/proc/4711/limits", "Max locked memory  65536  65536  bytes\n");
	assert_content(*state, "capabilities");
	write_below("/proc/sys/kernel/osrelease", "5.10.0-30-amd64\n");
	assert_warns(*state, "capabilities", "65536");
}

static void a_broken_configuration_is_found(void **state)
{
	struct v2m_patient *patient = *state;

	v2m_error_set(&patient->config_error, -22, "v2meterd.json:3:7: listen: expected");
	assert_fails(patient, "configuration", "v2meterd.json:3:7");
}

static void a_server_that_does_not_answer_is_found(void **state)
{
	struct v2m_patient *patient = *state;

	json_decref(patient->status);
	patient->status = NULL;
	snprintf(patient->server_problem, sizeof(patient->server_problem), "Invalid API key");
	assert_fails(patient, "server", "--api-key-file");
	json_decref(patient->health);
	patient->health = NULL;
	assert_fails(patient, "server", "--url http://127.0.0.1:9469");
}

static void each_reason_of_health_is_found(void **state)
{
	struct v2m_patient *patient = *state;

	json_object_set_new(patient->status, "reasons",
			    parse("[{'reason': 'ledger_unwritable', 'detail': 'no space'}, "
				  "{'reason': 'port_orphaned', 'detail': 'port 7'}]"));
	assert_fails(patient, "health", "no space");
	json_array_remove(json_object_get(patient->status, "reasons"), 0);
	assert_warns(patient, "health", "port_orphaned");
	json_object_set_new(patient->status, "reasons",
			    parse("[{'reason': 'outrun', 'detail': 'eth0'}]"));
	assert_fails(patient, "health", "eth0");
}

static void inexact_accounting_is_found(void **state)
{
	struct v2m_patient *patient = *state;

	json_object_set_new(patient->status, "accounting",
			    parse("{'mode': 'socket_stats', 'exact': false, 'reason': 'no eBPF'}"));
	assert_fails(patient, "accounting", "no eBPF");
}

static void a_device_without_programs_is_found(void **state)
{
	struct v2m_patient *patient = *state;

	json_object_set_new(device_of(patient), "attach", json_string("none"));
	assert_fails(patient, "devices", "eth0");
	json_array_clear(json_object_get(patient->status, "devices"));
	assert_fails(patient, "devices", "no device");
}

static void a_default_route_over_an_uncounted_device_is_found(void **state)
{
	write_below("/proc/net/route",
		    "Iface\n"
		    "wg0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n"
		    "ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n");
	assert_warns(*state, "devices", "ppp0");
	write_below("/proc/net/route", "Iface\n");
	assert_content(*state, "devices");
	write_below("/proc/net/ipv6_route",
		    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		    "fe800000000000000000000000000001 00000400 1 0 00000003 eth1\n");
	assert_warns(*state, "devices", "eth1");
}

static void a_device_with_several_default_routes_is_named_once(void **state)
{
	struct v2m_findings findings;
	size_t named = 0;

	write_below("/proc/net/route",
		    "Iface\n"
		    "ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n");
	write_below("/proc/net/ipv6_route",
		    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		    "fe800000000000000000000000000001 00000400 1 0 00000003 ppp0\n");
	findings = run_check(*state, "devices");
	for (size_t i = 0; i < findings.count; i++)
		named += strstr(findings.items[i].means, "ppp0") != NULL;
	assert_int_equal(named, 1);
	v2m_findings_clear(&findings);
}

static void a_program_before_ours_is_found(void **state)
{
	json_object_set_new(device_of(*state), "outrun", json_true());
	assert_warns(*state, "foreign_filters", "bpftool net show dev eth0");
}

static void a_queue_that_drops_is_found(void **state)
{
	json_object_set_new(device_of(*state), "queue",
			    parse("{'kind': 'tbf', 'sent': {'bytes': 100000}, 'dropped': {'bytes': "
				  "1001}}"));
	assert_warns(*state, "queues", "tbf");
}

static void what_key_sources_leave_out_is_found(void **state)
{
	struct v2m_patient *patient = *state;

	json_object_set_new(patient->status, "key_notes",
			    parse("[{'file': '/etc/x.json', 'line': 3, 'reason': 'odd', 'missing': "
				  "false}, {'file': '/etc/x.json', 'line': 7, 'reason': 'no port', "
				  "'missing': true}]"));
	assert_warns(patient, "key_sources", "/etc/x.json:7: no port");
	json_object_set_new(json_array_get(json_object_get(patient->status, "key_sources"), 0),
			    "error", json_string("is gone"));
	assert_fails(patient, "key_sources", "is gone");
}

static void a_server_without_keys_is_found(void **state)
{
	struct v2m_patient *patient = *state;

	json_object_set_new(patient->status, "total_keys", json_integer(0));
	assert_fails(patient, "key_sources", "--key-places");
}

static void a_ledger_that_is_missing_or_has_no_room_is_found(void **state)
{
	struct v2m_patient *patient = *state;

	patient->disk_free = 63u << 20;
	assert_warns(patient, "ledger", "63 MiB");
	assert_int_equal(remove(temporary_path("state/ledger.db")), 0);
	assert_fails(patient, "ledger", "ledger.db");
}

static void a_clock_that_is_wrong_is_found(void **state)
{
	struct v2m_patient *patient = *state;

	patient->clock_synchronised = false;
	assert_warns(patient, "clock", "set-ntp");
	patient->clock_known = false;
	assert_warns(patient, "clock", "not known");
	patient->now_us += 3600 * INT64_C(1000000);
	assert_warns(patient, "clock", "3600 s apart");
}

static void a_missing_time_zone_is_found(void **state)
{
	unsetenv("TZ");
	assert_int_equal(remove(temporary_path("etc/localtime")), 0);
	assert_warns(*state, "time_zone", "set-timezone");
}

static void an_exposed_listener_is_found(void **state)
{
	struct v2m_patient *patient = *state;

	patient->url = "https://meter.example";
	assert_content(patient, "listener");
	patient->url = "http://meter.example";
	assert_warns(patient, "listener", "not encrypted");
	patient->url = "http://127.0.0.1:9469";
	assert_int_equal(v2m_strings_add(&patient->config.listen, "0.0.0.0:80"), 0);
	assert_warns(patient, "listener", "0.0.0.0:80");
}

static void an_api_key_that_others_can_read_is_found(void **state)
{
	struct v2m_patient *patient = *state;

	assert_int_equal(chmod(temporary_path("state/api_key"), 0644), 0);
	assert_fails(patient, "api_key", "chmod 0600");
	patient->config.api_key = strdup("0123");
	snprintf(patient->config_path, sizeof(patient->config_path), "%s",
		 temporary_file("v2meterd.json", "{}"));
	assert_int_equal(chmod(patient->config_path, 0640), 0);
	assert_fails(patient, "api_key", "v2meterd.json");
	assert_int_equal(chmod(patient->config_path, 0600), 0);
	assert_content(patient, "api_key");
}

static void a_self_test_that_fails_or_cannot_run_is_found(void **state)
{
	struct v2m_patient *patient = *state;

	patient->self_test = 1;
	assert_fails(patient, "self_test", "has failed");
	patient->self_test = -1;
	assert_warns(patient, "self_test", "could not be started");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DOCTOR_TEST(every_check_is_content_with_a_healthy_server),
		DOCTOR_TEST(the_manual_lists_every_check_in_the_order_of_the_table),
		DOCTOR_TEST(an_old_or_unknown_kernel_is_found),
		DOCTOR_TEST(a_kernel_without_btf_is_found),
		DOCTOR_TEST(pins_outside_a_bpffs_are_found),
		DOCTOR_TEST(a_daemon_that_does_not_run_or_is_one_of_several_is_found),
		DOCTOR_TEST(missing_capabilities_are_found),
		DOCTOR_TEST(a_limit_of_locked_memory_is_found_on_a_kernel_that_has_it),
		DOCTOR_TEST(a_broken_configuration_is_found),
		DOCTOR_TEST(a_server_that_does_not_answer_is_found),
		DOCTOR_TEST(each_reason_of_health_is_found),
		DOCTOR_TEST(inexact_accounting_is_found),
		DOCTOR_TEST(a_device_without_programs_is_found),
		DOCTOR_TEST(a_default_route_over_an_uncounted_device_is_found),
		DOCTOR_TEST(a_device_with_several_default_routes_is_named_once),
		DOCTOR_TEST(a_program_before_ours_is_found),
		DOCTOR_TEST(a_queue_that_drops_is_found),
		DOCTOR_TEST(what_key_sources_leave_out_is_found),
		DOCTOR_TEST(a_server_without_keys_is_found),
		DOCTOR_TEST(a_ledger_that_is_missing_or_has_no_room_is_found),
		DOCTOR_TEST(a_clock_that_is_wrong_is_found),
		DOCTOR_TEST(a_missing_time_zone_is_found),
		DOCTOR_TEST(an_exposed_listener_is_found),
		DOCTOR_TEST(an_api_key_that_others_can_read_is_found),
		DOCTOR_TEST(a_self_test_that_fails_or_cannot_run_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
