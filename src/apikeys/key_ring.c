// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "apikeys/key_ring.h"

#include <string.h>

/* A longer key is looked up each time. */
#define KNOWN_MAX 128

/* The last API key that this thread found. The requests of a connection carry the same one, and
 * hashing it takes more instructions than the rest of our part of an answer. */
struct known {
	uint64_t version; /* of the keys among which it was found; 0: none was found */
	size_t length;
	char text[KNOWN_MAX];
	struct v2m_api_key key;
};

static __thread struct known known;
/* Atomic; the last version that some keys of some ring got. */
static uint64_t versions;

static void set_keys(struct v2m_key_ring *ring, const struct v2m_api_keys *keys)
{
	ring->keys = *keys;
	__atomic_store_n(&ring->version, __atomic_add_fetch(&versions, 1, __ATOMIC_RELAXED),
			 __ATOMIC_RELEASE);
}

/* By default, a thread that replaces the keys waits as long as others look at them without a pause.
 * In a flood of requests, a revoked key would stay valid. */
void v2m_key_ring_init(struct v2m_key_ring *ring, const struct v2m_api_keys *keys)
{
	pthread_rwlockattr_t attributes;

	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&ring->lock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	set_keys(ring, keys);
}

void v2m_key_ring_destroy(struct v2m_key_ring *ring)
{
	pthread_rwlock_destroy(&ring->lock);
}

void v2m_key_ring_replace(struct v2m_key_ring *ring, const struct v2m_api_keys *keys)
{
	pthread_rwlock_wrlock(&ring->lock);
	set_keys(ring, keys);
	pthread_rwlock_unlock(&ring->lock);
}

/* The time depends on the length alone. */
static bool is_known(const struct v2m_key_ring *ring, const char *text, size_t length)
{
	unsigned difference = 0;

	if (known.version != __atomic_load_n(&ring->version, __ATOMIC_ACQUIRE) ||
	    known.length != length)
		return false;
	for (size_t i = 0; i < length; i++)
		difference |= (unsigned char)(known.text[i] ^ text[i]);
	return difference == 0;
}

/* The ring is locked. */
static void note_known(const struct v2m_key_ring *ring, const char *text, size_t length,
		       const struct v2m_api_key *key)
{
	if (length > sizeof(known.text))
		return;
	known.version = ring->version;
	known.length = length;
	memcpy(known.text, text, length);
	known.key = *key;
}

bool v2m_key_ring_find(struct v2m_key_ring *ring, const char *text, struct v2m_api_key *key)
{
	size_t length = strlen(text);
	const struct v2m_api_key *found;

	if (is_known(ring, text, length)) {
		*key = known.key;
		return true;
	}
	pthread_rwlock_rdlock(&ring->lock);
	found = v2m_api_keys_find(&ring->keys, text);
	if (found) {
		*key = *found;
		note_known(ring, text, length, found);
	}
	pthread_rwlock_unlock(&ring->lock);
	return found;
}

void v2m_key_ring_forget(void)
{
	if (known.version)
		explicit_bzero(&known, sizeof(known));
}
