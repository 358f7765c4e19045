/* The table `damaged`: ids of blocks that a reader found bad.  A row is a hint: the writer of
 * blocks looks for itself. */
#include "common/store/blocks.h"
#include "common/sys/log.h"

void damaged_note(struct store *s, const uint8_t id[ID_LEN])
{
	damaged_note_key(s, id, ID_LEN, id, "");
}

void damaged_note_key(struct store *s, const uint8_t *key, size_t klen, const uint8_t id[ID_LEN],
    const char *what)
{
	uint8_t where[CH_LEN + 8] = { 0 };
	char hex[2 * ID_LEN + 1];
	MDB_txn *txn = store_read(s);
	uint64_t height = 0;
	MDB_val v;
	bool noted = store_get(s, txn, T_DAMAGED, key, klen, &v) == 0;

	if (blocks_where(s, txn, id, where, &height) == 0)
		put_be64(where + CH_LEN, height);
	store_read_end(txn);
	if (noted || !(s->writes & TABLE(T_DAMAGED)))
		return;
	log_warnx("%sblock '%s' is damaged: nobody gets it", what, hex_of(hex, id, ID_LEN));
	txn = store_write(s);
	store_put(s, txn, T_DAMAGED, key, klen, where, sizeof(where));
	if (store_commit(s, txn) < 0)
		log_warn("cannot note that %sblock '%s' is damaged", what, hex);
}

struct first { uint8_t id[ID_LEN], ch[CH_LEN]; bool found; };

static bool take_first(void *arg, const MDB_val *key, const MDB_val *data)
{
	struct first *f = arg;

	f->found = key->mv_size == ID_LEN && data->mv_size == CH_LEN + 8;
	if (f->found) {
		memcpy(f->id, key->mv_data, ID_LEN);
		memcpy(f->ch, data->mv_data, CH_LEN);
	}
	return !f->found;
}

bool damaged_first(struct store *s, MDB_txn *txn, uint8_t id[ID_LEN], uint8_t ch[CH_LEN])
{
	struct first f = { .found = false };

	store_walk(s, txn, T_DAMAGED, "", 0, take_first, &f);
	memcpy(id, f.id, ID_LEN);
	memcpy(ch, f.ch, CH_LEN);
	return f.found;
}

/* Next: common/store/read.c, what other programs ask of blocks. */
