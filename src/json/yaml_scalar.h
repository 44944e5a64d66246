/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The type of a YAML scalar. Used by yaml_doc.c alone. */
#ifndef V2METER_JSON_YAML_SCALAR_H
#define V2METER_JSON_YAML_SCALAR_H

#include <jansson.h>
#include <stddef.h>

/* The value of a plain scalar without a tag, as gopkg.in/yaml.v2 resolves it: null, a boolean, a
 * number, or else a string. A new reference; NULL if memory runs out or the text is not UTF-8. */
json_t *v2m_yaml_scalar(const char *text, size_t length);

#endif
