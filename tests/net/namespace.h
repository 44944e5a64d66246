/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A network namespace for a test program, and the shell in it. */
#ifndef V2METER_TESTS_NAMESPACE_H
#define V2METER_TESTS_NAMESPACE_H

#include <stdbool.h>

#include "base/macros.h"

/* Leaves the program with status 77, "skipped", where there is no privilege to make one. */
void enter_own_namespace(void);

/* Runs a command; the status it left with. */
int shell(const char *format, ...) V2M_PRINTF(1, 2);

/* Asks the condition every few milliseconds until it holds, for at most five seconds. */
bool wait_until(bool (*condition)(void *context), void *context);

#endif
