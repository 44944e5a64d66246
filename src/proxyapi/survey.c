// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proxyapi/survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "messages.pb-c.h"
#include "proxyapi/grpc.h"
#include "proxyapi/inbound.h"
#include "proxyapi/online.h"
#include "proxyapi/tls_probe.h"

#define SERVICE     "/xray.app.proxyman.command.HandlerService/"
#define LIST        SERVICE "ListInbounds"
#define LIST_USERS  SERVICE "GetInboundUsers"
#define COUNT_USERS SERVICE "GetInboundUsersCount"
#define MAX_ANSWERS V2M_GRPC_MAX_ANSWER /* all of one question together */

/* The answers to one question. */
struct answers {
	struct v2m_grpc_message list;
	struct v2m_grpc_message
		*items; /* the users of each inbound; empty if it was not asked for */
	size_t count;
	size_t capacity;
	uint64_t digest; /* of all of them */
	size_t length;   /* of all of them */
};

struct v2m_survey {
	char *source;
	struct v2m_grpc_connector connector;
	struct v2m_grpc *grpc;
	struct v2m_proxy_inbounds inbounds; /* found last */
	char *text;
	size_t length;
	uint64_t digest;      /* of the answers that they come from */
	uint64_t list_digest; /* of the list of inbounds alone */
	uint64_t counts;      /* a digest of the tags, and of how many users each inbound has */
	bool cannot_count;    /* the proxy does not tell how many users an inbound has */
	uint64_t full_ns;     /* CLOCK_MONOTONIC when all users were asked for */
	uint64_t full_bytes;  /* of the answers with all of them */
	uint64_t quick_bytes; /* so many are no reason to ask for their number only */
	uint64_t age_ns_per_byte;
	unsigned n_connects;   /* of the connection at the last question that was answered */
	uint64_t grace_end_ns; /* CLOCK_MONOTONIC */
	uint64_t grace_ns;
	bool keeps_gone; /* the inbounds have users that the proxy does not have */
};

int v2m_survey_new(const char *source, const struct v2m_grpc_connector *connector,
		   struct v2m_survey **survey)
{
	struct v2m_survey *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->grace_ns = V2M_SURVEY_GRACE_NS;
	made->quick_bytes = V2M_SURVEY_QUICK_BYTES;
	made->age_ns_per_byte = V2M_SURVEY_AGE_NS_PER_BYTE;
	made->connector = *connector;
	made->source = strdup(source);
	if (!made->source || v2m_grpc_new(source, connector, &made->grpc)) {
		v2m_survey_free(made);
		return -ENOMEM;
	}
	*survey = made;
	return 0;
}

void v2m_survey_free(struct v2m_survey *survey)
{
	if (!survey)
		return;
	v2m_grpc_free(survey->grpc);
	v2m_proxy_inbounds_clear(&survey->inbounds);
	free(survey->text);
	free(survey->source);
	free(survey);
}

const char *v2m_survey_text(const struct v2m_survey *survey, size_t *length)
{
	*length = survey->length;
	return survey->text;
}

void v2m_survey_set_grace(struct v2m_survey *survey, uint64_t grace_ns)
{
	survey->grace_ns = grace_ns;
}

void v2m_survey_set_quick(struct v2m_survey *survey, uint64_t quick_bytes)
{
	survey->quick_bytes = quick_bytes;
}

void v2m_survey_set_age(struct v2m_survey *survey, uint64_t age_ns_per_byte)
{
	survey->age_ns_per_byte = age_ns_per_byte;
}

static void clear_answers(struct answers *answers)
{
	v2m_grpc_message_clear(&answers->list);
	for (size_t i = 0; i < answers->count; i++)
		v2m_grpc_message_clear(&answers->items[i]);
	v2m_array_clear(answers);
}

/* Reads a number of protobuf: seven bits in each byte, the lowest first. False: it is cut off. */
static bool read_varint(const struct v2m_grpc_message *message, size_t *at, uint64_t *number)
{
	*number = 0;
	for (unsigned shift = 0; shift < 64 && *at < message->length; shift += 7) {
		uint8_t byte = message->data[(*at)++];

		*number |= (uint64_t)(byte & 127) << shift;
		if (byte < 128)
			return true;
	}
	return false;
}

