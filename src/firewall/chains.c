#include "firewall/chains.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firewall/internal.h"

#define NFT_TABLE "inet f2b-table" /* of the stock action */

enum step { STEP_IPV4, STEP_IPV6, STEP_IPSET, STEP_NFT_TABLES, STEP_NFT_TABLE, STEP_END };

static void run_step(struct firewall *f);

bool
firewall_add_table(struct firewall *f, const char *table)
{
	for (size_t i = 0; i < f->n_tables; i++) {
		if (strcmp(f->tables[i], table) == 0)
			return false;
	}
	if (f->n_tables == FIREWALL_TABLES_MAX || !strchr(table, ' ') || strlen(table) >= sizeof f->tables[0])
		return false;
	snprintf(f->tables[f->n_tables++], sizeof f->tables[0], "%s", table);
	return true;
}

/* ---- the listing, one tool after the other ---- */

static void
finish(struct firewall *f)
{
	bool ok = !f->next_error.len;

	f->ms = (double)(uv_hrtime() - f->started_ns) / 1e6;
	if (ok && !f->has_any)
		str_add(&f->next_error, "no firewall tool found: neither iptables-save nor nft");
	ok = !f->next_error.len;
	str_clear(&f->error);
	str_add(&f->error, str_text(&f->next_error));
	str_clear(&f->next_error);
	if (ok) {
		f->uses_nft = f->next_uses_nft;
		jumps_find(f->next);
		model_free(f->model);
		f->model = f->next;
		f->listed++;
		f->drift_kept = f->drift_all = f->n_repairs = 0;
	} else {
		model_free(f->next);
	}
	f->next = NULL;
	f->listings++;
	if (f->hooks.refreshed)
		f->hooks.refreshed(f->hooks.arg);
}

static void
fail_with(struct firewall *f, const char *why)
{
	str_addf(&f->next_error, "%s%s: %s", f->next_error.len ? "; " : "", f->argv[0], why);
	f->step = STEP_END;
}

/* The last line of what the tool said, without its line end. */
static void
fail_with_output(struct firewall *f, const struct child_result *r)
{
	size_t len = r->err_len;
	const char *start;
	char text[256];

	while (len && (r->err[len - 1] == '\n' || r->err[len - 1] == ' '))
		len--;
	start = len ? memrchr(r->err, '\n', len) : NULL;
	start = start ? start + 1 : r->err;
	if (r->timed_out)
		snprintf(text, sizeof text, "did not end within %.0f s", FIREWALL_TIMEOUT_S);
	else if (len)
		snprintf(text, sizeof text, "%.*s", (int)(len - (size_t)(start - r->err)), start);
	else
		snprintf(text, sizeof text, "ended with exit code %d", r->exit_code);
	fail_with(f, text);
}

/* Reads one tool's output into the model under way; false: no more of this step. */
static void
take_output(struct firewall *f, const struct child_result *r)
{
	char tables[FIREWALL_TABLES_MAX][256];
	struct err err = { "" };
	size_t count;
	bool ok = true;

	switch (f->step) {
	case STEP_IPV4:
	case STEP_IPV6:
		f->has_any = true;
		ok = rules_read(f->next, f->step == STEP_IPV4 ? 4 : 6, model_keep(f->next, r->out, r->out_len), &err);
		break;
	case STEP_IPSET:
		ok = sets_read_ipset(f->next, model_keep(f->next, r->out, r->out_len), &err);
		break;
	case STEP_NFT_TABLES:
		f->has_any = true;
		count = sets_tables(r->out, r->out_len, tables, FIREWALL_TABLES_MAX);
		for (size_t i = 0; i < count; i++)
			firewall_add_table(f, tables[i]);
		break;
	case STEP_NFT_TABLE:
		f->has_any = f->next_uses_nft = true;
		ok = sets_read_nft(f->next, r->out, r->out_len, &err);
		break;
	default:
		break;
	}
	if (!ok)
		fail_with(f, err.text);
}

