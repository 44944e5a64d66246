/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an API key may do. */
#ifndef V2METER_APIKEYS_SCOPE_H
#define V2METER_APIKEYS_SCOPE_H

#include <stdbool.h>

/* Bits. No scope includes another one, with one exception: READ includes METRICS. */
enum v2m_scope {
	V2M_SCOPE_READ = 1,    /* every figure */
	V2M_SCOPE_RESET = 2,   /* the resets of one key: its period and its history */
	V2M_SCOPE_METRICS = 4, /* GET /metrics */
	V2M_SCOPE_ADMIN = 8,   /* import of totals, cleanup of the history */
};
#define V2M_SCOPES_ALL 15u
#define V2M_SCOPES_LEN 32

/* Reads a list such as "read,reset". 0, or -EINVAL if a word is no scope or there is none. */
int v2m_scopes_parse(const char *text, unsigned *scopes);
/* Writes such a list. "": none. */
void v2m_scopes_format(unsigned scopes, char text[static V2M_SCOPES_LEN]);
/* The word of one scope, such as "read". */
const char *v2m_scope_name(enum v2m_scope scope);
/* Whether a key with these scopes may do what needs that one. */
bool v2m_scopes_include(unsigned scopes, enum v2m_scope needed);

#endif
