/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* v2meterctl doctor. */
#ifndef V2METER_CTL_DOCTOR_DOCTOR_H
#define V2METER_CTL_DOCTOR_DOCTOR_H

#include "ctl/ctl.h"

/* Runs all checks on this machine and prints a line for each finding. config: the daemon's
 * configuration; NULL: that of the running daemon. V2M_DONE if all is well, V2M_WARNED, or
 * V2M_REFUSED if a check failed. */
enum v2m_outcome v2m_ctl_doctor(const struct v2m_ctl *ctl, const char *config);

#endif
