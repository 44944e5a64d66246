/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The process that asks the APIs of running proxies. It takes no file and can make no connection:
 * the counting process hands it connected sockets. It runs as long as an API is followed.
 */
#ifndef V2METER_ASKING_ASKING_H
#define V2METER_ASKING_ASKING_H

/* main() of the process. Its end of the channel is V2M_CHILD_CHANNEL. */
_Noreturn void v2m_asking_run(void);

#endif