/* A hash of a list in which the order does not matter, because the proxy answers in no order. Costs
 * much less than unpacking the list. */
static uint64_t digest_list(const struct v2m_grpc_message *message)
{
	const uint64_t items_of_list = 1 << 3 | 2;
	uint64_t digest = message->length;
	size_t at = 0;

	while (at < message->length) {
		size_t start = at;
		uint64_t field;
		uint64_t length;

		if (!read_varint(message, &at, &field) || field != items_of_list ||
		    !read_varint(message, &at, &length) || length > message->length - at)
			return digest + v2m_hash(message->data + start, message->length - start);
		digest += v2m_hash(message->data + at, length);
		at += length;
	}
	return digest;
}

/* Adds the digest of the users of an inbound. */
static uint64_t add_digest(uint64_t digest, const char *tag, const struct v2m_grpc_message *users)
{
	const uint64_t parts[] = { v2m_hash(tag, strlen(tag)), digest_list(users) };

	return digest + v2m_hash(parts, sizeof(parts));
}

static int ask_list(struct v2m_survey *survey, uint64_t deadline_ns,
		    struct v2m_grpc_message *answer, struct v2m_error *error)
{
	const struct v2m_grpc_message nothing = { 0 };
	int result = v2m_grpc_call(survey->grpc, LIST, &nothing, deadline_ns, answer, error);

	if (result == -EOPNOTSUPP)
		return v2m_error_set(error, result,
				     "%.160s: the proxy cannot list its inbounds (Xray can from "
				     "25.6 on, V2Ray cannot)",
				     survey->source);
	return result;
}

/* Calls a method that wants the tag of an inbound. */
static int call_of_inbound(struct v2m_survey *survey, const char *method, char *tag,
			   uint64_t deadline_ns, struct v2m_grpc_message *answer,
			   struct v2m_error *error)
{
	V2mPb__UsersRequest request = V2M_PB__USERS_REQUEST__INIT;
	V2M_CLEANUP(v2m_grpc_message_clear) struct v2m_grpc_message packed = { 0 };

	request.tag = tag;
	packed.length = v2m_pb__users_request__get_packed_size(&request);
	packed.data = malloc(packed.length + 1);
	if (!packed.data)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	v2m_pb__users_request__pack(&request, packed.data);
	return v2m_grpc_call(survey->grpc, method, &packed, deadline_ns, answer, error);
}

static int ask_users(struct v2m_survey *survey, const struct v2m_proxy_inbound *inbound,
		     uint64_t deadline_ns, struct v2m_grpc_message *answer, struct v2m_error *error)
{
	int result = call_of_inbound(survey, LIST_USERS, inbound->tag, deadline_ns, answer, error);

	/* In older versions, some protocols only have the users of their settings. */
	if (result == -EREMOTEIO && !inbound->has_manager)
		return 0;
	return result;
}

/* Asks for the users of all inbounds. */
static int ask_all_users(struct v2m_survey *survey, const struct v2m_proxy_inbounds *inbounds,
			 uint64_t deadline_ns, struct answers *answers, struct v2m_error *error)
{
	int result = 0;

	answers->length = answers->list.length;
	for (size_t i = 0; i < inbounds->count && !result; i++) {
		const struct v2m_proxy_inbound *inbound = &inbounds->items[i];
		struct v2m_grpc_message *answer = v2m_array_append(answers);

		if (!answer)
			return v2m_error_set(error, -ENOMEM, "out of memory");
		if (!inbound->asks_users)
			continue;
		result = ask_users(survey, inbound, deadline_ns, answer, error);
		answers->length += answer->length;
		if (!result && answers->length > MAX_ANSWERS)
			result = v2m_error_set(error, -EMSGSIZE,
					       "%.160s: its answers are larger than %u bytes",
					       survey->source, MAX_ANSWERS);
		answers->digest = add_digest(answers->digest, inbound->tag, answer);
	}
	return result;
}

