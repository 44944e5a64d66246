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
#include "process/kept_child.h"
#include "supply/followed.h"
#include "supply/refused.h"

/* So many asking processes that ended soon in a row are a failure of their APIs. */
#define ENDS_MAX 3

/* The asking process says something in each round. */
#define SILENCE_MS 60000

/* An API answers, or fails, within the first time; each further API takes the second. */
#define WAIT_MS      5000
#define WAIT_MORE_MS 2000
#define WAIT_MAX_MS  15000

struct v2m_live_supply {
	struct v2m_live_options options;
	struct v2m_kept_child *asker;
	/* An array. At most V2M_ASKING_APIS_MAX are asked. */
	struct v2m_followed **items;
	size_t count;
	size_t capacity;
	uint64_t next_number;
	struct v2m_refused refused;
	bool has_news;
	uint64_t stats_number;  /* of the last change of the counters that APIs gave */
	uint64_t online_number; /* the same of the users who are online */
	bool wants_online;
};

static struct v2m_followed *find(const struct v2m_live_supply *supply, uint64_t number)
{
	for (size_t i = 0; i < supply->count; i++)
		if (supply->items[i]->number == number)
			return supply->items[i];
	return NULL;
}

static void drop(struct v2m_live_supply *supply, const struct v2m_followed *followed)
{
	for (size_t i = 0; i < supply->count; i++) {
		if (supply->items[i] != followed)
			continue;
		/* There is news for those who have what it counted. */
		supply->stats_number += followed->stats_ns != 0;
		supply->online_number += followed->online.is_known;
		v2m_followed_free(supply->items[i]);
		supply->items[i] = supply->items[--supply->count];
		return;
	}
}

static void send_order(struct v2m_live_supply *supply, struct v2m_followed *followed)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	/* Writing changes nothing. */
	struct v2m_asking_order order = {
		.source = followed->source,
		.interval_ns = supply->options.interval_ns,
		.verbose = v2m_log_level() == V2M_LOG_DEBUG,
		.wants_online = supply->wants_online,
		.is_guess = followed->is_found && !followed->is_api,
	};

	followed->is_guess = order.is_guess;
	v2m_put_asking_order(&wire, &order);
	v2m_kept_child_send(supply->asker, V2M_ASKING_FOLLOW, followed->number, &wire, -1);
}

static void brief(void *context)
{
	struct v2m_live_supply *supply = context;

	for (size_t i = 0; i < supply->count; i++)
		if (supply->items[i]->has_address)
			send_order(supply, supply->items[i]);
}

static void answer_connect(struct v2m_live_supply *supply, uint64_t number, int32_t result, int fd)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };

	v2m_wire_i32(&wire, &result);
	v2m_kept_child_send(supply->asker, V2M_ASKING_CONNECTED, number, &wire, fd);
}

/* The socket of the proxy may be one that only we may open. */
static void connect_it(struct v2m_live_supply *supply, struct v2m_followed *followed)
{
	V2M_CLOSE int fd = -1;
	int result;

	result = v2m_followed_may_connect(followed) ? v2m_followed_check_presence(followed)
						    : -EAGAIN;
	if (!result)
		fd = v2m_followed_connect(followed);
	if (!result && fd < 0)
		result = fd;
	answer_connect(supply, followed->number, result, fd);
	if (result == V2M_ASKING_OVER) {
		supply->has_news |= followed->is_api;
		drop(supply, followed);
	}
}

/* The first answer of a socket that was found. False: it is not the API, and no longer followed. */
static bool judge_guess(struct v2m_live_supply *supply, struct v2m_followed *followed, int result)
{
	if (!v2m_asking_is_api(result)) {
		supply->has_news |= v2m_refused_note(&supply->refused, followed->inode, result);
		v2m_log_debug("%s is a socket of a running proxy, and not its API",
			      followed->source);
		drop(supply, followed);
		return false;
	}
	followed->is_api = true;
	v2m_log_info("%s is the API of a running proxy", followed->source);
	return true;
}

/* Makes an answer a failure if the texts of all APIs would be too long with it. */
static void refuse_too_long(const struct v2m_live_supply *supply,
			    const struct v2m_followed *followed, struct v2m_asking_said *said)
{
	size_t length = said->length;

	for (size_t i = 0; i < supply->count; i++)
		if (supply->items[i] != followed)
			length += supply->items[i]->length;
	if (!said->length || length <= V2M_ASKING_TEXTS_MAX)
		return;
	said->length = 0;
	said->result = v2m_error_set(&said->error, -EMSGSIZE,
				     "%.160s: the inbounds of all APIs together are longer than %u "
				     "bytes",
				     followed->source, V2M_ASKING_TEXTS_MAX);
}

/* 0, -EBADMSG or -ENOMEM. */
static int take_said(struct v2m_live_supply *supply, struct v2m_followed *followed,
		     struct v2m_wire *wire)
{
	struct v2m_asking_said said = { 0 };
	int result;

