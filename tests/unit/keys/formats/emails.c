// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Keys know the names by which the proxy's access log calls their users, whatever they come from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "base/cleanup.h"
#include "keys/formats/source_read.h"
#include "unit/temporary.h"

#define U1 "e9828d67-08e2-4942-815d-61f41b3dacf7"
#define U2 "11461131-0644-438d-9429-cb5e7f60fd80"

static const char *make_database(const char *name, const char *sql)
{
	const char *path = temporary_path(name);
	char *message = NULL;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s", message);
	sqlite3_close(db);
	return path;
}

/* The emails of the clients that the source gives, one after the other. */
static void assert_emails(const char *path, const char *expected)
{
	V2M_CLEANUP(v2m_gathered_clear) struct v2m_gathered gathered = { 0 };
	struct v2m_live_sources live = { 0 };
	struct v2m_error error = { 0 };
	char found[256] = "";
	const char *kind;

	if (v2m_source_read(path, &live, &gathered, &kind, &error))
		fail_msg("%s", error.text);
	for (size_t i = 0; i < gathered.clients.count; i++) {
		const struct v2m_strings *emails = &gathered.clients.items[i].emails;

		for (size_t k = 0; k < emails->count; k++) {
			strcat(found, emails->items[k]);
			strcat(found, k + 1 < emails->count ? "+" : ";");
		}
		if (!emails->count)
			strcat(found, "-;");
	}
	assert_string_equal(found, expected);
}

static void a_configuration_names_each_user_in_each_inbound(void **state)
{
	(void)state;
	assert_emails(
		temporary_file(
			"config.json",
			"{\"inbounds\": [{\"port\": 1, \"protocol\": \"vless\", \"settings\": "
			"{\"clients\": [{\"id\": \"" U1 "\", \"email\": \"a b@c\"}, {\"id\": \"" U2
			"\"}]}}, {\"port\": 2, \"protocol\": \"vmess\", \"settings\": "
			"{\"clients\": "
			"[{\"id\": \"" U1 "\", \"email\": \"other\"}, {\"id\": \"" U1
			"\", \"email\": \"third\"}]}}]}"),
		"a b@c+other+third;-;");
}

static void marzban_gives_a_user_his_number_and_name(void **state)
{
	const char *path;

	(void)state;
	temporary_file("xray_config.json",
		       "{\"log\": {\"access\": \"/var/lib/marzban/access.log\"}, "
		       "\"inbounds\": [{\"tag\": \"V\", \"port\": 443, \"protocol\": "
		       "\"vless\", \"settings\": {\"clients\": []}}]}");
	path = make_database(
		"db.sqlite3",
		"CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT, status TEXT);"
		"CREATE TABLE proxies (id INTEGER PRIMARY KEY, user_id INTEGER, type TEXT, "
		"settings JSON);"
		"INSERT INTO users VALUES (7, 'alice', 'active');"
		"INSERT INTO proxies VALUES (1, 7, 'VLESS', '{\"id\": \"" U1 "\"}');");
	assert_emails(path, "7.alice;");
}

static void marzban_logs_where_its_configuration_says(void **state)
{
	V2M_CLEANUP(v2m_gathered_clear) struct v2m_gathered gathered = { 0 };
	struct v2m_live_sources live = { 0 };
	const char *kind;

	(void)state;
	assert_int_equal(
		v2m_source_read(temporary_path("db.sqlite3"), &live, &gathered, &kind, NULL), 0);
	assert_int_equal(gathered.access_logs.count, 1);
	assert_string_equal(gathered.access_logs.items[0].path, "/var/lib/marzban/access.log");
	assert_non_null(strstr(gathered.access_logs.items[0].source, "xray_config.json"));
}

static void x_ui_keeps_the_email_of_its_settings(void **state)
{
	(void)state;
	assert_emails(make_database("x-ui.db",
				    "CREATE TABLE inbounds (id INTEGER PRIMARY KEY, enable "
				    "NUMERIC, listen TEXT, "
				    "port INTEGER, protocol TEXT, settings TEXT, stream_settings "
				    "TEXT, tag TEXT);"
				    "INSERT INTO inbounds VALUES (1, 1, '', 443, 'vless', "
				    "'{\"clients\": [{\"id\": "
				    "\"" U1 "\", \"email\": \"x7k2\"}]}', '{}', 'inbound-443');"),
		      "x7k2;");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_configuration_names_each_user_in_each_inbound),
		cmocka_unit_test(marzban_gives_a_user_his_number_and_name),
		cmocka_unit_test(marzban_logs_where_its_configuration_says),
		cmocka_unit_test(x_ui_keeps_the_email_of_its_settings),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
