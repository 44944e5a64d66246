// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "supply/live_supply.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "process/confine.h"
#include "supply/asker.h"
#include "supply/proxy_address.h"

/* A panel restarts the proxy now and then: so many failures in a row are no news. */
#define TOLERATED 2

/* An API answers, or fails, within the first time; each further API takes the second. */
#define WAIT_MS      5000
#define WAIT_MORE_MS 2000
#define WAIT_MAX_MS  15000

/* A question needs two connections at most. An asking process that wants more of them is not ours
 * any more. */
#define CONNECTS_MAX       16
#define CONNECTS_PERIOD_NS (2 * UINT64_C(1000000000))

/* One API. */
struct followed {
	char *source;
	bool has_address; /* otherwise it is never asked */
	struct v2m_proxy_address address;
	bool was_asked;
	char *text; /* NULL: it has not answered yet */
	size_t length;
	int result; /* of the last question: 0 or -errno */
	struct v2m_error error;
	unsigned n_failures;             /* in a row */
	struct v2m_proxy_stats stats;    /* empty if the proxy does not count */
	struct v2m_asking_online online; /* empty if it cannot tell */
	uint64_t period_ns;              /* CLOCK_MONOTONIC; when the count of connections began */
	unsigned n_connects;
};

struct v2m_live_supply {
	struct v2m_live_options options;
	struct v2m_asker *asker;
	/* Only added to. The first V2M_ASKING_APIS_MAX are asked. */
	struct followed **items;
	size_t count;
	size_t capacity;
	bool has_news;
	/* Of answers. */
	uint64_t stats_number;
	uint64_t online_number;
	uint32_t unprotected;
};

static void free_followed(struct followed *followed)
{
	v2m_proxy_stats_clear(&followed->stats);
	v2m_asking_online_clear(&followed->online);
	free(followed->source);
	free(followed->text);
	free(followed);
}

static void send_order(struct v2m_live_supply *supply, size_t number)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	/* Writing changes nothing. */
	struct v2m_asking_order order = {
		.source = supply->items[number]->source,
		.interval_ns = supply->options.interval_ns,
		.verbose = v2m_log_level() == V2M_LOG_DEBUG,
	};

	v2m_put_asking_order(&wire, &order);
	v2m_asker_send(supply->asker, V2M_ASKING_FOLLOW, number, &wire, -1);
}

static void brief(void *context)
{
	struct v2m_live_supply *supply = context;

	for (size_t i = 0; i < supply->count; i++)
		if (supply->items[i]->has_address)
			send_order(supply, i);
}

/* The socket of the proxy may be one that only we may open. */
static int connect_it(struct v2m_live_supply *supply, uint64_t number)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct followed *followed = supply->items[number];
	uint64_t now_ns = v2m_clock_mono_ns();
	V2M_CLOSE int fd = -1;
	int32_t result;

	if (now_ns - followed->period_ns > CONNECTS_PERIOD_NS) {
		followed->period_ns = now_ns;
		followed->n_connects = 0;
	}
	if (followed->n_connects++ >= CONNECTS_MAX)
		return -EBADMSG;
	fd = v2m_proxy_address_connect(&followed->address);
	result = fd < 0 ? fd : 0;
	v2m_wire_i32(&wire, &result);
	v2m_asker_send(supply->asker, V2M_ASKING_CONNECTED, number, &wire, fd < 0 ? -1 : fd);
	return 0;
}

/* Keeps a copy of the text. 0 or -ENOMEM. */
static int keep_text(struct followed *followed, const struct v2m_asking_said *said)
{
	char *copy = malloc(said->length + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, said->text, said->length);
	copy[said->length] = 0;
	free(followed->text);
	followed->text = copy;
	followed->length = said->length;
	return 0;
}

/* 0, -EBADMSG or -ENOMEM. */
static int take_said(struct v2m_live_supply *supply, struct followed *followed,
		     struct v2m_wire *wire)
{
	struct v2m_asking_said said = { 0 };
	bool was_failing = followed->result < 0;
	int result;

	v2m_put_asking_said(wire, &said);
	result = v2m_wire_end(wire);
	if (result || !v2m_asking_said_is_allowed(&said))
		return result ? result : -EBADMSG;
	/* Somebody who waits for the first answer gets it at once. */
	supply->has_news |= !followed->was_asked;
	followed->was_asked = true;
	followed->n_failures = said.result ? followed->n_failures + 1 : 0;
	if (said.result && followed->text && followed->n_failures <= TOLERATED)
		return 0;
	followed->result = said.result;
	followed->error = said.error;
	supply->has_news |= was_failing != (said.result < 0);
	if (!said.length || (followed->text && said.length == followed->length &&
			     memcmp(said.text, followed->text, said.length) == 0))
		return 0;
	supply->has_news = true;
	return keep_text(followed, &said);
}

