/* Masks of the two block models of the chain (enum model of records.def): epochs up to 2.5 have
 * anchored blocks (EPOCH2), epochs from 3.0 on Nakamoto blocks. */
#ifndef BLOCKSYNC_CHAIN_MODEL_H
#define BLOCKSYNC_CHAIN_MODEL_H

#include "enums.h"

#define MODEL_BIT(m) (1u << (m))
#define ANY_MODEL (MODEL_BIT(NAKAMOTO) | MODEL_BIT(EPOCH2))

#endif
