/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* API keys that one thread replaces while others look at them. */
#ifndef V2METER_APIKEYS_KEY_RING_H
#define V2METER_APIKEYS_KEY_RING_H

#include <pthread.h>

#include "apikeys/api_keys.h"

struct v2m_key_ring {
	pthread_rwlock_t lock; /* for the rest */
	struct v2m_api_keys keys;
	uint64_t version; /* atomic; no other keys, in whatever ring, have the same */
};

void v2m_key_ring_init(struct v2m_key_ring *ring, const struct v2m_api_keys *keys);
void v2m_key_ring_destroy(struct v2m_key_ring *ring);
void v2m_key_ring_replace(struct v2m_key_ring *ring, const struct v2m_api_keys *keys);
/* As v2m_api_keys_find(): false, or *key gets a copy. The calling thread remembers the last key
 * that it found until the keys are replaced, and finds it again without hashing. */
bool v2m_key_ring_find(struct v2m_key_ring *ring, const char *text, struct v2m_api_key *key);
/* Wipes what the calling thread remembers, for the end of a connection. */
void v2m_key_ring_forget(void);

#endif
