// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The disk is full or takes no writes, another process is in the way, or the process is killed. */
#include "unit/ledger/ledger_fixture.h"

#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define KEYS 300

static bool can_mount;

/* Mounts a disk of half a megabyte over the ledger's directory. */
static void on_a_small_disk(struct state *state)
{
	if (!can_mount) {
		print_message("SKIP: mounting a tmpfs takes root\n");
		skip();
	}
	close_ledger(state);
	each_file(state, "*", unlink);
	assert_int_equal(mount("tmpfs", state->dir, "tmpfs", 0, "size=512k"), 0);
	open_ledger(state);
}

static int teardown_disk(void **context)
{
	struct state *state = *context;

	close_ledger(state);
	umount2(state->dir, MNT_DETACH);
	open_ledger(state);
	return teardown(context);
}

static void filler_path(struct state *state, char *path, size_t size)
{
	snprintf(path, size, "%s/filler", state->dir);
}

static void fill_disk(struct state *state)
{
	static const char zeros[4096];
	char path[96];
	int fd;

	filler_path(state, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		continue;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

static void empty_disk(struct state *state)
{
	char path[96];

	filler_path(state, path, sizeof(path));
	unlink(path);
}

/* Many keys: they do not fit into the pages that the file has already. */
static void count_many(struct state *state, uint64_t bytes, const char *utc)
{
	static char names[KEYS][16];
	static struct v2m_port_sample ports[KEYS];
	struct key_of of[KEYS];
	struct v2m_sample sample = { .epoch = "epoch", .ports = ports, .n_ports = KEYS };

	for (size_t i = 0; i < KEYS; i++) {
		snprintf(names[i], sizeof(names[i]), i ? "key-%zu" : "aaaa", i);
		of[i] = (struct key_of){ names[i], (uint16_t)(1001 + i) };
		ports[i] = port_at(of[i].port, bytes);
	}
	if (state->keyset->n_keys != KEYS) {
		v2m_keyset_unref(state->keyset);
		state->keyset = keyset_of(of, KEYS);
	}
	sample.mono_ns = ++state->mono_s * SECOND_NS;
	sample.real_us = unix_us(utc);
	assert_int_equal(v2m_account_apply(state->account, state->keyset, &sample), 0);
}

/* Counts 200 bytes of the key aaaa. */
static void stored_on_a_small_disk(struct state *state)
{
	on_a_small_disk(state);
	count(state, 100, "2025-08-03T12:00:00");
	store(state);
}

static void on_a_full_disk_counting_goes_on_in_memory(void **context)
{
	struct state *state = *context;
	struct v2m_error error = { 0 };

	stored_on_a_small_disk(state);
	fill_disk(state);
	count_many(state, 200, "2025-08-03T12:00:01");
	for (int attempt = 0; attempt < 3; attempt++)
		assert_int_equal(v2m_ledger_store(state->ledger, state->account, &error), -ENOSPC);
	assert_non_null(strstr(error.text, "ledger.db cannot be written"));
	assert_non_null(strstr(error.text, "full"));
	count_many(state, 300, "2025-08-03T12:00:02");
	assert_int_equal(stored_day(state, 20250803), 600);
	empty_disk(state);
	store(state);
	restart(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 600);
	assert_int_equal(lifetime_rx(state->account, "key-299"), 600);
	assert_int_equal(stored_day(state, 20250803), 600);
}

static void a_reset_on_a_full_disk_can_be_undone(void **context)
{
	struct state *state = *context;
	struct v2m_reset_undo undo;
	struct v2m_totals closed;
	struct v2m_error error;
	const struct v2m_subject *subject;

	stored_on_a_small_disk(state);
	fill_disk(state);
	count_many(state, 200, "2025-08-03T12:00:01");
	v2m_account_reset(state->account, "aaaa", 1, &closed, &undo);
	assert_int_equal(v2m_ledger_store(state->ledger, state->account, &error), -ENOSPC);
	v2m_account_undo_reset(state->account, "aaaa", &undo);
	empty_disk(state);
	store(state);
	restart(state);
	subject = v2m_account_subject(state->account, "aaaa");
	assert_int_equal(v2m_subject_since_reset(subject).rx.wire_bytes, 400);
}

static void remount(struct state *state, unsigned long flags)
{
	assert_int_equal(mount(NULL, state->dir, NULL, MS_REMOUNT | flags, NULL), 0);
}

static void a_file_on_a_read_only_disk_is_read_and_written_when_that_is_possible(void **context)
{
	struct state *state = *context;
	struct v2m_error error = { 0 };

	stored_on_a_small_disk(state);
	close_ledger(state);
	remount(state, MS_RDONLY);
	open_ledger(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 200);
	count(state, 150, "2025-08-03T12:00:01");
	assert_int_equal(v2m_ledger_store(state->ledger, state->account, &error), -EROFS);
	assert_non_null(strstr(error.text, "Read-only"));
	assert_int_equal(stored_day(state, 20250803), 300);
	remount(state, 0);
	store(state);
	restart(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 300);
	assert_int_equal(stored_day(state, 20250803), 300);
}

static void a_file_on_a_full_disk_is_read_at_the_start(void **context)
{
	struct state *state = *context;
	struct v2m_error error = { 0 };

	stored_on_a_small_disk(state);
	close_ledger(state);
	fill_disk(state);
	open_ledger(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 200);
	count(state, 150, "2025-08-03T12:00:01");
	assert_int_equal(v2m_ledger_store(state->ledger, state->account, &error), -ENOSPC);
	empty_disk(state);
	store(state);
	restart(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 300);
}

static void a_directory_with_any_name_is_read_on_a_read_only_disk(void **context)
{
	struct state *state = *context;
	struct v2m_ledger *ledger = NULL;
	struct v2m_error error = { 0 };
	char dir[128];

	on_a_small_disk(state);
	snprintf(dir, sizeof(dir), "/%s/50%%3f?mode=memory#", state->dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(v2m_ledger_open(dir, &ledger, &error), 0);
	v2m_ledger_close(V2M_TAKE(ledger));
	close_ledger(state);
	remount(state, MS_RDONLY);
	if (v2m_ledger_open(dir, &ledger, &error))
		fail_msg("%s", error.text);
	v2m_ledger_close(ledger);
	remount(state, 0);
	open_ledger(state);
}

/* Holds the lock until the pipe is closed. In a process of its own, because SQLite's locks belong
 * to the process. */
static pid_t lock_elsewhere(struct state *state, const char *text, int *hold)
{
	int ready[2];
	int until[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(until, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		sqlite3 *db;

		close(until[1]);
		if (sqlite3_open(state->path, &db) || sqlite3_exec(db, text, NULL, NULL, NULL) ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		while (read(until[0], &byte, 1) > 0)
			continue;
		_exit(0);
	}
	close(ready[1]);
	close(until[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	*hold = until[1];
	return child;
}

static void unlock(pid_t child, int hold)
{
	int status;

	close(hold);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void a_locked_file_is_written_when_the_other_process_is_done(void **context)
{
	struct state *state = *context;
	struct v2m_error error = { 0 };
	pid_t child;
	int hold;

	count(state, 100, "2025-08-03T12:00:00");
	child = lock_elsewhere(state, "BEGIN IMMEDIATE", &hold);
	assert_int_equal(v2m_ledger_store(state->ledger, state->account, &error), -EBUSY);
	assert_non_null(strstr(error.text, "locked"));
	count(state, 150, "2025-08-03T12:00:01");
	unlock(child, hold);
	store(state);
	restart(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 300);
	assert_int_equal(stored_day(state, 20250803), 300);
}

static void a_file_that_is_locked_at_the_start_is_an_error_that_says_so(void **context)
{
	struct state *state = *context;
	struct v2m_ledger *ledger = NULL;
	struct v2m_error error = { 0 };
	pid_t child;
	int hold;

	close_ledger(state);
	child = lock_elsewhere(state, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE", &hold);
	assert_int_equal(v2m_ledger_open(state->dir, &ledger, &error), -EBUSY);
	assert_null(ledger);
	assert_non_null(strstr(error.text, "locked"));
	unlock(child, hold);
	open_ledger(state);
}

/* Counts one byte and stores, again and again until it is killed. */
static void store_for_ever(struct state *state, int done)
{
	struct v2m_error error;

	open_ledger(state);
	for (uint64_t bytes = 0;; bytes += 50) {
		count(state, bytes, bytes % 100 ? "2025-08-03T12:00:00" : "2025-08-04T12:00:00");
		if (v2m_ledger_store(state->ledger, state->account, &error) ||
		    write(done, "", 1) != 1)
			_exit(1);
	}
}

/* At every moment, the totals fit the reading, and days, months and hours fit the totals. */
static void a_process_that_is_killed_leaves_a_ledger_that_holds_together(void **context)
{
	struct state *state = *context;
	static const char together[] =
		"SELECT (SELECT tcp_rx_wire + udp_rx_wire FROM raw) ="
		" (SELECT rx_wire FROM subjects) AND (SELECT rx_wire FROM subjects) ="
		" (SELECT sum(rx_wire) FROM days) AND (SELECT rx_wire FROM subjects) ="
		" (SELECT sum(rx_wire) FROM months) AND (SELECT rx_wire FROM subjects) ="
		" (SELECT sum(rx_wire) FROM hours)";

	close_ledger(state);
	for (unsigned round = 1; round <= 20; round++) {
		char bytes[64];
		ssize_t stores = 0;
		int done[2];
		int status;
		pid_t child;

		each_file(state, "*", unlink);
		assert_int_equal(pipe2(done, O_CLOEXEC), 0);
		child = fork();
		if (child == 0)
			store_for_ever(state, done[1]);
		close(done[1]);
		while (stores < (ssize_t)round)
			stores += read(done[0], bytes, 1);
		/* A different moment each time. */
		usleep(37 * round % 500);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		close(done[0]);
		open_ledger(state);
		assert_true(lifetime_rx(state->account, "aaaa") >= 100 * (round - 1));
		close_ledger(state);
		if (round > 1)
			assert_int_equal(query(state, together), 1);
	}
	open_ledger(state);
}

static void a_damaged_file_waits_for_room_for_a_new_one(void **context)
{
	struct state *state = *context;
	struct v2m_error error = { 0 };

	on_a_small_disk(state);
	some_history(state);
	destroy(state, "days");
	fill_disk(state);
	count(state, 200, "2025-08-04T13:00:00");
	for (int attempt = 0; attempt < 3; attempt++)
		assert_int_equal(v2m_ledger_store(state->ledger, state->account, &error), -ENOSPC);
	empty_disk(state);
	store(state);
	assert_int_equal(each_file(state, "ledger.db.corrupt-*", NULL) > 0, 1);
	assert_int_equal(query(state, "SELECT rx_wire FROM months"), 400);
	restart(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 400);
}

static void a_file_that_is_taken_away_is_replaced_with_all_that_is_in_memory(void **context)
{
	struct state *state = *context;

	count_many(state, 150, "2025-08-04T12:00:00");
	store(state);
	each_file(state, "ledger.db*", unlink);
	count(state, 200, "2025-08-04T13:00:00");
	store(state);
	restart(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 400);
	assert_int_equal(lifetime_rx(state->account, "key-299"), 300);
	count(state, 250, "2025-08-04T13:00:01");
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 500);
}

/* In a process that ends without closing the file: closing would bring the log into it. */
static void take_log_away(struct state *state, bool before_the_first_store)
{
	int status;
	pid_t child;

	close_ledger(state);
	child = fork();
	if (child == 0) {
		open_ledger(state);
		if (before_the_first_store && each_file(state, "ledger.db-wal", unlink) != 1)
			_exit(1);
		count(state, 150, "2025-08-04T12:00:00");
		store(state);
		if (!before_the_first_store && each_file(state, "ledger.db-wal", unlink) != 1)
			_exit(1);
		count(state, 200, "2025-08-04T13:00:00");
		store(state);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	open_ledger(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 400);
	assert_int_equal(query(state, "SELECT sum(rx_wire) FROM days"), 400);
	assert_int_equal(query(state, "SELECT count(*) FROM hours"), 2);
}

static void a_log_that_is_taken_away_takes_nothing_with_it(void **context)
{
	take_log_away(*context, false);
}

static void a_log_that_is_taken_away_before_the_first_store_takes_nothing_with_it(void **context)
{
	take_log_away(*context, true);
}

static void files_that_cannot_be_looked_for_are_not_taken_for_removed(void **context)
{
	struct state *state = *context;
	struct v2m_error error = { 0 };
	int result;

	if (geteuid() != 0) {
		print_message("SKIP: giving up one's rights takes root\n");
		skip();
	}
	count(state, 150, "2025-08-04T12:00:00");
	store(state);
	count(state, 200, "2025-08-04T13:00:00");
	assert_int_equal(chmod(state->dir, 0), 0);
	setfsuid(65534);
	result = v2m_ledger_store(state->ledger, state->account, &error);
	setfsuid(geteuid());
	assert_int_equal(chmod(state->dir, 0700), 0);
	if (result)
		fail_msg("%s", error.text);
	restart(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 400);
}

#define ON_DISK(name) cmocka_unit_test_setup_teardown(name, setup, teardown_disk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_DISK(on_a_full_disk_counting_goes_on_in_memory),
		ON_DISK(a_reset_on_a_full_disk_can_be_undone),
		ON_DISK(a_file_on_a_read_only_disk_is_read_and_written_when_that_is_possible),
		ON_DISK(a_file_on_a_full_disk_is_read_at_the_start),
		ON_DISK(a_directory_with_any_name_is_read_on_a_read_only_disk),
		TEST(a_locked_file_is_written_when_the_other_process_is_done),
		TEST(a_file_that_is_locked_at_the_start_is_an_error_that_says_so),
		TEST(a_process_that_is_killed_leaves_a_ledger_that_holds_together),
		ON_DISK(a_damaged_file_waits_for_room_for_a_new_one),
		TEST(a_file_that_is_taken_away_is_replaced_with_all_that_is_in_memory),
		TEST(a_log_that_is_taken_away_takes_nothing_with_it),
		TEST(a_log_that_is_taken_away_before_the_first_store_takes_nothing_with_it),
		TEST(files_that_cannot_be_looked_for_are_not_taken_for_removed),
	};

	/* The mounts of these tests are not visible to other processes. */
	can_mount =
		unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	return cmocka_run_group_tests_name("ledger_failure", tests, NULL, NULL);
}
