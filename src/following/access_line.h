/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Lines of the access log of V2Ray and Xray. A line tells the address that a connection came from
 * and, if the inbound knows its users, the user's email:
 *
 *     2026/11/28 00:00:37 192.0.2.2:35390 accepted tcp:203.0.113.7:80 [direct] email: alice
 *     2026/11/28 00:00:56.912765 from tcp:192.0.2.2:59086 accepted udp:203.0.113.7:53 [in >> out]
 *     2026/11/28 00:00:37 192.0.2.2:35394 rejected  proxy/vless/encoding: invalid request user id
 *
 * common/log/access.go in Xray-core and v2ray-core writes them. The server's operator chooses tags
 * and emails; they may hold blanks and brackets. The customer chooses the destination; it holds no
 * blank, because the proxies refuse such names. The refusal of Trojan, Shadowsocks and SOCKS 5 is a
 * line too, and repeats the name as it came, newlines included: see v2m_access_line_reach().
 */
#ifndef V2METER_FOLLOWING_ACCESS_LINE_H
#define V2METER_FOLLOWING_ACCESS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/access_record.h"

struct v2m_access_line {
	bool accepted; /* false: rejected; then tags and email are empty */
	enum v2m_access_transport transport;
	uint8_t address[16]; /* the source; IPv4 in the IPv4-mapped form */
	uint16_t port;       /* of the source, as in struct v2m_access_record */
	/* The proxy blanks parts of addresses (log.maskAddress): address is zeros then. */
	bool masked;
	/* The wall clock of the proxy in microseconds since 1970, without its offset from UTC. */
	int64_t wall_us;
	struct v2m_access_text tags;  /* between the brackets, both tags; may be empty */
	struct v2m_access_text email; /* empty: the user has none, or the inbound names no users */
};

/*
 * Reads a line of the given length, without its newline. The parts of *line point into the text.
 * 0; -ENOENT if it is no line about a connection (the proxies write DNS answers into the same
 * file); -EINVAL if it begins like one but a part is not as the proxies write it. *line is
 * undefined after an error.
 */
int v2m_access_line_parse(const char *text, size_t length, struct v2m_access_line *line);

/*
 * How many bytes behind the newline of this line a customer may have written. A refused line ends
 * in the destination that the customer has named. If that name holds a newline, the line has only
 * its beginning, and the rest follows. 0 to 254.
 */
size_t v2m_access_line_reach(const char *text, size_t length);

/*
 * Returns the record of an accepted connection's line. offset_us: how much the clock of the log is
 * ahead of UTC; V2M_NO_LOG_OFFSET: not known. The texts stay those of the line.
 */
#define V2M_NO_LOG_OFFSET INT64_MIN
struct v2m_access_record v2m_access_line_record(const struct v2m_access_line *line,
						int64_t offset_us);

#endif
