/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keys: the customers' credentials, each with a port. A key set is immutable and shared by
 * reference count: a reload makes a new one.
 */
#ifndef V2METER_KEYS_KEYS_H
#define V2METER_KEYS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "v2meter/bpf_abi.h"

struct v2m_key {
	char *id;   /* how consumers name it */
	char *uuid; /* how the totals are kept; equals id where the protocol has no uuid */
	char *name;
	char *created_at; /* as the source wrote it; NULL where unknown */
	bool is_active;
	uint16_t port;  /* host byte order, 0: none */
	char *short_id; /* NULL where the source has none */
	char *sni;
	unsigned transports; /* enum v2m_transport bits */
	bool loopback;       /* the inbound listens on a loopback address */
	char *source;        /* the file it came from, for logs and --check */
};

/* One monitored port and who owns it. */
struct v2m_key_port {
	uint16_t port;
	unsigned transports;
	bool loopback;
	bool shared;        /* more than one key */
	const size_t *keys; /* indices into v2m_keyset.keys, ascending */
	size_t n_keys;
};

struct v2m_keyset {
	unsigned references; /* atomic */
	struct v2m_key *keys;
	size_t n_keys;
	struct v2m_key_port *ports; /* ascending by port */
	size_t n_ports;
	size_t *port_keys; /* backs v2m_key_port.keys */
};

/* Takes over keys (a malloc'd array and what it holds), builds the port index. NULL: out of memory,
 * and the keys are freed. The caller has checked them: ids and uuids are unique. */
struct v2m_keyset *v2m_keyset_new(struct v2m_key *keys, size_t n_keys);
struct v2m_keyset *v2m_keyset_ref(struct v2m_keyset *keyset);
void v2m_keyset_unref(struct v2m_keyset *keyset);
void v2m_keyset_unrefp(struct v2m_keyset **keyset);

/* By id, else by uuid; the letter case of a uuid does not matter, nor that of an id which is one.
 * NULL: not found. */
const struct v2m_key *v2m_keyset_find(const struct v2m_keyset *keyset, const char *id_or_uuid);
/* Whether both hold the same keys, member by member and in the same order. */
bool v2m_keyset_equal(const struct v2m_keyset *a, const struct v2m_keyset *b);
/* How many keys are switched on. */
size_t v2m_keyset_count_active(const struct v2m_keyset *keyset);
/* Whether a port is to be counted on the loopback device. keyset may be NULL: no. */
bool v2m_keyset_wants_loopback(const struct v2m_keyset *keyset);
/* NULL where no key has the port. */
const struct v2m_key_port *v2m_keyset_port(const struct v2m_keyset *keyset, uint16_t port);

/* The names under which totals are kept. V2M_SUBJECT_LEN holds every one: loaders refuse longer
 * uuids. */
#define V2M_SUBJECT_LEN 256
/* A key's: its uuid in lower case. Writes at most size bytes with the 0; returns the length without
 * it, as snprintf does. */
int v2m_key_subject(const struct v2m_key *key, char *subject, size_t size);
/* Whose totals a port's bytes go to: those of its key, or "port:N" for a shared port. */
int v2m_keyset_subject(const struct v2m_keyset *keyset, const struct v2m_key_port *port,
		       char *subject, size_t size);

/* Frees what the key holds; the structure itself is the caller's. */
void v2m_key_clear(struct v2m_key *key);

#endif
