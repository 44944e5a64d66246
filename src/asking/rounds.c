// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "asking/rounds.h"

#include <errno.h>
#include <stdlib.h>

#include "asking/talk.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "proxyapi/stats.h"
#include "proxyapi/survey.h"

/* An API answers within milliseconds. One that takes longer than this is late. */
#define PATIENCE_NS (UINT64_C(500) * 1000000)

/* Nothing waits for counters, and for many users the proxy works long on them: they are asked for
 * in each second round, and more seldom if there are more than these. The numbers are powers of
 * two, so an API that is asked seldom is asked in a round in which all others are, too. A user of
 * two proxies can only be compared with counters of the same time. */
#define STATS_ROUNDS     2
#define STATS_ROUNDS_MAX 16
#define STATS_PER_ROUND  250

/* A proxy that cannot tell where its users are is asked again, because it may be replaced. */
#define ONLINE_ROUNDS_UNKNOWN 15

struct rounds;

/* One API. */
struct asked {
	struct rounds *rounds;
	uint64_t number;
	struct v2m_survey *survey; /* NULL: there is none */
	bool is_guess;
	bool wants_users;
	bool is_late; /* the last answer took too long, or did not come */
	bool is_over; /* the counting process has said so */
	/* When the next question is due, and how the last one was answered. */
	bool wants_stats;
	unsigned stats_rounds; /* it is asked in each round whose number leaves 1 if divided by
				* this, so in the first and third; 0: in the next one */
	bool has_no_stats;     /* the counting process knows that it does not count */
	bool follows_online;
	bool wants_online;   /* in this round */
	unsigned online_due; /* rounds until the next question */
	bool had_online;
};

struct rounds {
	struct v2m_talk talk;
	struct asked items[V2M_ASKING_APIS_MAX];
	bool has_new;
	size_t next_more; /* which one is the first to be asked for counters and online users */
	size_t next_late; /* which late one is the first to be asked */
	uint64_t interval_ns;
	unsigned number; /* of the last round */
	uint64_t due_ns; /* CLOCK_MONOTONIC of the next round */
};

static int connect_to(void *context)
{
	struct asked *asked = context;
	int result = v2m_talk_connect(&asked->rounds->talk, asked->number);

	asked->is_over |= result == V2M_ASKING_OVER;
	return result;
}

static struct asked *find_free(struct rounds *rounds)
{
	for (size_t i = 0; i < V2M_ASKING_APIS_MAX; i++)
		if (!rounds->items[i].survey)
			return &rounds->items[i];
	v2m_talk_end("the counting process names too many APIs");
}

static struct asked *find(struct rounds *rounds, uint64_t number)
{
	for (size_t i = 0; i < V2M_ASKING_APIS_MAX; i++)
		if (rounds->items[i].survey && rounds->items[i].number == number)
			return &rounds->items[i];
	return NULL;
}

static void follow(struct rounds *rounds, uint64_t number, const struct v2m_asking_order *order)
{
	struct asked *added = find_free(rounds);
	const struct v2m_grpc_connector connector = { connect_to, added };

	*added = (struct asked){ .rounds = rounds,
				 .number = number,
				 .is_guess = order->is_guess,
				 .wants_users = true,
				 .follows_online = order->wants_online };
	if (v2m_survey_new(order->source, &connector, &added->survey))
		v2m_talk_end("out of memory");
	rounds->has_new = true;
	rounds->interval_ns = order->interval_ns;
	if (order->verbose)
		v2m_log_set_level(V2M_LOG_DEBUG);
}

static void take_order(uint64_t number, struct v2m_asking_order *order, void *context)
{
	struct rounds *rounds = context;
	struct asked *known = find(rounds, number);

	if (!known) {
		follow(rounds, number, order);
		return;
	}
	known->follows_online = order->wants_online;
	known->online_due = 0;
}

static void forget(struct asked *asked)
{
	v2m_survey_free(asked->survey);
	asked->survey = NULL;
}

