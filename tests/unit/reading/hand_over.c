// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The reading process can hand over what it reads, from sources of each format, and the counting
 * process takes it. */
#include "unit/ipc/travel.h"

#include <sqlite3.h>

#include "keys/formats/formats.h"
#include "reading/gather.h"
#include "unit/temporary.h"

#define KINDS_MAX 32

static const char *const documents[] = {
	"../data/keys/keys.json",      "../data/keys/ports.json",
	"../data/panels/singbox.json", "../data/panels/hysteria.yaml",
	"../data/kinds/config.yaml",   "../data/kinds/odd_entries.json",
	"../data/kinds/v2ray_5.json",  "../data/kinds/xray_26.json",
	"../data/v2ray/confdir",       "../data/v2ray/old_style.json",
};

#define XRAY                                                                                       \
	"'{\"inbounds\": [{\"tag\": \"v\", \"port\": 443, \"protocol\": \"vless\", "               \
	"\"settings\": {\"clients\": []}}]}'"

static const struct {
	const char *name;
	const char *sql;
} databases[] = {
	{ "x-ui.db",
	  "CREATE TABLE inbounds (id, enable, listen, port, protocol, settings, stream_settings, "
	  "tag); CREATE TABLE settings (key, value);"
	  "INSERT INTO inbounds VALUES (1, 1, '', 443, 'vless', "
	  "'{\"clients\": [{\"id\": \"u\", \"email\": \"e\"}]}', '{}', 'v');" },
	{ "s-ui.db",
	  "CREATE TABLE inbounds (id, type, tag, options);"
	  "CREATE TABLE clients (id, name, enable, config, inbounds);"
	  "INSERT INTO inbounds VALUES (1, 'vless', 'v', '{\"listen_port\": 443}');"
	  "INSERT INTO clients VALUES (1, 'e', 1, '{\"vless\": {\"uuid\": \"u\"}}', '[1]');" },
	{ "marzban.db", "CREATE TABLE users (id, username, status);"
			"CREATE TABLE proxies (id, user_id, type, settings);"
			"CREATE TABLE inbounds (id, tag);"
			"CREATE TABLE exclude_inbounds_association (proxy_id, inbound_tag);"
			"INSERT INTO users VALUES (1, 'e', 'active');"
			"INSERT INTO proxies VALUES (1, 1, 'VLESS', '{\"id\": \"u\"}');" },
	{ "pasarguard.db",
	  "CREATE TABLE core_configs (id, config); CREATE TABLE groups (id, is_disabled);"
	  "CREATE TABLE users (id, username, status, proxy_settings);"
	  "CREATE TABLE inbounds (id, tag); CREATE TABLE users_groups_association (user_id, "
	  "groups_id); CREATE TABLE inbounds_groups_association (inbound_id, group_id);"
	  "INSERT INTO core_configs VALUES (1, " XRAY "); INSERT INTO groups VALUES (1, 0);"
	  "INSERT INTO inbounds VALUES (1, 'v'); INSERT INTO users_groups_association VALUES (1, "
	  "1); INSERT INTO inbounds_groups_association VALUES (1, 1);"
	  "INSERT INTO users VALUES (1, 'e', 'active', '{\"vless\": {\"id\": \"u\"}}');" },
	{ "vpn.db", "CREATE TABLE keys (id, name, uuid, created_at, is_active, short_id, sni);"
		    "CREATE TABLE port_assignments (uuid, port);"
		    "INSERT INTO keys VALUES ('i', 'n', 'u', '2025-08-04', 1, 's', 'sni');"
		    "INSERT INTO port_assignments VALUES ('u', 443);" },
};

static char kinds[KINDS_MAX][64];
static size_t n_kinds;

static int make_databases(void **state)
{
	int result = make_temporary(state);

	temporary_file(
		"xray_config.json",
		"{\"inbounds\": [{\"tag\": \"v\", \"port\": 443, \"protocol\": \"vless\"}]}");
	for (size_t i = 0; i < V2M_ARRAY_LEN(databases) && !result; i++) {
		sqlite3 *db;

		result = sqlite3_open(temporary_path(databases[i].name), &db) ||
			 sqlite3_exec(db, databases[i].sql, NULL, NULL, NULL);
		sqlite3_close(db);
	}
	return result;
}

