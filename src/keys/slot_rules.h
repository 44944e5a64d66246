/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Makes the rules by which packets and connections are counted for the slots of a key set. */
#ifndef V2METER_KEYS_SLOT_RULES_H
#define V2METER_KEYS_SLOT_RULES_H

#include <stddef.h>

#include "base/port_rule.h"
#include "keys/keys.h"

/* A rule for each slot that is not refused. Narrow ranges come first, because the first rule counts
 * a port. The caller frees the array. NULL: out of memory. */
struct v2m_port_rule *v2m_slot_rules_make(const struct v2m_keyset *keyset, size_t *count);

#endif