/* 0, -EBADMSG or -ENOMEM. */
static int take_counted(struct v2m_live_supply *supply, struct followed *followed,
			struct v2m_wire *wire)
{
	V2M_CLEANUP(v2m_proxy_stats_clear) struct v2m_proxy_stats stats = { 0 };
	struct v2m_proxy_stats old = followed->stats;
	int result;

	v2m_put_asking_counted(wire, &stats);
	result = v2m_wire_end(wire);
	if (result || !v2m_asking_counted_is_allowed(&stats))
		return result ? result : -EBADMSG;
	followed->stats = stats;
	stats = old;
	supply->stats_number++;
	return 0;
}

/* 0, -EBADMSG or -ENOMEM. */
static int take_online(struct v2m_live_supply *supply, struct followed *followed,
		       struct v2m_wire *wire)
{
	V2M_CLEANUP(v2m_asking_online_clear) struct v2m_asking_online online = { 0 };
	struct v2m_asking_online old = followed->online;
	int result;

	v2m_put_asking_online(wire, &online);
	result = v2m_wire_end(wire);
	if (result || !v2m_asking_online_is_allowed(&online))
		return result ? result : -EBADMSG;
	followed->online = online;
	online = old;
	supply->online_number++;
	return 0;
}

/* Only news are logged. 0 or -errno. */
static int note_protection(struct v2m_live_supply *supply, struct v2m_wire *wire)
{
	uint32_t unprotected = 0;
	char names[256];

	v2m_wire_u32(wire, &unprotected);
	if (v2m_wire_end(wire) || unprotected & ~(uint32_t)V2M_PROTECT_ALL)
		return -EBADMSG;
	if (unprotected && unprotected != supply->unprotected) {
		v2m_confine_names(unprotected, names, sizeof(names));
		v2m_log_warning("the process that asks the APIs of proxies runs without %s", names);
	}
	supply->unprotected = unprotected;
	return 0;
}

static int take(void *context, const struct v2m_message *message)
{
	struct v2m_live_supply *supply = context;
	struct v2m_wire wire = v2m_wire_reader(message->data, message->length);

	if (message->fd >= 0)
		return -EBADMSG;
	if (message->kind == V2M_ASKING_READY)
		return note_protection(supply, &wire);
	if (message->id >= supply->count || !supply->items[message->id]->has_address)
		return -EBADMSG;
	if (message->kind == V2M_ASKING_CONNECT && !message->length)
		return connect_it(supply, message->id);
	if (message->kind == V2M_ASKING_SAID)
		return take_said(supply, supply->items[message->id], &wire);
	if (message->kind == V2M_ASKING_COUNTED)
		return take_counted(supply, supply->items[message->id], &wire);
	if (message->kind == V2M_ASKING_ONLINE)
		return take_online(supply, supply->items[message->id], &wire);
	return -EBADMSG;
}

/* One process may end for any reason. If several do in a row, their APIs do not answer. */
static void note_end(void *context, unsigned count, const char *how)
{
	struct v2m_live_supply *supply = context;

	for (size_t i = 0; i < supply->count && count > TOLERATED; i++) {
		struct followed *followed = supply->items[i];

		if (!followed->has_address)
			continue;
		supply->has_news |= !followed->was_asked || !followed->result;
		followed->was_asked = true;
		followed->result = v2m_error_set_class(&followed->error, V2M_FAILURE_PASSING, -EIO,
						       "%.160s: %s", followed->source, how);
	}
}

/* Adds an API. If it cannot be asked, the reason is its answer. 0 or -ENOMEM. */
static int add(struct v2m_live_supply *supply, const char *source)
{
	struct followed *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->source = strdup(source);
	if (!made->source || v2m_array_add(supply, made)) {
		free_followed(made);
		return -ENOMEM;
	}
	if (supply->count > V2M_ASKING_APIS_MAX)
		made->result =
			v2m_error_set(&made->error, -ENOSPC, "%.160s: at most %d APIs are asked",
				      source, V2M_ASKING_APIS_MAX);
	else
		made->result = v2m_proxy_address_parse(source, &made->address, &made->error);
	made->has_address = !made->result;
	made->was_asked = made->result != 0;
	if (!made->has_address)
		return 0;
	send_order(supply, supply->count - 1);
	v2m_asker_start(supply->asker);
	return 0;
}

int v2m_live_supply_open(const struct v2m_live_options *options,
			 const struct v2m_strings *key_sources, struct v2m_live_supply **supply)
{
	struct v2m_live_supply *made = calloc(1, sizeof(*made));
	const struct v2m_asker_owner owner = { brief, take, note_end, made };
	int result;

	if (!made)
		return -ENOMEM;
	made->options = *options;
	result = v2m_asker_open(options->argument, options->pause_ms, &owner, &made->asker);
	for (size_t i = 0; !result && i < key_sources->count; i++)
		if (v2m_is_live_source(key_sources->items[i]))
			result = add(made, key_sources->items[i]);
	if (result) {
		v2m_live_supply_close(made);
		return result;
	}
	*supply = made;
	return 0;
}

