/* JSON that others wrote.  Pure. */
#ifndef BLOCKSYNC_NET_JSON_H
#define BLOCKSYNC_NET_JSON_H

#include <jansson.h>
#include <stddef.h>

/* Parse a whole body; the caller bounds its size, jansson its depth (2,048), and a name that stands
 * twice in an object is refused.  A number that no 18 digits without fraction or exponent can say
 * becomes null, so that members which nobody asks for may hold what they like, and members which
 * somebody does are exact or absent.  The caller owns the value.  NULL: no JSON; err says why. */
json_t *json_foreign(const void *body, size_t n, char err[120]);

#endif
