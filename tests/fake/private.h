/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_TESTS_FAKE_PRIVATE_H
#define V2METER_TESTS_FAKE_PRIVATE_H

#include <pthread.h>

#include "fake/fake_meter.h"

#define SPECIAL_KEYS 4

struct fake_meter {
	struct fake_options options;
	struct v2m_meter meter;
	pthread_mutex_t lock;
	struct v2m_keyset *keyset;
	struct v2m_connection_table *connections;
	struct v2m_window *window;
	uint64_t window_ends_ns;
	uint64_t generation;
	unsigned readings;
	unsigned *baselines; /* for each port: the number of readings at its last reset */
	bool *history_gone;  /* for each key */
	int days_kept;
	enum v2m_verdict window_verdict;
	enum v2m_verdict history_verdict;
	enum v2m_verdict reset_verdict;
	enum v2m_verdict transfer_verdict;
	size_t imported; /* bytes of the last imported document */
	struct v2m_health health;
};

/* Whether a change may be made. */
bool fake_allows(const struct fake_meter *fake, const char *api_key);

/* The sum of that many readings. */
struct v2m_totals fake_totals(unsigned readings);

/* fake_history.c */
enum v2m_verdict fake_history(void *context, const struct v2m_history_query *query,
			      struct v2m_history *history);
enum v2m_verdict fake_history_date(void *context, int32_t date, struct v2m_history_date *history);
enum v2m_verdict fake_hours(void *context, const struct v2m_history_query *query,
			    struct v2m_history_hour **hours, size_t *n_hours);
enum v2m_verdict fake_rates(void *context, const char *id_or_uuid, struct v2m_key_rates *rates);
enum v2m_verdict fake_history_reset(void *context, const char *api_key, const char *id_or_uuid,
				    int64_t *real_us);
enum v2m_verdict fake_history_cleanup(void *context, const char *api_key, unsigned days_to_keep,
				      int64_t *real_us);

/* The slot of a key. NULL: it has no port. */
const struct v2m_slot *fake_slot(const struct fake_meter *fake, const struct v2m_key *key);

/* fake_transfer.c */
enum v2m_verdict fake_export(void *context, char **text, size_t *length);
enum v2m_verdict fake_import(void *context, const char *api_key, const char *text, size_t length,
			     struct v2m_import_result *result, struct v2m_error *error);

#endif
