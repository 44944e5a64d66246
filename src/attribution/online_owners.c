// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attribution/online_owners.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "attribution/connection_owners.h"
#include "attribution/served_flows.h"
#include "base/array.h"
#include "base/table.h"

/* An address that no list has had for so long is forgotten. */
#define FORGOTTEN_NS (600 * UINT64_C(1000000000))
/* Addresses that the last list does not have are kept only up to this number of addresses. */
#define KEPT_SEATS_MAX 65536
/* Within this time a list names the user of a flow, or none does. */
#define NAMELESS_US INT64_C(20000000)
#define SECOND_US   INT64_C(1000000)
/* The clock may be set by so much between a request and the comparison. */
#define STEP_S 2

/* A user by its email. */
struct user {
	const char *email; /* in the key set */
	const struct v2m_slot *slot;
	const struct v2m_key *key;
	bool several; /* it is on several slots, or two keys have the email */
};

static struct v2m_table_key key_of_user(const void *element)
{
	const struct user *user = element;

	return (struct v2m_table_key){ user->email, strlen(user->email) };
}

static const struct v2m_table_type users_type = { sizeof(struct user), key_of_user };

/* The users that the lists have had at an address. */
struct seat {
	uint8_t address[16];
	char *name;        /* NULL: the last list that had the address had several users there */
	uint64_t since_ns; /* flows that began earlier may be of another user */
	uint64_t last_ns;  /* when the last list that had the address was answered */
	int64_t seen_s;    /* see struct v2m_online_user */
};

static struct v2m_table_key key_of_seat(const void *element)
{
	return (struct v2m_table_key){ ((const struct seat *)element)->address, 16 };
}

static const struct v2m_table_type seats_type = { sizeof(struct seat), key_of_seat };

/* A flow that has carried bytes, and may still be named. */
struct unnamed {
	struct v2m_flow_key key;
	uint64_t began_ns;
};

static struct v2m_table_key key_of_unnamed(const void *element)
{
	return (struct v2m_table_key){ element, sizeof(struct unnamed) };
}

static const struct v2m_table_type unnamed_type = { sizeof(struct unnamed), key_of_unnamed };

struct v2m_online_owners {
	struct v2m_keyset *keyset; /* referenced; NULL: none yet */
	struct v2m_table users;
	bool *tells; /* for each slot of the key set */
	bool wanted;
	struct v2m_table seats;
	struct v2m_table unnamed; /* at the last comparison */
	struct v2m_served_flows served;
	uint64_t asked_ns; /* of the last list; 0: there was none */
	uint64_t answered_ns;
	uint64_t waits_ns; /* when the first list was waited for first, or the last one was taken */
	uint64_t planned_ns; /* answered_ns of the list that was compared last */
	struct v2m_online_plan plan;
};

struct v2m_online_owners *v2m_online_owners_new(uint64_t now_ns)
{
	struct v2m_online_owners *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->users.type = &users_type;
	made->seats.type = &seats_type;
	made->unnamed.type = &unnamed_type;
	made->waits_ns = now_ns;
	return made;
}

static void clear_seats(struct v2m_table *seats)
{
	for (struct seat *seat = v2m_table_next(seats, NULL); seat;
	     seat = v2m_table_next(seats, seat))
		free(seat->name);
	v2m_table_clear(seats);
}

void v2m_online_owners_free(struct v2m_online_owners *owners)
{
	if (!owners)
		return;
	v2m_keyset_unref(owners->keyset);
	v2m_table_clear(&owners->users);
	free(owners->tells);
	clear_seats(&owners->seats);
	v2m_table_clear(&owners->unnamed);
	v2m_served_flows_clear(&owners->served);
	v2m_array_clear(&owners->plan.labels);
	v2m_array_clear(&owners->plan.disputes);
	free(owners);
}

/* --- users --- */

static int add_users(struct v2m_table *users, const struct v2m_slot *slot,
		     const struct v2m_key *key)
{
	for (size_t i = 0; i < key->emails.count; i++) {
		struct user made = { key->emails.items[i], slot, key, false };
		struct user *known = v2m_table_find_string(users, made.email);

		if (known)
			known->several |= known->slot != slot || known->key != key;
		else if (v2m_table_add(users, &made))
			return -ENOMEM;
	}
	return 0;
}

static bool can_tell(const struct v2m_keyset *keyset, const struct v2m_slot *slot)
{
	if (slot->n_keys < 2 || slot->refused || slot->behind || slot->loopback || slot->unlisted ||
	    !(slot->transports & V2M_TCP))
		return false;
	for (size_t i = 0; i < slot->n_keys; i++)
		if (!keyset->keys[slot->keys[i]].emails.count)
			return false;
	return true;
}

