/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_NOTIFY_COMMAND_H
#define V2METER_NOTIFY_COMMAND_H

#include <stddef.h>

/* Runs a program without a shell, writes the input to its standard input, and waits for it. argv
 * ends with NULL and begins with an absolute path. What it prints goes to our standard error. A
 * program that runs longer than timeout_s is killed with the children that stayed in its process
 * group. 0 if it ended with status 0, else -1 with the reason in *problem. */
int v2m_command_notify(char *const argv[], const char *input, unsigned timeout_s,
		       char problem[static 256]);

#endif
