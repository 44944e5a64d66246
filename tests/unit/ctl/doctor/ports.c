// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The checks of ports and of the proxy's configuration, and finding the daemon. */
#include "ctl/doctor/nat_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/doctor/find_daemon.h"
#include "unit/ctl/doctor/healthy.h"

static void set_rules(struct v2m_patient *patient, const char *rules)
{
	free(patient->rules);
	patient->rules = strdup(rules);
}

static void a_key_port_that_the_kernel_gives_away_is_found(void **state)
{
	write_below("/proc/sys/net/ipv4/ip_local_port_range", "20050\t60999\n");
	write_below("/proc/sys/net/ipv4/ip_local_reserved_ports", "8080,20060-20100\n");
	assert_warns(*state, "ephemeral_ports", "listen there: 20050-20059");
	assert_warns(*state, "ephemeral_ports",
		     "net.ipv4.ip_local_reserved_ports = 8080,20050-20100");
	write_below("/proc/sys/net/ipv4/ip_local_reserved_ports", "8080,20050-20100\n");
	assert_content(*state, "ephemeral_ports");
	assert_int_equal(remove(temporary_path("proc/sys/net/ipv4/ip_local_port_range")), 0);
	assert_warns(*state, "ephemeral_ports", "not known");
}

/* As nft 1.0 and iptables 1.8 print them. */
static void a_rule_that_takes_a_key_port_away_is_found(void **state)
{
	static const char *const rules[] = {
		"\t\ttcp dport 443 counter packets 0 bytes 0 dnat to 172.17.0.2:8443",
		"tcp dport { 80, 443 } dnat ip to 172.17.0.2",
		"udp dport 20000-30000 redirect to :5000",
		"-A PREROUTING -p tcp -m tcp --dport 10001 -j DNAT --to-destination 10.0.0.2:1",
		"-A PREROUTING -p udp -m multiport --dports 80,20050:20060 -j REDIRECT --to-ports "
		"9",
		"-A PREROUTING -p tcp --dport 443 -j TPROXY --on-port 12345 --on-ip 127.0.0.1",
	};

	for (size_t i = 0; i < V2M_ARRAY_LEN(rules); i++) {
		set_rules(*state, rules[i]);
		assert_warns(*state, "nat", "a rule sends packets to port");
	}
}

static void a_rule_that_brings_packets_to_a_key_port_is_found(void **state)
{
	static const char *const rules[] = {
		"tcp dport 8443 redirect to :443",
		"meta l4proto tcp tcp dport { 8443, 8444 } counter dnat ip to 192.0.2.1:10001",
		"-A PREROUTING -p udp -m udp --dport 8443 -j REDIRECT --to-ports 20000-20010",
		"-A OUTPUT -p tcp --dport 8443 -j DNAT --to-destination [2001:db8::1]:443",
	};

	for (size_t i = 0; i < V2M_ARRAY_LEN(rules); i++) {
		set_rules(*state, rules[i]);
		assert_warns(*state, "nat", "packets to port 8443");
	}
}

/* The daemon has found the rule as well, and counts what passes. */
static void a_rule_that_the_daemon_follows_is_no_finding(void **state)
{
	struct v2m_patient *patient = *state;

	set_rules(*state, "tcp dport 8443 redirect to :443");
	json_object_set_new(patient->status, "port_aliases",
			    json_pack("[{ss}]", "ports", "8440-8450"));
	assert_content(*state, "nat");
}

/* One-to-one NAT, a transparent proxy, and a map of ports. */
static void a_rule_that_names_no_port_may_touch_all_of_them(void **state)
{
	static const char *const rules[] = {
		"iifname \"eth0\" dnat to 10.0.0.2",
		"-A PREROUTING -i eth0 -p tcp -j REDIRECT --to-ports 12345",
		"dnat to tcp dport map { 443 : 10.0.0.2, 80 : 10.0.0.3 }",
	};

	for (size_t i = 0; i < V2M_ARRAY_LEN(rules); i++) {
		set_rules(*state, rules[i]);
		assert_warns(*state, "nat", "names no single port");
	}
}