int v2m_online_owners_set_keys(struct v2m_online_owners *owners, struct v2m_keyset *keyset)
{
	const struct v2m_slots *slots = &keyset->slots;
	struct v2m_table users = { .type = &users_type };
	bool *tells = calloc(slots->count + 1, sizeof(*tells));
	bool wanted = false;
	int result = tells ? 0 : -ENOMEM;

	for (size_t i = 0; i < slots->count && !result; i++) {
		const struct v2m_slot *slot = &slots->items[i];

		tells[i] = can_tell(keyset, slot);
		wanted |= tells[i];
		for (size_t k = 0; k < slot->n_keys && !result; k++)
			result = add_users(&users, slot, &keyset->keys[slot->keys[k]]);
	}
	if (result) {
		v2m_table_clear(&users);
		free(tells);
		return result;
	}
	v2m_keyset_ref(keyset);
	v2m_keyset_unref(owners->keyset);
	v2m_table_clear(&owners->users);
	free(owners->tells);
	owners->keyset = keyset;
	owners->users = users;
	owners->tells = tells;
	owners->wanted = wanted;
	return 0;
}

bool v2m_online_owners_can_tell(const struct v2m_online_owners *owners, const struct v2m_slot *slot)
{
	return owners->keyset && owners->tells[slot - owners->keyset->slots.items];
}

bool v2m_online_owners_are_wanted(const struct v2m_online_owners *owners)
{
	return owners->wanted;
}

/* --- lists --- */

/* Enters the users of one address. before: the seat of an earlier list, or NULL. since_ns: of an
 * address that the last list did not have. 0 or -ENOMEM. */
static int add_seat(const struct v2m_online_owners *owners, struct v2m_table *seats,
		    const struct v2m_online_list *list, const struct v2m_online_user *first,
		    size_t count, uint64_t since_ns)
{
	const struct seat *before =
		v2m_table_find(&owners->seats, first->address, sizeof(first->address));
	struct seat made = { .since_ns = since_ns,
			     .last_ns = list->answered_ns,
			     .seen_s = first->seen_s };

	memcpy(made.address, first->address, sizeof(made.address));
	if (count == 1) {
		made.name = strdup(first->name);
		if (!made.name)
			return -ENOMEM;
	}
	if (before && made.name && before->name && strcmp(made.name, before->name) == 0)
		made.since_ns = before->since_ns;
	else if (before && before->last_ns == owners->answered_ns)
		made.since_ns = list->answered_ns;
	if (!v2m_table_add(seats, &made))
		return 0;
	free(made.name);
	return -ENOMEM;
}

/* Keeps the addresses that the list does not have for some time. If one is forgotten, its next user
 * has only flows that begin later. 0 or -ENOMEM. */
static int keep_seats(struct v2m_online_owners *owners, const struct v2m_online_list *list,
		      struct v2m_table *seats)
{
	struct seat *seat = NULL;

	while (seats->count < KEPT_SEATS_MAX && (seat = v2m_table_next(&owners->seats, seat))) {
		if (v2m_table_find(seats, seat->address, sizeof(seat->address)) ||
		    list->answered_ns - seat->last_ns > FORGOTTEN_NS)
			continue;
		if (v2m_table_add(seats, seat))
			return -ENOMEM;
		seat->name = NULL;
	}
	return 0;
}

static int make_seats(struct v2m_online_owners *owners, const struct v2m_online_list *list,
		      uint64_t since_ns, struct v2m_table *seats)
{
	const struct v2m_online_users *users = &list->users;
	int result = 0;

	for (size_t i = 0; i < users->count && !result;) {
		const struct v2m_online_user *first = &users->items[i];
		size_t count = 1;

		while (i + count < users->count &&
		       memcmp(users->items[i + count].address, first->address, 16) == 0)
			count++;
		result = add_seat(owners, seats, list, first, count, since_ns);
		i += count;
	}
	return result ? result : keep_seats(owners, list, seats);
}

int v2m_online_owners_take(struct v2m_online_owners *owners, const struct v2m_online_list *list)
{
	struct v2m_table seats = { .type = &seats_type };
	bool follows = owners->answered_ns && list->answered_ns >= owners->answered_ns &&
		       list->asked_ns < owners->answered_ns + V2M_ONLINE_LOST_NS;
	int result;

	if (!follows)
		clear_seats(&owners->seats);
	/* A flow that began before the last list without the address is of a user whom no list
	 * showed there. */
	result =
		make_seats(owners, list, follows ? owners->answered_ns : list->answered_ns, &seats);
	clear_seats(&owners->seats);
	if (result)
		clear_seats(&seats);
	owners->seats = seats;
	owners->asked_ns = result ? 0 : list->asked_ns;
	owners->answered_ns = result ? 0 : list->answered_ns;
	if (!result)
		owners->waits_ns = list->answered_ns;
	return result;
}

