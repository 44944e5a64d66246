// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include "base/string_list.h"
#include "base/uuid.h"
#include "keys/formats/panel_db.h"
#include "keys/key_sources.h"
#include "reading/gather.h"
#include "unit/temporary.h"
#include "base/transport.h"
#include "base/cleanup.h"

#define U1 "e9828d67-08e2-4942-815d-61f41b3dacf7"
#define U2 "11461131-0644-438d-9429-cb5e7f60fd80"

#define KEYS                                                                                       \
	"CREATE TABLE keys (id TEXT PRIMARY KEY, name TEXT, uuid TEXT, created_at TEXT, "          \
	"is_active BOOLEAN, short_id TEXT, sni TEXT, traffic INTEGER);"
#define PORTS "CREATE TABLE port_assignments (uuid TEXT, port INTEGER, key_id TEXT);"

static struct v2m_error error;

static sqlite3 *open_database(void)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(temporary_path("vpn.db"), &db), SQLITE_OK);
	return db;
}

static void run(sqlite3 *db, const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s", message);
}

static void make_database(const char *sql)
{
	sqlite3 *db;

	unlink(temporary_path("vpn.db"));
	db = open_database();
	run(db, sql);
	sqlite3_close(db);
}

static int read_tables(struct v2m_database *database, void *keys)
{
	return v2m_panel_db_read(database, keys, NULL);
}

static int read_panel(struct v2m_key_list *keys)
{
	error.text[0] = 0;
	return v2m_database_read(temporary_path("vpn.db"), read_tables, keys, &error);
}

static void check_refused(const char *sql, int code, const char *expected)
{
	struct v2m_key_list keys = { 0 };

	make_database(sql);
	assert_int_equal(read_panel(&keys), code);
	if (!strstr(error.text, expected))
		fail_msg("%s", error.text);
	assert_null(strstr(error.text, U1));
	v2m_key_list_clear(&keys);
}

static void keys_are_read_with_the_ports_assigned_to_their_uuids(void **state)
{
	struct v2m_key_list keys = { 0 };

	(void)state;
	make_database(KEYS PORTS
		      "INSERT INTO keys VALUES ('k1', 'Alice', '" U1
		      "', '2025-08-04 14:34:13', 1, 'ab', 's.example.com', 7),"
		      "('k2', 'Bob', '" U2 "', NULL, 0, '', NULL, 8),"
		      "('k3', NULL, 'u3', NULL, NULL, NULL, NULL, 9),"
		      "('k4', 'Dan', 'u4', NULL, 'false', NULL, NULL, 9);"
		      "INSERT INTO port_assignments VALUES ('E9828D67-08E2-4942-815D-61F41B3DACF7',"
		      "10001, 'k2'), ('" U2 "', 10002, 'k1'), ('u4', NULL, 'k4'), (NULL, 5, '');");
	assert_int_equal(read_panel(&keys), 0);
	assert_int_equal(keys.count, 4);
	assert_string_equal(keys.items[0].id, "k1");
	assert_string_equal(keys.items[0].name, "Alice");
	assert_string_equal(keys.items[0].uuid, U1);
	assert_string_equal(keys.items[0].created_at, "2025-08-04 14:34:13");
	assert_string_equal(keys.items[0].short_id, "ab");
	assert_string_equal(keys.items[0].sni, "s.example.com");
	assert_true(keys.items[0].is_active);
	assert_int_equal(v2m_key_port(&keys.items[0]), 10001);
	assert_int_equal(keys.items[0].spans[0].transports, V2M_TCP | V2M_UDP);
	assert_false(keys.items[1].is_active);
	assert_int_equal(v2m_key_port(&keys.items[1]), 10002);
	assert_null(keys.items[1].short_id);
	assert_true(keys.items[2].is_active);
	assert_string_equal(keys.items[2].name, "k3");
	assert_int_equal(v2m_key_port(&keys.items[2]), 0);
	assert_false(keys.items[3].is_active);
	assert_int_equal(v2m_key_port(&keys.items[3]), 0);
	v2m_key_list_clear(&keys);
}

static void missing_columns_are_no_error(void **state)
{
	struct v2m_key_list keys = { 0 };
	char id[V2M_UUID_LEN];

	(void)state;
	make_database("CREATE TABLE keys (UUID TEXT, port INTEGER);"
		      "INSERT INTO keys VALUES ('" U1 "', 5), ('" U2 "', NULL)");
	assert_int_equal(read_panel(&keys), 0);
	assert_int_equal(keys.count, 2);
	v2m_uuid_key_id(U1, id);
	assert_string_equal(keys.items[0].id, id);
	assert_int_equal(v2m_key_port(&keys.items[0]), 5);
	assert_int_equal(v2m_key_port(&keys.items[1]), 0);
	v2m_key_list_clear(&keys);
}

