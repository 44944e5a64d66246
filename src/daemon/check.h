/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* v2meterd --check: what the daemon would do with this configuration on this machine. */
#ifndef V2METER_DAEMON_CHECK_H
#define V2METER_DAEMON_CHECK_H

#include "config/config.h"

/* Prints the effective configuration, the key sources with what is wrong with them, the keys and
 * the devices with the reason why each is counted on or not, to standard output. Changes nothing
 * and needs no privilege beyond reading. 0, or -errno where a source is broken, with the sentence
 * in *error; what can be printed is printed all the same. */
int v2m_check(const struct v2m_config *config, struct v2m_error *error);

#endif