static void rules_about_other_ports_are_let_be(void **state)
{
	static const char *const rules[] = {
		"tcp dport 8443 redirect to :8444",
		"tcp dport 8443 dnat to 192.0.2.1",
		"tcp dport 443 accept comment \"dnat is elsewhere\"",
		"-A POSTROUTING -o eth0 -j MASQUERADE",
		"-A PREROUTING -p tcp --dport 8443 -j DNAT --to-destination 2001:db8::443",
		"# Generated: --dport 443 -j DNAT",
	};

	for (size_t i = 0; i < V2M_ARRAY_LEN(rules); i++) {
		set_rules(*state, rules[i]);
		assert_content(*state, "nat");
	}
}

static void a_rule_that_two_tools_list_is_told_once(void **state)
{
	struct v2m_findings findings;

	set_rules(*state,
		  "tcp dport 443 redirect to :1\n-A X --dport 443 -j REDIRECT --to-ports 1\n");
	findings = run_check(*state, "nat");
	assert_int_equal(findings.count, 1);
	v2m_findings_clear(&findings);
}

static void a_rule_that_passes_packets_of_a_key_port_on_is_found(void **state)
{
	static const char nft[] = "table ip filter {\n"
				  "\tchain input {\n"
				  "\t\ttype filter hook input priority filter; policy drop;\n"
				  "\t\ttcp dport 443 accept\n\t}\n"
				  "\tchain forward {\n"
				  "\t\ttype filter hook forward priority filter; policy drop;\n"
				  "\t\ttcp dport %s accept\n\t}\n"
				  "\tchain other {\n\t\ttcp dport 443 accept\n\t}\n}\n"
				  "-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\n"
				  "-A FORWARD -p tcp -m tcp --dport %s -j ACCEPT\n";
	struct v2m_patient *patient = *state;
	struct v2m_findings findings;
	char text[1024];

	snprintf(text, sizeof(text), nft, "8080", "8081");
	set_rules(patient, text);
	assert_content(patient, "forwarding");
	snprintf(text, sizeof(text), nft, "{ 80, 443 }", "443");
	set_rules(patient, text);
	assert_warns(patient, "forwarding", "passes packets to port 443 on");
	findings = run_check(patient, "forwarding");
	assert_int_equal(findings.count, 1);
	v2m_findings_clear(&findings);
	snprintf(text, sizeof(text), nft, "8080", "20000:20060");
	set_rules(patient, text);
	assert_warns(patient, "forwarding", "--dport 20000:20060");
	set_rules(patient, "-A FORWARD -p tcp -m tcp --dport 443 -j DROP\n"
			   "-A FORWARD -p tcp --dport 443 -j REJECT --reject-with tcp-reset\n");
	assert_content(patient, "forwarding");
	set_rules(patient, text);
	/* Without forwarding, no such rule matters. */
	write_below("/proc/sys/net/ipv4/ip_forward", "0\n");
	assert_content(patient, "forwarding");
	write_below("/proc/sys/net/ipv6/conf/all/forwarding", "1\n");
	patient->rules_whole = false;
	set_rules(patient, "");
	assert_warns(patient, "forwarding", "not every rule for them can be listed");
}

static void rules_that_cannot_be_listed_are_told(void **state)
{
	struct v2m_patient *patient = *state;

	patient->rules_whole = false;
	assert_warns(patient, "nat", "as root");
}

static void set_log(struct v2m_patient *patient, const char *log)
{
	json_t *logs = json_array();

	json_array_append_new(logs, parse(log));
	json_object_set_new(patient->status, "access_logs", logs);
}

