/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_DATAPATH_GRACE_H
#define V2METER_DATAPATH_GRACE_H

/* Returns when every program that runs now has ended. 0 or -errno. */
int v2m_grace_period(void);

#endif
