/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The process that follows the access logs of proxies: opens and parses them. Customers choose
 * parts of their lines. It can open files for reading, and nothing else. It runs as long as a log
 * is followed.
 */
#ifndef V2METER_FOLLOWING_FOLLOWING_H
#define V2METER_FOLLOWING_FOLLOWING_H

/* main() of the process. Its end of the channel is V2M_CHILD_CHANNEL. */
_Noreturn void v2m_following_run(void);

#endif