	v2m_put_asking_said(wire, &said);
	result = v2m_wire_end(wire);
	if (result || !v2m_asking_said_is_allowed(&said))
		return result ? result : -EBADMSG;
	if (followed->is_found && !followed->is_api && !judge_guess(supply, followed, said.result))
		return 0;
	/* A file has named it since, and the asking process has given it up. */
	if (followed->is_guess && !v2m_asking_is_api(said.result))
		send_order(supply, followed);
	followed->is_guess = false;
	refuse_too_long(supply, followed, &said);
	result = v2m_followed_take_said(followed, &said);
	supply->has_news |= result == 1;
	return result < 0 ? result : 0;
}

/* The asking process may still say something of an API that has been dropped. */
static int take_of_dropped(struct v2m_live_supply *supply, const struct v2m_message *message)
{
	if (message->id >= supply->next_number)
		return -EBADMSG;
	if (message->kind == V2M_ASKING_CONNECT)
		answer_connect(supply, message->id, V2M_ASKING_OVER, -1);
	return 0;
}

static int take(void *context, const struct v2m_message *message)
{
	struct v2m_live_supply *supply = context;
	struct v2m_wire wire = v2m_wire_reader(message->data, message->length);
	struct v2m_followed *followed;

	if (message->fd >= 0)
		return -EBADMSG;
	if (message->kind == V2M_ASKING_READY)
		return v2m_kept_child_note_protection(supply->asker, &wire);
	followed = find(supply, message->id);
	if (!followed)
		return take_of_dropped(supply, message);
	if (!followed->has_address)
		return -EBADMSG;
	if (message->kind == V2M_ASKING_CONNECT && !message->length) {
		connect_it(supply, followed);
		return 0;
	}
	if (message->kind == V2M_ASKING_SAID)
		return take_said(supply, followed, &wire);
	if (message->kind == V2M_ASKING_COUNTED) {
		supply->stats_number++;
		followed->stats_ns = v2m_clock_mono_ns();
		return v2m_followed_take_counted(followed, &wire);
	}
	supply->online_number++;
	return message->kind == V2M_ASKING_ONLINE ? v2m_followed_take_online(followed, &wire)
						  : -EBADMSG;
}

/* One process may end for any reason. If several do in a row, their APIs do not answer. */
static void note_end(void *context, unsigned count, const char *how)
{
	struct v2m_live_supply *supply = context;

	for (size_t i = 0; i < supply->count && count >= ENDS_MAX; i++) {
		struct v2m_followed *followed = supply->items[i];

		if (!followed->has_address || followed->is_found)
			continue;
		supply->has_news |= !followed->was_asked || !followed->result;
		followed->was_asked = true;
		followed->result = v2m_error_set_class(&followed->error, V2M_FAILURE_PASSING, -EIO,
						       "%.160s: %s", followed->source, how);
	}
}

/* Adds an API. If it cannot be asked, the reason is its answer. inode: of a socket that was found;
 * 0: somebody has named the API. 0 or -ENOMEM. */
static int add(struct v2m_live_supply *supply, const char *source, uint64_t inode)
{
	struct v2m_followed *made = v2m_followed_new(source, supply->next_number++, inode);

	if (!made || v2m_array_add(supply, made)) {
		if (made)
			v2m_followed_free(made);
		return -ENOMEM;
	}
	if (supply->count > V2M_ASKING_APIS_MAX) {
		made->result =
			v2m_error_set(&made->error, -ENOSPC, "%.160s: at most %d APIs are asked",
				      source, V2M_ASKING_APIS_MAX);
		made->has_address = false;
		made->was_asked = true;
	}
	if (!made->has_address)
		return 0;
	send_order(supply, made);
	v2m_kept_child_start(supply->asker);
	return 0;
}

int v2m_live_supply_open(const struct v2m_live_options *options,
			 const struct v2m_strings *key_sources, struct v2m_live_supply **supply)
{
	struct v2m_live_supply *made = calloc(1, sizeof(*made));
	const struct v2m_kept_child_options asker = {
		.argument = options->argument,
		.name = "the process that asks the APIs of proxies",
		.meanwhile = "the last good keys stay",
		.pause_ms = options->pause_ms,
		.useful_kind = V2M_ASKING_SAID,
		.silence_ms = SILENCE_MS,
		.said_max = V2M_ASKING_SAID_MAX,
		.brief = brief,
		.take = take,
		.note_end = note_end,
		.context = made,
	};
	int result;

	if (!made)
		return -ENOMEM;
	made->options = *options;
	result = v2m_kept_child_open(&asker, &made->asker);
	for (size_t i = 0; !result && i < key_sources->count; i++)
		if (v2m_is_live_source(key_sources->items[i]))
			result = add(made, key_sources->items[i], 0);
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
	v2m_kept_child_close(supply->asker);
	for (size_t i = 0; i < supply->count; i++)
		v2m_followed_free(supply->items[i]);
	free(supply->items);
	free(supply);
}

int v2m_live_supply_fd(const struct v2m_live_supply *supply)
{
	return v2m_kept_child_fd(supply->asker);
}

bool v2m_live_supply_drain(struct v2m_live_supply *supply)
{
	bool had_news;

	v2m_kept_child_drain(supply->asker);
	had_news = supply->has_news;
	supply->has_news = false;
	return had_news;
}