bool v2m_online_owners_lack_list(const struct v2m_online_owners *owners, uint64_t now_ns)
{
	return now_ns > owners->waits_ns + V2M_ONLINE_LOST_NS;
}

/* --- comparing --- */

static struct v2m_table_key key_of_open(const void *element)
{
	return (struct v2m_table_key){ element, sizeof(struct v2m_flow_key) };
}

static const struct v2m_table_type open_type = { sizeof(struct v2m_flow_key), key_of_open };

/* The open connections. 0 or -ENOMEM. */
static int index_open(const struct v2m_connection_table *table, struct v2m_table *open)
{
	int result = v2m_table_reserve(open, table->count);

	for (size_t i = 0; i < table->count && !result; i++) {
		struct v2m_flow_key key = v2m_flow_of_connection(&table->connections[i]);

		if (!v2m_table_find(open, &key, sizeof(key)))
			result = v2m_table_add(open, &key);
	}
	return result;
}

static int64_t began_us(const struct v2m_online_round *round, const struct v2m_flow_entry *flow)
{
	return round->now.real_us - (int64_t)((round->now.mono_ns - flow->state.began_ns) / 1000);
}

/* The user of an address in the last list, if the user has this slot only. NULL: there is none. */
static const struct user *find_user(const struct v2m_online_owners *owners, const struct seat *seat,
				    const struct v2m_slot *slot)
{
	const struct user *user =
		seat->name ? v2m_table_find_string(&owners->users, seat->name) : NULL;

	return user && !user->several && user->slot == slot ? user : NULL;
}

static bool is_alien(const struct v2m_online_owners *owners, const struct v2m_online_round *round,
		     const struct seat *seat, const struct v2m_flow_entry *flow)
{
	bool has_request = !seat || !seat->name || seat->last_ns != owners->answered_ns ||
			   seat->seen_s >= began_us(round, flow) / SECOND_US - STEP_S;

	return v2m_served_flows_are_alien(&owners->served, flow, owners->asked_ns, has_request);
}

/* A flow whose handshake was not seen is older than its first packet that was seen. A proxy tells
 * whole seconds: a request may be younger by almost one. */
static bool may_be_named(const struct v2m_online_owners *owners,
			 const struct v2m_online_round *round, const struct seat *seat,
			 const struct v2m_flow_entry *flow)
{
	return flow->state.answered && flow->state.began_ns < owners->asked_ns &&
	       flow->state.began_ns > seat->since_ns &&
	       seat->seen_s >= began_us(round, flow) / SECOND_US &&
	       !is_alien(owners, round, seat, flow);
}

/* Another owner of the slot, by which the kernel knows that two users were named. V2M_NO_OWNER:
 * there is none. */
static uint32_t find_other_owner(const struct v2m_online_owners *owners,
				 const struct v2m_online_round *round, const struct v2m_slot *slot,
				 uint32_t owner)
{
	for (size_t i = 0; i < slot->n_keys; i++) {
		const struct v2m_key *key = &owners->keyset->keys[slot->keys[i]];
		uint32_t other = v2m_attributor_owner(round->attributor, slot, key, IPPROTO_TCP);

		if (other != V2M_NO_OWNER && other != owner)
			return other;
	}
	return V2M_NO_OWNER;
}

/* Plans for an open flow at the address of the seat, which is in the last list. Whether the flow
 * has an owner then, or -ENOMEM. */
static int plan_open(struct v2m_online_owners *owners, const struct v2m_online_round *round,
		     const struct v2m_flow_entry *flow, const struct seat *seat,
		     const struct v2m_slot *slot)
{
	const struct user *user = find_user(owners, seat, slot);
	struct v2m_label label = { .flow = flow->key, .began_ns = flow->state.began_ns };
	uint32_t owner =
		user ? v2m_attributor_owner(round->attributor, slot, user->key, IPPROTO_TCP)
		     : V2M_NO_OWNER;

	owners->plan.has_shared_address |= !seat->name;
	if (owner != V2M_NO_OWNER && owner == flow->state.owner)
		return 1;
	if (flow->state.owner != V2M_NO_OWNER) {
		label.owner = find_other_owner(owners, round, slot, flow->state.owner);
		if (label.owner != V2M_NO_OWNER && v2m_array_add(&owners->plan.disputes, label))
			return -ENOMEM;
		return 1;
	}
	if (owner == V2M_NO_OWNER || !may_be_named(owners, round, seat, flow))
		return 0;
	label.owner = owner;
	return v2m_array_add(&owners->plan.labels, label) ? -ENOMEM : 1;
}

