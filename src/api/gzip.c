// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/gzip.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/cleanup.h"

/* With 16 more than the bits of the window, zlib writes a gzip stream without name or time
 * (zlib.h). */
#define GZIP_WINDOW_BITS (15 + 16)
#define MEMORY_LEVEL     8
#define LEVEL            Z_BEST_SPEED

int v2m_gzip(const char *plain, size_t length, char **packed, size_t *packed_length)
{
	V2M_FREE char *data = NULL;
	z_stream stream = { 0 };
	char *shrunk;
	uLong bound;
	int result;

	if (length > UINT_MAX / 2 || deflateInit2(&stream, LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS,
						  MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	bound = deflateBound(&stream, length);
	data = malloc(bound);
	if (!data) {
		deflateEnd(&stream);
		return -ENOMEM;
	}
	stream.next_in = (Bytef *)plain;
	stream.avail_in = (uInt)length;
	stream.next_out = (Bytef *)data;
	stream.avail_out = (uInt)bound;
	result = deflate(&stream, Z_FINISH);
	deflateEnd(&stream);
	if (result != Z_STREAM_END)
		return -ENOMEM;
	shrunk = realloc(data, stream.total_out);
	if (!shrunk)
		return -ENOMEM;
	data = NULL;
	*packed = shrunk;
	*packed_length = stream.total_out;
	return 0;
}