void v2m_live_supply_close(struct v2m_live_supply *supply)
{
	if (!supply)
		return;
	v2m_asker_close(supply->asker);
	for (size_t i = 0; i < supply->count; i++)
		free_followed(supply->items[i]);
	free(supply->items);
	free(supply);
}

int v2m_live_supply_fd(const struct v2m_live_supply *supply)
{
	return v2m_asker_fd(supply->asker);
}

bool v2m_live_supply_drain(struct v2m_live_supply *supply)
{
	bool had_news;

	v2m_asker_drain(supply->asker);
	had_news = supply->has_news;
	supply->has_news = false;
	return had_news;
}

static bool follows(const struct v2m_live_supply *supply, const char *source)
{
	for (size_t i = 0; i < supply->count; i++)
		if (strcmp(supply->items[i]->source, source) == 0)
			return true;
	return false;
}

/* A configuration is not trusted: an address in it may only lead to this host. */
static bool is_local(const char *source)
{
	struct v2m_proxy_address address;
	struct v2m_error error;

	return v2m_proxy_address_parse(source, &address, &error) == 0 && address.is_local;
}

int v2m_live_supply_learn(struct v2m_live_supply *supply, const struct v2m_strings *apis)
{
	int found = 0;

	for (size_t i = 0; i < apis->count; i++) {
		/* Beyond the most that can be followed, the users stay those of the file. */
		if (follows(supply, apis->items[i]) || supply->count >= V2M_ASKING_APIS_MAX ||
		    !is_local(apis->items[i]))
			continue;
		if (add(supply, apis->items[i]))
			return -ENOMEM;
		found = 1;
	}
	return found;
}

static bool were_all_asked(const struct v2m_live_supply *supply)
{
	for (size_t i = 0; i < supply->count; i++)
		if (!supply->items[i]->was_asked)
			return false;
	return true;
}

static void wait_for_answers(struct v2m_live_supply *supply)
{
	uint64_t wait_ms = WAIT_MS + supply->count * WAIT_MORE_MS;
	uint64_t end_ms =
		v2m_clock_mono_ns() / 1000000 + (wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS);
	struct pollfd asker = { .fd = v2m_asker_fd(supply->asker), .events = POLLIN };

	while (!were_all_asked(supply)) {
		int64_t left_ms = (int64_t)(end_ms - v2m_clock_mono_ns() / 1000000);

		if (left_ms <= 0)
			return;
		poll(&asker, 1, (int)left_ms);
		v2m_asker_drain(supply->asker);
	}
}

/* 0 or -ENOMEM. */
static int copy_answer(const struct followed *followed, struct v2m_live_source *copy)
{
	copy->source = strdup(followed->source);
	if (!copy->source)
		return -ENOMEM;
	if (followed->text) {
		copy->text = strdup(followed->text);
		if (!copy->text)
			return -ENOMEM;
		copy->length = followed->length;
	}
	copy->result = followed->result;
	copy->error = followed->error;
	if (!followed->was_asked)
		copy->result = v2m_error_set(&copy->error, -EAGAIN,
					     "%.160s: it has not answered yet", followed->source);
	return 0;
}

int v2m_live_supply_collect(struct v2m_live_supply *supply, bool waits,
			    struct v2m_live_sources *live)
{
	if (waits)
		wait_for_answers(supply);
	supply->has_news = false;
	for (size_t i = 0; i < supply->count; i++) {
		struct v2m_live_source *added = v2m_array_append(live);

		if (!added || copy_answer(supply->items[i], added))
			return -ENOMEM;
	}
	return 0;
}

int v2m_live_supply_stats(const struct v2m_live_supply *supply, struct v2m_proxy_stats *stats,
			  uint64_t *number)
{
	bool is_new = *number != supply->stats_number;
	int result = 0;

	for (size_t i = 0; is_new && i < supply->count && !result; i++)
		result = v2m_proxy_stats_add(stats, &supply->items[i]->stats);
	if (!result)
		*number = supply->stats_number;
	return result ? result : is_new;
}

int v2m_live_supply_online(const struct v2m_live_supply *supply, struct v2m_asking_online *online,
			   uint64_t *number)
{
	bool is_new = *number != supply->online_number;
	size_t n_known = 0;
	size_t n_listing = 0;
	int result = 0;

	for (size_t i = 0; is_new && i < supply->count && !result; i++) {
		const struct followed *followed = supply->items[i];

		n_listing += followed->text != NULL;
		n_known += followed->text && followed->online.is_known;
		result = v2m_online_users_add(&online->users, &followed->online.users);
	}
	online->is_known = n_known && n_known == n_listing;
	if (!result)
		*number = supply->online_number;
	return result ? result : is_new;
}
