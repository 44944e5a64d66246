/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Renders the answers of CONTRACT from a snapshot: one function per answer shape. All of them are
 * v2m_render functions, so that a window renders each once; the argument of those about one key is
 * its struct v2m_key, as found in the snapshot's key set.
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

/* {"detail": ..., "code": ...} with that status. 0 or -ENOMEM. */
int v2m_api_error(int status, const char *code, const char *detail, struct v2m_body *body);

#endif
