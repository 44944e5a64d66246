/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_DATAPATH_REMOVE_H
#define V2METER_DATAPATH_REMOVE_H

#include "base/error.h"

/* Removes everything of ours under pin_dir from the kernel: filters, links, pins and the directory.
 * Removes a clsact qdisc only if we made it and it is empty. 0 or -errno. */
int v2m_datapath_remove(const char *pin_dir, struct v2m_error *error);

#endif
