/* Keys and recoverable signatures through libsecp256k1. */
#include <secp256k1.h>
#include <secp256k1_preallocated.h>
#include <secp256k1_recovery.h>
#include <stdlib.h>
#include <threads.h>

#include "common/chain/key.h"
#include "common/chain/work.h"
#include "common/sys/log.h"

/* Recovery works on the library's constant context; only signing needs one of our own, made once a
 * process. */
static secp256k1_context *signing;
static once_flag signing_made = ONCE_FLAG_INIT;

static void make_signing(void)
{
	signing = secp256k1_context_preallocated_create(
	    xmalloc(secp256k1_context_preallocated_size(SECP256K1_CONTEXT_NONE)),
	    SECP256K1_CONTEXT_NONE);
}

static secp256k1_context *signing_context(void)
{
	call_once(&signing_made, make_signing);
	return signing;
}

static int serialize(uint8_t key[KEY_LEN], const secp256k1_pubkey *pub)
{
	size_t n = KEY_LEN;

	secp256k1_ec_pubkey_serialize(secp256k1_context_static, key, &n, pub,
	    SECP256K1_EC_COMPRESSED);
	return 0;
}

int key_recover(uint8_t key[KEY_LEN], const uint8_t sig[SIG_LEN], const uint8_t digest[32])
{
	secp256k1_ecdsa_recoverable_signature parsed;
	secp256k1_pubkey pub;

	work_done.curve++;
	if (sig[0] > 3 ||
	    !secp256k1_ecdsa_recoverable_signature_parse_compact(secp256k1_context_static, &parsed,
		sig + 1, sig[0]) ||
	    !secp256k1_ecdsa_recover(secp256k1_context_static, &pub, &parsed, digest))
		return -1;
	return serialize(key, &pub);
}

bool key_sig_low_s(const uint8_t sig[SIG_LEN])
{
	secp256k1_ecdsa_signature parsed;

	return secp256k1_ecdsa_signature_parse_compact(secp256k1_context_static, &parsed,
		   sig + 1) &&
	    !secp256k1_ecdsa_signature_normalize(secp256k1_context_static, NULL, &parsed);
}

int key_sign(uint8_t sig[SIG_LEN], const uint8_t secret[32], const uint8_t digest[32])
{
	secp256k1_ecdsa_recoverable_signature made;
	int recid;

	if (!secp256k1_ecdsa_sign_recoverable(signing_context(), &made, digest, secret, NULL, NULL))
		return -1;
	secp256k1_ecdsa_recoverable_signature_serialize_compact(signing_context(), sig + 1, &recid,
	    &made);
	sig[0] = (uint8_t)recid;
	return 0;
}

int key_public(uint8_t key[KEY_LEN], const uint8_t secret[32])
{
	secp256k1_pubkey pub;

	if (!secp256k1_ec_pubkey_create(signing_context(), &pub, secret))
		return -1;
	return serialize(key, &pub);
}

bool key_valid(const uint8_t key[KEY_LEN])
{
	secp256k1_pubkey pub;

	work_done.curve++;
	return secp256k1_ec_pubkey_parse(secp256k1_context_static, &pub, key, KEY_LEN);
}

/* Next: common/chain/bitvec.c, who claims to have what. */
