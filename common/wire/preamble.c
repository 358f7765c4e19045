/* The preamble: 165 bytes in front of every message, and what a receiver demands of them
 * (spec/wire.md 2.1, 2.6). */
#include "common/wire/message.h"

#define SIGNATURE_AT 96
#define LEAST_PAYLOAD 5		/* relayer count and message id */

int preamble_decode(struct preamble *pre, const uint8_t *p)
{
	struct cursor c = cursor_of(p, PREAMBLE_LEN);

	pre->version = cursor_u32(&c);
	pre->network_id = cursor_u32(&c);
	pre->seq = cursor_u32(&c);
	pre->burn_height = cursor_u64(&c);
	cursor_copy(&c, pre->burn_hash, 32);
	pre->stable_height = cursor_u64(&c);
	cursor_copy(&c, pre->stable_hash, 32);
	pre->additional = cursor_u32(&c);
	cursor_copy(&c, pre->signature, SIG_LEN);
	pre->payload_len = cursor_u32(&c);
	if (pre->payload_len < LEAST_PAYLOAD || pre->payload_len > MAX_PAYLOAD)
		return -1;
	return pre->burn_height > pre->stable_height ? 0 : -1;
}

void preamble_encode(uint8_t *p, const struct preamble *pre)
{
	put_be32(p, pre->version);
	put_be32(p + 4, pre->network_id);
	put_be32(p + 8, pre->seq);
	put_be64(p + 12, pre->burn_height);
	memcpy(p + 20, pre->burn_hash, 32);
	put_be64(p + 52, pre->stable_height);
	memcpy(p + 60, pre->stable_hash, 32);
	put_be32(p + 92, pre->additional);
	memcpy(p + SIGNATURE_AT, pre->signature, SIG_LEN);
	put_be32(p + SIGNATURE_AT + SIG_LEN, pre->payload_len);
}

/* Two upgrades were not compulsory when they began, so the byte before them is still taken. */
static bool epoch_byte_ok(uint8_t mine, uint8_t now, uint8_t theirs)
{
	return mine <= theirs || now <= theirs || (now == 0x08 && theirs == 0x07) ||
	    (now == 0x0e && theirs == 0x0d);
}

enum preamble_fault preamble_check(const struct preamble *pre, uint32_t network_id,
    uint32_t version, uint8_t epoch_now, uint32_t confirmations,
    int (*stable_known)(void *, uint64_t, const uint8_t *), void *arg)
{
	if (pre->network_id != network_id)
		return PREAMBLE_NETWORK;
	if ((pre->version ^ version) >> 24)
		return PREAMBLE_VERSION;
	if (!epoch_byte_ok((uint8_t)version, epoch_now, (uint8_t)pre->version))
		return PREAMBLE_EPOCH;
	if (pre->burn_height - pre->stable_height != confirmations)
		return PREAMBLE_HEIGHT;
	if (stable_known && stable_known(arg, pre->stable_height, pre->stable_hash) == 0)
		return PREAMBLE_HASH;
	return PREAMBLE_FINE;
}

/* Next: common/wire/sign.c, what is signed. */
