// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>

#include "base/macros.h"
#include "config/config.h"
#include "config/setting.h"
#include "unit/temporary.h"

static struct v2m_config load(const char *text)
{
	struct v2m_config config = { 0 };
	struct v2m_error error = { 0 };

	if (v2m_config_load(text ? temporary_file("v2meter.json", text) : NULL, &config, &error))
		fail_msg("%s", error.text);
	return config;
}

/* expected follows the name of the file. */
static void check_refused(const char *text, const char *expected)
{
	const char *path = temporary_file("v2meter.json", text);
	struct v2m_config config = { .cache_ttl_s = 4711 };
	struct v2m_error error = { 0 };
	char whole[600];

	assert_int_equal(v2m_config_load(path, &config, &error), -EINVAL);
	assert_int_equal(config.cache_ttl_s, 4711);
	snprintf(whole, sizeof(whole), "%s%s", path, expected);
	assert_string_equal(error.text, whole);
}

static void check_defaults(const struct v2m_config *config)
{
	assert_int_equal(config->listen.count, 1);
	assert_string_equal(config->listen.items[0], "127.0.0.1:9469");
	assert_null(config->api_key);
	assert_string_equal(config->state_dir, "/var/lib/v2meter");
	assert_string_equal(config->pin_dir, "/sys/fs/bpf/v2meter");
	assert_int_equal(config->interfaces.count, 1);
	assert_string_equal(config->interfaces.items[0], "auto");
	assert_int_equal(config->exclude_interfaces.count, 0);
	assert_int_equal(config->key_sources.count, 1);
	assert_string_equal(config->key_sources.items[0], "auto");
	assert_int_equal(config->api_bytes, V2M_API_BYTES_WIRE);
	assert_int_equal(config->cache_ttl_s, 30);
	assert_int_equal(config->sample_interval_ms, 1000);
	assert_int_equal(config->rate_window_s, 10);
	assert_int_equal(config->flush_interval_s, 10);
	assert_int_equal(config->connection_details_max, 1000);
	assert_null(config->netns);
}

static void without_a_file_and_with_an_empty_one_the_defaults_hold(void **state)
{
	struct v2m_config config = load(NULL);

	(void)state;
	check_defaults(&config);
	v2m_config_clear(&config);
	config = load("{}");
	check_defaults(&config);
	v2m_config_clear(&config);
}

static void the_defaults_written_out_are_a_valid_file(void **state)
{
	struct v2m_config config = load(NULL);
	char *text = v2m_config_dump(&config);

	(void)state;
	v2m_config_clear(&config);
	assert_non_null(text);
	config = load(text);
	check_defaults(&config);
	v2m_config_clear(&config);
	free(text);
}

static void every_member_is_read(void **state)
{
	struct v2m_config config =
		load("{\"listen\": [\"0.0.0.0:80\", \"192.0.2.1:65535\"], \"api_key\": \"s3cret\","
		     "\"state_dir\": \"/s\", \"pin_dir\": \"/p\","
		     "\"interfaces\": [\"eth*\", \"wg0\"], \"exclude_interfaces\": [\"eth9\"],"
		     "\"key_sources\": [\"/a\", \"/b\", \"/c\"], \"api_bytes\": \"payload\","
		     " \"attach\": \"clsact\","
		     "\"cache_ttl_s\": 0, \"sample_interval_ms\": 100, \"rate_window_s\": 300,"
		     "\"flush_interval_s\": 3600}");

	(void)state;
	assert_int_equal(config.listen.count, 2);
	assert_string_equal(config.listen.items[0], "0.0.0.0:80");
	assert_string_equal(config.listen.items[1], "192.0.2.1:65535");
	assert_string_equal(config.api_key, "s3cret");
	assert_string_equal(config.state_dir, "/s");
	assert_string_equal(config.pin_dir, "/p");
	assert_int_equal(config.interfaces.count, 2);
	assert_string_equal(config.interfaces.items[1], "wg0");
	assert_int_equal(config.exclude_interfaces.count, 1);
	assert_string_equal(config.exclude_interfaces.items[0], "eth9");
	assert_int_equal(config.key_sources.count, 3);
	assert_string_equal(config.key_sources.items[2], "/c");
	assert_int_equal(config.api_bytes, V2M_API_BYTES_PAYLOAD);
	assert_int_equal(config.attach, V2M_ATTACH_CLSACT);
	assert_int_equal(config.cache_ttl_s, 0);
	assert_int_equal(config.sample_interval_ms, 100);
	assert_int_equal(config.rate_window_s, 300);
	assert_int_equal(config.flush_interval_s, 3600);
	v2m_config_clear(&config);
}