static void the_port_of_a_key_wins_over_an_assignment(void **state)
{
	struct v2m_key_list keys = { 0 };

	(void)state;
	make_database("CREATE TABLE keys (uuid TEXT, port INTEGER);" PORTS
		      "INSERT INTO keys VALUES ('" U1 "', 5);"
		      "INSERT INTO port_assignments VALUES ('" U1 "', 6, '')");
	assert_int_equal(read_panel(&keys), 0);
	assert_int_equal(v2m_key_port(&keys.items[0]), 5);
	v2m_key_list_clear(&keys);
}

static void an_unexpected_value_is_refused_with_its_row(void **state)
{
	(void)state;
	check_refused("CREATE TABLE other (a)", -EINVAL,
		      "expected a table \"keys\" with a column \"uuid\"");
	check_refused(KEYS "INSERT INTO keys (id) VALUES ('a')", -EINVAL,
		      "table keys, row 1: uuid: expected a string, got nothing");
	check_refused("CREATE TABLE keys (uuid, port);"
		      "INSERT INTO keys VALUES ('a', 1), ('" U1 "', 70000)",
		      -EINVAL,
		      "table keys, row 2: port: expected an integer from 1 to 65535, got 70000");
	check_refused(
		KEYS PORTS "INSERT INTO port_assignments VALUES ('" U1 "', 0, '')", -EINVAL,
		"table port_assignments, row 1: port: expected an integer from 1 to 65535, got 0");
	check_refused(KEYS "INSERT INTO keys (uuid, name) VALUES ('" U1 "', hex(zeroblob(128)))",
		      -EINVAL, "row 1: name: expected at most 255 bytes, got 256");
	check_refused(KEYS "INSERT INTO keys (uuid, name) VALUES ('a', CAST(x'ff' AS TEXT))",
		      -EINVAL, "row 1: name: expected UTF-8");
}

static void duplicates_are_refused(void **state)
{
	(void)state;
	check_refused("CREATE TABLE keys (uuid, id);"
		      "INSERT INTO keys VALUES ('" U1 "', 1),"
		      "('E9828D67-08E2-4942-815D-61F41B3DACF7', 2)",
		      -EINVAL, "rows 1 and 2 have the same uuid");
	check_refused("CREATE TABLE keys (uuid, id); INSERT INTO keys VALUES ('a', 1), ('b', 1)",
		      -EINVAL, "rows 1 and 2 have the same id");
	check_refused("CREATE TABLE keys (uuid, port); INSERT INTO keys VALUES ('a', 1), ('b', 1)",
		      -EINVAL, "rows 1 and 2 have the same port");
}

static void a_file_that_is_no_database_is_refused(void **state)
{
	struct v2m_key_list keys = { 0 };

	(void)state;
	temporary_file("vpn.db", "SQLite format 3, but not really: this is text and no more");
	assert_int_equal(read_panel(&keys), -EIO);
	assert_non_null(strstr(error.text, "file is not a database"));
	unlink(temporary_path("vpn.db"));
	assert_int_equal(read_panel(&keys), -EIO);
	assert_non_null(strstr(error.text, "unable to open"));
}

static void a_panel_that_writes_is_not_disturbed_and_its_commit_is_read_whole(void **state)
{
	struct v2m_key_list keys = { 0 };
	sqlite3 *panel;

	(void)state;
	make_database("PRAGMA journal_mode = WAL; CREATE TABLE keys (uuid TEXT, port INTEGER);"
		      "INSERT INTO keys VALUES ('a', 1)");
	panel = open_database();
	run(panel, "BEGIN IMMEDIATE; INSERT INTO keys VALUES ('b', 2)");
	assert_int_equal(read_panel(&keys), 0);
	assert_int_equal(keys.count, 1);
	v2m_key_list_clear(&keys);
	run(panel, "COMMIT");
	assert_int_equal(read_panel(&keys), 0);
	assert_int_equal(keys.count, 2);
	v2m_key_list_clear(&keys);
	sqlite3_close(panel);
}

static void a_database_that_stays_locked_is_an_error(void **state)
{
	struct v2m_key_list keys = { 0 };
	sqlite3 *panel;

	(void)state;
	make_database("CREATE TABLE keys (uuid TEXT)");
	panel = open_database();
	run(panel, "BEGIN EXCLUSIVE");
	assert_int_equal(read_panel(&keys), -EBUSY);
	assert_non_null(strstr(error.text, "database is locked"));
	sqlite3_close(panel);
}

