/*
 * mirror_chains: the kernel's rules, their rates since the listing before, and the drift.
 */
#include "link/mirror_parts.h"

#include <stdlib.h>
#include <string.h>

#include "link/fields.h"
#include "base/mem.h"

void
chains_done(struct view_chains *c)
{
	for (size_t i = 0; i < c->n_chains; i++) {
		struct view_chain *chain = &c->chains[i];
		for (size_t k = 0; k < chain->n_items; k++) {
			free(chain->items[k].target);
			free(chain->items[k].source);
			free(chain->items[k].ban);
			free(chain->items[k].text);
		}
		free(chain->items);
		free(chain->name);
		free(chain->jail);
		free(chain->from);
		free(chain->jump);
	}
	free(c->chains);
	for (size_t i = 0; i < c->n_drift; i++) {
		free(c->drift[i].kind);
		free(c->drift[i].jail);
		free(c->drift[i].ip);
		free(c->drift[i].chain);
	}
	free(c->drift);
	for (size_t i = 0; i < c->n_policy; i++) {
		free(c->policy[i].chain);
		free(c->policy[i].policy);
	}
	free(c->policy);
	free(c->error);
	memset(c, 0, sizeof *c);
}

static void
chain_read(struct view_chain *chain, const json_t *j)
{
	const json_t *items = json_object_get(j, "items");

	chain->name = field_dup(j, "name");
	chain->jail = field_dup(j, "jail");
	chain->from = field_dup(j, "from");
	chain->jump = field_dup(j, "jump");
	chain->family = (int)field_int(j, "family");
	chain->rules = (int)field_int(j, "rules");
	chain->cut = (int)field_int(j, "cut");
	chain->pkts = field_int(j, "pkts");
	chain->bytes = field_int(j, "bytes");
	chain->n_items = json_array_size(items);
	chain->items = xcalloc(chain->n_items + 1, sizeof *chain->items);
	for (size_t i = 0; i < chain->n_items; i++) {
		const json_t *row = json_array_get(items, i);
		struct view_rule_item *item = &chain->items[i];
		item->n = (int)field_int(row, "n");
		item->pkts = field_int(row, "pkts");
		item->bytes = field_int(row, "bytes");
		item->target = field_dup(row, "target");
		item->source = field_dup(row, "source");
		item->ban = field_dup(row, "ban");
		item->text = field_dup(row, "text");
	}
}

/* Rates: against the same rule of the listing before, which stands within a few places of where it stood. */
static void
rates_fill(struct view_chains *now, const struct view_chains *old)
{
	double span = now->t - old->t;

	if (!old->is_known || !(span > 0))
		return;
	for (size_t i = 0; i < now->n_chains; i++) {
		struct view_chain *a = &now->chains[i];
		const struct view_chain *b = NULL;
		for (size_t k = 0; k < old->n_chains && b == NULL; k++)
			if (old->chains[k].family == a->family && strcmp(old->chains[k].name, a->name) == 0)
				b = &old->chains[k];
		if (b == NULL)
			continue;
		a->pkts_s = a->pkts > b->pkts ? (double)(a->pkts - b->pkts) / span : 0;
		for (size_t k = 0; k < a->n_items; k++)
			for (size_t near = k > 8 ? k - 8 : 0; near < b->n_items && near <= k + 8; near++)
				if (strcmp(a->items[k].source, b->items[near].source) == 0 &&
				    strcmp(a->items[k].target, b->items[near].target) == 0) {
					int64_t more = a->items[k].pkts - b->items[near].pkts;
					a->items[k].pkts_s = more > 0 ? (double)more / span : 0;
					break;
				}
	}
}

void
chains_read(struct view *v, const json_t *j)
{
	struct view_chains now = {.is_known = json_is_object(j)}, old = v->chains;
	const json_t *chains = json_object_get(j, "chains"), *drift = json_object_get(j, "drift"),
	             *policy = json_object_get(j, "policy");

	now.t = field_real(j, "t");
	now.ms = field_real(j, "ms");
	now.every = field_real(j, "every");
	now.error = field_dup(j, "error");
	now.n_chains = json_array_size(chains);
	now.chains = xcalloc(now.n_chains + 1, sizeof *now.chains);
	for (size_t i = 0; i < now.n_chains; i++)
		chain_read(&now.chains[i], json_array_get(chains, i));
	now.n_drift = json_array_size(drift);
	now.drift = xcalloc(now.n_drift + 1, sizeof *now.drift);
	for (size_t i = 0; i < now.n_drift; i++) {
		const json_t *row = json_array_get(drift, i);
		now.drift[i].kind = field_dup(row, "kind");
		now.drift[i].jail = field_dup(row, "jail");
		now.drift[i].ip = field_dup(row, "ip");
		now.drift[i].chain = field_dup(row, "chain");
	}
	now.n_policy = json_array_size(policy);
	now.policy = xcalloc(now.n_policy + 1, sizeof *now.policy);
	for (size_t i = 0; i < now.n_policy; i++) {
		const json_t *row = json_array_get(policy, i);
		now.policy[i].chain = field_dup(row, "chain");
		now.policy[i].policy = field_dup(row, "policy");
		now.policy[i].family = (int)field_int(row, "family");
	}
	rates_fill(&now, &old);
	chains_done(&old);
	v->chains = now;
	v->generation[VIEW_CHAINS]++;
}