static struct v2m_followed *find_source(const struct v2m_live_supply *supply, const char *source)
{
	for (size_t i = 0; i < supply->count; i++)
		if (strcmp(supply->items[i]->source, source) == 0)
			return supply->items[i];
	return NULL;
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
		struct v2m_followed *known = find_source(supply, apis->items[i]);

		if (known && known->is_found) {
			/* Now a file names it, whose keys are those of the API. */
			known->is_found = false;
			found = 1;
			continue;
		}
		/* Beyond the most that can be followed, the users stay those of the file. */
		if (known || supply->count >= V2M_ASKING_APIS_MAX || !is_local(apis->items[i]))
			continue;
		if (add(supply, apis->items[i], 0))
			return -ENOMEM;
		found = 1;
	}
	return found;
}

void v2m_live_supply_try(struct v2m_live_supply *supply, const char *source, uint64_t inode)
{
	struct v2m_followed *known = find_source(supply, source);

	/* While its socket is there, another one at the same address is forged. */
	if (known && known->is_found && known->gone_ns)
		known->inode = inode;
	if (known || supply->count >= V2M_ASKING_APIS_MAX ||
	    v2m_refused_is_final(&supply->refused, inode) || !is_local(source))
		return;
	if (add(supply, source, inode))
		v2m_log_debug("out of memory: %s is tried later", source);
}

bool v2m_live_supply_has_answer(const struct v2m_live_supply *supply)
{
	for (size_t i = 0; i < supply->count; i++)
		if (supply->items[i]->text)
			return true;
	return false;
}

bool v2m_live_supply_has_tls(const struct v2m_live_supply *supply, uint64_t inode)
{
	return !v2m_live_supply_has_answer(supply) && v2m_refused_has_tls(&supply->refused, inode);
}

int v2m_live_supply_found(const struct v2m_live_supply *supply, struct v2m_strings *found)
{
	for (size_t i = 0; i < supply->count; i++)
		if (supply->items[i]->is_found && supply->items[i]->text &&
		    v2m_strings_add(found, supply->items[i]->source))
			return -ENOMEM;
	return 0;
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
	struct pollfd asker = { .fd = v2m_kept_child_fd(supply->asker), .events = POLLIN };

	while (!were_all_asked(supply)) {
		int64_t left_ms = (int64_t)(end_ms - v2m_clock_mono_ns() / 1000000);

		if (left_ms <= 0)
			return;
		poll(&asker, 1, (int)left_ms);
		v2m_kept_child_drain(supply->asker);
	}
}

int v2m_live_supply_collect(struct v2m_live_supply *supply, bool waits,
			    struct v2m_live_sources *live)
{
	if (waits)
		wait_for_answers(supply);
	supply->has_news = false;
	for (size_t i = 0; i < supply->count; i++) {
		struct v2m_live_source *added;

		if (supply->items[i]->is_found && !supply->items[i]->text)
			continue;
		added = v2m_array_append(live);
		if (!added || v2m_followed_copy(supply->items[i], added))
			return -ENOMEM;
	}
	return 0;
}

/* When the last counters came. */
static uint64_t newest_stats_ns(const struct v2m_live_supply *supply)
{
	uint64_t newest_ns = 0;

	for (size_t i = 0; i < supply->count; i++)
		if (supply->items[i]->stats_ns > newest_ns)
			newest_ns = supply->items[i]->stats_ns;
	return newest_ns;
}

int v2m_live_supply_stats(const struct v2m_live_supply *supply, struct v2m_proxy_stats *stats,
			  uint64_t *number)
{
	bool is_new = *number != supply->stats_number;
	uint64_t newest_ns = newest_stats_ns(supply);
	int result = 0;

	for (size_t i = 0; is_new && i < supply->count && !result; i++) {
		const struct v2m_followed *followed = supply->items[i];
		bool is_old = newest_ns - followed->stats_ns > supply->options.interval_ns;

		/* One that does not count says so once. */
		stats->is_partial |= is_old && followed->has_address &&
				     (followed->stats.count || !followed->stats_ns);
		result = v2m_proxy_stats_add(stats, &followed->stats, is_old);
	}
	if (!result)
		*number = supply->stats_number;
	return result ? result : is_new;
}

void v2m_live_supply_want_online(struct v2m_live_supply *supply, bool wants)
{
	if (supply->wants_online == wants)
		return;
	supply->wants_online = wants;
	brief(supply);
}

int v2m_live_supply_online(const struct v2m_live_supply *supply, struct v2m_online_list *online,
			   uint64_t *number)
{
	bool is_new = *number != supply->online_number;
	bool all_know = true;
	int result = 0;

	for (size_t i = 0; is_new && i < supply->count && !result; i++) {
		const struct v2m_followed *followed = supply->items[i];

		all_know &= !followed->text || followed->online.is_known;
		result = followed->text ? v2m_online_list_join(online, &followed->online) : 0;
	}
	online->is_known &= all_know;
	if (!result)
		*number = supply->online_number;
	return result ? result : is_new;
}
