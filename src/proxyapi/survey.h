/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Follows the inbounds and users of a running proxy: asks its API now and then, and says whether
 * something has changed. What it found last stays until it finds something else.
 *
 * A proxy that was restarted lacks the users that a panel has added through the API, until the
 * panel adds them again. So after a new connection, inbounds and users that are gone stay for a
 * grace time, while new ones count at once.
 *
 * A proxy with very many users works long on a list of all of them. If the list is long, it is
 * asked how many users each inbound has, and for all of them only if that has changed, or after
 * some time: a user in place of another one within one interval is seen only then.
 */
#ifndef V2METER_PROXYAPI_SURVEY_H
#define V2METER_PROXYAPI_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "keys/online_users.h"
#include "proxyapi/stats.h"

struct v2m_survey;

/* How long users stay that are gone after a restart of the proxy. */
#define V2M_SURVEY_GRACE_NS (60 * UINT64_C(1000000000))

/* All users are asked for each time if their list is no longer than these bytes, which hold twice
 * the keys that a source may have. Xray works 13 to 18 ms on a megabyte. If it is asked every four
 * seconds, that is some 2.5 % of a core at most, and 0.2 % for 5,000 users who come once. */
#define V2M_SURVEY_QUICK_BYTES UINT64_C(6250000)

/* How long a longer list is good for each of its bytes while the number of users stays the same:
 * the same share of a core. */
#define V2M_SURVEY_AGE_NS_PER_BYTE UINT64_C(640)

/* source names the API in errors and is copied. 0 or -ENOMEM. */
int v2m_survey_new(const char *source, const struct v2m_grpc_connector *connector,
		   struct v2m_survey **survey);
/* NULL: does nothing. */
void v2m_survey_free(struct v2m_survey *survey);

/* Asks the proxy, until the deadline at the latest (CLOCK_MONOTONIC in nanoseconds). 1: something
 * has changed; 0: nothing has; or -errno with *error, as of v2m_grpc_call(), or -EPROTONOSUPPORT:
 * the server has TLS. What was found before stays then. */
int v2m_survey_ask(struct v2m_survey *survey, uint64_t deadline_ns, struct v2m_error *error);

/* Asks the proxy for what it has counted for its users, as v2m_proxy_stats_ask(). */
int v2m_survey_ask_stats(struct v2m_survey *survey, uint64_t deadline_ns,
			 struct v2m_proxy_stats *stats, struct v2m_error *error);

/* Asks the proxy where its users are, as v2m_online_users_ask(). */
int v2m_survey_ask_online(struct v2m_survey *survey, uint64_t deadline_ns,
			  struct v2m_online_users *users, struct v2m_error *error);

/* The inbounds and users that were found last, as a V2Ray configuration. NULL: nothing yet. Good
 * until the next question. */
const char *v2m_survey_text(const struct v2m_survey *survey, size_t *length);

/* For tests: replace the grace time, the length of a list that is asked for each time, and how long
 * a longer one is good. */
void v2m_survey_set_grace(struct v2m_survey *survey, uint64_t grace_ns);
void v2m_survey_set_quick(struct v2m_survey *survey, uint64_t quick_bytes);
void v2m_survey_set_age(struct v2m_survey *survey, uint64_t age_ns_per_byte);

#endif
