// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "keys/formats/formats.h"

#define MANUAL "../../docs/man/v2meter.json.5"

static void a_row_has_one_way_to_be_recognised_and_one_to_be_read(void **state)
{
	size_t n;
	const struct v2m_key_format *formats = v2m_key_formats(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		int readers = (formats[i].read_document != NULL) +
			      (formats[i].read_documents != NULL) +
			      (formats[i].read_database != NULL);

		assert_int_equal(readers, 1);
		assert_int_equal(formats[i].is_document != NULL, !formats[i].is_database);
		assert_int_equal(formats[i].read_database != NULL, formats[i].is_database);
		assert_int_equal(formats[i].columns != NULL, formats[i].is_database);
	}
}

static const char *kind_of(const char *json)
{
	json_t *root = json_loads(json, JSON_DECODE_ANY, NULL);
	const struct v2m_key_format *format = v2m_key_format_of_document(root);

	assert_non_null(root);
	json_decref(root);
	return format ? format->kind : "none";
}

static void a_document_has_the_format_of_its_members(void **state)
{
	(void)state;
	assert_string_equal(kind_of("[]"), "key file");
	assert_string_equal(kind_of("{\"port_assignments\": {}}"), "port file");
	assert_string_equal(kind_of("{\"inbounds\": []}"), "V2Ray configuration");
	assert_string_equal(kind_of("{\"port_assignments\": {}, \"log\": {}}"), "port file");
	assert_string_equal(kind_of("{\"inbounds\": [{\"type\": \"vless\"}]}"),
			    "sing-box configuration");
	assert_string_equal(kind_of("{\"inbounds\": [{\"protocol\": \"vless\", \"type\": \"x\"}]}"),
			    "V2Ray configuration");
	assert_string_equal(kind_of("{\"route\": {}, \"outbounds\": []}"),
			    "sing-box configuration");
	assert_string_equal(kind_of("{\"listen\": \":1\", \"auth\": {\"type\": \"password\"}}"),
			    "Hysteria configuration");
	assert_string_equal(kind_of("{\"server\": \"a:1\", \"auth\": \"x\"}"), "none");
	assert_string_equal(kind_of("{\"keys\": []}"), "none");
	assert_string_equal(kind_of("7"), "none");
}

static const char *kind_of_tables(const char *sql)
{
	struct v2m_database database = { .path = "f" };
	const struct v2m_key_format *format;

	assert_int_equal(sqlite3_open(":memory:", &database.sqlite), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database.sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
	format = v2m_key_format_of_database(&database);
	sqlite3_close(database.sqlite);
	return format ? format->kind : "none";
}

static void a_database_has_the_format_of_its_columns(void **state)
{
	(void)state;
	assert_string_equal(kind_of_tables("CREATE TABLE inbounds (settings, stream_settings)"),
			    "x-ui database");
	assert_string_equal(
		kind_of_tables("CREATE TABLE inbounds (options); CREATE TABLE clients (config)"),
		"s-ui database");
	assert_string_equal(kind_of_tables("CREATE TABLE proxies (settings);"
					   "CREATE TABLE users (username)"),
			    "Marzban database");
	assert_string_equal(kind_of_tables("CREATE TABLE core_configs (config);"
					   "CREATE TABLE users (username, proxy_settings)"),
			    "PasarGuard database");
	assert_string_equal(kind_of_tables("CREATE TABLE keys (uuid)"), "panel database");
	assert_string_equal(kind_of_tables("CREATE TABLE other (x)"), "none");
}

static void a_file_that_a_database_gives_users_is_not_read_alone(void **state)
{
	char root[] = "/tmp/v2m-places-XXXXXX";
	char path[128];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/var/lib/marzban/xray_config.json", root);
	assert_false(v2m_key_place_is_replaced(root, path));
	assert_int_equal(v2m_key_place_is_replaced(NULL, "/etc/xray"), false);
	snprintf(path, sizeof(path), "mkdir -p %s/var/lib/marzban", root);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "%s/var/lib/marzban/db.sqlite3", root);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	snprintf(path, sizeof(path), "%s/var/lib/marzban/xray_config.json", root);
	assert_true(v2m_key_place_is_replaced(root, path));
	snprintf(path, sizeof(path), "rm -r %s", root);
	assert_int_equal(system(path), 0);
}

static void a_directory_is_searched_for_the_endings_of_all_formats(void **state)
{
	(void)state;
	assert_true(v2m_key_format_has_ending("keys.json"));
	assert_true(v2m_key_format_has_ending("10_inbounds.jsonc"));
	assert_true(v2m_key_format_has_ending("vpn.db"));
	assert_true(v2m_key_format_has_ending("config.yaml"));
	assert_false(v2m_key_format_has_ending("vpn.db-wal"));
	assert_false(v2m_key_format_has_ending(".json"));
	assert_false(v2m_key_format_has_ending("json"));
	assert_false(v2m_key_format_has_ending("keys.json~"));
}

static void an_error_names_all_formats(void **state)
{
	char text[V2M_KEY_FORMAT_DESCRIPTIONS_LEN];

	(void)state;
	v2m_key_format_descriptions(text);
	assert_string_equal(text, "a key file (a list), a port file (port_assignments), a sing-box "
				  "configuration, a Hysteria 2 configuration, a V2Ray or Xray "
				  "configuration (inbounds), the database of x-ui, of s-ui, of "
				  "PasarGuard, of Marzban, or another panel's database");
}

/* The entry of key_sources names the places in their order, one in each line: ".Pa /etc/v2ray". */
static void the_manual_lists_every_place_of_auto(void **state)
{
	V2M_FREE char *manual = NULL;
	size_t n;
	const struct v2m_key_format *formats = v2m_key_formats(&n);
	const char *at;
	const char *end;
	size_t length;

	(void)state;
	assert_int_equal(v2m_read_file(MANUAL, 1 << 20, &manual, &length), 0);
	at = strstr(manual, "\n.It Cm key_sources\n");
	assert_non_null(at);
	end = strstr(at + 1, "\n.It ");
	for (size_t i = 0; i < n; i++) {
		for (const char *const *place = formats[i].places; *place; place++) {
			at = strstr(at, "\n.Pa ");
			assert_true(at && at < end);
			at += strlen("\n.Pa ");
			assert_int_equal(strcspn(at, " \n"), strlen(*place));
			assert_memory_equal(at, *place, strlen(*place));
		}
	}
	at = strstr(at, "\n.Pa ");
	assert_true(!at || at > end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_has_one_way_to_be_recognised_and_one_to_be_read),
		cmocka_unit_test(a_document_has_the_format_of_its_members),
		cmocka_unit_test(a_database_has_the_format_of_its_columns),
		cmocka_unit_test(a_file_that_a_database_gives_users_is_not_read_alone),
		cmocka_unit_test(a_directory_is_searched_for_the_endings_of_all_formats),
		cmocka_unit_test(an_error_names_all_formats),
		cmocka_unit_test(the_manual_lists_every_place_of_auto),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