static void
on_output(void *arg, const struct child_result *r)
{
	struct firewall *f = arg;
	bool is_absent = r->spawn_error == UV_ENOENT;

	f->child = NULL;
	if (f->is_closing) {
		model_free(f->next);
		f->next = NULL;
		firewall_close(f, f->closed, f->closed_arg);
		return;
	}
	if (is_absent && !f->tried_sbin) {
		f->tried_sbin = true; /* a PATH without the system's tools, as cron's */
		run_step(f);
		return;
	}
	f->tried_sbin = false;
	if (is_absent)
		; /* not installed, so not in use */
	else if (r->spawn_error)
		fail_with(f, uv_strerror(r->spawn_error));
	else if (r->out_cut)
		fail_with(f, "prints more than 32 MiB: not read");
	else if (r->exit_code == 0 && !r->timed_out)
		take_output(f, r);
	else if (f->step < STEP_IPSET)
		fail_with_output(f, r);
	else if (f->step > STEP_IPSET && (f->uses_nft || !f->has_any) &&
	    !memmem(r->err, r->err_len, "No such file", strlen("No such file")))
		fail_with_output(f, r);
	else
		f->has_any = true; /* a set or table that is not there, or an nft that nobody uses */

	if (f->step == STEP_IPSET && ++f->sub < f->n_sets) {
		run_step(f);
		return;
	}
	if (f->step == STEP_NFT_TABLE && ++f->sub < f->n_tables) {
		run_step(f);
		return;
	}
	if (f->step != STEP_END)
		f->step++;
	run_step(f);
}

static void
run_tool(struct firewall *f, const char *tool)
{
	struct child_spec spec = {
		.argv = f->argv_room,
		.timeout_s = FIREWALL_TIMEOUT_S,
		.keep_out = FIREWALL_OUTPUT_MAX,
		.keep_err = 4096,
		.done = on_output,
		.arg = f,
	};

	snprintf(f->words[0], sizeof f->words[0], "%s%s", f->tried_sbin ? "/usr/sbin/" : "", tool);
	f->argv_room[0] = f->words[0];
	f->argv = f->argv_room;
	spec.file = f->words[0];
	f->child = child_run(f->loop, &spec);
}

static void
set_argv(struct firewall *f, const char *a, const char *b, const char *c, const char *d, const char *e, const char *g)
{
	const char *words[] = { "", a, b, c, d, e, g, NULL };

	memcpy(f->argv_room, words, sizeof words);
}

static void
run_step(struct firewall *f)
{
	char *space;

	switch (f->step) {
	case STEP_IPV4:
		set_argv(f, "-c", NULL, NULL, NULL, NULL, NULL);
		run_tool(f, "iptables-save");
		return;
	case STEP_IPV6:
		set_argv(f, "-c", NULL, NULL, NULL, NULL, NULL);
		run_tool(f, "ip6tables-save");
		return;
	case STEP_IPSET:
		/* only those in use: others' sets may hold hundreds of thousands */
		if (!f->sub && !f->n_sets)
			f->n_sets = rules_sets(f->next, f->sets, FIREWALL_SETS_MAX);
		if (f->sub < f->n_sets) {
			snprintf(f->words[1], sizeof f->words[1], "%s", f->sets[f->sub]);
			set_argv(f, "save", f->words[1], NULL, NULL, NULL, NULL);
			run_tool(f, "ipset");
			return;
		}
		f->step = STEP_NFT_TABLES;
		/* fall through */
	case STEP_NFT_TABLES:
		f->sub = 0;
		/* nft reads all rules of all tables for this: once is enough */
		if (f->listings == 0) {
			set_argv(f, "-j", "list", "tables", NULL, NULL, NULL);
			run_tool(f, "nft");
			return;
		}
		f->step = STEP_NFT_TABLE;
		/* fall through */
	case STEP_NFT_TABLE:
		if (f->sub < f->n_tables) {
			snprintf(f->words[1], sizeof f->words[1], "%s", f->tables[f->sub]);
			space = strchr(f->words[1], ' ');
			*space = '\0';
			set_argv(f, "-j", "list", "table", f->words[1], space + 1, NULL);
			run_tool(f, "nft");
			return;
		}
		break;
	default:
		break;
	}
	finish(f);
}