static void what_is_missing_for_users_on_a_shared_port_is_told(void **state)
{
	struct v2m_patient *patient = *state;

	json_object_set_new(patient->traffic, "data",
			    parse("{'ports': {'443': {'owners': 'shared', 'shared': true}}}"));
	assert_warns(patient, "shared_ports", "name the proxy's access log in \"access_logs\"");
	assert_warns(patient, "shared_ports",
		     "\"policy\": {\"levels\": {\"0\": {\"statsUserOnline\": true}}}");
	set_log(patient, "{'source': '/etc/xray', 'path': null, 'kind': 'off', 'followed': false}");
	assert_warns(patient, "shared_ports", "a port of his own");
	assert_warns(patient, "shared_ports",
		     "in /etc/xray: \"log\": {\"access\": \"/var/log/xray/access.log\"");
	set_log(patient,
		"{'source': '/etc/xray', 'path': null, 'kind': 'stdout', 'followed': false}");
	assert_warns(patient, "shared_ports", "to its standard output");
	set_log(patient,
		"{'source': '/etc/xray', 'path': 'a', 'kind': 'relative', 'followed': false}");
	assert_warns(patient, "shared_ports", "to a relative path");
	set_log(patient,
		"{'source': '/etc/xray', 'path': '/a', 'kind': 'file', 'followed': false}");
	assert_warns(patient, "shared_ports", "/a is not followed");
	set_log(patient, "{'source': '/etc/xray', 'path': '/a', 'kind': 'file', 'followed': false, "
			 "'error': 'it is not there'}");
	assert_warns(patient, "shared_ports", "/a is not followed: it is not there");
	set_log(patient, "{'source': '/etc/xray', 'path': '/a', 'kind': 'file', 'followed': true}");
	assert_warns(patient, "shared_ports", "an \"email\" of his own in /etc/xray");
	set_log(patient, "{'source': '/etc/xray', 'path': '/a', 'kind': 'file', 'followed': true, "
			 "'masked': true}");
	assert_warns(patient, "shared_ports", "take \"maskAddress\" out");
}

static void a_shared_port_whose_users_are_told_apart_is_fine(void **state)
{
	struct v2m_patient *patient = *state;

	json_object_set_new(patient->traffic, "data",
			    parse("{'ports': {'443': {'owners': 'shared', 'shared': true, "
				  "'accounting': {'attribution': {'method': 'access_log'}}}}}"));
	assert_content(patient, "shared_ports");
}

static void a_proxy_whose_customers_reach_loopback_is_found(void **state)
{
	static const char *const open[] = {
		"{\"outbounds\": [{\"protocol\": \"freedom\"}]}",
		"{\"outbounds\": [{\"protocol\": \"freedom\"}, {\"tag\": \"b\", \"protocol\": "
		"\"blackhole\"}], \"routing\": {\"rules\": [{\"outboundTag\": \"b\", \"ip\": "
		"[\"10.0.0.0/8\"]}]}}",
		"{\"outbounds\": [{\"protocol\": \"freedom\"}, {\"tag\": \"b\", \"protocol\": "
		"\"blackhole\"}], \"routing\": {\"rules\": [{\"outboundTag\": \"other\", \"ip\": "
		"[\"geoip:private\"]}]}}",
		"{\"outbounds\": [{\"protocol\": \"freedom\"}, {\"tag\": \"b\", \"protocol\": "
		"\"blackhole\"}], \"routing\": {\"rules\": [{\"outboundTag\": \"b\", \"network\": "
		"\"udp\", \"ip\": [\"geoip:private\"]}]}}",
	};

	for (size_t i = 0; i < V2M_ARRAY_LEN(open); i++) {
		write_below("/xray/config.json", open[i]);
		assert_warns(*state, "proxy_routing", "reach 127.0.0.1");
		assert_warns(*state, "proxy_routing", "\"blackhole\"");
	}
}

static void a_rule_for_addresses_without_names_is_found(void **state)
{
	write_below("/xray/config.json",
		    "{\"outbounds\": [{\"protocol\": \"freedom\"}, {\"tag\": \"b\", \"protocol\": "
		    "\"blackhole\"}], \"routing\": {\"rules\": [{\"outboundTag\": \"b\", \"ip\": "
		    "[\"geoip:private\"]}]}}");
	assert_warns(*state, "proxy_routing", "localhost");
}

static void the_files_of_a_directory_are_one_configuration(void **state)
{
	struct v2m_patient *patient = *state;

	write_below("/xray/config.json", "{\"outbounds\": [{\"protocol\": \"freedom\"}]} // all\n");
	write_below("/xray/block.yaml", "outbounds:\n- {tag: b, protocol: blackhole}\n");
	write_below("/xray/rules.json", "{\"routing\": {\"domainStrategy\": \"IPIfNonMatch\", "
					"\"rules\": [{\"outboundTag\": "
					"\"b\", \"ip\": [\"geoip:private\"]}]}}");
	json_object_set_new(json_array_get(json_object_get(patient->status, "key_sources"), 0),
			    "path", json_string(temporary_path("xray")));
	assert_content(patient, "proxy_routing");
}

