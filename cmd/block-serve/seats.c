/* The places of a listener: who may be connected, and who leaves when another comes. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/block-serve/seats.h"
#include "cmd/block-serve/serve.h"
#include "common/net/address.h"
#include "common/net/admit.h"
#include "common/sys/stage.h"
#include "common/sys/start.h"

struct seat {
	struct admit_conn who;		/* first: admit.c names seats by it */
	struct seats *of;
	size_t at;			/* in the table */
	bool left;			/* for another: not in the table any more */
	void (*leave)(void *arg);
	void *arg;
};

/* A host that was refused is refused again for so long without
 * a search for a connection to close. */
#define REFUSED_MS 200
#define REFUSED_HOSTS 64
struct refused { uint64_t host, until; };

struct seats {
	pthread_mutex_t lock;
	unsigned max, per_host;
	bool free_loopback;
	uint8_t secret[32];
	struct refused refused[REFUSED_HOSTS];	/* by host */
	size_t n;
	struct admit_conn *all[];
};

struct seats *seats_new(unsigned max, unsigned per_host, bool free_loopback)
{
	struct seats *t = xcalloc(1, sizeof(*t) + max * sizeof(t->all[0]));

	pthread_mutex_init(&t->lock, NULL);
	t->max = max;
	t->per_host = per_host;
	t->free_loopback = free_loopback;
	random_bytes(t->secret, sizeof(t->secret));
	return t;
}

unsigned seats_taken(struct seats *t)
{
	pthread_mutex_lock(&t->lock);
	unsigned n = (unsigned)t->n;
	pthread_mutex_unlock(&t->lock);
	return n;
}

/* The round trip time, which the kernel has measured when the connection was made. */
static uint32_t rtt_of(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_rtt > 0 ?
	    info.tcpi_rtt : UINT32_MAX;
}

static void take_out(struct seats *t, struct seat *s)
{
	struct seat *last = (struct seat *)t->all[--t->n];

	t->all[s->at] = &last->who;
	last->at = s->at;
	s->left = true;
}

static void send_away(struct seats *t, struct admit_conn *c)
{
	struct seat *s = (struct seat *)c;

	take_out(t, s);
	s->leave(s->arg);
}

/* Room for it, if need be at the cost of another. */
static bool make_room(struct seats *t, const struct admit_conn *c)
{
	struct refused *r = &t->refused[c->host / 2 % REFUSED_HOSTS];
	struct admit_conn *victim;

	if (t->per_host > 0 && !c->exempt && admit_same_host(t->all, t->n, c) >= t->per_host)
		return false;
	if (t->n < t->max)
		return true;
	if (r->host == c->host && c->since < r->until)
		return false;
	victim = admit_victim(t->all, t->n, c, c->since);
	if (victim)
		send_away(t, victim);
	else
		*r = (struct refused){ c->host, c->since + REFUSED_MS };
	return victim != NULL;
}

struct seat *seat_take(struct seats *t, int fd, const struct sockaddr *from, void (*leave)(void *),
    void *arg)
{
	struct admit_conn who = { .since = now_ms(),
		.exempt = t->free_loopback && address_loopback(from) };
	struct seat *s = NULL;
	uint8_t addr[16];
	uint16_t port;

	address_to16(addr, &port, from);
	admit_place(&who, addr, t->secret);
	pthread_mutex_lock(&t->lock);
	if (make_room(t, &who)) {
		s = xcalloc(1, sizeof(*s));
		*s = (struct seat){ .who = who, .of = t, .at = t->n, .leave = leave, .arg = arg };
		s->who.rtt = rtt_of(fd);
		t->all[t->n++] = &s->who;
	}
	pthread_mutex_unlock(&t->lock);
	return s;
}

void seat_give_back(struct seat *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->of->lock);
	if (!s->left)
		take_out(s->of, s);
	pthread_mutex_unlock(&s->of->lock);
	free(s);
}

void seat_useful(struct seat *s)
{
	pthread_mutex_lock(&s->of->lock);
	s->who.useful = now_ms();
	pthread_mutex_unlock(&s->of->lock);
}

static uint64_t last_use(const struct admit_conn *c)
{
	return c->useful > c->since ? c->useful : c->since;
}

/* Places that a key has at the host of one of them. */
static unsigned key_at_host(const struct seats *t, const struct admit_conn *c)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->all[i]->key == c->key && t->all[i]->host == c->host;
	return n;
}

/* Whoever has heard a handshake can send it again, from his own address: there the key's places go
 * first. */
static bool leaves_before(const struct seats *t, const struct admit_conn *a,
    const struct admit_conn *b)
{
	unsigned here = key_at_host(t, a), there = key_at_host(t, b);

	return here != there ? here > there : last_use(a) < last_use(b);
}

void seat_key(struct seat *s, const uint8_t key[KEY_LEN])
{
	struct seats *t = s->of;
	struct admit_conn *worst = NULL;
	unsigned others = 0;

	pthread_mutex_lock(&t->lock);
	s->who.key = admit_hash(t->secret, key, KEY_LEN);
	for (size_t i = 0; i < t->n && !s->left; i++) {
		struct admit_conn *c = t->all[i];
		if (c == &s->who || c->key != s->who.key || c->exempt)
			continue;
		others++;
		if (!worst || leaves_before(t, c, worst))
			worst = c;
	}
	if (others >= P2P_A_KEY)
		send_away(t, worst);
	pthread_mutex_unlock(&t->lock);
}

/* Next: cmd/block-serve/threads.c, more threads for HTTP. */
