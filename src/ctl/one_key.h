/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* v2meterctl show and reset: one key's traffic. */
#ifndef V2METER_CTL_ONE_KEY_H
#define V2METER_CTL_ONE_KEY_H

#include "ctl/ctl.h"

/* key: as for v2m_find_key(). */
enum v2m_outcome v2m_ctl_show(const struct v2m_ctl *ctl, const char *key);
enum v2m_outcome v2m_ctl_reset(const struct v2m_ctl *ctl, const char *key);

#endif