/* The service cannot write to the directory of the panel, nor to what the panel's user owns. */
static int read_without_writing(struct v2m_key_list *keys)
{
	int result;

	assert_int_equal(chmod(temporary_path("vpn.db"), 0444), 0);
	assert_int_equal(chmod(temporary_directory, 0555), 0);
	setfsuid(65534);
	result = read_panel(keys);
	setfsuid(geteuid());
	assert_int_equal(chmod(temporary_directory, 0700), 0);
	return result;
}

static void make_database_with_log(const char *name)
{
	char command[512];
	sqlite3 *db;

	make_database("PRAGMA journal_mode = WAL; CREATE TABLE keys (uuid TEXT, port INTEGER);"
		      "INSERT INTO keys VALUES ('" U1 "', 1)");
	db = open_database();
	run(db, "INSERT INTO keys VALUES ('" U2 "', 2)");
	snprintf(command, sizeof(command), "cd %s && cp vpn.db %s && cp vpn.db-wal %s-wal",
		 temporary_directory, name, name);
	assert_int_equal(system(command), 0);
	sqlite3_close(db);
}

static void a_database_whose_log_was_closed_is_read(void **state)
{
	struct v2m_key_list keys = { 0 };

	(void)state;
	make_database_with_log("copy.db");
	assert_int_not_equal(access(temporary_path("vpn.db-wal"), F_OK), 0);
	assert_int_equal(read_without_writing(&keys), 0);
	assert_int_equal(keys.count, 2);
	v2m_key_list_clear(&keys);
}

static void a_log_that_cannot_be_read_is_an_error(void **state)
{
	struct v2m_key_list keys = { 0 };

	(void)state;
	make_database_with_log("copy.db");
	assert_int_equal(rename(temporary_path("copy.db"), temporary_path("vpn.db")), 0);
	assert_int_equal(rename(temporary_path("copy.db-wal"), temporary_path("vpn.db-wal")), 0);
	assert_int_equal(read_without_writing(&keys), -EIO);
	assert_string_not_equal(error.text, "");
	assert_int_equal(keys.count, 0);
	assert_int_equal(unlink(temporary_path("vpn.db-wal")), 0);
	v2m_key_list_clear(&keys);
}

/* Makes the file of a panel that was killed in a commit: some pages are written, and the journal
 * has their old content. */
static void make_database_in_mid_commit(void)
{
	char command[512];
	sqlite3 *db;

	make_database(
		"CREATE TABLE keys (uuid TEXT, port INTEGER, name TEXT);"
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
		"INSERT INTO keys SELECT 'a' || i, i, hex(zeroblob(100)) FROM n");
	db = open_database();
	run(db, "PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN;"
		"UPDATE keys SET uuid = 'b' || port");
	snprintf(command, sizeof(command), "cd %s && cp vpn.db copy.db && cp vpn.db-journal copy",
		 temporary_directory);
	assert_int_equal(system(command), 0);
	run(db, "ROLLBACK");
	sqlite3_close(db);
	assert_int_equal(rename(temporary_path("copy.db"), temporary_path("vpn.db")), 0);
}

static int load_sources(const struct v2m_strings *sources, struct v2m_keyset **keyset,
			struct v2m_source_report *report)
{
	V2M_CLEANUP(v2m_gathered_clear) struct v2m_gathered gathered = { 0 };
	const struct v2m_source_options options = { 0 };

	assert_int_equal(v2m_gather_sources(sources, &(struct v2m_gather_options){ 0 }, &gathered),
			 0);
	return v2m_key_sources_join(&gathered, &options, keyset, report, &error);
}

static void an_unfinished_commit_is_refused(void **state)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings sources = { 0 };
	struct v2m_source_report report = { 0 };
	struct v2m_keyset *keyset = NULL;
	struct v2m_key_list keys = { 0 };
	sqlite3 *db;

	(void)state;
	make_database_in_mid_commit();
	/* Without the journal, the file has a key that was never committed. */
	assert_int_equal(read_panel(&keys), 0);
	assert_string_equal(keys.items[0].uuid, "b1");
	v2m_key_list_clear(&keys);
	assert_int_equal(rename(temporary_path("copy"), temporary_path("vpn.db-journal")), 0);
	assert_int_equal(read_panel(&keys), -EIO);
	if (!strstr(error.text, "holds rows that are not in it"))
		fail_msg("%s", error.text);
	assert_int_equal(keys.count, 0);
	assert_int_equal(v2m_strings_add(&sources, temporary_path("vpn.db")), 0);
	assert_int_equal(load_sources(&sources, &keyset, &report), -EIO);
	assert_null(keyset);
	v2m_source_report_clear(&report);
	/* The panel starts again and takes the commit back. */
	db = open_database();
	run(db, "SELECT * FROM keys");
	sqlite3_close(db);
	assert_int_equal(read_panel(&keys), 0);
	assert_int_equal(keys.count, 500);
	assert_string_equal(keys.items[0].uuid, "a1");
	v2m_key_list_clear(&keys);
}

