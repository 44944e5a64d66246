// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/cross_check.h"

#include <errno.h>
#include <stdlib.h>

#include "base/transport.h"

#define MEBIBYTE        (UINT64_C(1) << 20)
#define UNCOUNTED_MIN   MEBIBYTE
#define UNDELIVERED_MIN (16 * MEBIBYTE)
/* One reading may be wrong, if a connection hands over much between two readings. */
#define READINGS_IN_A_ROW 2

/* A finding of a slot and direction, and whether it was seen in this window. */
struct judgement {
	struct v2m_cross_bytes bytes;
	unsigned in_a_row;
	bool stands;
	bool seen;
};

enum { RX, TX, N_DIRECTIONS };

struct slot {
	struct v2m_cross_reading base; /* at the beginning of the window */
	uint64_t base_dropped;
	uint64_t base_ns;
	struct judgement uncounted[N_DIRECTIONS];
	struct judgement undelivered[N_DIRECTIONS];
};

struct v2m_cross_check {
	uint64_t window_ns;
	struct slot *slots; /* ascending by slot number */
	size_t n_slots;
};

/* Adds the TCP payload that the programs counted for the slot. A slot may have two counters for a
 * moment. A slot with TCP has the number of its first port. */
static void add_counted(const struct v2m_sample *sample, struct v2m_cross_reading *reading)
{
	for (size_t i = 0; i < sample->n_ports; i++) {
		const struct v2m_port_sample *entry = &sample->ports[i];

		if (entry->port != reading->slot_number || !(entry->transports & V2M_TCP))
			continue;
		reading->rx.counted += entry->tcp_rx.payload_bytes;
		reading->tx.counted += entry->tcp_tx.payload_bytes;
		reading->identity = reading->identity * 31 + entry->assigned_ns;
	}
}

size_t v2m_cross_readings_make(const struct v2m_port_sessions *sessions, size_t count,
			       const struct v2m_sample *sample, struct v2m_cross_reading *readings)
{
	size_t made = 0;

	for (size_t i = 0; i < count; i++) {
		const struct v2m_delivered *delivered = &sessions[i].delivered;

		if (!sessions[i].opened && !delivered->rx_bytes && !delivered->tx_bytes)
			continue;
		readings[made] = (struct v2m_cross_reading){
			.slot_number = sessions[i].port,
			.identity = delivered->assigned_ns,
			.rx.delivered = delivered->rx_bytes,
			.tx.delivered = delivered->tx_bytes,
			.tx_again = delivered->again_bytes,
		};
		add_counted(sample, &readings[made++]);
	}
	return made;
}

struct v2m_cross_check *v2m_cross_check_new(unsigned window_s)
{
	struct v2m_cross_check *check = calloc(1, sizeof(*check));

	if (check)
		check->window_ns = window_s * UINT64_C(1000000000);
	return check;
}

void v2m_cross_check_free(struct v2m_cross_check *check)
{
	if (!check)
		return;
	free(check->slots);
	free(check);
}

