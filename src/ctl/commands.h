/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The commands of v2meterctl: one row for each. */
#ifndef V2METER_CTL_COMMANDS_H
#define V2METER_CTL_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ctl/ctl.h"

struct v2m_command {
	const char *name;
	const char *argument; /* what may follow the name, as "KEY"; NULL: nothing */
	bool optional;        /* the argument may be left out */
	int more;             /* how many arguments may follow it */
	long timeout_ms;      /* for one request, unless --timeout is given */
	const char *summary;  /* one line */
	/* Prints the answer on stdout, or on stderr the reason why there is none. argument is NULL
	 * if it was left out. */
	enum v2m_outcome (*run)(const struct v2m_ctl *ctl, const char *argument);
};

extern const struct v2m_command v2m_commands[];
extern const size_t v2m_n_commands;

/* NULL: there is no command with that name. */
const struct v2m_command *v2m_command_find(const char *name);
/* Writes a line for each command: its name, its argument and its summary. */
void v2m_commands_print(FILE *out);

#endif
