/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keys: the credentials of customers, each with a port. A key set never changes. Its holders share
 * it by reference count, and reading the sources again makes a new one.
 */
#ifndef V2METER_KEYS_KEYS_H
#define V2METER_KEYS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "v2meter/bpf_abi.h"

struct v2m_key {
	char *id;   /* by which consumers name the key */
	char *uuid; /* by which the totals are kept; equal to id if the protocol has no uuid */
	char *name;
	char *created_at; /* as the source wrote it; NULL if unknown */
	bool is_active;
	uint16_t port;  /* host byte order; 0 if it has none */
	char *short_id; /* NULL if the source has none */
	char *sni;
	unsigned transports; /* enum v2m_transport bits */
	bool loopback;       /* the inbound listens on a loopback address */
	char *source;        /* the file of the key, for logs and --check */
};

/* One monitored port and its keys. */
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
	size_t *port_keys; /* the indices of all ports, one after the other */
};

/* Takes over the keys, a malloc'd array and what they hold, and builds the index of ports. The
 * caller has checked that ids and uuids are unique. NULL: out of memory, and the keys are freed. */
struct v2m_keyset *v2m_keyset_new(struct v2m_key *keys, size_t n_keys);
struct v2m_keyset *v2m_keyset_ref(struct v2m_keyset *keyset);
void v2m_keyset_unref(struct v2m_keyset *keyset);
void v2m_keyset_unrefp(struct v2m_keyset **keyset);

/* Finds a key by its id, else by its uuid. Upper and lower case are the same in a uuid, and in an
 * id that has the form of one. NULL: there is no such key. */
const struct v2m_key *v2m_keyset_find(const struct v2m_keyset *keyset, const char *id_or_uuid);
/* Whether both hold the same keys with equal members, in the same order. */
bool v2m_keyset_equal(const struct v2m_keyset *a, const struct v2m_keyset *b);
/* The number of active keys. */
size_t v2m_keyset_count_active(const struct v2m_keyset *keyset);
/* Whether a port is to be counted on the loopback device. keyset may be NULL: no. */
bool v2m_keyset_wants_loopback(const struct v2m_keyset *keyset);
/* The port with this number. NULL: no key has it. */
const struct v2m_key_port *v2m_keyset_port(const struct v2m_keyset *keyset, uint16_t port);

/* Names under which totals are kept. Every subject fits into V2M_SUBJECT_LEN bytes, because longer
 * uuids are refused. */
#define V2M_SUBJECT_LEN 256
/* The subject of a key: its uuid in lower case. Writes at most size bytes with the 0, and returns
 * the length without it, as snprintf() does. */
int v2m_key_subject(const struct v2m_key *key, char *subject, size_t size);
/* The subject that gets the bytes of a port: that of its key, or "port:N" if several keys share it.
 */
int v2m_keyset_subject(const struct v2m_keyset *keyset, const struct v2m_key_port *port,
		       char *subject, size_t size);

/* Frees what the key holds and empties it. The structure itself belongs to the caller. */
void v2m_key_clear(struct v2m_key *key);

#endif