bool
firewall_refresh(struct firewall *f)
{
	if (f->next || f->is_closing)
		return false;
	f->next = model_new();
	f->next->at = clock_now(f->clock);
	f->started_ns = uv_hrtime();
	f->step = STEP_IPV4;
	f->sub = 0;
	f->n_sets = 0;
	f->has_any = f->tried_sbin = f->next_uses_nft = false;
	run_step(f);
	return true;
}

/* ---- life ---- */

struct firewall *
firewall_new(uv_loop_t *loop, const struct clock *clock, const struct firewall_hooks *hooks)
{
	struct firewall *f = xcalloc(1, sizeof *f);

	f->loop = loop;
	f->clock = clock;
	f->hooks = *hooks;
	f->names = arena_new();
	firewall_add_table(f, NFT_TABLE);
	return f;
}

void
firewall_close(struct firewall *f, void (*done)(void *arg), void *arg)
{
	f->is_closing = true;
	f->closed = done;
	f->closed_arg = arg;
	if (f->child) {
		child_kill(f->child); /* on_output() comes back here */
		return;
	}
	model_free(f->model);
	str_done(&f->error);
	str_done(&f->next_error);
	arena_free(f->names);
	free(f->repairs);
	free(f->suspects);
	free(f->suspects_before);
	free(f);
	if (done)
		done(arg);
}

/* ---- looking at it ---- */

bool
firewall_is_listed(const struct firewall *f)
{
	return f->model;
}

const char *
firewall_error(const struct firewall *f)
{
	return f->error.len ? str_text(&f->error) : NULL;
}

double
firewall_listed_at(const struct firewall *f)
{
	return f->model ? f->model->at : 0;
}

double
firewall_ms(const struct firewall *f)
{
	return f->ms;
}

double
firewall_pause(const struct firewall *f, double wish_s)
{
	double least = f->ms / 1e3 * 20;

	return wish_s > least ? wish_s : least;
}

size_t
firewall_count(const struct firewall *f)
{
	return f->model ? f->model->count : 0;
}

const struct fw_chain *
firewall_at(const struct firewall *f, size_t i)
{
	return i < firewall_count(f) ? &f->model->chains[i]->pub : NULL;
}

const struct fw_chain *
firewall_find(const struct firewall *f, enum fw_kind kind, uint8_t family, const char *name)
{
	const struct model_chain *c = f->model ? model_find(f->model, kind, family, NULL, name) : NULL;

	return c ? &c->pub : NULL;
}

const struct fw_rule *
firewall_rule(const struct firewall *f, const char *jail, const struct addr *addr, const struct fw_chain **chain,
    size_t *place)
{
	for (size_t i = 0; i < firewall_count(f); i++) {
		struct model_chain *c = f->model->chains[i];
		size_t at;

		if (c->pub.family != addr->family || !c->pub.jail ||
		    (jail && !c->pub.is_shared && strcmp(c->pub.jail, jail) != 0))
			continue;
		at = model_rule_of(c, addr);
		if (at == SIZE_MAX)
			continue;
		if (chain)
			*chain = &c->pub;
		if (place)
			*place = at;
		return &c->pub.rules[at];
	}
	return NULL;
}

bool
firewall_is_shown(const struct fw_chain *c)
{
	return c->jail || str_starts(c->name, "f2b-") ||
	    (c->kind == FW_NFT_SET && (str_starts(c->name, "addr-set-") || str_starts(c->name, "addr6-set-")));
}

/* ---- the wire ---- */

