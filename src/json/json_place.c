// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "json/json_place.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

struct scanner {
	const char *text;
	size_t length;
	size_t at;
};

struct v2m_place v2m_text_place(const char *text, size_t length, size_t offset)
{
	struct v2m_place place = { .line = 1, .column = 1 };

	for (size_t i = 0; i < offset && i < length; i++) {
		if (text[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if (i + 1 == length || ((unsigned char)text[i + 1] & 0xc0) != 0x80) {
			/* Counts characters: the next byte begins one. */
			place.column++;
		}
	}
	return place;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_spaces(struct scanner *scanner)
{
	while (scanner->at < scanner->length && is_space(scanner->text[scanner->at]))
		scanner->at++;
}

/* Moves from the opening quote of a string to behind the closing one. */
static void skip_string(struct scanner *scanner)
{
	for (scanner->at++; scanner->at < scanner->length; scanner->at++) {
		if (scanner->text[scanner->at] == '\\')
			scanner->at++;
		else if (scanner->text[scanner->at] == '"')
			break;
	}
	scanner->at++;
}

/* Moves to the comma or bracket that ends the value. It counts the nesting instead of calling
 * itself. */
static void skip_value(struct scanner *scanner)
{
	size_t depth = 0;

	while (scanner->at < scanner->length) {
		char c = scanner->text[scanner->at];

		if (c == '"') {
			skip_string(scanner);
			continue;
		}
		if (depth == 0 && (c == ',' || c == '}' || c == ']'))
			return;
		if (c == '{' || c == '[')
			depth++;
		if (c == '}' || c == ']')
			depth--;
		scanner->at++;
	}
}

/* Decodes the name before comparing it, because it may have escapes. */
static bool is_name(const char *token, size_t length, const char *name)
{
	json_t *decoded = json_loadb(token, length, JSON_DECODE_ANY, NULL);
	bool same = json_is_string(decoded) && strcmp(json_string_value(decoded), name) == 0;

	json_decref(decoded);
	return same;
}

/* Moves from the name of a member to its value. True: the name is the wanted one. */
static bool enter_member(struct scanner *scanner, const char *wanted)
{
	size_t name = scanner->at;
	size_t end;

	skip_string(scanner);
	end = scanner->at;
	skip_spaces(scanner);
	scanner->at++; /* the colon */
	skip_spaces(scanner);
	return end <= scanner->length && is_name(scanner->text + name, end - name, wanted);
}

/* Moves from the first byte of an object or list to the first byte of the value in it. */
static bool take_step(struct scanner *scanner, const struct v2m_json_step *step)
{
	int open = scanner->at < scanner->length ? scanner->text[scanner->at] : 0;

	if (open != (step->member ? '{' : '['))
		return false;
	scanner->at++;
	for (size_t i = 0;; i++) {
		skip_spaces(scanner);
		if (scanner->at >= scanner->length || scanner->text[scanner->at] == ']' ||
		    scanner->text[scanner->at] == '}')
			return false;
		if (step->member ? enter_member(scanner, step->member) : i == step->index)
			return true;
		skip_value(scanner);
		if (scanner->at >= scanner->length || scanner->text[scanner->at] != ',')
			return false;
		scanner->at++;
	}
}

size_t v2m_json_find(const char *text, size_t length, const struct v2m_json_step *steps,
		     size_t n_steps)
{
	struct scanner scanner = { .text = text, .length = length };
	size_t found;

	skip_spaces(&scanner);
	found = scanner.at;
	for (size_t i = 0; i < n_steps && take_step(&scanner, &steps[i]); i++)
		found = scanner.at;
	return found;
}

/* The length of the comment at the start of the text, with its end. 0: there is none. */
static size_t comment_length(const char *text, size_t length)
{
	const char *end = NULL;

	if (text[0] == '#' || (length > 1 && text[0] == '/' && text[1] == '/')) {
		end = memchr(text, '\n', length);
		return end ? (size_t)(end - text) : length;
	}
	if (length < 2 || text[0] != '/' || text[1] != '*')
		return 0;
	end = memmem(text + 2, length - 2, "*/", 2);
	return end ? (size_t)(end + 2 - text) : length;
}

void v2m_json_blank_comments(char *text, size_t length)
{
	struct scanner scanner = { .text = text, .length = length };

	while (scanner.at < length) {
		size_t comment = comment_length(text + scanner.at, length - scanner.at);

		if (text[scanner.at] == '"')
			skip_string(&scanner);
		else if (comment == 0)
			scanner.at++;
		for (; comment > 0; comment--, scanner.at++)
			if (!is_space(text[scanner.at]))
				text[scanner.at] = ' ';
	}
}

static size_t count_digits(const char *text, size_t length)
{
	size_t n = 0;

	while (n < length && text[n] >= '0' && text[n] <= '9')
		n++;
	return n;
}

/* Whether the token is a number of JSON that may not fit into 64 bits or into a double. */
static bool is_wild(const char *token, size_t length)
{
	size_t at = *token == '-';
	size_t integer = count_digits(token + at, length - at);
	size_t fraction = 0;
	size_t exponent = 0;

	at += integer;
	if (at < length && token[at] == '.') {
		fraction = count_digits(token + at + 1, length - at - 1);
		at += fraction + 1;
	}
	if (at < length && (token[at] == 'e' || token[at] == 'E')) {
		at += at + 1 < length && (token[at + 1] == '+' || token[at + 1] == '-') ? 2 : 1;
		exponent = count_digits(token + at, length - at);
		at += exponent;
	}
	return at == length && integer && (integer > 18 || exponent > 2);
}

/* "0." and ones. A wild number has at least four digits and signs. */
static void tame_number(char *number, size_t length)
{
	size_t sign = *number == '-';

	memset(number + sign, '1', length - sign);
	number[sign] = '0';
	number[sign + 1] = '.';
}

void v2m_json_tame_numbers(char *text, size_t length)
{
	struct scanner scanner = { .text = text, .length = length };

	while (scanner.at < length) {
		size_t number = 0;

		if (text[scanner.at] == '"') {
			skip_string(&scanner);
			continue;
		}
		while (scanner.at + number < length && text[scanner.at + number] &&
		       strchr("0123456789+-.eE", text[scanner.at + number]))
			number++;
		if (number && is_wild(text + scanner.at, number))
			tame_number(text + scanner.at, number);
		scanner.at += number ? number : 1;
	}
}

size_t v2m_json_count_values(const char *text, size_t length)
{
	struct scanner scanner = { .text = text, .length = length };
	size_t count = 1;

	while (scanner.at < length) {
		char c = text[scanner.at];

		count += c == ',' || c == '[' || c == '{';
		if (c == '"')
			skip_string(&scanner);
		else
			scanner.at++;
	}
	return count;
}
