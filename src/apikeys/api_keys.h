/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The API keys that are valid. A key is random, or long enough not to be guessed, so its SHA-256 is
 * all that is kept: a process that holds the hashes can tell whether a text is a key, and cannot
 * tell the key.
 */
#ifndef V2METER_APIKEYS_API_KEYS_H
#define V2METER_APIKEYS_API_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apikeys/scope.h"
#include "apikeys/sha256.h"

/* The most named keys. The single API key of the configuration comes in addition. */
#define V2M_NAMED_KEYS_MAX   64
#define V2M_API_KEY_NAME_LEN 65
#define V2M_API_KEY_TIME_LEN 24
/* Stands for the single API key, so no named key may have this name. */
#define V2M_SINGLE_KEY_NAME "api_key"

struct v2m_api_key {
	char name[V2M_API_KEY_NAME_LEN];
	char created_at[V2M_API_KEY_TIME_LEN]; /* UTC, as 2026-01-31T12:00:00Z; "": not known */
	unsigned scopes;
	uint8_t hash[V2M_SHA256_LEN];
};

struct v2m_api_keys {
	struct v2m_api_key items[V2M_NAMED_KEYS_MAX + 1];
	size_t count;
};

/* Whether a key may have that name: 1 to 64 letters, digits, '.', '_' and '-', the first a letter
 * or a digit, and not "api_key". */
bool v2m_api_key_name_is_valid(const char *name);
/* Puts the single API key, with all scopes, in front of the named keys, or in the place of an
 * earlier single key. There must be at most V2M_NAMED_KEYS_MAX named keys. */
void v2m_api_keys_set_single(struct v2m_api_keys *keys, const char *text);
/* The key with that name. NULL: there is none. */
const struct v2m_api_key *v2m_api_keys_named(const struct v2m_api_keys *keys, const char *name);
/* The key that a client presents. NULL: it is none of them. Looks at all keys, and at each whole
 * hash, so that the time depends on the length of the text alone. */
const struct v2m_api_key *v2m_api_keys_find(const struct v2m_api_keys *keys, const char *text);

#endif
