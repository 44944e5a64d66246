/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* v2meterctl top: the busiest keys, live. */
#ifndef V2METER_CTL_TOP_TOP_H
#define V2METER_CTL_TOP_TOP_H

#include "ctl/ctl.h"

enum v2m_outcome v2m_ctl_top(const struct v2m_ctl *ctl, const char *unused);

#endif
