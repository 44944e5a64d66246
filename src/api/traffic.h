/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Renders the answers about traffic and keys from a snapshot: one function for each answer shape of
 * docs/openapi.yaml. All of them are v2m_render functions, so that a window renders each once. If
 * an answer is about one key, the argument is its struct v2m_key, as found in the snapshot's key
 * set.
 */
#ifndef V2METER_API_TRAFFIC_H
#define V2METER_API_TRAFFIC_H

#include "api/meter.h"
#include "api/window.h"

int v2m_api_simple(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		   const void *argument, struct v2m_body *body);
int v2m_api_key_simple(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		       const void *argument, struct v2m_body *body);
int v2m_api_keys(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit, const void *argument,
		 struct v2m_body *body);
int v2m_api_key(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit, const void *argument,
		struct v2m_body *body);

/* The peers that the ports of the key sent datagrams to in the last minute. */
int v2m_api_key_peers(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		      const void *argument, struct v2m_body *body);

/* Answers that need no snapshot. All: 0 or -ENOMEM. */
int v2m_api_root(struct v2m_body *body);
/* healthy: the word for a healthy meter, which differs between the two health paths. */
int v2m_api_health(const struct v2m_health *health, const char *healthy, struct v2m_body *body);
/* The three forms of a reset's answer, for traffic/simple/reset, traffic/reset and
 * traffic/port/reset. asked: how the request named the key. done false: the key has no port. */
typedef int (*v2m_render_reset)(const struct v2m_reset *reset, enum v2m_api_bytes unit,
				const char *asked, bool done, struct v2m_body *body);
int v2m_api_reset(const struct v2m_reset *reset, enum v2m_api_bytes unit, const char *asked,
		  bool done, struct v2m_body *body);
int v2m_api_key_reset(const struct v2m_reset *reset, enum v2m_api_bytes unit, const char *asked,
		      bool done, struct v2m_body *body);
int v2m_api_port_reset(const struct v2m_reset *reset, enum v2m_api_bytes unit, const char *asked,
		       bool done, struct v2m_body *body);

#endif
