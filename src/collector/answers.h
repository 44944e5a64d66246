/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The answers that need several parts of the collector. All run on the collector's thread, right
 * after a sample. The parameters and verdicts are those of struct v2m_meter (api/meter.h).
 */
#ifndef V2METER_COLLECTOR_ANSWERS_H
#define V2METER_COLLECTOR_ANSWERS_H

#include "api/meter.h"
#include "collector/parts.h"

/* answer_history.c */
enum v2m_verdict v2m_answer_history(struct v2m_parts *parts, const struct v2m_history_query *query,
				    struct v2m_history *history);
enum v2m_verdict v2m_answer_history_date(struct v2m_parts *parts, int32_t date,
					 struct v2m_history_date *history);
enum v2m_verdict v2m_answer_hours(struct v2m_parts *parts, const struct v2m_history_query *query,
				  struct v2m_history_hour **hours, size_t *n_hours);
enum v2m_verdict v2m_answer_rates(struct v2m_parts *parts, const char *id_or_uuid,
				  struct v2m_key_rates *rates);
enum v2m_verdict v2m_answer_history_reset(struct v2m_parts *parts, const char *id_or_uuid,
					  int64_t *real_us);
enum v2m_verdict v2m_answer_history_cleanup(struct v2m_parts *parts, unsigned days_to_keep,
					    int64_t *real_us);

/* answer_status.c */
enum v2m_verdict v2m_answer_status(struct v2m_parts *parts, struct v2m_status **status);

/* answer_transfer.c */
enum v2m_verdict v2m_answer_export(struct v2m_parts *parts, char **text, size_t *length);
enum v2m_verdict v2m_answer_import(struct v2m_parts *parts, const char *text, size_t length,
				   struct v2m_import_result *result, struct v2m_error *error);

#endif