/* Hands over the answer. V2Ray has counters, and no list of users. */
static void tell(struct asked *asked, int result, struct v2m_asking_said *said)
{
	if (result == 1)
		said->text = v2m_survey_text(asked->survey, &said->length);
	said->result = result < 0 ? result : 0;
	v2m_talk_said(asked->number, said);
	asked->wants_users = false;
	if (asked->is_guess && !v2m_asking_is_api(said->result)) {
		forget(asked);
		return;
	}
	asked->is_guess = false;
	asked->wants_stats &= result >= 0 || result == -EOPNOTSUPP;
	asked->wants_online &= result >= 0;
}

/* may_be_late: if it does not answer in time, it is asked once more, with more patience. */
static void ask_users(struct asked *asked, uint64_t patience_ns, bool may_be_late)
{
	struct v2m_asking_said said = { 0 };
	uint64_t began_ns = v2m_clock_mono_ns();
	int result = v2m_survey_ask(asked->survey, began_ns + patience_ns, &said.error);

	asked->is_late = v2m_clock_mono_ns() - began_ns > PATIENCE_NS;
	if (asked->is_over)
		forget(asked);
	else if (result != -ETIMEDOUT || !may_be_late)
		tell(asked, result, &said);
}

static unsigned choose_stats_rounds(size_t n_users, int result)
{
	unsigned rounds = STATS_ROUNDS;

	while (rounds < STATS_ROUNDS_MAX &&
	       (result == -ETIMEDOUT || rounds < STATS_ROUNDS + n_users / STATS_PER_ROUND))
		rounds *= 2;
	return rounds;
}

/* A proxy that does not count has no counters. That is said once. If it does not answer, nothing is
 * said: its last counters are still true of their time. */
static void ask_stats(struct asked *asked, uint64_t deadline_ns)
{
	V2M_CLEANUP(v2m_proxy_stats_clear) struct v2m_proxy_stats stats = { 0 };
	struct v2m_error error;
	int result = v2m_survey_ask_stats(asked->survey, deadline_ns, &stats, &error);

	asked->wants_stats = false;
	asked->stats_rounds = choose_stats_rounds(stats.count, result);
	if (result)
		v2m_proxy_stats_clear(&stats);
	if (!v2m_asking_is_api(result))
		return;
	if (!result || !asked->has_no_stats)
		v2m_talk_counted(asked->number, &stats);
	asked->has_no_stats = result != 0;
}

/* If a question fails, that is said once. */
static void ask_online(struct asked *asked, uint64_t deadline_ns)
{
	V2M_CLEANUP(v2m_online_list_clear) struct v2m_online_list online = { 0 };
	struct v2m_error error;
	int result;

	online.asked_ns = v2m_clock_mono_ns();
	result = v2m_survey_ask_online(asked->survey, deadline_ns, &online.users, &error);
	online.answered_ns = v2m_clock_mono_ns();
	asked->wants_online = false;
	asked->online_due = result == -EOPNOTSUPP ? ONLINE_ROUNDS_UNKNOWN : 0;
	online.is_known = !result;
	/* The counting process refuses a list with too many addresses. */
	if (result || !v2m_asking_online_is_allowed(&online))
		v2m_online_list_clear(&online);
	if (online.is_known || asked->had_online)
		v2m_talk_online(asked->number, &online);
	asked->had_online = online.is_known;
}

/* Marks what has to be asked for in this round. */
static void begin_round(struct rounds *rounds)
{
	rounds->due_ns = v2m_clock_mono_ns() + rounds->interval_ns;
	rounds->number++;
	for (size_t i = 0; i < V2M_ASKING_APIS_MAX; i++) {
		struct asked *asked = &rounds->items[i];

		asked->wants_users = true;
		asked->wants_stats =
			!asked->stats_rounds || rounds->number % asked->stats_rounds == 1;
		if (asked->online_due)
			asked->online_due--;
		asked->wants_online = asked->follows_online && !asked->online_due;
	}
}

