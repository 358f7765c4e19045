/* What is signed, and by whom (spec/wire.md 2.3): SHA-512/256 over the preamble with its signature
 * zeroed and the payload. */
#include "common/chain/hash.h"
#include "common/chain/key.h"
#include "common/wire/message.h"

#define SIGNATURE_AT 96

void message_digest(uint8_t digest[32], const uint8_t preamble[PREAMBLE_LEN],
    const uint8_t *payload, size_t n)
{
	static const uint8_t zeros[SIG_LEN];

	hash_begin();
	hash_add(preamble, SIGNATURE_AT);
	hash_add(zeros, SIG_LEN);
	hash_add(preamble + SIGNATURE_AT + SIG_LEN, PREAMBLE_LEN - SIGNATURE_AT - SIG_LEN);
	hash_add(payload, n);
	hash_end(digest);
}

bool message_signed_by(const uint8_t preamble[PREAMBLE_LEN], const uint8_t *payload, size_t n,
    const uint8_t key[KEY_LEN])
{
	const uint8_t *sig = preamble + SIGNATURE_AT;
	uint8_t digest[32], signer[KEY_LEN];

	message_digest(digest, preamble, payload, n);
	if (key_recover(signer, sig, digest) < 0 || memcmp(signer, key, KEY_LEN) != 0)
		return false;
	return key_sig_low_s(sig);
}

/* Next: common/wire/url.c, the one string of the wire. */
