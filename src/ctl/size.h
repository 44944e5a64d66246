/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Numbers of bytes for a person. */
#ifndef V2METER_CTL_SIZE_H
#define V2METER_CTL_SIZE_H

#include <stdint.h>

#include "base/format.h"
#include "ctl/ctl.h"

#define V2M_CTL_SIZE_LEN (V2M_FORMAT_BYTES_LEN + 8)

/* Writes a number of bytes, exact or as "1.50 GB", as ctl->bytes says. Returns text. */
const char *v2m_ctl_size(const struct v2m_ctl *ctl, uint64_t bytes,
			 char text[static V2M_CTL_SIZE_LEN]);
/* The same for bytes per second. Returns text, or "-" for a rate below 0. */
const char *v2m_ctl_rate(const struct v2m_ctl *ctl, double rate,
			 char text[static V2M_CTL_SIZE_LEN]);

#endif
