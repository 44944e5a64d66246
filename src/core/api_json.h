/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Renders the answers of docs/openapi.yaml from a snapshot: one function per answer shape. All of
 * them are v2m_render functions, so that a window renders each once; the argument of those about
 * one key is its struct v2m_key, as found in the snapshot's key set.
 */
#ifndef V2METER_CORE_API_JSON_H
#define V2METER_CORE_API_JSON_H

#include "core/meter.h"

int v2m_api_simple(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		   const void *argument, struct v2m_body *body);
int v2m_api_key_simple(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		       const void *argument, struct v2m_body *body);
int v2m_api_keys(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit, const void *argument,
		 struct v2m_body *body);
int v2m_api_key(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit, const void *argument,
		struct v2m_body *body);

/* Ours alone: whom the key's port has sent datagrams to in the last minute. */
int v2m_api_key_peers(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		      const void *argument, struct v2m_body *body);

/* What consumers fall back to where the simple answers fail them. */
int v2m_api_ports_exact(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			const void *argument, struct v2m_body *body);
int v2m_api_key_port_exact(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			   const void *argument, struct v2m_body *body);
int v2m_api_exact(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		  const void *argument, struct v2m_body *body);
int v2m_api_key_exact(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		      const void *argument, struct v2m_body *body);
int v2m_api_key_traffic(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			const void *argument, struct v2m_body *body);
int v2m_api_status(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		   const void *argument, struct v2m_body *body);
int v2m_api_system_summary(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			   const void *argument, struct v2m_body *body);

/* History. Their argument is a struct v2m_history_argument; what they need is asked of the meter
 * while they render. Where it has no answer they return -EAGAIN, with the reason in *verdict. */
struct v2m_history_argument {
	const struct v2m_meter *meter;
	struct v2m_history_query query;
	int32_t date; /* v2m_api_history_date alone */
	enum v2m_verdict *verdict;
};
int v2m_api_history(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		    const void *argument, struct v2m_body *body);
int v2m_api_key_history(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			const void *argument, struct v2m_body *body);
int v2m_api_history_date(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			 const void *argument, struct v2m_body *body);
int v2m_api_month(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		  const void *argument, struct v2m_body *body);
int v2m_api_key_month(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		      const void *argument, struct v2m_body *body);
/* The hours between two dates: ours. As above. */
int v2m_api_key_hours(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		      const void *argument, struct v2m_body *body);
/* Rates in whole bytes per second: ours. 0 or -ENOMEM. */
int v2m_api_key_rates(const struct v2m_key *key, const struct v2m_rate_history *rates,
		      struct v2m_body *body);
/* asked: how the request named the key. 0 or -ENOMEM. */
int v2m_api_history_reset(const char *asked, int64_t real_us, struct v2m_body *body);
int v2m_api_history_cleanup(unsigned days_kept, int64_t real_us, struct v2m_body *body);

/* What an import came to. 0 or -ENOMEM. */
int v2m_api_import(const struct v2m_import_result *counts, int64_t real_us, struct v2m_body *body);

/* Sentences and words that more than one place answers with. */
#define V2M_CODE_SHARED_PORT   "shared_port"
#define V2M_DETAIL_SHARED_PORT "Other keys share this key's port; its bytes cannot be attributed."
#define V2M_CODE_UDP           "udp_not_counted"
#define V2M_DETAIL_UDP         "Without the kernel programs UDP is not counted, and the key has no other."
#define V2M_DETAIL_UDP_PEERS   "Without the kernel programs UDP peers are not seen."
#define V2M_CODE_UNREADABLE    "unreadable"
#define V2M_DETAIL_UNREADABLE  "The traffic counters cannot be read."

/* Answers that need no snapshot. All: 0 or -ENOMEM. */
int v2m_api_root(struct v2m_body *body);
/* healthy: the word for it, which the two health paths differ in. */
int v2m_api_health(const struct v2m_health *health, const char *healthy, struct v2m_body *body);
/* The three forms of a reset's answer: of traffic/simple/reset, traffic/reset and
 * traffic/port/reset. asked: how the request named the key. done false: the key has no port. */
typedef int (*v2m_render_reset)(const struct v2m_reset *reset, enum v2m_api_bytes unit,
				const char *asked, bool done, struct v2m_body *body);
int v2m_api_reset(const struct v2m_reset *reset, enum v2m_api_bytes unit, const char *asked,
		  bool done, struct v2m_body *body);
int v2m_api_key_reset(const struct v2m_reset *reset, enum v2m_api_bytes unit, const char *asked,
		      bool done, struct v2m_body *body);
int v2m_api_port_reset(const struct v2m_reset *reset, enum v2m_api_bytes unit, const char *asked,
		       bool done, struct v2m_body *body);

/* {"detail": ..., "code": ...} with that status. 0 or -ENOMEM. */
int v2m_api_error(int status, const char *code, const char *detail, struct v2m_body *body);

#endif
