/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The configurations that the command line of a proxy names. */
#ifndef V2METER_DISCOVERY_COMMAND_LINE_H
#define V2METER_DISCOVERY_COMMAND_LINE_H

#include <stddef.h>

#include "base/string_list.h"

/* Adds what "-c", "-config" and "-confdir" name, with one dash or two, and the value behind "=" or
 * as the next word. Not among them: the standard input, URLs, and paths that are not absolute,
 * which depend on a directory that we do not know. text: the words, each with a 0 behind it. 0 or
 * -ENOMEM.
 */
int v2m_command_line_configs(const char *text, size_t length, struct v2m_strings *configs);

#endif