/* Names the source in an error that lacks it. */
static int blame(const struct v2m_survey *survey, int result, struct v2m_error *error)
{
	struct v2m_error found = *error;

	return v2m_error_set_class(error, V2M_FAILURE_PASSING, result, "%.160s: %.300s",
				   survey->source,
				   result == -ENOMEM ? "out of memory" : found.text);
}

/* Makes the inbounds of the answers the last ones that were found. 1, 0 or -errno. */
static int take_inbounds(struct v2m_survey *survey, struct v2m_proxy_inbounds *found,
			 const struct answers *answers, struct v2m_error *error)
{
	bool in_grace = v2m_clock_mono_ns() < survey->grace_end_ns;
	struct v2m_proxy_inbounds old = survey->inbounds;
	V2M_FREE char *text = NULL;
	size_t length;
	size_t length_found = 0;
	int result = 0;

	for (size_t i = 0; i < found->count && !result; i++)
		if (answers->items[i].data)
			result = v2m_proxy_inbound_set_users(&found->items[i], &answers->items[i],
							     error);
	if (!result)
		result = v2m_proxy_inbounds_write(found, &text, &length_found);
	length = length_found;
	if (!result && in_grace) {
		free(V2M_TAKE(text));
		result = v2m_proxy_inbounds_keep(found, &survey->inbounds);
		if (!result)
			result = v2m_proxy_inbounds_write(found, &text, &length);
	}
	if (result)
		return blame(survey, result, error);
	survey->keeps_gone = length != length_found;
	survey->digest = answers->digest;
	survey->inbounds = *found;
	*found = old;
	if (survey->text && length == survey->length && memcmp(text, survey->text, length) == 0)
		return 0;
	free(survey->text);
	survey->text = V2M_TAKE(text);
	survey->length = length;
	return 1;
}

/* The users of a proxy that was restarted may come back. */
static void notice_restart(struct v2m_survey *survey)
{
	unsigned n = v2m_grpc_connects(survey->grpc);

	if (survey->text && n != survey->n_connects)
		survey->grace_end_ns = v2m_clock_mono_ns() + survey->grace_ns;
	if (n != survey->n_connects)
		survey->cannot_count = false;
	survey->n_connects = n;
}

/* Makes what the answers say the last that was found. 1, 0 or -errno. */
static int take_answers(struct v2m_survey *survey, const struct answers *answers,
			struct v2m_proxy_inbounds *found, struct v2m_error *error)
{
	int result = 0;

	if (!found->count)
		result = v2m_proxy_inbounds_read(&answers->list, found, error);
	return result ? blame(survey, result, error) : take_inbounds(survey, found, answers, error);
}

/* A digest of the names of all inbounds, and of how many users each one has that we know: a small
 * part of what the proxy has to do for all users. 0 or -errno. */
static int ask_counts(struct v2m_survey *survey, uint64_t deadline_ns, uint64_t *counts,
		      struct v2m_error *error)
{
	V2M_CLEANUP(v2m_grpc_message_clear) struct v2m_grpc_message tags = { 0 };
	V2mPb__ListRequest request = V2M_PB__LIST_REQUEST__INIT;
	uint8_t packed[16];
	struct v2m_grpc_message message = { .data = packed };
	int result;

	request.only_tags = true;
	message.length = v2m_pb__list_request__pack(&request, packed);
	result = v2m_grpc_call(survey->grpc, LIST, &message, deadline_ns, &tags, error);

	if (!result)
		*counts = digest_list(&tags);
	for (size_t i = 0; i < survey->inbounds.count && !result; i++) {
		V2M_CLEANUP(v2m_grpc_message_clear) struct v2m_grpc_message answer = { 0 };
		const struct v2m_proxy_inbound *inbound = &survey->inbounds.items[i];

		if (!inbound->asks_users)
			continue;
		result = call_of_inbound(survey, COUNT_USERS, inbound->tag, deadline_ns, &answer,
					 error);
		/* One that has no list of users, or that is gone. */
		if (result == -EREMOTEIO)
			result = 0;
		*counts = add_digest(*counts, inbound->tag, &answer);
	}
	return result;
}