static uint64_t growth(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static struct v2m_cross_bytes grown(struct v2m_cross_bytes now, struct v2m_cross_bytes before)
{
	return (struct v2m_cross_bytes){ growth(now.delivered, before.delivered),
					 growth(now.counted, before.counted) };
}

static void judge(struct judgement *judgement, bool wrong, unsigned needed,
		  const struct v2m_cross_bytes *bytes)
{
	judgement->in_a_row = wrong ? judgement->in_a_row + 1 : 0;
	if (judgement->in_a_row < needed)
		return;
	judgement->stands = true;
	judgement->seen = true;
	judgement->bytes = *bytes;
}

/* other: bytes that the programs counted for a reason that is known. */
static void judge_direction(struct slot *slot, int direction, const struct v2m_cross_bytes *bytes,
			    uint64_t other)
{
	uint64_t excess = growth(bytes->delivered, bytes->counted);
	uint64_t counted = growth(bytes->counted, other);

	judge(&slot->uncounted[direction], excess > UNCOUNTED_MIN && excess > bytes->counted / 100,
	      READINGS_IN_A_ROW, bytes);
	judge(&slot->undelivered[direction],
	      counted > UNDELIVERED_MIN && counted / 2 > bytes->delivered, 1, bytes);
}

static void end_judgement(struct judgement *judgement)
{
	judgement->stands = judgement->seen;
	judgement->seen = false;
	judgement->in_a_row = 0;
}

static void begin_window(struct slot *slot, const struct v2m_cross_reading *reading,
			 uint64_t dropped, uint64_t mono_ns)
{
	slot->base = *reading;
	slot->base_dropped = dropped;
	slot->base_ns = mono_ns;
}

static void add_reading(struct slot *slot, const struct v2m_cross_reading *reading,
			uint64_t dropped, uint64_t mono_ns, uint64_t window_ns)
{
	struct v2m_cross_bytes rx = grown(reading->rx, slot->base.rx);
	struct v2m_cross_bytes tx = grown(reading->tx, slot->base.tx);

	judge_direction(slot, RX, &rx, 0);
	judge_direction(slot, TX, &tx,
			growth(reading->tx_again, slot->base.tx_again) +
				growth(dropped, slot->base_dropped));
	if (mono_ns - slot->base_ns < window_ns)
		return;
	for (int i = 0; i < N_DIRECTIONS; i++) {
		end_judgement(&slot->uncounted[i]);
		end_judgement(&slot->undelivered[i]);
	}
	begin_window(slot, reading, dropped, mono_ns);
}

static void take_finding(const struct slot *slot, const struct judgement *judgements,
			 struct v2m_cross_finding *finding)
{
	for (int i = 0; i < N_DIRECTIONS && !finding->slot_number; i++)
		if (judgements[i].stands)
			*finding = (struct v2m_cross_finding){ slot->base.slot_number, i == TX,
							       judgements[i].bytes };
}

int v2m_cross_check_add(struct v2m_cross_check *check, const struct v2m_cross_reading *readings,
			size_t n_readings, uint64_t dropped, uint64_t mono_ns,
			struct v2m_cross_result *result)
{
	struct slot *slots = calloc(n_readings + 1, sizeof(*slots));
	size_t old = 0;

	if (!slots)
		return -ENOMEM;
	*result = (struct v2m_cross_result){ 0 };
	for (size_t i = 0; i < n_readings; i++) {
		while (old < check->n_slots &&
		       check->slots[old].base.slot_number < readings[i].slot_number)
			old++;
		if (old < check->n_slots &&
		    check->slots[old].base.slot_number == readings[i].slot_number &&
		    check->slots[old].base.identity == readings[i].identity) {
			slots[i] = check->slots[old];
			add_reading(&slots[i], &readings[i], dropped, mono_ns, check->window_ns);
		} else {
			begin_window(&slots[i], &readings[i], dropped, mono_ns);
		}
		take_finding(&slots[i], slots[i].uncounted, &result->uncounted);
		take_finding(&slots[i], slots[i].undelivered, &result->undelivered);
	}
	free(check->slots);
	check->slots = slots;
	check->n_slots = n_readings;
	return 0;
}

static int compare_slots(const void *number, const void *slot)
{
	uint32_t wanted = *(const uint32_t *)number;
	uint32_t found = ((const struct slot *)slot)->base.slot_number;

	return wanted < found ? -1 : wanted > found;
}

const struct v2m_cross_bytes *v2m_cross_check_uncounted(const struct v2m_cross_check *check,
							uint32_t slot_number)
{
	const struct slot *slot = check->n_slots
					  ? bsearch(&slot_number, check->slots, check->n_slots,
						    sizeof(*slot), compare_slots)
					  : NULL;

	for (int i = 0; slot && i < N_DIRECTIONS; i++)
		if (slot->uncounted[i].stands)
			return &slot->uncounted[i].bytes;
	return NULL;
}