static void a_configuration_that_cannot_be_read_is_told(void **state)
{
	struct v2m_patient *patient = *state;

	write_below("/xray/config.json", "{");
	assert_warns(patient, "proxy_routing", "cannot be read");
	json_array_clear(json_object_get(patient->status, "key_sources"));
	assert_warns(patient, "proxy_routing", "not known");
}

static void write_command_line(const char *words, size_t length)
{
	FILE *file = fopen(temporary_path("proc/4711/cmdline"), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(words, 1, length, file), length);
	fclose(file);
}

static void the_daemon_is_found_and_its_configuration(void **state)
{
#define WORDS(text)                                                                                \
	{                                                                                          \
		text, sizeof(text)                                                                 \
	}
	static const struct {
		const char *text;
		size_t length;
	} lines[] = {
		WORDS("v2meterd\0--config\0/etc/v.json"),
		WORDS("v2meterd\0-c/etc/v.json"),
		WORDS("v2meterd\0--verbose\0--config=/etc/v.json"),
		WORDS("v2meterd\0-c\0/etc/v.json"),
	};
	struct v2m_patient *patient = *state;

	for (size_t i = 0; i < V2M_ARRAY_LEN(lines); i++) {
		memset(&patient->process, 0, sizeof(patient->process));
		write_command_line(lines[i].text, lines[i].length);
		v2m_find_daemon(patient, NULL);
		assert_int_equal(patient->process.pid, DAEMON);
		assert_string_equal(patient->process.config, "/etc/v.json");
	}
}

static void a_child_of_the_daemon_is_no_daemon(void **state)
{
	struct v2m_patient *patient = *state;

	write_below("/proc/4712/comm", "v2meterd\n");
	write_below("/proc/4712/status", "Name:\tv2meterd\nPPid:\t4711\n");
	write_below("/proc/4713/comm", "bash\n");
	memset(&patient->process, 0, sizeof(patient->process));
	v2m_find_daemon(patient, NULL);
	assert_int_equal(patient->process.pid, DAEMON);
	assert_int_equal(patient->process.others, 0);
	write_below("/proc/4712/status", "Name:\tv2meterd\nPPid:\t1\n");
	memset(&patient->process, 0, sizeof(patient->process));
	v2m_find_daemon(patient, NULL);
	assert_int_equal(patient->process.others, 1);
	memset(&patient->process, 0, sizeof(patient->process));
	v2m_find_daemon(patient, "/etc/other.json");
	assert_int_equal(patient->process.pid, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DOCTOR_TEST(a_key_port_that_the_kernel_gives_away_is_found),
		DOCTOR_TEST(a_rule_that_takes_a_key_port_away_is_found),
		DOCTOR_TEST(a_rule_that_brings_packets_to_a_key_port_is_found),
		DOCTOR_TEST(a_rule_that_the_daemon_follows_is_no_finding),
		DOCTOR_TEST(a_rule_that_names_no_port_may_touch_all_of_them),
		DOCTOR_TEST(rules_about_other_ports_are_let_be),
		DOCTOR_TEST(a_rule_that_two_tools_list_is_told_once),
		DOCTOR_TEST(a_rule_that_passes_packets_of_a_key_port_on_is_found),
		DOCTOR_TEST(rules_that_cannot_be_listed_are_told),
		DOCTOR_TEST(what_is_missing_for_users_on_a_shared_port_is_told),
		DOCTOR_TEST(a_shared_port_whose_users_are_told_apart_is_fine),
		DOCTOR_TEST(a_proxy_whose_customers_reach_loopback_is_found),
		DOCTOR_TEST(a_rule_for_addresses_without_names_is_found),
		DOCTOR_TEST(the_files_of_a_directory_are_one_configuration),
		DOCTOR_TEST(a_configuration_that_cannot_be_read_is_told),
		DOCTOR_TEST(the_daemon_is_found_and_its_configuration),
		DOCTOR_TEST(a_child_of_the_daemon_is_no_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
