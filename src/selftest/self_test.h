/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* v2meterd --self-test: shows on this kernel that every byte is counted. */
#ifndef V2METER_SELFTEST_SELF_TEST_H
#define V2METER_SELFTEST_SELF_TEST_H

#include <stdbool.h>

#include "base/error.h"

/*
 * Sends TCP and UDP over IPv4 and IPv6 through a veth pair in namespaces of its own, counts them by
 * our programs on one end and by a capture on the other end, and prints both to standard output, a
 * line for each kind. A running daemon, its pins and the devices of the host are not touched.
 * Afterwards the process can only end. force_clsact: attach as the setting "attach" says.
 *
 * 0 if both agree; -EBADMSG if they do not; or -errno if the test cannot be made.
 */
int v2m_self_test(bool force_clsact, struct v2m_error *error);

#endif
