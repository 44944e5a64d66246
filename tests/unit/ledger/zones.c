// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The hours and the days of a key agree on every day of the time zone database. Every zone counts
 * around all its changes of offset from 1970 to 2037, and at one midnight of each year.
 * V2M_EVERY_DAY=1: at every midnight of these years (minutes).
 */
#include "unit/ledger/ledger_fixture.h"

#include <ftw.h>

#define ZONES      "/usr/share/zoneinfo"
#define MAX_ZONES  1024
#define FIRST_S    0ll
#define LAST_S     2145916800ll /* 2038-01-01 */
#define DAY_S      86400ll
#define STORE_DAYS 20 /* before a moment can push another one out of what is pending */

static struct {
	char name[128];
	uint64_t content;
} zones[MAX_ZONES];
static size_t n_zones;

/* Many names stand for the same zone. The folders posix and right hold all zones again; in right
 * they count leap seconds, as Unix time does not. */
static int note_zone(const char *path, const struct stat *status, int type, struct FTW *place)
{
	const char *name = path + strlen(ZONES "/");
	V2M_FREE char *text = NULL;
	uint64_t content = 14695981039346656037u;
	FILE *file;

	(void)place;
	if (type != FTW_F || strncmp(name, "right/", 6) == 0 || strncmp(name, "posix/", 6) == 0)
		return 0;
	text = malloc((size_t)status->st_size + 4);
	file = fopen(path, "re");
	assert_non_null(text);
	assert_non_null(file);
	assert_int_equal(fread(text, 1, (size_t)status->st_size, file), status->st_size);
	fclose(file);
	if (status->st_size < 4 || memcmp(text, "TZif", 4) != 0)
		return 0;
	for (off_t i = 0; i < status->st_size; i++)
		content = (content ^ (unsigned char)text[i]) * 1099511628211u;
	for (size_t i = 0; i < n_zones; i++)
		if (zones[i].content == content)
			return 0;
	assert_true(n_zones < MAX_ZONES);
	zones[n_zones].content = content;
	snprintf(zones[n_zones++].name, sizeof(zones[0].name), "%s", name);
	return 0;
}

static int32_t offset_at(int64_t at_s)
{
	return v2m_local_time_at(at_s * SECOND_US).utc_offset_s;
}

/* The first second of another offset, in (from_s, to_s]. */
static int64_t find_change(int64_t from_s, int64_t to_s)
{
	int32_t before = offset_at(from_s);

	while (to_s - from_s > 1) {
		int64_t middle = from_s + (to_s - from_s) / 2;

		if (offset_at(middle) == before)
			from_s = middle;
		else
			to_s = middle;
	}
	return to_s;
}

struct counting {
	struct state *state;
	const char *zone;
	uint64_t bytes;
	int32_t last_date;
	unsigned dates; /* since the last store */
	size_t checked;
};

/* One byte more. Stored before too many days wait. */
static void count_at(struct counting *counting, int64_t at_s)
{
	struct state *state = counting->state;
	const struct v2m_local_time when = v2m_local_time_at(at_s * SECOND_US);
	int64_t wall_s = when.hour_start_s + when.utc_offset_s;

	if (wall_s % 3600 != 0 || wall_s < v2m_date_wall_s(when.date) ||
	    wall_s >= v2m_date_wall_s(v2m_date_add(when.date, 1)))
		fail_msg("%s: %lld is not in its hour or not in its day", counting->zone,
			 (long long)at_s);
	if (when.date != counting->last_date && ++counting->dates > STORE_DAYS) {
		store(state);
		counting->dates = 1;
	}
	counting->last_date = when.date;
	sample_at(&state->one, 1001, ++counting->bytes, ++state->mono_s);
	state->one.sample.real_us = at_s * SECOND_US;
	assert_int_equal(v2m_account_apply(state->account, state->keyset, &state->one.sample), 0);
}

static void count_around_change(struct counting *counting, int64_t at_s)
{
	for (int64_t half_hours = -3; half_hours <= 3; half_hours++) {
		count_at(counting, at_s + half_hours * 1800 - 1);
		count_at(counting, at_s + half_hours * 1800);
	}
}

static uint64_t hours_from_to(struct counting *counting, int32_t from, int32_t to)
{
	struct state *state = counting->state;
	struct v2m_history_hour *hours = NULL;
	struct v2m_error error = { 0 };
	uint64_t bytes = 0;
	size_t n = 0;

	if (v2m_ledger_history_hours(state->ledger, state->account, "aaaa", from, to, &hours, &n,
				     &error))
		fail_msg("%s", error.text);
	for (size_t i = 0; i < n; i++)
		bytes += hours[i].figures.totals.rx.wire_bytes;
	free(hours);
	return bytes;
}

static void assert_days_are_their_hours(struct counting *counting)
{
	struct state *state = counting->state;
	struct v2m_history history = { 0 };
	struct v2m_error error = { 0 };
	uint64_t bytes = 0;

	if (v2m_ledger_history_key(state->ledger, state->account, state->keyset,
				   &state->keyset->keys[0], &history, &error))
		fail_msg("%s", error.text);
	for (size_t i = 0; i < history.keys->n_days; i++) {
		int32_t date = history.keys->days[i].date;
		uint64_t day = history.keys->days[i].figures.totals.rx.wire_bytes;
		uint64_t hours = hours_from_to(counting, date, date);

		if (hours != day)
			fail_msg("%s, %d: %llu bytes in the hours, %llu in the day", counting->zone,
				 date, (unsigned long long)hours, (unsigned long long)day);
		bytes += day;
	}
	counting->checked += history.keys->n_days;
	assert_int_equal(hours_from_to(counting, 19690101, 20391231), bytes);
	assert_int_equal(bytes, history.keys->all.totals.rx.wire_bytes);
	v2m_history_clear(&history);
}

