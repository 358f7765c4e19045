/* Hashes through libcrypto.  Looking an algorithm up and making a context cost more than hashing a
 * header, so algorithms are fetched once a process and a context is kept once a thread. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <threads.h>

#include "common/chain/hash.h"
#include "common/chain/work.h"
#include "common/sys/log.h"

enum { SHA512_256, SHA256, RIPEMD160, ALGORITHMS };

static EVP_MD *algorithm[ALGORITHMS];
static once_flag fetched = ONCE_FLAG_INIT;
static tss_t at_exit;
/* The context of this thread for each algorithm, made at first use. */
static _Thread_local EVP_MD_CTX *context[ALGORITHMS];

static void forget(void *arg)
{
	EVP_MD_CTX **ctx = arg;

	for (int i = 0; i < ALGORITHMS; i++) {
		EVP_MD_CTX_free(ctx[i]);
		ctx[i] = NULL;
	}
}

/* With these arguments nothing but an allocation can fail. */
static _Noreturn void no_hash(void) { die_world("libcrypto cannot hash: out of memory"); }

static void fetch(void)
{
	static const char *const names[ALGORITHMS] = { "SHA512-256", "SHA256", "RIPEMD160" };

	/* The first use of the library would open its configuration file, which a confined program
	 * may not. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	for (int i = 0; i < ALGORITHMS; i++)
		if (!(algorithm[i] = EVP_MD_fetch(NULL, names[i], NULL)))
			no_hash();
	if (tss_create(&at_exit, forget) != thrd_success)
		no_hash();
}

static EVP_MD_CTX *begin(int which)
{
	if (!context[which]) {
		call_once(&fetched, fetch);
		if (!(context[which] = EVP_MD_CTX_new()) ||
		    !EVP_DigestInit_ex(context[which], algorithm[which], NULL))
			no_hash();
		tss_set(at_exit, context);
	} else if (!EVP_DigestInit_ex(context[which], NULL, NULL)) {
		no_hash();
	}
	return context[which];
}

static void once(int which, uint8_t *out, const void *p, size_t n)
{
	EVP_MD_CTX *ctx = begin(which);

	work_done.hashed += n + HASH_FIXED;
	if (!EVP_DigestUpdate(ctx, p, n) || !EVP_DigestFinal_ex(ctx, out, NULL))
		no_hash();
}

void hash_begin(void)
{
	begin(SHA512_256);
}

void hash_add(const void *p, size_t n)
{
	work_done.hashed += n;
	if (!EVP_DigestUpdate(context[SHA512_256], p, n))
		no_hash();
}

void hash_end(uint8_t out[32])
{
	work_done.hashed += HASH_FIXED;
	if (!EVP_DigestFinal_ex(context[SHA512_256], out, NULL))
		no_hash();
}

void hash_once(uint8_t out[32], const void *p, size_t n)
{
	once(SHA512_256, out, p, n);
}

void hash_sha256(uint8_t out[32], const void *p, size_t n)
{
	once(SHA256, out, p, n);
}

void hash_hash160(uint8_t out[20], const void *p, size_t n)
{
	uint8_t inner[32];

	once(SHA256, inner, p, n);
	once(RIPEMD160, out, inner, sizeof(inner));
}

void hash_merkle_root(uint8_t out[32], uint8_t (*txids)[32], size_t n)
{
	uint8_t node[65];

	if (n == 0) {
		memset(out, 0, 32);
		return;
	}
	node[0] = 0x00;
	for (size_t i = 0; i < n; i++) {
		memcpy(node + 1, txids[i], 32);
		hash_once(txids[i], node, 33);
	}
	/* A row of odd length repeats its last hash, the row of leaves too: one leaf makes one node
	 * above it. */
	node[0] = 0x01;
	do {
		size_t half = (n + 1) / 2;

		for (size_t i = 0; i < half; i++) {
			memcpy(node + 1, txids[2 * i], 32);
			memcpy(node + 33, txids[2 * i + 1 < n ? 2 * i + 1 : 2 * i], 32);
			hash_once(txids[i], node, 65);
		}
		n = half;
	} while (n > 1);
	memcpy(out, txids[0], 32);
}

void hash_block_id(uint8_t id[32], const uint8_t block_hash[32], const uint8_t ch[CH_LEN])
{
	uint8_t both[52];

	memcpy(both, block_hash, 32);
	memcpy(both + 32, ch, CH_LEN);
	hash_once(id, both, sizeof(both));
}

/* Next: common/chain/key.c, keys and signatures over these hashes. */
