// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/commands.h"

#include <string.h>

#include "base/macros.h"
#include "ctl/apikey.h"
#include "ctl/doctor/doctor.h"
#include "ctl/keys.h"
#include "ctl/one_key.h"
#include "ctl/status.h"
#include "ctl/top/top.h"
#include "ctl/transfer.h"

/* clang-format off */
/* docs/man/v2meterctl.1 lists them in the same order; unit_ctl_commands compares. */
const struct v2m_command v2m_commands[] = {
	{ "status", NULL, false, 0, 5000, "health, accounting, and the traffic of every key", v2m_ctl_status },
	{ "keys", NULL, false, 0, 5000, "the keys that the server knows", v2m_ctl_keys },
	{ "top", NULL, false, 0, 2000, "the busiest keys, live", v2m_ctl_top },
	{ "show", "KEY", false, 0, 5000, "the traffic and the connections of one key", v2m_ctl_show },
	{ "reset", "KEY", false, 0, 5000, "start the count of one key anew and show what this closed", v2m_ctl_reset },
	{ "export", "FILE", true, 0, 300000, "write all totals and their history, for another server", v2m_ctl_export },
	{ "import", "FILE", false, 0, 300000, "add the totals of another server, once", v2m_ctl_import },
	{ "apikey", "ACTION", false, 2, 5000, "add NAME SCOPES, list, or revoke NAME: API keys, on this server", v2m_ctl_apikey },
	{ "doctor", "FILE", true, 0, 5000, "examine this server, and the daemon's configuration FILE", v2m_ctl_doctor },
};
/* clang-format on */
const size_t v2m_n_commands = V2M_ARRAY_LEN(v2m_commands);

const struct v2m_command *v2m_command_find(const char *name)
{
	for (size_t i = 0; i < v2m_n_commands; i++)
		if (strcmp(v2m_commands[i].name, name) == 0)
			return &v2m_commands[i];
	return NULL;
}

void v2m_commands_print(FILE *out)
{
	for (size_t i = 0; i < v2m_n_commands; i++) {
		const struct v2m_command *command = &v2m_commands[i];
		char words[32];

		snprintf(words, sizeof(words), "%s%s%s%s", command->name,
			 !command->argument  ? ""
			 : command->optional ? " ["
					     : " ",
			 command->argument ? command->argument : "", command->optional ? "]" : "");
		fprintf(out, "  %-15s%s\n", words, command->summary);
	}
}
