// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/account.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PORTS 65536

struct v2m_account {
	/* Open addressing, linear probing, a power of two, at most half full; a subject is never
	 * taken out, and never moves. */
	struct v2m_subject **table;
	size_t table_size;
	size_t n_subjects;

	struct v2m_raw_port *raw;
	size_t n_raw;
	size_t raw_size;
	uint16_t raw_of_port[PORTS]; /* 1 + index into raw; 0: none */

	/* The owners of the last key set's ports, so that names are looked up once a reload. */
	struct v2m_keyset *keyset;
	struct v2m_subject **owners; /* parallel to keyset->ports */

	uint64_t mono_ns; /* of the last sample */
	bool dirty;
};

static struct v2m_flow flow_add(struct v2m_flow a, struct v2m_flow b)
{
	a.packets += b.packets;
	a.wire_bytes += b.wire_bytes;
	a.payload_bytes += b.payload_bytes;
	return a;
}

static struct v2m_flow flow_subtract(struct v2m_flow a, struct v2m_flow b)
{
	a.packets -= b.packets;
	a.wire_bytes -= b.wire_bytes;
	a.payload_bytes -= b.payload_bytes;
	return a;
}

static bool flow_below(struct v2m_flow a, struct v2m_flow b)
{
	return a.packets < b.packets || a.wire_bytes < b.wire_bytes ||
	       a.payload_bytes < b.payload_bytes;
}

struct v2m_totals v2m_totals_add(struct v2m_totals a, struct v2m_totals b)
{
	a.rx = flow_add(a.rx, b.rx);
	a.tx = flow_add(a.tx, b.tx);
	return a;
}

struct v2m_totals v2m_totals_subtract(struct v2m_totals a, struct v2m_totals b)
{
	a.rx = flow_subtract(a.rx, b.rx);
	a.tx = flow_subtract(a.tx, b.tx);
	return a;
}

struct v2m_totals v2m_subject_since_reset(const struct v2m_subject *subject)
{
	return v2m_totals_subtract(subject->lifetime, subject->baseline);
}

struct v2m_account *v2m_account_new(void)
{
	return calloc(1, sizeof(struct v2m_account));
}

static void unbind(struct v2m_account *account)
{
	v2m_keyset_unref(account->keyset);
	account->keyset = NULL;
	free(account->owners);
	account->owners = NULL;
}

void v2m_account_free(struct v2m_account *account)
{
	if (!account)
		return;
	unbind(account);
	for (size_t i = 0; i < account->table_size; i++) {
		if (account->table[i])
			free(account->table[i]->id);
		free(account->table[i]);
	}
	free(account->table);
	free(account->raw);
	free(account);
}

/* FNV-1a, 64 bits. */
static uint64_t hash(const char *text)
{
	uint64_t value = 0xcbf29ce484222325u;

	for (; *text; text++)
		value = (value ^ (unsigned char)*text) * 0x100000001b3u;
	return value;
}

/* Where the subject is, or where it would go. The table has a free place. */
static struct v2m_subject **subject_place(struct v2m_subject **table, size_t size, const char *id)
{
	size_t i = hash(id) & (size - 1);

	while (table[i] && strcmp(table[i]->id, id) != 0)
		i = (i + 1) & (size - 1);
	return &table[i];
}

static struct v2m_subject *subject_find(const struct v2m_account *account, const char *id)
{
	return account->table ? *subject_place(account->table, account->table_size, id) : NULL;
}

const struct v2m_subject *v2m_account_subject(const struct v2m_account *account, const char *id)
{
	return subject_find(account, id);
}

static int table_grow(struct v2m_account *account)
{
	size_t size = account->table_size ? 2 * account->table_size : 64;
	struct v2m_subject **table = calloc(size, sizeof(struct v2m_subject *));

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < account->table_size; i++)
		if (account->table[i])
			*subject_place(table, size, account->table[i]->id) = account->table[i];
	free(account->table);
	account->table = table;
	account->table_size = size;
	return 0;
}

static int subject_insert(struct v2m_account *account, const struct v2m_subject *model,
			  struct v2m_subject **subject)
{
	V2M_FREE struct v2m_subject *copy = malloc(sizeof(*copy));
	V2M_FREE char *id = strdup(model->id);

	if (!copy || !id)
		return -ENOMEM;
	if (2 * (account->n_subjects + 1) > account->table_size && table_grow(account))
		return -ENOMEM;
	*copy = *model;
	copy->id = V2M_TAKE(id);
	*subject = V2M_TAKE(copy);
	*subject_place(account->table, account->table_size, (*subject)->id) = *subject;
	account->n_subjects++;
	return 0;
}

