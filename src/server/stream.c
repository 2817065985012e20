/* stream: events to one client, with a bounded queue: what does not fit is dropped, then resynced. */
#include <string.h>

#include "base/str.h"
#include "engine.h"
#include "jailtop/wire.h"
#include "server/conn.h"

static void
on_event(void *arg, enum event_kind kind, const char *line, size_t len)
{
	struct conn *c = arg;

	(void)kind;
	if (c->dropped != 0 || c->queued + len > WIRE_QUEUE_BYTES)
		c->dropped++;
	else
		conn_send(c, line, len);
}

void
stream_subscribe(struct conn *c)
{
	snapshot_send(c);
	if (!c->is_closing && c->reader == NULL)
		c->reader = bus_subscribe(conn_engine(c)->bus, on_event, c);
}

void
stream_drained(struct conn *c)
{
	if (c->dropped == 0 || c->queued > WIRE_QUEUE_BYTES / 4)
		return;
	struct str line = {0};
	str_addf(&line, "{\"resync\":{\"dropped\":%llu}}\n", (unsigned long long)c->dropped);
	c->dropped = 0;
	if (conn_send(c, line.at, line.len))
		snapshot_send(c);
	str_done(&line);
}
