/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_DATAPATH_REMOVE_H
#define V2METER_DATAPATH_REMOVE_H

#include "base/error.h"

/* Takes away everything in the kernel that is ours under pin_dir: filters, links, pins, the
 * directory, a clsact qdisc only if we made it and it is empty (never otherwise). 0 or -errno. */
int v2m_datapath_remove(const char *pin_dir, struct v2m_error *error);

#endif
