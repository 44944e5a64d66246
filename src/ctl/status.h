/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* v2meterctl status: everything at a glance, from several answers of the server. */
#ifndef V2METER_CTL_STATUS_H
#define V2METER_CTL_STATUS_H

#include "ctl/ctl.h"

/* Only the traffic is essential. The rest is left out if an older server does not serve it. */
enum v2m_outcome v2m_ctl_status(const struct v2m_ctl *ctl, const char *unused);

#endif
