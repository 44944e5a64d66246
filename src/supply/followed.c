// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "supply/followed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "discovery/proxy_find.h"

/* A panel restarts the proxy now and then: so many failures in a row are no news. */
#define TOLERATED 2

/* A question needs two connections at most, unless the server closes after each answer. */
#define CONNECTS_MAX       16
#define CONNECTS_PERIOD_NS (2 * UINT64_C(1000000000))

/* How long the users of an API that was found stay after the proxy has gone: it may be restarted.
 */
#define GONE_NS (60 * UINT64_C(1000000000))

struct v2m_followed *v2m_followed_new(const char *source, uint64_t number, uint64_t inode)
{
	struct v2m_followed *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->number = number;
	made->inode = inode;
	made->is_found = inode != 0;
	made->source = strdup(source);
	if (!made->source) {
		free(made);
		return NULL;
	}
	made->result = v2m_proxy_address_parse(source, &made->address, &made->error);
	made->has_address = !made->result;
	made->was_asked = made->result != 0;
	return made;
}

void v2m_followed_free(struct v2m_followed *followed)
{
	v2m_proxy_stats_clear(&followed->stats);
	v2m_online_list_clear(&followed->online);
	free(followed->source);
	free(followed->text);
	free(followed);
}

int v2m_followed_check_presence(struct v2m_followed *followed)
{
	uint64_t now_ns = v2m_clock_mono_ns();

	if (!followed->is_found || v2m_proxy_listens("/proc", followed->source, followed->inode)) {
		followed->gone_ns = 0;
		return 0;
	}
	if (!followed->gone_ns)
		followed->gone_ns = now_ns;
	return followed->is_api && now_ns - followed->gone_ns < GONE_NS ? -ECONNREFUSED
									: V2M_ASKING_OVER;
}

/* The kernel lists the name of a unix socket as it is, so a name with a line feed in it forges a
 * line of the list, and names any address. The kernel also says who listens. */
static bool is_of_proxy(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       v2m_proxy_is("/proc", peer.pid);
}

int v2m_followed_connect(const struct v2m_followed *followed)
{
	V2M_CLOSE int fd = v2m_proxy_address_connect(&followed->address);

	if (fd >= 0 && followed->is_found && followed->address.storage.ss_family == AF_UNIX &&
	    !is_of_proxy(fd))
		return followed->is_api ? -ECONNREFUSED : V2M_ASKING_OVER;
	return V2M_TAKE_FD(fd);
}

bool v2m_followed_may_connect(struct v2m_followed *followed)
{
	uint64_t now_ns = v2m_clock_mono_ns();

	if (now_ns - followed->period_ns > CONNECTS_PERIOD_NS) {
		followed->period_ns = now_ns;
		followed->n_connects = 0;
	}
	return followed->n_connects++ < CONNECTS_MAX;
}

/* Keeps a copy of the text. 0 or -ENOMEM. */
static int keep_text(struct v2m_followed *followed, const struct v2m_asking_said *said)
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

int v2m_followed_take_said(struct v2m_followed *followed, const struct v2m_asking_said *said)
{
	bool was_failing = followed->result < 0;
	/* Somebody who waits for the first answer gets it at once. */
	bool is_news = !followed->was_asked;
	int result;

	followed->was_asked = true;
	followed->n_failures = said->result ? followed->n_failures + 1 : 0;
	if (said->result && followed->text && followed->n_failures <= TOLERATED)
		return is_news;
	followed->result = said->result;
	followed->error = said->error;
	is_news |= was_failing != (said->result < 0);
	if (!said->length || (followed->text && said->length == followed->length &&
			      memcmp(said->text, followed->text, said->length) == 0))
		return is_news;
	result = keep_text(followed, said);
	return result ? result : 1;
}

int v2m_followed_take_counted(struct v2m_followed *followed, struct v2m_wire *wire)
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
	return 0;
}

int v2m_followed_take_online(struct v2m_followed *followed, struct v2m_wire *wire)
{
	V2M_CLEANUP(v2m_online_list_clear) struct v2m_online_list online = { 0 };
	struct v2m_online_list old = followed->online;
	int result;

	v2m_put_asking_online(wire, &online);
	result = v2m_wire_end(wire);
	if (result || !v2m_asking_online_is_allowed(&online) ||
	    online.answered_ns > v2m_clock_mono_ns())
		return result ? result : -EBADMSG;
	followed->online = online;
	online = old;
	return 0;
}

int v2m_followed_copy(const struct v2m_followed *followed, struct v2m_live_source *copy)
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
	/* A question that succeeded may have left a sentence. */
	if (followed->result)
		copy->error = followed->error;
	/* Nobody has asked for it: that it does not answer now is no failure. One that has gone may
	 * be about to come back, which is not worth a sentence either. */
	if (followed->is_found)
		copy->result = 0;
	if (followed->is_found && followed->result == -ECONNREFUSED)
		copy->error = (struct v2m_error){ 0 };
	if (!followed->is_found && !followed->was_asked)
		copy->result = v2m_error_set(&copy->error, -EAGAIN,
					     "%.160s: it has not answered yet", followed->source);
	return 0;
}
