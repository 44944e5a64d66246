# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Checks a value against the part of JSON Schema that docs/openapi.yaml uses. It remembers the properties that
it has seen, with their schemas. A keyword that it does not know is an error."""

import re

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KNOWN = {"$ref", "maxItems", "type", "description", "properties", "required", "additionalProperties",
         "propertyNames", "items", "const", "enum", "oneOf", "pattern", "minimum", "maximum"}


class Mismatch(AssertionError):
    pass


def has_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


class Checker:
    def __init__(self, document):
        self.schemas = document["components"]["schemas"]
        self.seen = set()

    def expect(self, good, where, what):
        if not good:
            raise Mismatch(f"{where}: {what}")

    def check(self, value, schema, where):
        unknown = schema.keys() - KNOWN
        self.expect(not unknown, where, f"this test does not know {unknown}")
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/components/schemas/")
            self.check_named(value, name, where)
            return
        if "oneOf" in schema:
            self.check_one_of(value, schema["oneOf"], where)
        if "type" in schema:
            types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            self.expect(any(has_type(value, each) for each in types), where,
                        f"{value!r} is not {types}")
        if "const" in schema:
            self.expect(value == schema["const"] and type(value) is type(schema["const"]), where,
                        f"{value!r} is not {schema['const']!r}")
        if "enum" in schema:
            self.expect(value in schema["enum"], where, f"{value!r} is none of {schema['enum']}")
        self.check_limits(value, schema, where)
        if isinstance(value, list):
            self.expect(len(value) <= schema.get("maxItems", len(value)), where, f"{len(value)} items")
            for index, item in enumerate(value):
                self.check(item, schema.get("items", {}), f"{where}[{index}]")
        if isinstance(value, dict) and "oneOf" not in schema:
            self.check_object(value, schema, where, None)

    def check_named(self, value, name, where):
        schema = self.schemas[name]
        if schema.get("type") != "object":
            self.check(value, schema, where)
            return
        self.expect(isinstance(value, dict), where, f"{value!r} is no {name}")
        self.check_object(value, schema, f"{where} ({name})", name)

    def check_one_of(self, value, schemas, where):
        problems = []
        for schema in schemas:
            seen = set(self.seen)
            try:
                self.check(value, schema, where)
            except Mismatch as problem:
                self.seen = seen
                problems.append(str(problem))
        self.expect(len(problems) == len(schemas) - 1, where, f"not exactly one of: {problems}")

    def check_limits(self, value, schema, where):
        if isinstance(value, str) and "pattern" in schema:
            self.expect(re.search(schema["pattern"], value), where,
                        f"{value!r} does not match {schema['pattern']}")
        if isinstance(value, (int, float)):
            self.expect(value >= schema.get("minimum", value), where, f"{value} is too small")
            self.expect(value <= schema.get("maximum", value), where, f"{value} is too large")

    def check_object(self, value, schema, where, name):
        properties = schema.get("properties", {})
        more = schema.get("additionalProperties", True)
        for required in schema.get("required", []):
            self.expect(required in value, where, f"{required} is missing")
        for key, item in value.items():
            if key in properties:
                self.check(item, properties[key], f"{where}.{key}")
                self.seen.add((name, key))
                continue
            self.expect(more is not False, where, f"{key} is not documented")
            if isinstance(more, dict):
                self.check(key, schema.get("propertyNames", {}), f"{where}: the name {key}")
                self.check(item, more, f"{where}.{key}")

    def never_seen(self):
        documented = {(name, key) for name, schema in self.schemas.items()
                      for key in schema.get("properties", {})}
        return sorted(documented - self.seen)