/* Takes a flow out of those that had no name at the last comparison. */
static void note_present(struct v2m_online_owners *owners, const struct v2m_flow_entry *flow)
{
	const struct unnamed wanted = { flow->key, flow->state.began_ns };
	struct unnamed *known = v2m_table_find(&owners->unnamed, &wanted, sizeof(wanted));

	if (known)
		v2m_table_remove(&owners->unnamed, known);
}

/* 0 or -ENOMEM. */
static int note_unnamed(struct v2m_online_owners *owners, const struct v2m_online_round *round,
			const struct v2m_flow_entry *flow, struct v2m_table *unnamed)
{
	const struct unnamed made = { flow->key, flow->state.began_ns };

	if (flow->state.owner != V2M_NO_OWNER || !flow->state.tx.payload_bytes)
		return 0;
	if (round->now.real_us - began_us(round, flow) > NAMELESS_US)
		owners->plan.has_nameless = true;
	/* A flow whose handshake ends while the maps are read is in both. */
	else if (!v2m_table_find(unnamed, &made, sizeof(made)))
		return v2m_table_add(unnamed, &made);
	return 0;
}

/* 0 or -ENOMEM. */
static int plan_flow(struct v2m_online_owners *owners, const struct v2m_online_round *round,
		     const struct v2m_flow_entry *flow, const struct v2m_table *open,
		     struct v2m_table *unnamed)
{
	const struct v2m_flow_key *key = &flow->key;
	bool is_tcp = key->protocol == IPPROTO_TCP;
	const struct v2m_slot *slot =
		v2m_slots_at(&owners->keyset->slots, key->port, is_tcp ? V2M_TCP : V2M_UDP);
	const struct seat *seat;
	int is_named = 0;

	/* A published port has no slot of its own. */
	if ((slot && !v2m_online_owners_can_tell(owners, slot)) || flow->state.disputed)
		return 0;
	seat = v2m_table_find(&owners->seats, key->remote, sizeof(key->remote));
	if (v2m_served_flows_note(&owners->served, flow, is_alien(owners, round, seat, flow)))
		return -ENOMEM;
	if (slot && is_tcp && seat && seat->last_ns == owners->answered_ns &&
	    v2m_table_find(open, key, sizeof(*key)))
		is_named = plan_open(owners, round, flow, seat, slot);
	if (is_named)
		return is_named < 0 ? is_named : 0;
	return note_unnamed(owners, round, flow, unnamed);
}

/* Compares all flows. A flow that had no name at the last comparison and is not there any more gave
 * its place to a new connection with the same addresses and ports: nobody can be named for it. 0 or
 * -ENOMEM. */
static int plan_flows(struct v2m_online_owners *owners, const struct v2m_online_round *round)
{
	struct v2m_table open = { .type = &open_type };
	struct v2m_table unnamed = { .type = &unnamed_type };
	int result = index_open(round->table, &open);

	for (size_t i = 0; i < round->n_flows && !result; i++) {
		note_present(owners, &round->flows[i]);
		result = plan_flow(owners, round, &round->flows[i], &open, &unnamed);
	}
	v2m_table_clear(&open);
	if (result) {
		v2m_table_clear(&unnamed);
		return result;
	}
	owners->plan.has_nameless |= owners->unnamed.count > 0;
	v2m_table_clear(&owners->unnamed);
	owners->unnamed = unnamed;
	return 0;
}

bool v2m_online_owners_plan_is_due(const struct v2m_online_owners *owners,
				   const struct v2m_connection_table *table)
{
	return owners->keyset && owners->asked_ns && table &&
	       table->mono_ns >= owners->answered_ns && owners->planned_ns != owners->answered_ns;
}

int v2m_online_owners_plan(struct v2m_online_owners *owners, const struct v2m_online_round *round,
			   struct v2m_online_plan **plan)
{
	int result;

	*plan = NULL;
	if (!v2m_online_owners_plan_is_due(owners, round->table))
		return 0;
	owners->plan.labels.count = 0;
	owners->plan.disputes.count = 0;
	owners->plan.has_shared_address = false;
	owners->plan.has_nameless = false;
	result = plan_flows(owners, round);
	if (result)
		return result;
	owners->planned_ns = owners->answered_ns;
	v2m_served_flows_end(&owners->served, round->now.mono_ns);
	*plan = &owners->plan;
	return 0;
}