static void check_zone(struct counting *counting, bool every_day)
{
	struct state *state = counting->state;
	struct v2m_error error = { 0 };

	zone(counting->zone);
	counting->last_date = 0;
	for (int64_t day = 0; FIRST_S + day * DAY_S < LAST_S; day++) {
		int64_t at_s = FIRST_S + day * DAY_S;
		/* Midnight on the wall, by the offset of noon in UTC. */
		int64_t midnight_s = at_s - offset_at(at_s + DAY_S / 2);

		if (offset_at(at_s) != offset_at(at_s + DAY_S)) {
			count_around_change(counting, find_change(at_s, at_s + DAY_S));
		} else if (every_day || day % 365 == 0) {
			count_at(counting, midnight_s - 1);
			count_at(counting, midnight_s);
		}
	}
	assert_days_are_their_hours(counting);
	store(state);
	assert_days_are_their_hours(counting);
	if (v2m_ledger_history_reset(state->ledger, state->account, "aaaa", &error))
		fail_msg("%s", error.text);
	counting->dates = 0;
}

static void hours_and_days_agree_in_every_zone(void **context)
{
	struct counting counting = { .state = *context };
	bool every_day = getenv("V2M_EVERY_DAY") != NULL;

	assert_int_equal(nftw(ZONES, note_zone, 16, FTW_PHYS), 0);
	/* tzdata is installed wherever the daemon is built. */
	assert_true(n_zones > 200);
	for (size_t i = 0; i < n_zones; i++) {
		counting.zone = zones[i].name;
		check_zone(&counting, every_day);
	}
	print_message("%zu zones, %zu days compared\n", n_zones, counting.checked);
}

/* The clock goes from 01:00 back to 00:00, and the day has begun before that. */
static void assert_first_midnight_counts(struct state *state, const char *name, const char *before,
					 const char *after, int32_t date)
{
	struct counting counting = { .state = state, .zone = name };

	zone(name);
	count(state, 1, before);
	count(state, 3, after);
	assert_int_equal(v2m_local_time_at(unix_us(before)).date, date);
	assert_int_equal(v2m_local_time_at(unix_us(after)).date, date);
	for (int stored = 0; stored < 2; stored++) {
		assert_int_equal(stored_day(state, date), 6);
		assert_int_equal(hours_from_to(&counting, date, date), 6);
		assert_int_equal(
			hours_from_to(&counting, v2m_date_add(date, -2), v2m_date_add(date, -1)),
			0);
		store(state);
	}
}

static void a_day_begins_at_the_earlier_midnight_in_the_azores(void **context)
{
	assert_first_midnight_counts(*context, "Atlantic/Azores", "2026-10-25T00:10:00",
				     "2026-10-25T01:10:00", 20261025);
}

static void a_day_begins_at_the_earlier_midnight_in_havana(void **context)
{
	assert_first_midnight_counts(*context, "America/Havana", "2026-11-01T04:10:00",
				     "2026-11-01T05:10:00", 20261101);
}

/* From 00:01 back to 23:01 of the day before: both parts of that hour of UTC have the same start.
 */
static void a_day_that_comes_back_has_its_hours(void **context)
{
	struct state *state = *context;
	struct counting counting = { .state = state, .zone = "America/St_Johns" };

	zone(counting.zone);
	count(state, 1, "2006-10-29T02:30:30");
	count(state, 3, "2006-10-29T02:31:30");
	dump(state, 1, 4, "2006-10-29T02:30:30");
	dump(state, 1, 4, "2006-10-29T02:31:30");
	store(state);
	assert_int_equal(stored_day(state, 20061029), 2);
	assert_int_equal(hours_from_to(&counting, 20061029, 20061029), 2);
	assert_int_equal(stored_day(state, 20061028), 4);
	assert_int_equal(hours_from_to(&counting, 20061028, 20061028), 4);
	assert_int_equal(query(state, "SELECT count(*) FROM days WHERE max_connections = 4"), 2);
}

/* The hours keep the offset that they were counted with, and so their day. */
static void an_hour_stays_in_its_day_when_the_zone_changes(void **context)
{
	struct state *state = *context;
	struct counting counting = { .state = state, .zone = "Asia/Tokyo" };
	struct v2m_error error;

	zone("America/Los_Angeles");
	count(state, 1, "2025-08-04T02:00:00");
	zone("Asia/Tokyo");
	count(state, 3, "2025-08-04T02:30:00");
	for (int stored = 0; stored < 2; stored++) {
		assert_int_equal(stored_day(state, 20250803), 2);
		assert_int_equal(hours_from_to(&counting, 20250803, 20250803), 2);
		assert_int_equal(stored_day(state, 20250804), 4);
		assert_int_equal(hours_from_to(&counting, 20250804, 20250804), 4);
		store(state);
	}
	assert_int_equal(v2m_ledger_history_cleanup(state->ledger, state->account, 0,
						    unix_us("2025-08-04T02:40:00"), &error),
			 0);
	assert_int_equal(query(state, "SELECT sum(rx_wire) FROM hours"), 4);
	assert_int_equal(query(state, "SELECT sum(rx_wire) FROM days"), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hours_and_days_agree_in_every_zone),
		TEST(a_day_begins_at_the_earlier_midnight_in_the_azores),
		TEST(a_day_begins_at_the_earlier_midnight_in_havana),
		TEST(a_day_that_comes_back_has_its_hours),
		TEST(an_hour_stays_in_its_day_when_the_zone_changes),
	};

	return cmocka_run_group_tests_name("zones", tests, NULL, NULL);
}
