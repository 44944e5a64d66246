// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "json/yaml_scalar.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

/* Longer texts are no numbers. */
#define NUMBER_LEN 64

static bool is_word(const char *text, const char *const *words, size_t n_words)
{
	for (size_t i = 0; i < n_words; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static json_t *word(const char *text)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	static const char *const yes[] = { "y",    "Y",    "yes", "Yes", "YES", "true",
					   "True", "TRUE", "on",  "On",  "ON" };
	static const char *const no[] = { "n",     "N",     "no",  "No",  "NO", "false",
					  "False", "FALSE", "off", "Off", "OFF" };

	if (is_word(text, nulls, V2M_ARRAY_LEN(nulls)))
		return json_null();
	if (is_word(text, yes, V2M_ARRAY_LEN(yes)))
		return json_true();
	return is_word(text, no, V2M_ARRAY_LEN(no)) ? json_false() : NULL;
}

/* The base that a prefix names, as Go's strconv does. *digits points behind the prefix. */
static int base_of(const char **digits)
{
	const char *text = *digits;

	if (text[0] != '0' || !text[1])
		return 10;
	*digits += 2;
	if (text[1] == 'x' || text[1] == 'X')
		return 16;
	if (text[1] == 'b' || text[1] == 'B')
		return 2;
	if (text[1] == 'o' || text[1] == 'O')
		return 8;
	*digits -= 1;
	return 8;
}

/* Copies the text without its underscores. False: it is too long for a number. */
static bool strip_underscores(const char *text, char number[NUMBER_LEN])
{
	size_t n = 0;

	for (; *text && n < NUMBER_LEN - 1; text++)
		if (*text != '_')
			number[n++] = *text;
	number[n] = 0;
	return !*text;
}

static json_t *integer(const char *number)
{
	bool negative = *number == '-';
	const char *digits = number + (*number == '-' || *number == '+');
	int base = base_of(&digits);
	unsigned long long value;
	char *end;

	if (!strchr("0123456789abcdefABCDEF", *digits) || !*digits)
		return NULL;
	errno = 0;
	value = strtoull(digits, &end, base);
	if (*end || errno || value > INT64_MAX)
		return NULL;
	return json_integer(negative ? -(json_int_t)value : (json_int_t)value);
}

static json_t *fraction(const char *number)
{
	char *end;
	double value;

	if (!strpbrk(number, "0123456789") || strspn(number, "0123456789+-.eE") != strlen(number))
		return NULL;
	value = strtod(number, &end);
	return *end || !isfinite(value) ? NULL : json_real(value);
}

json_t *v2m_yaml_scalar(const char *text, size_t length)
{
	char number[NUMBER_LEN];
	json_t *value = word(text);

	if (!value && strlen(text) == length && strchr("0123456789+-.", *text) &&
	    strip_underscores(text, number)) {
		value = integer(number);
		if (!value)
			value = fraction(number);
	}
	return value ? value : json_stringn(text, length);
}
