/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_CORE_GZIP_H
#define V2METER_CORE_GZIP_H

#include "core/window.h"

/* Compresses a body; the same bytes in give the same bytes out. 0 with *packed filled (data
 * malloc'd), or -ENOMEM. */
int v2m_gzip(const struct v2m_body *plain, struct v2m_body *packed);

#endif
