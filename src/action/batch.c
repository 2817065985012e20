/*
 * batch: what waits in a lane as plain commands leaves as one transaction per tool.
 *
 * Taken are jobs from the lane's head up to the first that is no member, so that everything else
 * keeps its place. Members are single rules (iptables, ip6tables: -A, -I at the top, -D by rule) and
 * single elements (`ipset -exist add|del`, `nft add|delete element`). Such commands of different
 * tools do not depend on each other; those of one tool (and table) keep their order. A transaction
 * that is refused changes nothing (ipset's -exist ones may be repeated): its members go back to
 * the head, and half as many are tried next; the one that is left alone names itself.
 */
#include "action/internal.h"

#include "base/log.h"
#include "base/mem.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define INPUT_LARGEST (8u << 20)

struct group {
	struct group *prev, *next;
	enum tool tool;
	char *command; /* owned; as written: "iptables", "/usr/sbin/nft" */
	char *program; /* owned; what takes the batch; NULL: this one cannot */
	char *table;   /* owned; iptables */
	struct str input;
	struct job *jobs; /* in order */
	size_t count;
	double timeout_s;
	char *element_head; /* owned; "add element inet t s", while its braces are open */
};

/* What the members so far will have banned: an unban behind them counts on it. */
struct holder {
	struct holder *next;
	const struct action *action;
	enum family family;
};

struct batch {
	struct lane *lane;
	struct group *groups; /* still to be run; the first one runs */
	struct job *idle;     /* members that have nothing to run */
	struct run *run;
	size_t members;
	uint64_t began_ns;
};

/* ---- programs ---- */

