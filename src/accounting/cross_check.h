/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Compares two measurements of the same TCP bytes: the payload that the kernel programs counted as
 * it passed, and what the sockets delivered. The programs see more than the sockets: segments that
 * are sent again, forged or refused. If the sockets have more, bytes pass where nothing counts
 * them. If they have much less, somebody sends what no connection takes. Pure: time is a parameter.
 */
#ifndef V2METER_ACCOUNTING_CROSS_CHECK_H
#define V2METER_ACCOUNTING_CROSS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accounting/raw_port.h"
#include "base/sample.h"

struct v2m_cross_check;

/* One direction of a slot, both since some moment. */
struct v2m_cross_bytes {
	uint64_t delivered;
	uint64_t counted;
};

/* Growing counters of a slot. The sockets were read first. */
struct v2m_cross_reading {
	uint32_t slot_number;
	uint64_t identity; /* of the counters; another one begins anew */
	struct v2m_cross_bytes rx;
	struct v2m_cross_bytes tx;
	uint64_t tx_again; /* payload that the sockets sent again */
};

/* Makes a reading of each slot that has had a connection, and returns how many. The server of
 * another slot may be in another network namespace, whose sockets are not seen. readings has room
 * for count.
 */
size_t v2m_cross_readings_make(const struct v2m_port_sessions *sessions, size_t count,
			       const struct v2m_sample *sample, struct v2m_cross_reading *readings);

/* A disagreement of a slot's two measurements. */
struct v2m_cross_finding {
	uint32_t slot_number; /* 0: nothing is wrong */
	bool tx;              /* the direction; false: rx */
	struct v2m_cross_bytes bytes;
};

struct v2m_cross_result {
	/* The sockets have more: by 1 % and 1 MiB, twice in a row. */
	struct v2m_cross_finding uncounted;
	/* The programs have more than twice as much, and 16 MiB, without what was sent again and
	 * what the queues dropped. */
	struct v2m_cross_finding undelivered;
};

/* Bytes are compared since the beginning of a window of this length, and a finding ends after a
 * window without it. NULL: out of memory. */
struct v2m_cross_check *v2m_cross_check_new(unsigned window_s);
/* Does nothing on NULL. */
void v2m_cross_check_free(struct v2m_cross_check *check);

/* Takes in readings of all slots, ascending by slot number, and the bytes that the devices' queues
 * have dropped in all. Slots that are missing are forgotten. Of several findings the result has the
 * first. 0 or -ENOMEM, with nothing changed. */
int v2m_cross_check_add(struct v2m_cross_check *check, const struct v2m_cross_reading *readings,
			size_t n_readings, uint64_t dropped, uint64_t mono_ns,
			struct v2m_cross_result *result);

/* A slot whose sockets have more, by the last readings. NULL: there is no such finding. */
const struct v2m_cross_bytes *v2m_cross_check_uncounted(const struct v2m_cross_check *check,
							uint32_t slot_number);

#endif