/* Writes a reading. What arrived has to give the same bytes once more. */
static void expect_same(struct v2m_reading *sent, struct v2m_reading *got)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire first = { 0 };
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire second = { 0 };

	v2m_put_reading(&first, sent);
	v2m_put_reading(&second, got);
	assert_int_equal(first.length, second.length);
	assert_memory_equal(first.items, second.items, first.length);
}

/* Gathers the sources as the reading process does, and sends what they hold. expected: the result
 * of the last one. */
static void hand_over(const struct v2m_strings *sources, int expected)
{
	const struct v2m_gather_options options = { 0 };
	struct v2m_reading sent = { 0 };
	struct v2m_reading got;
	const struct v2m_gathered_source *source;
	int result;

	assert_int_equal(v2m_gather_sources(sources, &options, &sent.gathered), 0);
	source = &sent.gathered.sources.items[sent.gathered.sources.count - 1];
	if (source->result != expected)
		fail_msg("%s: %s", source->path, source->error ? source->error : "it can be read");
	/* As src/reading/reading.c does if a source failed. */
	if (expected) {
		v2m_key_list_clear(&sent.gathered.customers);
		v2m_key_list_clear(&sent.gathered.clients);
		v2m_key_list_clear(&sent.gathered.assignments);
	}
	result = reading_travels(&sent, &got);
	if (result)
		fail_msg("%s: %s", source->path, strerror(-result));
	expect_same(&sent, &got);
	assert_true(expected || source->keys > 0);
	assert_true(n_kinds < KINDS_MAX);
	snprintf(kinds[n_kinds++], sizeof(kinds[0]), "%s", source->kind);
	v2m_reading_clear(&sent);
	v2m_reading_clear(&got);
}

static void hand_over_path(const char *path, int expected)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings sources = { 0 };

	assert_int_equal(v2m_strings_add(&sources, path), 0);
	hand_over(&sources, expected);
}

static bool was_read(const char *kind)
{
	for (size_t i = 0; i < n_kinds; i++)
		if (strcmp(kinds[i], kind) == 0)
			return true;
	return false;
}

static void keys_of_every_format_arrive(void **state)
{
	size_t n_formats;
	const struct v2m_key_format *formats = v2m_key_formats(&n_formats);

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(documents); i++)
		hand_over_path(documents[i], 0);
	for (size_t i = 0; i < V2M_ARRAY_LEN(databases); i++)
		hand_over_path(temporary_path(databases[i].name), 0);
	for (size_t i = 0; i < n_formats; i++)
		if (!was_read(formats[i].kind))
			fail_msg("this test has no source of the format \"%s\"", formats[i].kind);
}

/* A directory that is refused has more keys than all sources together may have. */
static void the_sentence_about_too_many_keys_arrives(void **state)
{
	static char text[V2M_MAX_KEYS * 24];
	char name[24];

	(void)state;
	assert_int_equal(mkdir(temporary_path("many"), 0700), 0);
	for (int file = 0; file < 3; file++) {
		size_t length = 0;

		for (int i = 0; i < V2M_MAX_KEYS; i++)
			length +=
				(size_t)snprintf(text + length, sizeof(text) - length,
						 "%c{\"uuid\":\"%d-%d\"}", i ? ',' : '[', file, i);
		snprintf(text + length, sizeof(text) - length, "]");
		snprintf(name, sizeof(name), "many/%d.json", file);
		temporary_file(name, text);
	}
	hand_over_path(temporary_path("many"), -EINVAL);
}

static void the_sentence_about_too_many_sources_arrives(void **state)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings sources = { 0 };

	(void)state;
	for (size_t i = 0; i < V2M_GATHERED_SOURCES_MAX + 10; i++)
		assert_int_equal(v2m_strings_add(&sources, documents[1]), 0);
	hand_over(&sources, -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_every_format_arrive),
		cmocka_unit_test(the_sentence_about_too_many_keys_arrives),
		cmocka_unit_test(the_sentence_about_too_many_sources_arrives),
	};

	return cmocka_run_group_tests(tests, make_databases, remove_temporary);
}
