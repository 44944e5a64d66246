/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Claims are the ports and transports that configurations name, compared with the sockets that
 * listen. If they disagree for a while, the sockets are believed. A proxy that is down, or is
 * starting again, changes nothing: a port on which nobody listens says nothing.
 */
#ifndef V2METER_KEYS_CLAIMS_H
#define V2METER_KEYS_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/key_list.h"
#include "keys/key_notes.h"
#include "keys/orphans.h"

/* A port or range of a file. */
struct v2m_claim {
	char *source; /* the file */
	uint16_t first_port;
	uint16_t last_port;
	unsigned said;     /* the transports in the file, enum v2m_transport bits */
	unsigned heard;    /* other transports that listen there; 0: the file is right */
	unsigned looks;    /* how often in a row they did */
	unsigned believed; /* the transports that are counted; 0: those of the file */
};

/* Sorted by source and ports. */
struct v2m_claims {
	struct v2m_claim *items;
	size_t count;
	size_t capacity;
};

/* The sockets are believed if they disagree with the file in so many looks in a row. */
#define V2M_CLAIM_LOOKS 3

/*
 * Takes the claims of keys that stand in a configuration, and gives those keys the transports that
 * are believed, with a note for each claim. What was heard of a claim before stays if it is still
 * made. 0; or -ENOMEM with the claims as they were and the keys perhaps changed.
 */
int v2m_claims_follow(struct v2m_claims *claims, struct v2m_key_list *keys,
		      struct v2m_key_notes *notes);
void v2m_claims_clear(struct v2m_claims *claims);

/*
 * Compares all claims with the sockets. Returns whether another transport is believed of some claim
 * than before, so that the keys have to be read again.
 *
 * A claim to both transports of which one alone listens is believed to be that one. A claim to one
 * transport where only the other one listens needs a proof that these are sockets of the proxy: it
 * runs, because a further claim of the file is right; and no other key has that transport of the
 * port. Sockets beyond those of a claim may be another program's and say nothing.
 */
bool v2m_claims_look(struct v2m_claims *claims, v2m_is_open is_open, const void *context);

#endif
