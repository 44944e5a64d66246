/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* GET /api/meter/keys: what alerts about keys need. */
#ifndef V2METER_API_TERMS_H
#define V2METER_API_TERMS_H

#include "accounting/snapshot.h"
#include "api/body.h"
#include "base/api_bytes.h"

/* Every key with its ports, the bytes since its last reset, its limit and its expiry. The argument
 * is not used. 0 or -errno. */
int v2m_api_terms(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		  const void *argument, struct v2m_body *body);

#endif