/* The subject of that name, made where it is new. */
static int subject_get(struct v2m_account *account, char *id, int64_t real_us,
		       struct v2m_subject **subject)
{
	const struct v2m_subject fresh = { .id = id, .first_seen_us = real_us, .dirty = true };
	int result;

	*subject = subject_find(account, id);
	if (*subject)
		return 0;
	result = subject_insert(account, &fresh, subject);
	if (result == 0)
		account->dirty = true;
	return result;
}

int v2m_account_restore_subject(struct v2m_account *account, const struct v2m_subject *subject)
{
	struct v2m_subject stored = *subject;
	struct v2m_subject *inserted;

	if (subject_find(account, subject->id))
		return -EEXIST;
	stored.dirty = false;
	return subject_insert(account, &stored, &inserted);
}

static struct v2m_raw_port *raw_find(const struct v2m_account *account, uint16_t port)
{
	uint16_t index = account->raw_of_port[port];

	return index ? &account->raw[index - 1] : NULL;
}

/* Room for n more readings, so that adding them cannot fail. */
static int raw_reserve(struct v2m_account *account, size_t n)
{
	size_t size = account->raw_size ? account->raw_size : 64;
	struct v2m_raw_port *grown;

	while (size < account->n_raw + n)
		size *= 2;
	if (size == account->raw_size)
		return 0;
	grown = realloc(account->raw, size * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	account->raw = grown;
	account->raw_size = size;
	return 0;
}

/* Room is reserved. Port 0 is no port: at most 65535 readings, so 1 + index fits. */
static void raw_insert(struct v2m_account *account, const struct v2m_raw_port *raw)
{
	account->raw[account->n_raw++] = *raw;
	account->raw_of_port[raw->raw.port] = (uint16_t)account->n_raw;
}

int v2m_account_restore_raw(struct v2m_account *account, const struct v2m_raw_port *raw)
{
	struct v2m_raw_port stored = *raw;

	if (raw->raw.port == 0 || raw_find(account, raw->raw.port))
		return -EEXIST;
	if (raw_reserve(account, 1))
		return -ENOMEM;
	stored.dirty = false;
	raw_insert(account, &stored);
	return 0;
}

/* Every key and every shared port of the set has a subject afterwards. */
static int bind_subjects(struct v2m_account *account, const struct v2m_keyset *keyset,
			 int64_t real_us, struct v2m_subject **owners)
{
	char id[V2M_SUBJECT_LEN];
	struct v2m_subject *subject;
	int result;

	for (size_t i = 0; i < keyset->n_keys; i++) {
		v2m_key_subject(&keyset->keys[i], id, sizeof(id));
		result = subject_get(account, id, real_us, &subject);
		if (result)
			return result;
	}
	for (size_t i = 0; i < keyset->n_ports; i++) {
		v2m_keyset_subject(keyset, &keyset->ports[i], id, sizeof(id));
		result = subject_get(account, id, real_us, &owners[i]);
		if (result)
			return result;
	}
	return 0;
}

/* The reference that is kept makes the comparison of pointers safe: no other key set can come to
 * live at this address. Counting references is not a change of the set, hence the cast. */
static int bind(struct v2m_account *account, const struct v2m_keyset *keyset, int64_t real_us)
{
	V2M_FREE struct v2m_subject **owners = NULL;
	int result;

	if (account->keyset == keyset)
		return 0;
	owners = calloc(keyset->n_ports + 1, sizeof(struct v2m_subject *));
	if (!owners)
		return -ENOMEM;
	result = bind_subjects(account, keyset, real_us, owners);
	if (result)
		return result;
	unbind(account);
	account->keyset = v2m_keyset_ref((struct v2m_keyset *)keyset);
	account->owners = V2M_TAKE(owners);
	return 0;
}

static bool same_counter(const struct v2m_raw_port *raw, const struct v2m_sample *sample,
			 const struct v2m_port_sample *port)
{
	return memcmp(raw->epoch, sample->epoch, V2M_EPOCH_LEN) == 0 &&
	       raw->raw.assigned_ns == port->assigned_ns;
}

static bool went_backwards(const struct v2m_port_sample *now, const struct v2m_port_sample *then)
{
	return flow_below(now->tcp_rx, then->tcp_rx) || flow_below(now->tcp_tx, then->tcp_tx) ||
	       flow_below(now->udp_rx, then->udp_rx) || flow_below(now->udp_tx, then->udp_tx);
}

static struct v2m_totals port_totals(const struct v2m_port_sample *port)
{
	return (struct v2m_totals){
		.rx = flow_add(port->tcp_rx, port->udp_rx),
		.tx = flow_add(port->tcp_tx, port->udp_tx),
	};
}

static bool is_zero(struct v2m_totals totals)
{
	const struct v2m_totals zero = { 0 };

	return memcmp(&totals, &zero, sizeof(zero)) == 0;
}

/* Another counter than the one that was read last, or the same one begun again at zero. */
static bool starts_anew(const struct v2m_raw_port *last, const struct v2m_sample *sample,
			const struct v2m_port_sample *port)
{
	return !same_counter(last, sample, port) || went_backwards(port, &last->raw);
}

/* What the port has counted since its last reading. */
static struct v2m_totals port_delta(const struct v2m_raw_port *last,
				    const struct v2m_sample *sample,
				    const struct v2m_port_sample *port)
{
	if (!last || starts_anew(last, sample, port))
		return port_totals(port);
	return v2m_totals_subtract(port_totals(port), port_totals(&last->raw));
}

static void account_port(struct v2m_account *account, struct v2m_subject *owner,
			 const struct v2m_sample *sample, const struct v2m_port_sample *port)
{
	struct v2m_raw_port *last = raw_find(account, port->port);
	struct v2m_totals delta = port_delta(last, sample, port);
	struct v2m_raw_port now = { .raw = *port, .dirty = true };

	memcpy(now.epoch, sample->epoch, V2M_EPOCH_LEN);
	if (!last)
		raw_insert(account, &now);
	else if (starts_anew(last, sample, port) || !is_zero(delta))
		*last = now;
	else
		return;
	account->dirty = true;
	if (is_zero(delta))
		return;
	owner->lifetime = v2m_totals_add(owner->lifetime, delta);
	owner->last_activity_us = sample->real_us;
	owner->dirty = true;
}

int v2m_account_apply(struct v2m_account *account, const struct v2m_keyset *keyset,
		      const struct v2m_sample *sample)
{
	size_t k = 0;

	/* To an older reading all counters would seem to have gone backwards. */
	if (sample->mono_ns < account->mono_ns)
		return -ESTALE;
	/* All that can fail comes before the first byte is accounted. */
	if (bind(account, keyset, sample->real_us) || raw_reserve(account, sample->n_ports))
		return -ENOMEM;
	account->mono_ns = sample->mono_ns;
	for (size_t i = 0; i < sample->n_ports; i++) {
		const struct v2m_port_sample *port = &sample->ports[i];

		while (k < keyset->n_ports && keyset->ports[k].port < port->port)
			k++;
		if (k < keyset->n_ports && keyset->ports[k].port == port->port)
			account_port(account, account->owners[k], sample, port);
	}
	return 0;
}

int v2m_account_reset(struct v2m_account *account, const char *id, int64_t real_us,
		      struct v2m_totals *closed, struct v2m_reset_undo *undo)
{
	struct v2m_subject *subject = subject_find(account, id);

	if (!subject)
		return -ENOENT;
	*closed = v2m_subject_since_reset(subject);
	undo->baseline = subject->baseline;
	undo->reset_us = subject->reset_us;
	subject->baseline = subject->lifetime;
	subject->reset_us = real_us;
	subject->dirty = true;
	account->dirty = true;
	return 0;
}

void v2m_account_undo_reset(struct v2m_account *account, const char *id,
			    const struct v2m_reset_undo *undo)
{
	struct v2m_subject *subject = subject_find(account, id);

	if (!subject)
		return;
	subject->baseline = undo->baseline;
	subject->reset_us = undo->reset_us;
	subject->dirty = true;
	account->dirty = true;
}

int v2m_account_each_subject(const struct v2m_account *account, v2m_subject_visitor visit,
			     void *context)
{
	for (size_t i = 0; i < account->table_size; i++) {
		int result = account->table[i] ? visit(account->table[i], context) : 0;

		if (result)
			return result;
	}
	return 0;
}

int v2m_account_each_raw(const struct v2m_account *account, v2m_raw_visitor visit, void *context)
{
	for (size_t i = 0; i < account->n_raw; i++) {
		int result = visit(&account->raw[i], context);

		if (result)
			return result;
	}
	return 0;
}

void v2m_account_mark_stored(struct v2m_account *account)
{
	for (size_t i = 0; i < account->table_size; i++)
		if (account->table[i])
			account->table[i]->dirty = false;
	for (size_t i = 0; i < account->n_raw; i++)
		account->raw[i].dirty = false;
	account->dirty = false;
}

bool v2m_account_is_dirty(const struct v2m_account *account)
{
	return account->dirty;
}
