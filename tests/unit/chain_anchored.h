/* tests/fixtures/epoch2.bin: the first three anchored blocks of a stacks-core 4.0.2 test network,
 * back to back, of one sortition each; from the second on they confirm three microblocks. */
#ifndef BLOCKSYNC_TESTS_CHAIN_ANCHORED_H
#define BLOCKSYNC_TESTS_CHAIN_ANCHORED_H

#include <assert.h>
#include <stdio.h>

#include "common/chain/block.h"

#define ANCHORED 3
#define ANCHORED_SIZE 718 /* of each */

struct anchored {
	uint8_t bytes[ANCHORED_SIZE], ch[CH_LEN], id[ID_LEN];
};

static inline void anchored_read(struct anchored all[ANCHORED])
{
	static const char *const chs[ANCHORED] = { "ce5b4a300611a342d63ef3db8424ee77177e58c4",
		"15e7ad324176c2ee45c1ca88375eaebac37ae66f",
		"fc5ebd2d5fbe0872e699d79a3648ba4f27cdd819" };
	static const char *const ids[ANCHORED] = {
		"9f11d320876b3ed27eba00f167dc887431919a753b035ec503dc5d53a5f52700",
		"794be497619657f73aa2e883b6c95c3d875b62e1faa6b4012adb0e239158526c",
		"c737d526e39b23f7c7efe1fbf0b0382ad14a05f8d62f06e372020155ade49bc0"
	};
	FILE *f = fopen("tests/fixtures/epoch2.bin", "r");

	assert(f);
	for (int i = 0; i < ANCHORED; i++) {
		assert(fread(all[i].bytes, ANCHORED_SIZE, 1, f) == 1);
		assert(hex_to(all[i].ch, CH_LEN, chs[i], 2 * CH_LEN) == 0);
		assert(hex_to(all[i].id, ID_LEN, ids[i], 2 * ID_LEN) == 0);
	}
	fclose(f);
}

#endif
