/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A network namespace for a test program, and shell commands in it. */
#ifndef V2METER_TESTS_NAMESPACE_H
#define V2METER_TESTS_NAMESPACE_H

#include <stdbool.h>

#include "base/macros.h"

/* Moves the program to a new network namespace. Exits with status 77, "skipped", if that is not
 * allowed. */
void enter_own_namespace(void);

/* Runs a shell command. Returns the status as system(3) does. */
int shell(const char *format, ...) V2M_PRINTF(1, 2);

/* Checks the condition every few milliseconds until it holds. False if it does not hold within five
 * seconds. */
bool wait_until(bool (*condition)(void *context), void *context);

#endif
