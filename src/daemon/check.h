/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* v2meterd --check: shows what the daemon would do with this configuration on this machine. */
#ifndef V2METER_DAEMON_CHECK_H
#define V2METER_DAEMON_CHECK_H

#include <stdbool.h>

#include "config/config.h"

/* Prints to standard output: the effective configuration, the key sources and their errors, the
 * keys, and each device with the reason why it is counted on or left out. Changes nothing, and
 * needs no privilege except reading. *incomplete: users of some key source are not counted. 0, or
 * -errno with the first error in *error, such as that of a broken key source; everything that can
 * be printed is printed all the same. */
int v2m_check(const struct v2m_config *config, bool *incomplete, struct v2m_error *error);

#endif
