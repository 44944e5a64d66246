/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The types that a setting of the configuration can have: how each is read, written and freed. */
#ifndef V2METER_CONFIG_SETTING_H
#define V2METER_CONFIG_SETTING_H

#include <stddef.h>

#include "json/json_doc.h"

struct v2m_setting;

struct v2m_setting_type {
	/* Replaces the value. 0; -EINVAL with its place; or -ENOMEM. The value is unchanged after
	 * an error. */
	int (*read)(const struct v2m_setting *setting, const struct v2m_json_node *node,
		    void *value, struct v2m_error *error);
	/* As JSON. NULL: out of memory. */
	json_t *(*write)(const struct v2m_setting *setting, const void *value);
	void (*clear)(void *value); /* NULL: the value owns no memory */
};

/* One setting. The type decides what the members below the default mean. */
struct v2m_setting {
	const char *name;
	const struct v2m_setting_type *type;
	size_t offset;      /* where the value is, in struct v2m_config */
	const char *preset; /* the default, as JSON; null is then allowed in a file, too */
	long long min;
	long long max;
	/* Names what a text has to be. NULL: it is right. A setting without the function takes any
	 * text. */
	const char *(*required)(const char *text);
	const char *words[3]; /* of a choice; the last may be NULL */
};

extern const struct v2m_setting_type v2m_setting_number;  /* unsigned, min to max */
extern const struct v2m_setting_type v2m_setting_boolean; /* bool */
extern const struct v2m_setting_type
	v2m_setting_choice; /* an enum whose values are the words, from 0 on */
extern const struct v2m_setting_type v2m_setting_text;   /* char *, of 1 to max bytes */
extern const struct v2m_setting_type v2m_setting_secret; /* a text that is written as "(set)" */
extern const struct v2m_setting_type
	v2m_setting_process; /* a text, or a number from 1 to max as text */
extern const struct v2m_setting_type
	v2m_setting_list; /* struct v2m_strings, of at least min texts */
extern const struct v2m_setting_type
	v2m_setting_endpoints; /* a list, or one text that stands for it */

/* Names the setting's range, as the manual does: "0 to 3600"; "" if the type has none. */
#define V2M_SETTING_RANGE_LEN 64
void v2m_setting_range(const struct v2m_setting *setting, char text[static V2M_SETTING_RANGE_LEN]);

#endif
