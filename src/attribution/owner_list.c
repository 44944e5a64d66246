// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attribution/owner_list.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/macros.h"
#include "base/transport.h"

/* A longer email is not found. The proxies have no limit, but 320 bytes is that of mail. */
#define EMAIL_MAX 512

/* The key of a named place: slot, transport and email. "" stands for a key without an email. */
struct place {
	struct v2m_table_key key; /* behind a pointer that is malloc'd */
	size_t rule;
	bool several; /* two keys of the slot have this email */
};

static struct v2m_table_key key_of_place(const void *element)
{
	return ((const struct place *)element)->key;
}

static const struct v2m_table_type places = { sizeof(struct place), key_of_place };

static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };

static enum v2m_transport transport_of(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? V2M_TCP : V2M_UDP;
}

/* Writes the bytes of a place's key, and returns how many. */
static size_t write_key(uint32_t slot_number, uint8_t protocol, const char *email, size_t length,
			char bytes[static 5 + EMAIL_MAX])
{
	memcpy(bytes, &slot_number, sizeof(slot_number));
	bytes[4] = (char)protocol;
	memcpy(bytes + 5, email, length);
	return 5 + length;
}

static struct place *find_place(const struct v2m_owner_list *list, const struct v2m_slot *slot,
				uint8_t protocol, const char *email, size_t length)
{
	char bytes[5 + EMAIL_MAX];

	if (length > EMAIL_MAX)
		return NULL;
	return v2m_table_find(&list->by_email, bytes,
			      write_key(v2m_slot_number(slot), protocol, email, length, bytes));
}

static int add_place(struct v2m_owner_list *list, const struct v2m_slot *slot, size_t rule,
		     const char *email)
{
	uint8_t protocol = list->rules.items[rule].protocol;
	struct place *known = find_place(list, slot, protocol, email, strlen(email));
	V2M_FREE char *bytes = NULL;
	struct place place = { .rule = rule };

	if (known) {
		known->several = true;
		return 0;
	}
	if (strlen(email) > EMAIL_MAX)
		return 0;
	bytes = malloc(5 + EMAIL_MAX);
	if (!bytes)
		return -ENOMEM;
	place.key.data = bytes;
	place.key.length = write_key(v2m_slot_number(slot), protocol, email, strlen(email), bytes);
	if (v2m_table_add(&list->by_email, &place))
		return -ENOMEM;
	bytes = NULL;
	return 0;
}

static struct v2m_table_key key_of_rule(const void *element)
{
	return (struct v2m_table_key){ &((const struct v2m_named_rule *)element)->rule,
				       sizeof(struct v2m_owner_rule) };
}

static const struct v2m_table_type named_rules = { sizeof(struct v2m_named_rule), key_of_rule };

/* Sets all bytes, also those between the members and behind the name. */
static void make_rule(const struct v2m_slot *slot, const struct v2m_key *key, uint8_t protocol,
		      struct v2m_owner_rule *rule)
{
	memset(rule, 0, sizeof(*rule));
	rule->first_port = slot->first_port;
	rule->protocol = protocol;
	v2m_key_owner_name(key, rule->key);
}

/* A key on one transport of a slot. 0 or -ENOMEM. */
static int add_rule(struct v2m_owner_list *list, const struct v2m_slot *slot,
		    const struct v2m_key *key, uint8_t protocol)
{
	struct v2m_owner_rule rule;
	size_t index = list->rules.count;
	int result;

	make_rule(slot, key, protocol, &rule);
	if (v2m_array_add(&list->rules, rule) ||
	    v2m_table_add(&list->by_name, &(struct v2m_named_rule){ rule, index }))
		return -ENOMEM;
	result = key->emails.count ? 0 : add_place(list, slot, index, "");
	for (size_t i = 0; i < key->emails.count && !result; i++)
		result = add_place(list, slot, index, key->emails.items[i]);
	return result;
}

/* An email of a key whose ports are all shared. */
struct user {
	char *email;
};

static struct v2m_table_key key_of_user(const void *element)
{
	const struct user *user = element;

	return (struct v2m_table_key){ user->email, strlen(user->email) };
}

static const struct v2m_table_type users = { sizeof(struct user), key_of_user };

static bool shares_all_ports(const struct v2m_keyset *keyset, const struct v2m_key *key)
{
	size_t count;
	const size_t *slots = v2m_keyset_slots_of(keyset, key, &count);

	for (size_t i = 0; i < count; i++) {
		const struct v2m_slot *slot = &keyset->slots.items[slots[i]];

		if (slot->n_keys < 2 || slot->refused || slot->behind)
			return false;
	}
	return count > 0;
}

