// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Damages the ledger's file and its log as the input says, then starts from them. The ledger is
 * opened, or refused with a reason. If it is opened, it counts on, and gives back after the next
 * start exactly what it had.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "ledger/history.h"
#include "ledger_make.h"

/* The files as a process left them that was killed: the database, and its log with later stores. */
static struct {
	char *file;
	size_t file_length;
	char *log;
	size_t log_length;
	struct v2m_keyset *keyset;
} real;

static void release_real(void)
{
	free(real.file);
	free(real.log);
	v2m_keyset_unref(real.keyset);
}

static void read_scratch(const char *name, char **text, size_t *length)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", scratch(), name);
	FUZZ_CHECK(v2m_read_file(path, 16u << 20, text, length) == 0);
}

static void make_real(void)
{
	struct v2m_account *account;
	struct v2m_reset_undo undo;
	struct v2m_totals closed;
	struct v2m_error error;
	struct v2m_ledger *ledger = ledger_open(&account, &error);

	FUZZ_CHECK(ledger);
	real.keyset = ledger_keyset();
	for (uint64_t i = 1; i < 5; i++) {
		ledger_count(account, real.keyset, i * 40000);
		FUZZ_CHECK(v2m_ledger_store(ledger, account, &error) == 0);
	}
	FUZZ_CHECK(v2m_account_reset(account, "key-2", LEDGER_START_US, &closed, &undo) == 0);
	v2m_reset_undo_clear(&undo);
	v2m_ledger_close(ledger);
	v2m_account_free(account);
	read_scratch("ledger.db", &real.file, &real.file_length);

	ledger = ledger_open(&account, &error);
	FUZZ_CHECK(ledger);
	ledger_count(account, real.keyset, 200000);
	FUZZ_CHECK(v2m_ledger_store(ledger, account, &error) == 0);
	read_scratch("ledger.db-wal", &real.log, &real.log_length);
	v2m_ledger_close(ledger);
	v2m_account_free(account);
	atexit(release_real);
}

/* Each edit of the input is a place of three bytes, a number of bytes, and these bytes. */
static void edit(char *file, size_t length, const uint8_t *data, size_t size)
{
	while (size > 4) {
		size_t at = (data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16) % length;
		size_t n = data[3] % 16 + 1u;

		data += 4;
		size -= 4;
		if (n > size)
			n = size;
		if (n > length - at)
			n = length - at;
		memcpy(file + at, data, n);
		data += n;
		size -= n;
	}
}

static void write_edited(const char *name, const char *original, size_t length, const uint8_t *data,
			 size_t size, bool cut)
{
	char *copy = malloc(length);

	FUZZ_CHECK(copy);
	memcpy(copy, original, length);
	if (cut && size >= 3)
		length = (data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16) % (length + 1);
	else
		edit(copy, length, data, size);
	scratch_file(name, copy, length);
	free(copy);
}

/* The first byte says what is damaged, and whether there is a log. */
static void write_damaged(const uint8_t *data, size_t size)
{
	uint8_t how = size ? data[0] : 0;

	data += size > 0;
	size -= size > 0;
	if (how & 1)
		scratch_file("ledger.db-wal", real.log, real.log_length);
	switch (how >> 1 & 3) {
	case 0:
		scratch_file("ledger.db", data, size);
		break;
	case 1:
		write_edited("ledger.db", real.file, real.file_length, data, size, false);
		break;
	case 2:
		write_edited("ledger.db", real.file, real.file_length, data, size, true);
		break;
	default:
		scratch_file("ledger.db", real.file, real.file_length);
		write_edited("ledger.db-wal", real.log, real.log_length, data, size, how & 8);
	}
}

struct sums {
	struct v2m_totals lifetime;
	struct v2m_totals since_reset;
	size_t count;
};

static int add_subject(const struct v2m_subject *subject, void *context)
{
	struct sums *sums = context;
	struct v2m_totals since = v2m_subject_since_reset(subject);

	FUZZ_CHECK(subject->id && *subject->id);
	FUZZ_CHECK(!v2m_totals_are_below(&subject->lifetime, &subject->baseline));
	sums->lifetime = v2m_totals_add(sums->lifetime, subject->lifetime);
	sums->since_reset = v2m_totals_add(sums->since_reset, since);
	sums->count++;
	return 0;
}

static struct sums sum_up(const struct v2m_account *account)
{
	struct sums sums = { 0 };

	v2m_account_each_subject(account, add_subject, &sums);
	return sums;
}

/* Counts on and stores. True if the store succeeded. */
static bool count_on(struct v2m_ledger *ledger, struct v2m_account *account, struct sums *sums)
{
	struct v2m_error error = { 0 };
	int result;

	ledger_count(account, real.keyset, 300000);
	result = v2m_ledger_store(ledger, account, &error);
	FUZZ_CHECK(result == 0 || *error.text);
	FUZZ_CHECK(result || !v2m_account_is_dirty(account));
	*sums = sum_up(account);
	return result == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct v2m_account *account;
	struct v2m_ledger *ledger;
	struct v2m_error error = { 0 };
	struct sums before;
	struct sums after;
	bool stored;

	/* Every input is a damage that the log would tell about. */
	v2m_log_set_level(V2M_LOG_ERROR);
	if (!real.file)
		make_real();
	scratch_empty();
	write_damaged(data, size);
	ledger = ledger_open(&account, &error);
	if (!ledger)
		return 0;
	stored = count_on(ledger, account, &before);
	v2m_ledger_close(ledger);
	v2m_account_free(account);
	if (!stored)
		return 0;
	ledger = ledger_open(&account, &error);
	if (!ledger) {
		fprintf(stderr, "%s\n", error.text);
		FUZZ_CHECK(!"what was stored can be opened");
	}
	after = sum_up(account);
	FUZZ_CHECK(memcmp(&before, &after, sizeof(before)) == 0);
	v2m_ledger_close(ledger);
	v2m_account_free(account);
	return 0;
}
