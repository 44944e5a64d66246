// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "unit/temporary.h"

static struct v2m_log_memory memory;

/* Logs that many different lines in a round. Returns how many were written, and the last one. */
static size_t log_round(unsigned count, char last[static 256])
{
	FILE *file = fdopen(memfd_create("log", MFD_CLOEXEC), "r+");
	int standard = dup(STDERR_FILENO);
	size_t lines = 0;

	assert_non_null(file);
	dup2(fileno(file), STDERR_FILENO);
	v2m_log_begin(&memory);
	for (unsigned i = 0; i < count; i++)
		v2m_log_warning("line %u", i);
	v2m_log_end();
	dup2(standard, STDERR_FILENO);
	close(standard);
	rewind(file);
	while (fgets(last, 256, file))
		lines++;
	fclose(file);
	return lines;
}

static void a_round_that_repeats_is_logged_once(void **state)
{
	char last[256] = "";

	(void)state;
	memset(&memory, 0, sizeof(memory));
	assert_int_equal(log_round(20, last), 20);
	assert_int_equal(log_round(20, last), 0);
	assert_int_equal(log_round(21, last), 1);
	assert_non_null(strstr(last, "line 20"));
}

static void a_round_writes_a_limited_number_of_lines(void **state)
{
	char last[256] = "";

	(void)state;
	memset(&memory, 0, sizeof(memory));
	assert_int_equal(log_round(V2M_LOG_MEMORY + 44, last), V2M_LOG_MEMORY + 1);
	assert_non_null(strstr(last, "44 more lines"));
	assert_int_equal(log_round(V2M_LOG_MEMORY + 44, last), 0);
	assert_int_equal(log_round(V2M_LOG_MEMORY + 45, last), 1);
	assert_non_null(strstr(last, "45 more lines"));
}

/* A stand-in for the journal: its socket, and a file that stderr goes to. */
struct journal {
	struct sockaddr_un address;
	int socket;
	int stream;
	int standard;
};

static void open_journal(struct journal *journal)
{
	char variable[64];
	struct stat status;

	journal->address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(journal->address.sun_path, sizeof(journal->address.sun_path), "%s",
		 temporary_path("journal"));
	journal->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(journal->socket, (struct sockaddr *)&journal->address,
			      sizeof(journal->address)),
			 0);
	journal->stream = memfd_create("stream", MFD_CLOEXEC);
	assert_int_equal(fstat(journal->stream, &status), 0);
	snprintf(variable, sizeof(variable), "%llu:%llu", (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino);
	setenv("JOURNAL_STREAM", variable, 1);
	journal->standard = dup(STDERR_FILENO);
	dup2(journal->stream, STDERR_FILENO);
	v2m_log_open(journal->address.sun_path);
}

static void close_journal(struct journal *journal)
{
	dup2(journal->standard, STDERR_FILENO);
	close(journal->standard);
	close(journal->stream);
	close(journal->socket);
	unlink(journal->address.sun_path);
	unsetenv("JOURNAL_STREAM");
	v2m_log_open(NULL);
}

/* What arrived at the socket, "" if nothing did. */
static const char *received(const struct journal *journal)
{
	static char entry[8192];
	ssize_t length = recv(journal->socket, entry, sizeof(entry) - 1, 0);

	entry[length > 0 ? length : 0] = 0;
	return entry;
}

/* What was written to stderr. */
static const char *streamed(const struct journal *journal)
{
	static char text[8192];
	ssize_t length = pread(journal->stream, text, sizeof(text) - 1, 0);

	text[length > 0 ? length : 0] = 0;
	return text;
}

static size_t count_lines(int file)
{
	size_t lines = 0;
	char character;

	for (off_t at = 0; pread(file, &character, 1, at) == 1; at++)
		lines += character == '\n';
	return lines;
}

static void the_journal_gets_level_place_and_subject(void **state)
{
	struct journal journal;
	char expected[256];

	(void)state;
	open_journal(&journal);
	v2m_log_key(V2M_LOG_WARNING, "i\nPRIORITY=0", "key %s", "a\nb=\x1b[0m");
	snprintf(expected, sizeof(expected),
		 "PRIORITY=4\nSYSLOG_IDENTIFIER=unit_base_log\nMESSAGE=key a b= [0m\n"
		 "CODE_FILE=log.c\nCODE_LINE=%d\nCODE_FUNC=%s\nV2METER_KEY=i PRIORITY=0\n",
		 __LINE__ - 4, __func__);
	assert_string_equal(received(&journal), expected);
	v2m_log_reason(V2M_LOG_INFO, "queue_drops", "x");
	assert_non_null(strstr(received(&journal), "\nV2METER_REASON=queue_drops\n"));
	v2m_log(V2M_LOG_ERROR, "no place");
	assert_string_equal(received(&journal),
			    "PRIORITY=3\nSYSLOG_IDENTIFIER=unit_base_log\nMESSAGE=no place\n");
	v2m_log_debug("not at this level");
	assert_string_equal(received(&journal), "");
	assert_string_equal(streamed(&journal), "");
	close_journal(&journal);
}

static void a_journal_that_takes_nothing_leaves_the_lines_to_stderr(void **state)
{
	struct journal journal;
	size_t lines = 0;

	(void)state;
	open_journal(&journal);
	/* Nobody reads: the socket is full after some lines, and none waits or is lost. */
	for (unsigned i = 0; i < 3000; i++)
		v2m_log_error("line %u", i);
	while (*received(&journal))
		lines++;
	assert_in_range(lines, 1, 2999);
	assert_int_equal(lines + count_lines(journal.stream), 3000);
	assert_non_null(strstr(streamed(&journal), "<3>line "));
	close(journal.socket);
	unlink(journal.address.sun_path);
	v2m_log_open(journal.address.sun_path);
	v2m_log_error("last");
	assert_int_equal(lseek(journal.stream, -9, SEEK_END) > 0, 1);
	assert_int_equal(read(journal.stream, (char[16]){ 0 }, 16), 9);
	close_journal(&journal);
}

static void a_stderr_that_is_not_the_journal_gets_plain_text(void **state)
{
	struct journal journal;

	(void)state;
	open_journal(&journal);
	setenv("JOURNAL_STREAM", "1:1", 1);
	v2m_log_open(journal.address.sun_path);
	v2m_log_error("plain");
	assert_string_equal(received(&journal), "");
	assert_non_null(strstr(streamed(&journal), " error   plain\n"));
	close_journal(&journal);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_journal_gets_level_place_and_subject),
		cmocka_unit_test(a_journal_that_takes_nothing_leaves_the_lines_to_stderr),
		cmocka_unit_test(a_stderr_that_is_not_the_journal_gets_plain_text),
		cmocka_unit_test(a_round_that_repeats_is_logged_once),
		cmocka_unit_test(a_round_writes_a_limited_number_of_lines),
	};

	return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
