/* snapshot: all that a new client must know, as a group of messages (wire.h). */
#include <jansson.h>
#include <stdlib.h>

#include "base/str.h"
#include "describe.h"
#include "engine.h"
#include "jail.h"
#include "jailtop/wire.h"
#include "truth.h"
#include "server/conn.h"

static void
send_line(struct conn *c, json_t *message) /* takes it */
{
	char *text = json_dumps(message, JSON_COMPACT);
	struct str line = {0};

	json_decref(message);
	if (text != NULL) {
		str_add(&line, text);
		str_addc(&line, '\n');
		conn_send(c, line.at, line.len);
	}
	free(text);
	str_done(&line);
}

struct rows {
	struct conn *conn;
	struct jail *jail;
	json_t *items;
};

static void
flush_rows(struct rows *r, const char *name)
{
	if (r->items != NULL && json_array_size(r->items) != 0)
		send_line(r->conn, json_pack("{s:o}", name, r->items));
	else
		json_decref(r->items);
	r->items = NULL;
}

static void
add_ban(void *arg, struct ban *ban)
{
	struct rows *r = arg;

	if (r->items == NULL)
		r->items = json_array();
	json_array_append_new(r->items, describe_ban(r->jail, ban));
	if (json_array_size(r->items) >= WIRE_CHUNK)
		flush_rows(r, "bans");
}

static void
send_hosts(void *arg, json_t *items)
{
	send_line(arg, json_pack("{s:o}", "hosts", items));
}

void
snapshot_send(struct conn *c)
{
	struct engine *e = conn_engine(c);
	json_t *jails = json_array();

	for (struct jail *j = e->jails; j != NULL; j = j->hh.next)
		json_array_append_new(jails, describe_jail(j));
	json_t *o = json_pack("{s:I,s:f,s:o,s:o,s:o,s:o}", "seq", (json_int_t)bus_seq(e->bus), "now",
	    clock_now(&e->clock), "engine", describe_engine(e), "stats", describe_stats(e), "jails", jails,
	    "white", describe_white(e));
	json_object_set_new(o, "chains", truth_chains(e->truth));
	char *text = json_dumps(o, JSON_COMPACT);
	json_decref(o);

	/* the history is JSON text already: it goes in as it is */
	struct str line = {0};
	str_addf(&line, "{\"snapshot\":%s", text != NULL ? text : "{}");
	free(text);
	str_cut(&line, line.len - 1);
	str_add(&line, ",\"log\":[");
	bus_history(e->bus, &line);
	str_add(&line, "]}}\n");
	conn_send(c, line.at, line.len);
	str_done(&line);

	struct rows r = {.conn = c};
	for (struct jail *j = e->jails; j != NULL; j = j->hh.next) {
		r.jail = j;
		bans_each(j->bans, add_ban, &r);
	}
	flush_rows(&r, "bans");
	hosts_all(e->hosts, WIRE_CHUNK, send_hosts, c);
	send_line(c, json_pack("{s:{s:I}}", "snapshot_end", "seq", (json_int_t)bus_seq(e->bus)));
}
