/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The reading process. It reads the key sources once, hands over what it found, and ends: nothing
 * of one reading is left for the next, and no memory is used between readings. It may read files
 * and do nothing else. If a source stops, fills or takes over this process, the counting process
 * goes on with the last good keys.
 */
#ifndef V2METER_READING_READING_H
#define V2METER_READING_READING_H

/* Reads as it is told through the channel, and ends the process. */
void v2m_reading_run(void) __attribute__((noreturn));

#endif