static void *write_until_told(void *stop)
{
	struct timespec times[2] = { 0 };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/vpn.db", temporary_directory);
	while (!__atomic_load_n((bool *)stop, __ATOMIC_RELAXED)) {
		times[1].tv_nsec++;
		utimensat(AT_FDCWD, path, times, 0);
	}
	return NULL;
}

static void a_file_written_while_it_is_read_is_refused(void **state)
{
	struct v2m_key_list keys = { 0 };
	bool stop = false;
	int result = 0;
	pthread_t writer;

	(void)state;
	make_database_with_log("copy.db");
	assert_int_equal(pthread_create(&writer, NULL, write_until_told, &stop), 0);
	for (int tries = 0; tries < 1000 && result == 0; tries++) {
		result = read_without_writing(&keys);
		v2m_key_list_clear(&keys);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(writer, NULL);
	assert_int_equal(result, -EBUSY);
	assert_non_null(strstr(error.text, "the panel wrote to it while it was read"));
}

static void a_name_with_any_character_is_opened(void **state)
{
	struct v2m_key_list keys = { 0 };
	const char *name = temporary_path("50%3f?mode=memory#.db");

	(void)state;
	make_database("CREATE TABLE keys (uuid TEXT); INSERT INTO keys VALUES ('" U1 "')");
	assert_int_equal(rename(temporary_path("vpn.db"), name), 0);
	assert_int_equal(v2m_database_read(name, read_tables, &keys, &error), 0);
	assert_int_equal(keys.count, 1);
	assert_int_equal(unlink(name), 0);
	v2m_key_list_clear(&keys);
}

static void a_path_may_begin_with_two_slashes(void **state)
{
	struct v2m_key_list keys = { 0 };
	char path[PATH_MAX];

	(void)state;
	make_database("CREATE TABLE keys (uuid TEXT); INSERT INTO keys VALUES ('" U1 "')");
	snprintf(path, sizeof(path), "/%s", temporary_path("vpn.db"));
	assert_int_equal(v2m_database_read(path, read_tables, &keys, &error), 0);
	assert_int_equal(keys.count, 1);
	v2m_key_list_clear(&keys);
}

static void a_database_is_recognised_as_a_source_and_joined(void **state)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings sources = { 0 };
	struct v2m_source_report report = { 0 };
	struct v2m_keyset *keyset = NULL;

	(void)state;
	make_database(KEYS PORTS "INSERT INTO keys (id, uuid) VALUES ('k1', '" U1 "');"
				 "INSERT INTO port_assignments VALUES ('" U1 "', 7, '')");
	assert_int_equal(v2m_strings_add(&sources, temporary_path("vpn.db")), 0);
	assert_int_equal(load_sources(&sources, &keyset, &report), 0);
	assert_string_equal(report.items[0].kind, "panel database");
	assert_int_equal(keyset->n_keys, 1);
	assert_int_equal(v2m_key_port(&keyset->keys[0]), 7);
	assert_string_equal(keyset->keys[0].id, "k1");
	v2m_keyset_unref(keyset);
	v2m_source_report_clear(&report);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_read_with_the_ports_assigned_to_their_uuids),
		cmocka_unit_test(missing_columns_are_no_error),
		cmocka_unit_test(the_port_of_a_key_wins_over_an_assignment),
		cmocka_unit_test(an_unexpected_value_is_refused_with_its_row),
		cmocka_unit_test(duplicates_are_refused),
		cmocka_unit_test(a_file_that_is_no_database_is_refused),
		cmocka_unit_test(a_panel_that_writes_is_not_disturbed_and_its_commit_is_read_whole),
		cmocka_unit_test(a_database_that_stays_locked_is_an_error),
		cmocka_unit_test(a_database_whose_log_was_closed_is_read),
		cmocka_unit_test(a_log_that_cannot_be_read_is_an_error),
		cmocka_unit_test(an_unfinished_commit_is_refused),
		cmocka_unit_test(a_file_written_while_it_is_read_is_refused),
		cmocka_unit_test(a_name_with_any_character_is_opened),
		cmocka_unit_test(a_path_may_begin_with_two_slashes),
		cmocka_unit_test(a_database_is_recognised_as_a_source_and_joined),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