/* A value of each setting that is not its default, as JSON. */
static const struct {
	const char *name;
	const char *value;
} others[] = {
	{ "listen", "[\"10.0.0.1:1\", \"10.0.0.2:2\"]" },
	{ "hosts", "[\"meter.example.com\"]" },
	{ "api_key", "\"(set)\"" },
	{ "state_dir", "\"/s\"" },
	{ "pin_dir", "\"/p\"" },
	{ "interfaces", "[\"eth*\", \"wg0\"]" },
	{ "exclude_interfaces", "[\"eth9\"]" },
	{ "key_sources", "[\"/a\", \"/b\"]" },
	{ "access_logs", "[\"auto\", \"/var/log/a\"]" },
	{ "api_bytes", "\"delivered\"" },
	{ "attach", "\"clsact\"" },
	{ "cache_ttl_s", "3600" },
	{ "sample_interval_ms", "101" },
	{ "rate_window_s", "102" },
	{ "flush_interval_s", "103" },
	{ "cross_check_s", "104" },
	{ "retention_days", "105" },
	{ "retention_hours", "106" },
	{ "connection_details_max", "107" },
	{ "shared_flows_max", "108" },
	{ "shared_users_max", "109" },
	{ "metrics_keys_max", "110" },
	{ "metrics_key_names", "true" },
	{ "budget", "{\"bytes\": 1000, \"billing_day\": 2, \"directions\": \"tx\", \"devices\": "
		    "[\"eth0\"]}" },
	{ "port_aliases", "{\"443\": 10001}" },
	{ "netns", "\"/run/netns/v2ray\"" },
};

/* Writes a file with all of them, and returns what --check shows of it. */
static json_t *load_others(void)
{
	char text[4096] = "";
	struct v2m_config config;
	size_t length = 0;
	json_t *shown;
	char *dump;

	for (size_t i = 0; i < V2M_ARRAY_LEN(others); i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%c\"%s\": %s",
					   i ? ',' : '{', others[i].name, others[i].value);
	snprintf(text + length, sizeof(text) - length, "}");
	config = load(text);
	dump = v2m_config_dump(&config);
	shown = json_loads(dump, 0, NULL);
	free(dump);
	v2m_config_clear(&config);
	return shown;
}

/* A new setting fails this test until it is in the list above. */
static void each_setting_is_read_into_a_place_of_its_own(void **state)
{
	json_t *shown = load_others();
	struct v2m_config config = load(NULL);
	char *dump = v2m_config_dump(&config);
	json_t *presets = json_loads(dump, 0, NULL);
	size_t count;

	(void)state;
	v2m_config_settings(&count);
	assert_int_equal(count, V2M_ARRAY_LEN(others));
	assert_int_equal(json_object_size(shown), count);
	for (size_t i = 0; i < count; i++) {
		json_t *value = json_loads(others[i].value, JSON_DECODE_ANY, NULL);
		json_t *read = json_object_get(shown, others[i].name);

		if (!json_equal(read, value) ||
		    json_equal(read, json_object_get(presets, others[i].name)))
			fail_msg("%s: not %s, or the default", others[i].name, others[i].value);
		json_decref(value);
	}
	json_decref(shown);
	json_decref(presets);
	free(dump);
	v2m_config_clear(&config);
}

static void listen_may_be_one_string(void **state)
{
	struct v2m_config config = load("{\"listen\": \"10.0.0.1:1\"}");

	(void)state;
	assert_int_equal(config.listen.count, 1);
	assert_string_equal(config.listen.items[0], "10.0.0.1:1");
	v2m_config_clear(&config);
}

static void an_unknown_member_is_refused_with_its_place(void **state)
{
	(void)state;
	check_refused("{\n  \"listen\": \"127.0.0.1:1\",\n  \"cache_ttl\": 30\n}",
		      ":3:16: cache_ttl: unknown member");
}

static void a_text_that_is_no_endpoint_is_refused(void **state)
{
	static const char *const cases[] = { "127.0.0.1",     "127.0.0.1:",       "127.0.0.1:0",
					     ":9469",         "localhost:9469",   "127.0.0.1:65536",
					     "127.0.0.1:080", "127.0.0.256:9469", "127.0.0.1:94 69",
					     "127.0.0.1:+7" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[128];
		char expected[256];

		snprintf(text, sizeof(text), "{\"listen\": [\"%s\"]}", cases[i]);
		snprintf(expected, sizeof(expected),
			 ":1:13: listen[0]: expected an IPv4 address and port such as "
			 "127.0.0.1:9469, got a string of %zu bytes",
			 strlen(cases[i]));
		check_refused(text, expected);
	}
	check_refused(
		"{\"listen\": \"[::1]:9469\"}",
		":1:12: listen: expected an IPv4 address and port such as 127.0.0.1:9469 (the HTTP "
		"server has no IPv6; a proxy in front of it may), got a string of 10 bytes");
	check_refused(
		"{\"listen\": \"::9469\"}",
		":1:12: listen: expected an IPv4 address and port such as 127.0.0.1:9469 (the HTTP "
		"server has no IPv6; a proxy in front of it may), got a string of 6 bytes");
	check_refused(
		"{\"listen\": \"/run/v2meter.sock\"}",
		":1:12: listen: expected an IPv4 address and port such as 127.0.0.1:9469 (the HTTP "
		"server has no unix sockets), got a string of 17 bytes");
	check_refused(
		"{\"listen\": 9469}",
		":1:12: listen: expected an IPv4 address and port, or a list of them, got 9469");
	check_refused("{\"listen\": null}",
		      ":1:12: listen: expected an IPv4 address and port, or a "
		      "list of them, got nothing");
	check_refused("{\"listen\": []}",
		      ":1:12: listen: expected a list of at least one string, got an empty list");
}

