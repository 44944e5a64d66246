/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Wrong API keys, by the address that presented them. An address may present ten at once; from then
 * on its wrong keys are answered one a second. A valid key is never delayed, whatever else comes
 * from its address, because behind a proxy all clients have one address.
 *
 * The table has a fixed size. If it is full, the address that owes least is forgotten.
 */
#ifndef V2METER_HTTP_ATTEMPTS_H
#define V2METER_HTTP_ATTEMPTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define V2M_ATTEMPTS_SETS 128
#define V2M_ATTEMPTS_WAYS 8

struct v2m_attempts_entry {
	uint32_t address; /* IPv4, network byte order */
	uint32_t turns;   /* attempts that wait for their turn, and are paid for */
	uint64_t paid_ns; /* each attempt costs a second; in the past: it owes nothing */
	bool told;        /* the log says that it is answered slowly */
};

struct v2m_attempts {
	pthread_mutex_t lock; /* for the rest */
	struct v2m_attempts_entry entries[V2M_ATTEMPTS_SETS][V2M_ATTEMPTS_WAYS];
	uint64_t log_paid_ns;
	unsigned unlogged; /* lines that were left out of the log */
};

void v2m_attempts_init(struct v2m_attempts *attempts);
void v2m_attempts_destroy(struct v2m_attempts *attempts);

/* The address has presented a wrong key. The log names it at the first one, and when its attempts
 * become slow; at most one line in six seconds, after ten. Times are CLOCK_MONOTONIC. Any thread.
 */
void v2m_attempts_note(struct v2m_attempts *attempts, uint32_t address, uint64_t now_ns);
/* Whether the wrong keys of the address are answered slowly now. */
bool v2m_attempts_is_slow(struct v2m_attempts *attempts, uint32_t address, uint64_t now_ns);
/* When the next wrong key of the address may be answered. That time is then taken. Returns
 * now_ns: at once; V2M_NO_TURN: thirty attempts wait already. */
#define V2M_NO_TURN UINT64_MAX
uint64_t v2m_attempts_take_turn(struct v2m_attempts *attempts, uint32_t address, uint64_t now_ns);

#endif
