// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "following/access_line.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/macros.h"

#define ADDRESS_MAX  64  /* an address with port and brackets is shorter */
#define NAME_MAX_LEN 255 /* a destination's name, in the protocols */

/* The part of a line that is not read yet. */
struct rest {
	const char *at;
	const char *end;
};

static size_t left(const struct rest *rest)
{
	return (size_t)(rest->end - rest->at);
}

static bool skip(struct rest *rest, const char *word)
{
	size_t length = strlen(word);

	if (left(rest) < length || memcmp(rest->at, word, length) != 0)
		return false;
	rest->at += length;
	return true;
}

/* Takes everything before the next blank, and the blank. False if there is no blank. */
static bool take_word(struct rest *rest, struct v2m_access_text *word)
{
	const char *blank = memchr(rest->at, ' ', left(rest));

	if (!blank)
		return false;
	*word = (struct v2m_access_text){ rest->at, (size_t)(blank - rest->at) };
	rest->at = blank + 1;
	return true;
}

/* Takes so many digits. -1 if there are fewer. */
static int take_digits(struct rest *rest, unsigned count)
{
	int value = 0;

	if (left(rest) < count)
		return -1;
	for (unsigned i = 0; i < count; i++) {
		if (rest->at[i] < '0' || rest->at[i] > '9')
			return -1;
		value = value * 10 + (rest->at[i] - '0');
	}
	rest->at += count;
	return value;
}

/* Days from 1970-01-01, by the rule of the Gregorian calendar. */
static int64_t days_from_1970(int year, int month, int day)
{
	/* The year begins in March, so that the leap day is its last day. */
	int64_t y = month > 2 ? year : year - 1;
	int64_t m = month > 2 ? month - 3 : month + 9;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

/* Takes "2026/11/28 00:00:37" with or without microseconds, and the blank behind it. */
static bool take_time(struct rest *rest, int64_t *wall_us)
{
	static const char separators[] = "// :: ";
	static const unsigned digits[] = { 4, 2, 2, 2, 2, 2 };
	int part[V2M_ARRAY_LEN(digits)];
	int microseconds = 0;

	for (size_t i = 0; i < V2M_ARRAY_LEN(digits); i++) {
		if (i && !skip(rest, (char[]){ separators[i - 1], 0 }))
			return false;
		part[i] = take_digits(rest, digits[i]);
		if (part[i] < 0)
			return false;
	}
	if (skip(rest, ".")) {
		microseconds = take_digits(rest, 6);
		if (microseconds < 0)
			return false;
	}
	if (part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > 31 || !skip(rest, " "))
		return false;
	*wall_us = ((days_from_1970(part[0], part[1], part[2]) * 24 + part[3]) * 3600 +
		    part[4] * 60 + part[5]) *
			   1000000 +
		   microseconds;
	return true;
}

/* Reads 0 to 65535 without sign or leading blanks. */
static bool read_port(const char *text, uint16_t *result)
{
	unsigned port = 0;

	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '9' || c - text >= 5)
			return false;
		port = port * 10 + (unsigned)(*c - '0');
	}
	*result = (uint16_t)port;
	return *text && port <= UINT16_MAX;
}

static bool is_masked(const char *host)
{
	return strchr(host, '*') || strchr(host, '/');
}

