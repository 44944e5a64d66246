/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Asks all APIs in turn, one after the other, and hands over what they say. One that does not
 * answer at once is asked again when all others have been asked, so it does not delay them.
 */
#ifndef V2METER_ASKING_ROUNDS_H
#define V2METER_ASKING_ROUNDS_H

/* Never ends. */
_Noreturn void v2m_rounds_run(void);

/* The longest that one question takes. */
#define V2M_ROUNDS_TIMEOUT_NS (2 * UINT64_C(1000000000))

#endif