static void a_wrong_type_is_refused(void **state)
{
	(void)state;
	check_refused("[]", ":1:1: expected an object, got an empty list");
	check_refused("{\"state_dir\": 1}",
		      ":1:15: state_dir: expected a string of 1 to 4095 bytes, got 1");
	check_refused("{\"pin_dir\": \"\"}",
		      ":1:13: pin_dir: expected a string of 1 to 4095 bytes, got an empty string");
	check_refused("{\"pin_dir\": \"sys/fs/bpf\"}",
		      ":1:13: pin_dir: expected an absolute path, got a string of 10 bytes");
	check_refused("{\"interfaces\": \"auto\"}",
		      ":1:16: interfaces: expected a list of at least "
		      "one string, got a string of 4 bytes");
	check_refused("{\"exclude_interfaces\": [\"a\", 7]}",
		      ":1:30: exclude_interfaces[1]: expected a string of 1 to 4095 bytes, got 7");
	check_refused("{\"exclude_interfaces\": 7}",
		      ":1:24: exclude_interfaces: expected a list of strings, got 7");
	check_refused(
		"{\"key_sources\": []}",
		":1:17: key_sources: expected a list of at least one string, got an empty list");
	check_refused("{\"attach\": \"tcx\"}", ":1:12: attach: expected \"auto\" or "
					       "\"clsact\", got a string of 3 bytes");
	check_refused("{\"api_bytes\": \"both\"}",
		      ":1:15: api_bytes: expected \"wire\", "
		      "\"payload\" or \"delivered\", got a string of 4 bytes");
	check_refused("{\"cache_ttl_s\": \"30\"}", ":1:17: cache_ttl_s: expected an integer from 0 "
						   "to 3600, got a string of 2 bytes");
	check_refused("{\"cache_ttl_s\": null}",
		      ":1:17: cache_ttl_s: expected an integer from 0 to 3600, got nothing");
}

static void a_number_out_of_range_is_refused(void **state)
{
	(void)state;
	check_refused("{\"cache_ttl_s\": 3601}",
		      ":1:17: cache_ttl_s: expected an integer from 0 to 3600, got 3601");
	check_refused("{\"sample_interval_ms\": 99}",
		      ":1:24: sample_interval_ms: expected an integer from 100 to 60000, got 99");
	check_refused("{\"rate_window_s\": 0}",
		      ":1:19: rate_window_s: expected an integer from 1 to 300, got 0");
	check_refused("{\"flush_interval_s\": -5}",
		      ":1:22: flush_interval_s: expected an integer from 1 to 3600, got -5");
	check_refused(
		"{\"connection_details_max\": 100001}",
		":1:28: connection_details_max: expected an integer from 0 to 100000, got 100001");
	check_refused("{\"shared_flows_max\": 63}",
		      ":1:22: shared_flows_max: expected an integer from 64 to 262144, got 63");
	check_refused("{\"shared_flows_max\": 262145}",
		      ":1:22: shared_flows_max: expected an integer from 64 to 262144, got 262145");
	check_refused("{\"shared_users_max\": 0}",
		      ":1:22: shared_users_max: expected an integer from 1 to 65535, got 0");
	check_refused("{\"shared_users_max\": 65536}",
		      ":1:22: shared_users_max: expected an integer from 1 to 65535, got 65536");
}

static void check_number(const struct v2m_setting *setting, long long number, bool allowed)
{
	char text[128];
	char expected[256];
	struct v2m_config config;

	snprintf(text, sizeof(text), "{\"%s\": %lld}", setting->name, number);
	if (allowed) {
		config = load(text);
		v2m_config_clear(&config);
		return;
	}
	snprintf(expected, sizeof(expected),
		 ":1:%zu: %s: expected an integer from %lld to %lld, got %lld",
		 strlen(setting->name) + 6, setting->name, setting->min, setting->max, number);
	check_refused(text, expected);
}

