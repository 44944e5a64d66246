// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/attempts.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"

#define SECOND_NS UINT64_C(1000000000)
#define STEP_NS   SECOND_NS
/* How much an address may owe before its wrong keys have to wait. */
#define FREE_NS (10 * STEP_NS)
/* The longest that one waits. */
#define WAIT_MAX_NS (30 * STEP_NS)
#define LOG_STEP_NS (6 * SECOND_NS)
#define LOG_FREE_NS (10 * LOG_STEP_NS)

void v2m_attempts_init(struct v2m_attempts *attempts)
{
	memset(attempts, 0, sizeof(*attempts));
	pthread_mutex_init(&attempts->lock, NULL);
}

void v2m_attempts_destroy(struct v2m_attempts *attempts)
{
	pthread_mutex_destroy(&attempts->lock);
}

static struct v2m_attempts_entry *set_of(struct v2m_attempts *attempts, uint32_t address)
{
	return attempts->entries[v2m_hash(&address, sizeof(address)) % V2M_ATTEMPTS_SETS];
}

/* NULL: the address owes nothing. The lock is held. */
static struct v2m_attempts_entry *find(struct v2m_attempts *attempts, uint32_t address,
				       uint64_t now_ns)
{
	struct v2m_attempts_entry *set = set_of(attempts, address);

	for (size_t i = 0; i < V2M_ATTEMPTS_WAYS; i++)
		if (set[i].address == address && set[i].paid_ns > now_ns)
			return &set[i];
	return NULL;
}

/* Puts a new address in the place of the one that owes least. The lock is held. */
static struct v2m_attempts_entry *add(struct v2m_attempts *attempts, uint32_t address,
				      uint64_t now_ns)
{
	struct v2m_attempts_entry *set = set_of(attempts, address);
	struct v2m_attempts_entry *least = set;

	for (size_t i = 1; i < V2M_ATTEMPTS_WAYS; i++)
		if (set[i].paid_ns < least->paid_ns)
			least = &set[i];
	*least = (struct v2m_attempts_entry){ .address = address, .paid_ns = now_ns };
	return least;
}

/* A line for the log, which is written without the lock: the log may be slow. */
struct line {
	const char *what;  /* NULL: none */
	unsigned left_out; /* how many lines could not be written, since the last one */
};

/* The lock is held. */
static void choose_line(struct v2m_attempts *attempts, uint64_t now_ns, const char *what,
			struct line *line)
{
	if (attempts->log_paid_ns < now_ns)
		attempts->log_paid_ns = now_ns;
	if (attempts->log_paid_ns > now_ns + LOG_FREE_NS - LOG_STEP_NS) {
		attempts->unlogged++;
		return;
	}
	attempts->log_paid_ns += LOG_STEP_NS;
	line->what = what;
	line->left_out = attempts->unlogged;
	attempts->unlogged = 0;
}

static void write_line(const struct line *line, uint32_t address)
{
	const struct in_addr in = { .s_addr = address };
	char text[INET_ADDRSTRLEN];

	if (!line->what)
		return;
	inet_ntop(AF_INET, &in, text, sizeof(text));
	if (line->left_out)
		v2m_log_warning("%s %s (and %u more such messages were left out)", text, line->what,
				line->left_out);
	else
		v2m_log_warning("%s %s", text, line->what);
}

void v2m_attempts_note(struct v2m_attempts *attempts, uint32_t address, uint64_t now_ns)
{
	struct v2m_attempts_entry *entry;
	struct line line = { 0 };

	pthread_mutex_lock(&attempts->lock);
	entry = find(attempts, address, now_ns);
	if (!entry) {
		entry = add(attempts, address, now_ns);
		choose_line(attempts, now_ns, "has presented a wrong API key", &line);
	}
	if (entry->turns)
		entry->turns--;
	else
		entry->paid_ns += STEP_NS;
	if (!entry->told && entry->paid_ns > now_ns + FREE_NS - STEP_NS) {
		entry->told = true;
		choose_line(attempts, now_ns,
			    "has presented many wrong API keys: further ones are answered one a "
			    "second, valid ones at once",
			    &line);
	}
	pthread_mutex_unlock(&attempts->lock);
	write_line(&line, address);
}

/* The lock is held. */
static bool has_to_wait(const struct v2m_attempts_entry *entry, uint64_t now_ns)
{
	return entry && entry->paid_ns > now_ns + FREE_NS - STEP_NS;
}

bool v2m_attempts_is_slow(struct v2m_attempts *attempts, uint32_t address, uint64_t now_ns)
{
	bool slow;

	pthread_mutex_lock(&attempts->lock);
	slow = has_to_wait(find(attempts, address, now_ns), now_ns);
	pthread_mutex_unlock(&attempts->lock);
	return slow;
}

uint64_t v2m_attempts_take_turn(struct v2m_attempts *attempts, uint32_t address, uint64_t now_ns)
{
	struct v2m_attempts_entry *entry;
	uint64_t turn_ns = now_ns;

	pthread_mutex_lock(&attempts->lock);
	entry = find(attempts, address, now_ns);
	if (has_to_wait(entry, now_ns)) {
		turn_ns = entry->paid_ns - (FREE_NS - STEP_NS);
		if (turn_ns > now_ns + WAIT_MAX_NS) {
			turn_ns = V2M_NO_TURN;
		} else {
			entry->paid_ns += STEP_NS;
			entry->turns++;
		}
	}
	pthread_mutex_unlock(&attempts->lock);
	return turn_ns;
}