static char *
find_program(const char *name)
{
	const char *path = getenv("PATH");
	char *copy, *save = NULL, *found = NULL;

	if (strchr(name, '/') != NULL)
		return access(name, X_OK) == 0 ? xstrdup(name) : NULL;
	copy = xstrdup(path != NULL ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	for (char *dir = strtok_r(copy, ":", &save); dir != NULL && found == NULL; dir = strtok_r(NULL, ":", &save)) {
		char *file = xasprintf("%s/%s", dir, name);
		if (access(file, X_OK) == 0)
			found = file;
		else
			free(file);
	}
	free(copy);
	return found;
}

/* "iptables" -> "iptables-restore" beside it, if both are one program: a wrapper is left alone. */
static char *
find_restore(const char *command)
{
	char *file = find_program(command);
	char *restore = NULL, real[PATH_MAX], real_restore[PATH_MAX];

	if (file == NULL)
		return NULL;
	restore = xasprintf("%s-restore", file);
	if (access(restore, X_OK) != 0 || realpath(file, real) == NULL || realpath(restore, real_restore) == NULL ||
	    strcmp(real, real_restore) != 0) {
		free(restore);
		restore = NULL;
	}
	free(file);
	return restore;
}

static struct group *
group_get(struct batch *b, enum tool tool, const char *command, const char *table)
{
	struct group *g;

	DL_FOREACH(b->groups, g)
		if (g->tool == tool && strcmp(g->command, command) == 0 && strcmp(g->table, table) == 0)
			return g;
	g = xcalloc(1, sizeof *g);
	g->tool = tool;
	g->command = xstrdup(command);
	g->table = xstrdup(table);
	g->program = tool == TOOL_IPTABLES ? find_restore(command) : find_program(command);
	if (tool == TOOL_IPTABLES)
		str_addf(&g->input, "*%s\n", table);
	DL_APPEND(b->groups, g);
	return g;
}

static void
group_free(struct group *g)
{
	free(g->command);
	free(g->program);
	free(g->table);
	free(g->element_head);
	str_done(&g->input);
	free(g);
}

/* nft: neighbours of one set share their braces. */
static void
add_element(struct group *g, const char *head, const char *element)
{
	if (g->element_head != NULL && strcmp(g->element_head, head) == 0) {
		str_addf(&g->input, ", %s", element);
		return;
	}
	if (g->element_head != NULL)
		str_add(&g->input, " }\n");
	free(g->element_head);
	g->element_head = xstrdup(head);
	str_addf(&g->input, "%s { %s", head, element);
}

/* Adds the job's command to the group that takes it; false: it is no member. */
static struct group *
group_for(struct batch *b, const struct job *j)
{
	struct plain p;
	struct group *g = NULL;

	if (j->command.n_values != 0)
		return NULL;
	enum tool tool = plain_read(j->command.text, &p);
	if (tool == TOOL_NONE)
		return NULL;
	g = group_get(b, tool, p.words.at[0], p.table);
	if (g->program == NULL || g->input.len > INPUT_LARGEST)
		g = NULL;
	if (g != NULL && tool == TOOL_NFT)
		add_element(g, str_text(&p.line), str_text(&p.element));
	else if (g != NULL)
		str_addf(&g->input, "%s\n", str_text(&p.line));
	plain_done(&p);
	return g;
}

/* ---- collecting ---- */

static bool
is_held(const struct holder *holders, const struct job *j)
{
	for (; holders != NULL; holders = holders->next)
		if (holders->action == j->action && holders->family == j->family)
			return true;
	return false;
}

/* Has the job nothing to do but run its one command, or not even that? */
static bool
is_ready(struct job *j, const struct holder *holders, bool *is_idle)
{
	struct action *a = j->action;
	bool is_ban = j->phase == ACTION_BAN || j->phase == ACTION_REBAN;

	*is_idle = false;
	if (!is_ban && j->phase != ACTION_UNBAN && j->phase != ACTION_PROLONG)
		return false;
	if (j->is_silent) {
		*is_idle = true;
		return true;
	}
	if (!j->is_filled)
		return false;
	if (is_ban && a->started[j->family] == 0 && action_starts_on_demand(a))
		return false;
	if (j->phase == ACTION_UNBAN && j->is_leftover)
		return (a->started[j->family] & 2u) != 0;
	if (j->phase == ACTION_UNBAN && (a->started[j->family] & ACTION_HOLDS_BANS) == 0 && !is_held(holders, j))
		return false;
	*is_idle = job_in_place(j);
	return true;
}

static void
holder_add(struct holder **holders, const struct job *j)
{
	if ((j->phase != ACTION_BAN && j->phase != ACTION_REBAN) || is_held(*holders, j))
		return;
	struct holder *h = xcalloc(1, sizeof *h);
	h->action = j->action;
	h->family = j->family;
	LL_PREPEND(*holders, h);
}

static void
batch_free(struct batch *b)
{
	struct group *g, *next;

	DL_FOREACH_SAFE(b->groups, g, next) {
		DL_DELETE(b->groups, g);
		group_free(g);
	}
	free(b);
}

static void
collect(struct batch *b)
{
	struct lane *lane = b->lane;
	struct holder *holders = NULL, *h, *next_holder;

	while (lane->jobs != NULL && b->members < lane->limit) {
		struct job *j = lane->jobs;
		bool is_idle;
		if (!is_ready(j, holders, &is_idle))
			break;
		struct group *g = is_idle ? NULL : group_for(b, j);
		if (g == NULL && !is_idle)
			break;
		DL_DELETE(lane->jobs, j);
		if (is_idle) {
			DL_APPEND(b->idle, j);
			if (j->is_in_place)
				holder_add(&holders, j);
		} else {
			DL_APPEND(g->jobs, j);
			g->count++;
			if (j->action->timeout_s > g->timeout_s)
				g->timeout_s = j->action->timeout_s;
			holder_add(&holders, j);
		}
		b->members++;
	}
	LL_FOREACH_SAFE(holders, h, next_holder)
		free(h);
}

/* Back to the head of the lane, in the order in which they came. */
static void
give_back(struct lane *lane, struct job *jobs)
{
	struct job *j, *next, *before = lane->jobs;

	DL_FOREACH_SAFE(jobs, j, next) {
		DL_DELETE(jobs, j);
		while (before != NULL && before->seq < j->seq)
			before = before->next;
		if (before == NULL)
			DL_APPEND(lane->jobs, j);
		else
			DL_PREPEND_ELEM(lane->jobs, before, j);
	}
}

/* ---- running ---- */

static void group_run(struct batch *b);

static void
member_end(struct job *j, bool was_batched)
{
	struct action *a = j->action;
	char *text = j->command.text;
	struct outcome o = {
		.ok = true,
		.was_batched = was_batched,
		.was_skipped = !was_batched && !j->is_in_place,
		.tries = was_batched || j->is_in_place,
		.command = text,
		.output = "",
	};

	if ((was_batched || j->is_in_place) && (j->phase == ACTION_BAN || j->phase == ACTION_REBAN))
		action_holds(a, j->family);
	job_end(j, &o);
}

static void
members_end(struct job *jobs, bool were_batched)
{
	struct job *j, *next;

	DL_FOREACH_SAFE(jobs, j, next) {
		DL_DELETE(jobs, j);
		member_end(j, were_batched);
	}
}

static void
batch_next(struct batch *b)
{
	struct lane *lane = b->lane;
	struct group *g, *next;

	/* groups that were made for a program that is not there, or for nobody */
	DL_FOREACH_SAFE(b->groups, g, next)
		if (g->count == 0) {
			DL_DELETE(b->groups, g);
			group_free(g);
		}
	if (b->groups != NULL) {
		group_run(b);
		return;
	}
	members_end(b->idle, false);
	lane->batch = NULL;
	batch_free(b);
	lane_next(lane);
}

static void
members_drop(struct job *jobs)
{
	struct job *j, *next;
	struct outcome o = {.exit_code = -9};

	DL_FOREACH_SAFE(jobs, j, next) {
		DL_DELETE(jobs, j);
		job_end(j, &o);
	}
}

/* "line 17: RULE_APPEND failed", "Error occurred at line: 17"; the first line is the table's. 0: not told. */
static size_t
refused_line(const char *output)
{
	const char *at = strstr(output, "line");

	return at != NULL ? strtoul(at + 4 + strspn(at + 4, ": "), NULL, 10) : 0;
}

static void
group_ran(void *arg, const struct run_result *r)
{
	struct batch *b = arg;
	struct lane *lane = b->lane;
	struct action_queue *q = lane->queue;
	struct group *g = b->groups;

	b->run = NULL;
	if (q->is_closing) {
		DL_FOREACH(b->groups, g)
			members_drop(g->jobs);
		members_drop(b->idle);
		lane->batch = NULL;
		batch_free(b);
		return;
	}
	DL_DELETE(b->groups, g);
	if (r->ok) {
		lane_widen(lane);
		lane->refusals = 0;
		if (g->count >= BATCH_LARGE)
			lane->rest_ns = b->began_ns + BATCH_EVERY_MS * 1000000ull;
		members_end(g->jobs, true);
	} else {
		queue_log(q, LOG_LEVEL_INFO, "fail2ban.utils", "%zu commands in one %s were refused: smaller pieces follow",
		    g->count, plain_base_name(g->program));
		/* the first one goes by itself: if what it needs is gone, that is seen, and repaired, at once */
		size_t bad = lane->refusals++ == 0 && g->tool == TOOL_IPTABLES ? refused_line(r->output) : 0;
		lane->after = bad > 3 && bad < g->count + 2 ? bad - 3 : g->count / 2;
		lane->limit = 1;
		/* the socket's buffer cannot be widened without the right to: so large it must not be again */
		if (strstr(r->output, "Message too long") != NULL && g->count >= 64)
			lane->ceiling = lane->after;
		give_back(lane, g->jobs);
	}
	group_free(g);
	batch_next(b);
}

static void
group_run(struct batch *b)
{
	static const char *const iptables_args[] = {"--noflush", "-w", NULL}, *const ipset_args[] = {"restore", "-exist", NULL},
	                         *const nft_args[] = {"-f", "-", NULL};
	struct group *g = b->groups;
	const char *const *args =
	    g->tool == TOOL_IPTABLES ? iptables_args : g->tool == TOOL_IPSET ? ipset_args : nft_args;
	const char *argv[] = {g->program, args[0], args[1], NULL};

	if (g->tool == TOOL_IPTABLES)
		str_add(&g->input, "COMMIT\n");
	else if (g->tool == TOOL_NFT)
		str_add(&g->input, " }\n");
	b->run = run_program(b->lane->queue, argv, &g->input, g->timeout_s, group_ran, b);
	str_done(&g->input);
}

bool
batch_start(struct lane *lane)
{
	if (lane->limit < 2 || lane->jobs == NULL || lane->jobs->next == NULL)
		return false;
	struct batch *b = xcalloc(1, sizeof *b);
	b->lane = lane;
	b->began_ns = uv_hrtime();
	collect(b);
	if (b->members < 2) {
		struct group *g;
		DL_FOREACH(b->groups, g)
			give_back(lane, g->jobs);
		give_back(lane, b->idle);
		batch_free(b);
		return false;
	}
	lane->batch = b;
	batch_next(b);
	return true;
}