/* If one takes all the time, the next round begins behind it, so that it takes nobody's turn twice.
 */
static void ask_all_more(struct rounds *rounds)
{
	uint64_t end_ns = v2m_clock_mono_ns() + V2M_ROUNDS_TIMEOUT_NS;
	size_t first = rounds->next_more;

	for (size_t i = 0; i < V2M_ASKING_APIS_MAX && v2m_clock_mono_ns() < end_ns; i++) {
		size_t place = (first + i) % V2M_ASKING_APIS_MAX;
		struct asked *asked = &rounds->items[place];

		rounds->next_more = (place + 1) % V2M_ASKING_APIS_MAX;
		if (asked->survey && !asked->wants_users && asked->wants_online)
			ask_online(asked, end_ns);
		if (asked->survey && !asked->wants_users && asked->wants_stats)
			ask_stats(asked, end_ns);
	}
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

/* Asks the late ones in turn until the next round, so that they delay nobody except each other. The
 * list of online users takes many questions of an older Xray, and flows lose their users if it does
 * not come for 15 s. */
static void ask_late(struct rounds *rounds)
{
	uint64_t end_ns = v2m_clock_mono_ns() + V2M_ROUNDS_TIMEOUT_NS;
	size_t first = rounds->next_late;

	if (end_ns < rounds->due_ns)
		end_ns = rounds->due_ns;
	for (size_t i = 0; i < V2M_ASKING_APIS_MAX && !rounds->has_new; i++) {
		size_t place = (first + i) % V2M_ASKING_APIS_MAX;
		struct asked *asked = &rounds->items[place];
		uint64_t now_ns = v2m_clock_mono_ns();

		rounds->next_late = place;
		if (now_ns + PATIENCE_NS > end_ns)
			return;
		if (!asked->survey || !asked->wants_users)
			continue;
		ask_users(asked, earlier(end_ns - now_ns, V2M_ROUNDS_TIMEOUT_NS), false);
		if (asked->survey && asked->wants_online)
			ask_online(asked, earlier(v2m_clock_mono_ns() + V2M_ROUNDS_TIMEOUT_NS,
						  end_ns + PATIENCE_NS));
		if (asked->survey && asked->wants_stats)
			ask_stats(asked, v2m_clock_mono_ns() + PATIENCE_NS);
	}
}

/* Orders that come meanwhile are for the next call. */
static void ask(struct rounds *rounds)
{
	rounds->has_new = false;
	if (v2m_clock_mono_ns() >= rounds->due_ns)
		begin_round(rounds);
	for (size_t i = 0; i < V2M_ASKING_APIS_MAX; i++) {
		struct asked *asked = &rounds->items[i];

		if (asked->survey && asked->wants_users && !asked->is_late)
			ask_users(asked, PATIENCE_NS, true);
	}
	ask_all_more(rounds);
	ask_late(rounds);
}

/* -1: there is nothing to ask. */
static int time_left_ms(const struct rounds *rounds)
{
	uint64_t now_ns = v2m_clock_mono_ns();
	bool has_any = false;

	for (size_t i = 0; i < V2M_ASKING_APIS_MAX; i++)
		has_any |= rounds->items[i].survey != NULL;
	if (!has_any)
		return -1;
	if (rounds->has_new || now_ns >= rounds->due_ns)
		return 0;
	return (int)((rounds->due_ns - now_ns) / 1000000 + 1);
}

void v2m_rounds_run(void)
{
	/* The items are not moved: the connectors point to them. */
	static struct rounds rounds;

	rounds.talk = (struct v2m_talk){ take_order, &rounds };
	for (;;) {
		v2m_talk_listen(&rounds.talk, time_left_ms(&rounds));
		if (time_left_ms(&rounds) == 0)
			ask(&rounds);
	}
}