static void each_number_is_allowed_up_to_its_limits_and_no_further(void **state)
{
	size_t count;
	size_t numbers = 0;
	const struct v2m_setting *settings = v2m_config_settings(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		if (settings[i].type != &v2m_setting_number)
			continue;
		numbers++;
		check_number(&settings[i], settings[i].min - 1, false);
		check_number(&settings[i], settings[i].min, true);
		check_number(&settings[i], settings[i].max, true);
		check_number(&settings[i], settings[i].max + 1, false);
	}
	assert_true(numbers > 10);
}

static void check_netns(const char *text, const char *expected)
{
	struct v2m_config config = load(text);

	assert_string_equal(config.netns, expected);
	v2m_config_clear(&config);
}

static void a_network_namespace_is_a_path_or_a_pid(void **state)
{
	(void)state;
	check_netns("{\"netns\": \"/run/netns/v2ray\"}", "/run/netns/v2ray");
	check_netns("{\"netns\": 4194304}", "4194304");
	check_netns("{\"netns\": \"77\"}", "77");
	check_refused("{\"netns\": \"v2ray\"}",
		      ":1:11: netns: expected an absolute path or a process id, got a string of 5 "
		      "bytes");
	check_refused("{\"netns\": 0}",
		      ":1:11: netns: expected an integer from 1 to 4194304, got 0");
}

static void a_key_that_no_header_can_carry_is_refused_and_not_shown(void **state)
{
	(void)state;
	check_refused("{\"api_key\": \"s3cret key\"}",
		      ":1:13: api_key: expected printable ASCII without spaces, got a string of 10 "
		      "bytes");
	check_refused("{\"api_key\": \"\"}",
		      ":1:13: api_key: expected a string of 1 to 256 bytes, got an empty string");
}

static void an_api_key_may_be_as_long_as_one_from_a_file(void **state)
{
	char key[V2M_API_KEY_MAX + 2];
	char text[sizeof(key) + 32];
	struct v2m_config config;

	(void)state;
	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = 0;
	snprintf(text, sizeof(text), "{\"api_key\": \"%s\"}", key);
	check_refused(text, ":1:13: api_key: expected a string of 1 to 256 bytes, got a string of "
			    "257 bytes");
	key[V2M_API_KEY_MAX] = 0;
	snprintf(text, sizeof(text), "{\"api_key\": \"%s\"}", key);
	config = load(text);
	assert_string_equal(config.api_key, key);
	v2m_config_clear(&config);
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
	struct v2m_config config = { .cache_ttl_s = 4711 };
	struct v2m_error error;

	(void)state;
	assert_int_equal(v2m_config_load(temporary_path("none"), &config, &error), -ENOENT);
	assert_non_null(strstr(error.text, "/none: cannot read it"));
	assert_int_equal(config.cache_ttl_s, 4711);
}

static void a_dump_does_not_show_the_api_key(void **state)
{
	struct v2m_config config =
		load("{\"api_key\": \"s3cret\", \"listen\": [\"127.0.0.1:1\", \"127.0.0.1:2\"]}");
	char *text = v2m_config_dump(&config);
	json_t *json = json_loads(text, 0, NULL);

	(void)state;
	assert_null(strstr(text, "s3cret"));
	assert_string_equal(json_string_value(json_object_get(json, "api_key")), "(set)");
	assert_int_equal(json_array_size(json_object_get(json, "listen")), 2);
	assert_int_equal(json_object_size(json), 26);
	json_decref(json);
	free(text);
	v2m_config_clear(&config);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_file_and_with_an_empty_one_the_defaults_hold),
		cmocka_unit_test(the_defaults_written_out_are_a_valid_file),
		cmocka_unit_test(every_member_is_read),
		cmocka_unit_test(each_setting_is_read_into_a_place_of_its_own),
		cmocka_unit_test(listen_may_be_one_string),
		cmocka_unit_test(an_unknown_member_is_refused_with_its_place),
		cmocka_unit_test(a_text_that_is_no_endpoint_is_refused),
		cmocka_unit_test(a_wrong_type_is_refused),
		cmocka_unit_test(a_number_out_of_range_is_refused),
		cmocka_unit_test(each_number_is_allowed_up_to_its_limits_and_no_further),
		cmocka_unit_test(a_network_namespace_is_a_path_or_a_pid),
		cmocka_unit_test(a_key_that_no_header_can_carry_is_refused_and_not_shown),
		cmocka_unit_test(a_file_that_is_not_there_is_an_error),
		cmocka_unit_test(a_dump_does_not_show_the_api_key),
		cmocka_unit_test(an_api_key_may_be_as_long_as_one_from_a_file),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