static int expect_users(struct v2m_owner_list *list, const struct v2m_key *key)
{
	for (size_t i = 0; i < key->emails.count; i++) {
		struct user user = { NULL };

		if (v2m_table_find_string(&list->expected, key->emails.items[i]))
			continue;
		user.email = strdup(key->emails.items[i]);
		if (user.email && !v2m_table_add(&list->expected, &user))
			continue;
		free(user.email);
		return -ENOMEM;
	}
	return 0;
}

bool v2m_owner_list_expects_flow(const struct v2m_owner_list *list,
				 const struct v2m_access_text *email)
{
	return email->length && list->keyset &&
	       v2m_table_find(&list->expected, email->start, email->length);
}

static int add_slot(struct v2m_owner_list *list, const struct v2m_slot *slot)
{
	int result = 0;

	if (slot->n_keys < 2 || slot->refused || slot->behind)
		return 0;
	for (size_t i = 0; i < slot->n_keys; i++)
		for (size_t p = 0; p < V2M_ARRAY_LEN(protocols) && !result; p++)
			if (slot->transports & transport_of(protocols[p]))
				result = add_rule(list, slot, &list->keyset->keys[slot->keys[i]],
						  protocols[p]);
	return result;
}

int v2m_owner_list_make(struct v2m_owner_list *list, struct v2m_keyset *keyset)
{
	int result = 0;

	v2m_owner_list_clear(list);
	list->keyset = v2m_keyset_ref(keyset);
	list->by_email.type = &places;
	list->by_name.type = &named_rules;
	list->expected.type = &users;
	for (size_t i = 0; i < keyset->slots.count && !result; i++)
		result = add_slot(list, &keyset->slots.items[i]);
	for (size_t i = 0; i < keyset->n_keys && !result; i++)
		if (shares_all_ports(keyset, &keyset->keys[i]))
			result = expect_users(list, &keyset->keys[i]);
	if (!result) {
		list->owners = calloc(list->rules.count + 1, sizeof(*list->owners));
		result = list->owners ? 0 : -ENOMEM;
	}
	if (result)
		v2m_owner_list_clear(list);
	return result;
}

void v2m_owner_list_clear(struct v2m_owner_list *list)
{
	for (struct place *place = v2m_table_next(&list->by_email, NULL); place;
	     place = v2m_table_next(&list->by_email, place))
		free((void *)place->key.data);
	for (struct user *user = v2m_table_next(&list->expected, NULL); user;
	     user = v2m_table_next(&list->expected, user))
		free(user->email);
	v2m_table_clear(&list->expected);
	v2m_table_clear(&list->by_email);
	v2m_table_clear(&list->by_name);
	v2m_array_clear(&list->rules);
	free(list->owners);
	list->owners = NULL;
	v2m_keyset_unref(list->keyset);
	list->keyset = NULL;
}

/* The name of a key without an email is the tag of its inbound. */
static bool is_of_inbound(const struct v2m_owner_list *list, const struct v2m_slot *slot,
			  const struct place *place, const struct v2m_access_record *record)
{
	const char *owner = list->rules.items[place->rule].key;
	char name[V2M_OWNER_KEY_LEN];

	for (size_t i = 0; i < slot->n_keys; i++) {
		const struct v2m_key *key = &list->keyset->keys[slot->keys[i]];

		v2m_key_owner_name(key, name);
		if (strcmp(name, owner) == 0)
			return v2m_access_record_names(record, key->name);
	}
	return false;
}

uint32_t v2m_owner_list_find(const struct v2m_owner_list *list, uint16_t port, uint8_t protocol,
			     const struct v2m_access_record *record, bool *is_ambiguous)
{
	const struct v2m_slot *slot;
	const struct place *place;

	*is_ambiguous = false;
	if (!list->keyset)
		return V2M_NO_OWNER;
	slot = v2m_slots_at(&list->keyset->slots, port, transport_of(protocol));
	if (!slot)
		return V2M_NO_OWNER;
	place = find_place(list, slot, protocol, record->email.length ? record->email.start : "",
			   record->email.length);
	if (!place)
		return V2M_NO_OWNER;
	*is_ambiguous = place->several ||
			(!record->email.length && !is_of_inbound(list, slot, place, record));
	return *is_ambiguous ? V2M_NO_OWNER : list->owners[place->rule];
}

uint32_t v2m_owner_list_owner(const struct v2m_owner_list *list, const struct v2m_slot *slot,
			      const struct v2m_key *key, uint8_t protocol)
{
	const struct v2m_named_rule *named;
	struct v2m_owner_rule rule;

	make_rule(slot, key, protocol, &rule);
	named = v2m_table_find(&list->by_name, &rule, sizeof(rule));
	return named ? list->owners[named->index] : V2M_NO_OWNER;
}
