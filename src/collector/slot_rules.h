/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the byte source and the connections have to count for a key set. */
#ifndef V2METER_COLLECTOR_SLOT_RULES_H
#define V2METER_COLLECTOR_SLOT_RULES_H

#include <stddef.h>

#include "base/port_rule.h"
#include "keys/keys.h"

/* A rule for each slot that is not refused, narrow ranges first, so that they win over wider ones
 * around them. The array is the caller's to free. NULL: out of memory. */
struct v2m_port_rule *v2m_slot_rules_make(const struct v2m_keyset *keyset, size_t *count);

#endif