/* Whether the counts say that nothing has changed. They are remembered before all users are asked
 * for, so that no change between the two questions is missed. */
static bool is_unchanged(struct v2m_survey *survey, uint64_t deadline_ns)
{
	uint64_t before = survey->counts;
	struct v2m_error error;
	int result;

	/* The counts are not followed meanwhile, so the next ones are compared with none. */
	if (survey->cannot_count || !survey->text || survey->full_bytes <= survey->quick_bytes) {
		survey->counts = 0;
		return false;
	}
	result = ask_counts(survey, deadline_ns, &survey->counts, &error);
	survey->cannot_count = result == -EOPNOTSUPP;
	return !result && survey->counts == before && !survey->keeps_gone &&
	       v2m_grpc_connects(survey->grpc) == survey->n_connects &&
	       v2m_clock_mono_ns() - survey->full_ns < survey->full_bytes * survey->age_ns_per_byte;
}

/* Asks for all inbounds and users. 1, 0 or -errno. */
static int ask_all(struct v2m_survey *survey, uint64_t deadline_ns, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_proxy_inbounds_clear) struct v2m_proxy_inbounds found = { 0 };
	V2M_CLEANUP(clear_answers) struct answers answers = { 0 };
	uint64_t list_digest;
	bool is_same;
	int result = ask_list(survey, deadline_ns, &answers.list, error);

	if (result)
		return result;
	list_digest = digest_list(&answers.list);
	answers.digest = list_digest;
	/* Unpacking a list that is known already would cost as much as all the rest. */
	is_same = survey->text && list_digest == survey->list_digest && !survey->keeps_gone;
	if (!is_same)
		result = v2m_proxy_inbounds_read(&answers.list, &found, error);
	if (result)
		return blame(survey, result, error);
	result = ask_all_users(survey, is_same ? &survey->inbounds : &found, deadline_ns, &answers,
			       error);
	if (result)
		return result;
	notice_restart(survey);
	survey->full_ns = v2m_clock_mono_ns();
	survey->full_bytes = answers.length;
	if (survey->text && answers.digest == survey->digest &&
	    (!survey->keeps_gone || v2m_clock_mono_ns() < survey->grace_end_ns))
		return 0;
	result = take_answers(survey, &answers, &found, error);
	if (result >= 0)
		survey->list_digest = list_digest;
	return result;
}

/* Whether a server that has never answered as an API, and did not now, has TLS. */
static bool has_tls(struct v2m_survey *survey, int result, uint64_t deadline_ns)
{
	int fd;

	if (survey->text || (result != -ECONNRESET && result != -EPROTO))
		return false;
	fd = survey->connector.connect(survey->connector.context);
	return fd >= 0 && v2m_tls_probe(fd, deadline_ns);
}

int v2m_survey_ask(struct v2m_survey *survey, uint64_t deadline_ns, struct v2m_error *error)
{
	int result = is_unchanged(survey, deadline_ns) ? 0 : ask_all(survey, deadline_ns, error);

	if (!has_tls(survey, result, deadline_ns))
		return result;
	return v2m_error_set_class(error, V2M_FAILURE_PASSING, -EPROTONOSUPPORT,
				   "%.160s: it has TLS, so it cannot be asked. If it is the "
				   "proxy's API, let it listen without TLS on a loopback address "
				   "or a unix socket (Remnawave's node does from 2.8.0 on)",
				   survey->source);
}

int v2m_survey_ask_stats(struct v2m_survey *survey, uint64_t deadline_ns,
			 struct v2m_proxy_stats *stats, struct v2m_error *error)
{
	return v2m_proxy_stats_ask(survey->grpc, deadline_ns, stats, error);
}

int v2m_survey_ask_online(struct v2m_survey *survey, uint64_t deadline_ns,
			  struct v2m_online_users *users, struct v2m_error *error)
{
	return v2m_online_users_ask(survey->grpc, deadline_ns, users, error);
}
