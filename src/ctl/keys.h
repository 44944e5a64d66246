/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* v2meterctl keys: the list of keys. */
#ifndef V2METER_CTL_KEYS_H
#define V2METER_CTL_KEYS_H

#include "ctl/ctl.h"

enum v2m_outcome v2m_ctl_keys(const struct v2m_ctl *ctl, const char *unused);

#endif