/* Reads "192.0.2.2" or "2001:db8::2" into the form of the maps. */
static bool read_host(const char *host, uint8_t address[static 16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(address, mapped, sizeof(mapped));
	return inet_pton(AF_INET, host, address + sizeof(mapped)) == 1 ||
	       inet_pton(AF_INET6, host, address) == 1;
}

/* Reads "192.0.2.2:35390" or "[2001:db8::2]:35390". */
static int read_source(const struct v2m_access_text *word, struct v2m_access_line *line)
{
	char text[ADDRESS_MAX];
	char *host = text;
	char *colon;

	if (word->length >= sizeof(text))
		return -EINVAL;
	memcpy(text, word->start, word->length);
	text[word->length] = 0;
	colon = strrchr(text, ':');
	if (!colon || colon == text)
		return -EINVAL;
	*colon = 0;
	if (!read_port(colon + 1, &line->port))
		return -EINVAL;
	if (*host == '[' && colon[-1] == ']') {
		colon[-1] = 0;
		host++;
	}
	line->masked = is_masked(host);
	if (line->masked)
		memset(line->address, 0, sizeof(line->address));
	else if (!read_host(host, line->address))
		return -EINVAL;
	return 0;
}

/* Takes " [tags]" and " email: EMAIL", which are both optional. The tags end at the first bracket
 * that an email or the end of the line follows, since a tag may hold brackets. */
static int take_end(struct rest *rest, struct v2m_access_line *line)
{
	static const char before_email[] = "] email: ";
	const char *end;

	if (skip(rest, "[")) {
		end = memmem(rest->at, left(rest), before_email, strlen(before_email));
		if (!end && left(rest) && rest->end[-1] == ']')
			end = rest->end - 1;
		if (!end)
			return -EINVAL;
		line->tags = (struct v2m_access_text){ rest->at, (size_t)(end - rest->at) };
		rest->at = end + 1;
		skip(rest, " ");
	}
	if (!left(rest))
		return 0;
	if (!skip(rest, "email: ") || !left(rest))
		return -EINVAL;
	line->email = (struct v2m_access_text){ rest->at, left(rest) };
	return 0;
}

/* Takes everything before the next blank, or what is left if there is none. */
static void take_last_word(struct rest *rest, struct v2m_access_text *word)
{
	if (take_word(rest, word))
		return;
	*word = (struct v2m_access_text){ rest->at, left(rest) };
	rest->at = rest->end;
}

int v2m_access_line_parse(const char *text, size_t length, struct v2m_access_line *line)
{
	struct rest rest = { text, text + length };
	struct v2m_access_text source;
	struct v2m_access_text destination;

	*line = (struct v2m_access_line){ .transport = V2M_ACCESS_UNSAID };
	if (left(&rest) && rest.end[-1] == '\r')
		rest.end--;
	if (!take_time(&rest, &line->wall_us))
		return -ENOENT;
	skip(&rest, "from ");
	if (skip(&rest, "tcp:"))
		line->transport = V2M_ACCESS_TCP;
	else if (skip(&rest, "udp:"))
		line->transport = V2M_ACCESS_UDP;
	if (!take_word(&rest, &source))
		return -ENOENT;
	line->accepted = skip(&rest, "accepted ");
	if (!line->accepted && !skip(&rest, "rejected "))
		return -ENOENT;
	if (read_source(&source, line))
		return -EINVAL;
	if (!line->accepted)
		return 0;
	take_last_word(&rest, &destination);
	return destination.length ? take_end(&rest, line) : -EINVAL;
}

size_t v2m_access_line_reach(const char *text, size_t length)
{
	static const char mark[] = "invalid domain name: ";
	const char *name = memmem(text, length, mark, strlen(mark));
	struct v2m_access_line line;
	size_t written;

	if (!name || v2m_access_line_parse(text, length, &line) || line.accepted)
		return 0;
	/* With the newline, which may be part of the name. */
	written = (size_t)(text + length - name) - strlen(mark) + 1;
	return written < NAME_MAX_LEN ? NAME_MAX_LEN - written : 0;
}

struct v2m_access_record v2m_access_line_record(const struct v2m_access_line *line,
						int64_t offset_us)
{
	struct v2m_access_record record = {
		.transport = line->transport,
		.port = line->port,
		.real_us = V2M_NO_LINE_TIME,
		.tags = line->tags,
		.email = line->email,
	};

	memcpy(record.address, line->address, sizeof(record.address));
	if (offset_us != V2M_NO_LOG_OFFSET)
		record.real_us = line->wall_us - offset_us;
	return record;
}
