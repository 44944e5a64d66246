/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keys: the customers' credentials, each with the ports that it is served on. A key set is
 * immutable and shared by reference count: a reload makes a new one.
 */
#ifndef V2METER_KEYS_KEYS_H
#define V2METER_KEYS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/string_list.h"
#include "keys/slots.h"
#include "v2meter/bpf_abi.h"

struct v2m_key {
	char *id;   /* the consumers' name for it */
	char *uuid; /* totals are kept under it; equals id if the protocol has no uuid */
	char *name;
	char *created_at; /* as the source wrote it; NULL if unknown */
	bool is_active;
	char *short_id; /* NULL if the source has none */
	char *sni;
	char *source; /* the file it came from, for logs and --check */
	/* The name in the proxy's configuration that id is made of; NULL if the id has another
	 * origin. */
	char *identity;
	unsigned transports; /* of a port that another source gives: enum v2m_transport bits */
	/* Where the key is served, in the order of its source; empty: nowhere. */
	struct v2m_span *spans;
	size_t n_spans;
	size_t spans_capacity;
	/* Ids that an earlier version gave the key on some of its ports: they still name it. */
	struct v2m_strings aliases;
};

/* Appends a span, or adds its transports to those of a span with the same ports. 0 or -ENOMEM. */
int v2m_key_add_span(struct v2m_key *key, const struct v2m_span *span);
/* The same for a single port with key->transports. 0 or -ENOMEM. */
int v2m_key_add_port(struct v2m_key *key, uint16_t port);
/* The first port of the first span in host byte order; 0: none. */
uint16_t v2m_key_port(const struct v2m_key *key);
/* Whether the key has several ports or a range. */
bool v2m_key_has_several_ports(const struct v2m_key *key);

struct v2m_keyset {
	unsigned references; /* atomic */
	struct v2m_key *keys;
	size_t n_keys;
	/* Former keys on whose ports a server still listens: the spans that are open. These ports
	 * are counted, and belong to nobody. */
	struct v2m_key *orphans;
	size_t n_orphans;
	struct v2m_slots slots;
	/* Backs v2m_keyset_slots_of(): the slots of all keys, and where those of each key begin. */
	size_t *key_slots;
	size_t *first_slot;
};

/* Takes over keys (a malloc'd array and what it holds), lays out the slots. NULL: out of memory,
 * and the keys are freed. The caller has checked them: ids and uuids are unique. */
struct v2m_keyset *v2m_keyset_new(struct v2m_key *keys, size_t n_keys);
/* Takes over the orphans as it takes over keys, and lays out the slots anew. Only before others
 * know the key set. 0; -ENOMEM with the key set unchanged and the orphans freed. */
int v2m_keyset_set_orphans(struct v2m_keyset *keyset, struct v2m_key *orphans, size_t n_orphans);
struct v2m_keyset *v2m_keyset_ref(struct v2m_keyset *keyset);
void v2m_keyset_unref(struct v2m_keyset *keyset);
void v2m_keyset_unrefp(struct v2m_keyset **keyset);

/* Finds a key by its id, else by its uuid. Upper and lower case are the same in a uuid, and in an
 * id that has the form of one. NULL: there is no such key. */
const struct v2m_key *v2m_keyset_find(const struct v2m_keyset *keyset, const char *id_or_uuid);
/* Whether both hold the same keys and orphans with equal members, in the same order. */
bool v2m_keyset_equal(const struct v2m_keyset *a, const struct v2m_keyset *b);
/* The number of active keys. */
size_t v2m_keyset_count_active(const struct v2m_keyset *keyset);
/* Whether a port is to be counted on the loopback device. keyset may be NULL: no. */
bool v2m_keyset_wants_loopback(const struct v2m_keyset *keyset);
/* The place of a key in its key set. */
size_t v2m_keyset_index(const struct v2m_keyset *keyset, const struct v2m_key *key);
/* The key's slots, as places in keyset->slots.items: those that clients reach directly, in the
 * order of its spans. *count may be 0. */
const size_t *v2m_keyset_slots_of(const struct v2m_keyset *keyset, const struct v2m_key *key,
				  size_t *count);
/* The slot's only key. NULL if several keys share the slot, or no key has it any more. */
const struct v2m_key *v2m_keyset_owner(const struct v2m_keyset *keyset,
				       const struct v2m_slot *slot);
/* Whether the key shares one of its slots with another one. */
bool v2m_keyset_shares(const struct v2m_keyset *keyset, const struct v2m_key *key);

/* Names under which totals are kept. Every subject fits into V2M_SUBJECT_LEN bytes, because longer
 * uuids are refused. */
#define V2M_SUBJECT_LEN 256
/* The subject of a key: its uuid in lower case. Writes at most size bytes with the 0, and returns
 * the length without it, as snprintf() does. */
int v2m_key_subject(const struct v2m_key *key, char *subject, size_t size);
/* Whose totals a slot's bytes go to: those of its key, or of "port:443", "port:443/udp" (without
 * TCP), "port:20000-30000" if several keys share it. "behind:8080" for a slot whose bytes are
 * counted in front. */
int v2m_keyset_subject(const struct v2m_keyset *keyset, const struct v2m_slot *slot, char *subject,
		       size_t size);

/* Frees what the key holds and empties it. The structure itself belongs to the caller. */
void v2m_key_clear(struct v2m_key *key);

#endif
