// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/nat_rules.h"

#include <ctype.h>
#include <string.h>

#include "base/macros.h"

/* How both tools call the same things. A word ends at a blank. */
static const char *const verdicts[] = { "dnat",   "DNAT",   "redirect", "REDIRECT",
					"tproxy", "TPROXY", "\"DNAT\"", "\"REDIRECT\"" };
static const char *const matches[] = { "dport", "--dport", "--dports" };
static const char *const targets[] = { "to", "--to-ports", "--to-destination", "--on-port" };

static bool is_word(const char *at, const char *word)
{
	size_t length = strlen(word);

	return strncmp(at, word, length) == 0 &&
	       (!at[length] || isblank((unsigned char)at[length]));
}

/* The text behind the word, or NULL if the line does not have it. */
static const char *behind(const char *line, const char *word)
{
	for (const char *at = line; *at; at++)
		if ((at == line || isblank((unsigned char)at[-1])) && is_word(at, word)) {
			at += strlen(word);
			return at + strspn(at, " \t");
		}
	return NULL;
}

static bool has_verdict(const char *line, const char **word)
{
	for (size_t i = 0; i < V2M_ARRAY_LEN(verdicts); i++)
		if (behind(line, verdicts[i])) {
			*word = verdicts[i];
			return true;
		}
	return false;
}

/* "{ 443, 8443 }", "443" or "443,8443". */
static void read_matched(const char *text, struct v2m_port_set *set)
{
	if (*text == '{')
		text++;
	v2m_port_set_add_text(set, text);
}

/* "10.0.0.2:443", "[2001:db8::1]:443", ":10001" or "10001". An address without a port leaves the
 * port as it is. */
static void read_target(const char *text, struct v2m_port_set *set)
{
	size_t length = strcspn(text, " \t");
	const char *colon = memrchr(text, ':', length);
	const char *bracket = memrchr(text, ']', length);

	if (bracket && (!colon || colon < bracket))
		return;
	/* An address of IPv6. */
	if (!bracket && colon && memchr(text, ':', (size_t)(colon - text)))
		return;
	if (colon)
		v2m_port_set_add_text(set, colon + 1);
	else if (!memchr(text, '.', length))
		v2m_port_set_add_text(set, text);
}

void v2m_rule_ports(const char *line, struct v2m_port_set *ports)
{
	*ports = (struct v2m_port_set){ 0 };
	for (size_t i = 0; i < V2M_ARRAY_LEN(matches); i++) {
		const char *text = behind(line, matches[i]);

		if (text)
			read_matched(text, ports);
	}
}

bool v2m_nat_rule_read(const char *line, struct v2m_nat_rule *rule)
{
	const char *verdict;

	*rule = (struct v2m_nat_rule){ 0 };
	if (*line == '#' || !has_verdict(line, &verdict))
		return false;
	rule->to_host = !strcasestr(verdict, "dnat");
	v2m_rule_ports(line, &rule->matched);
	for (size_t i = 0; i < V2M_ARRAY_LEN(targets); i++) {
		const char *text = behind(line, targets[i]);

		if (text)
			read_target(text, &rule->target);
	}
	return true;
}
