/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_CTL_DOCTOR_COMMAND_H
#define V2METER_CTL_DOCTOR_COMMAND_H

/* Runs a program, without a shell, and reads what it prints on standard output and standard error,
 * at most V2M_COMMAND_MAX bytes; more ends it. argv ends with NULL; argv[0] is looked for in $PATH.
 * Returns its exit status; -ENOENT if there is no such program; -EINTR if a signal ended it; or
 * another -errno. *text is the caller's to free; NULL after an error. */
#define V2M_COMMAND_MAX (8u << 20)
int v2m_command_run(const char *const argv[], char **text);

#endif
