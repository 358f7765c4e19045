/* Who a test is towards a peer: the network and the view of a store, and a key of its own. */
#ifndef TESTS_HELPER_LIB_SELF_H
#define TESTS_HELPER_LIB_SELF_H

#include "common/net/conv.h"
#include "common/store/store.h"

/* Opens the store, which must stay open; dies where it has no view.  Foreign preambles are
 * believed. */
void self_load(struct conv_self *, struct store *, const char *dir);

#endif