static struct value *
rule_value(const struct fw_rule *r, size_t n)
{
	static const char *const marks[] = { "-", "yes", "no" };
	struct value *v = value_dict();
	char source[ADDR_TEXT_MAX] = "";

	if (r->source.family)
		addr_format(&r->source, source);
	value_put(v, "n", value_int((int64_t)n + 1));
	value_put(v, "pkts", value_int((int64_t)r->pkts));
	value_put(v, "bytes", value_int((int64_t)r->bytes));
	value_put(v, "target", value_str(r->target));
	value_put(v, "source", value_str(source));
	value_put(v, "ban", value_str(marks[r->mark]));
	value_put(v, "text", value_str(r->text));
	return v;
}

static struct value *
chain_value(const struct fw_chain *c, size_t most)
{
	static const char *const jumps[] = { "ok", "missing", "shadowed" };
	struct value *v = value_dict(), *items = value_list();

	for (size_t i = 0; i < c->count && i < most; i++)
		value_push(items, rule_value(&c->rules[i], i));
	value_put(v, "name", value_str(c->name));
	value_put(v, "family", value_int(c->family));
	value_put(v, "rules", value_int((int64_t)c->count));
	value_put(v, "pkts", value_int((int64_t)c->pkts));
	value_put(v, "bytes", value_int((int64_t)c->bytes));
	value_put(v, "jail", c->jail ? value_str(c->jail) : value_none());
	value_put(v, "from", c->from ? value_str(c->from) : value_none());
	value_put(v, "jump", value_str(jumps[c->jump]));
	value_put(v, "position", value_int(c->position));
	value_put(v, "shadow", c->shadow ? value_str(c->shadow) : value_none());
	value_put(v, "items", items);
	value_put(v, "cut", value_int(c->count > most ? (int64_t)(c->count - most) : 0));
	return v;
}

static struct value *
drift_value(const struct firewall *f)
{
	static const char *const kinds[] = { "no-rule", "no-ban", "no-jump" };
	struct value *list = value_list();

	for (size_t i = 0; i < f->drift_kept; i++) {
		const struct fw_drift *d = &f->drift[i];
		struct value *v = value_dict();

		value_put(v, "kind", value_str(kinds[d->kind]));
		value_put(v, "jail", d->jail ? value_str(d->jail) : value_none());
		value_put(v, "ip", d->id ? value_str(d->id) : value_none());
		value_put(v, "chain", value_str(d->chain));
		value_put(v, "family", value_int(d->family));
		value_push(list, v);
	}
	return list;
}

struct value *
firewall_value(const struct firewall *f, double every)
{
	struct value *v = value_dict(), *chains = value_list(), *policies = value_list();
	size_t shown = 0, most;

	for (size_t i = 0; i < firewall_count(f); i++)
		shown += firewall_is_shown(firewall_at(f, i));
	most = shown ? FIREWALL_ITEMS_TOTAL_MAX / shown : 0;
	if (most > FIREWALL_ITEMS_MAX)
		most = FIREWALL_ITEMS_MAX;
	for (size_t i = 0; i < firewall_count(f); i++) {
		const struct fw_chain *c = firewall_at(f, i);

		if (firewall_is_shown(c))
			value_push(chains, chain_value(c, most));
		if (c->policy && strcmp(c->table, "filter") == 0) {
			struct value *p = value_dict();

			value_put(p, "chain", value_str(c->name));
			value_put(p, "family", value_int(c->family));
			value_put(p, "policy", value_str(c->policy));
			value_push(policies, p);
		}
	}
	value_put(v, "t", value_float(firewall_listed_at(f)));
	value_put(v, "ms", value_float(f->ms));
	value_put(v, "every", value_float(every));
	value_put(v, "error", firewall_error(f) ? value_str(firewall_error(f)) : value_none());
	value_put(v, "chains", chains);
	value_put(v, "policy", policies);
	value_put(v, "drift", drift_value(f));
	value_put(v, "drifts", value_int((int64_t)f->drift_all));
	return v;
}
