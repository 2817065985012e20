#include "delrule.h"

#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "describe.h"
#include "engine.h"
#include "firewall/chains.h"
#include "truth.h"

#define DELETE_WORDS_MAX 64

struct deletion {
	struct engine *engine;
	char *text, *room; /* owned; argv points into room */
};

static void
deleted(void *arg, const struct child_result *r)
{
	struct deletion *d = arg;
	bool ok = r->spawn_error == 0 && !r->timed_out && r->exit_code == 0;
	struct str text = {0};

	if (ok)
		str_addf(&text, "rule deleted: %s", d->text);
	else
		str_addf(&text, "rule not deleted: %s: exit %d, %.200s", d->text, r->exit_code, r->err_len > 0 ? r->err : "");
	json_t *event = json_pack("{s:s}", "level", ok ? "info" : "error");
	json_object_set_new(event, "text", describe_text(str_text(&text)));
	bus_publish(d->engine->bus, EVENT_NOTICE, event);
	log_write(ok ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR, "fail2ban.actions", "%s", str_text(&text));
	truth_look(d->engine->truth);
	str_done(&text);
	free(d->text);
	free(d->room);
	free(d);
}

/* Words as iptables-save and ipset write them: quoted ones hold blanks, a backslash takes the next byte as it is. */
static size_t
words_of(char *text, const char **words, size_t max)
{
	size_t n = 0;
	char *in = text;

	while (n < max) {
		while (*in == ' ')
			in++;
		if (*in == '\0')
			break;
		char *out = in;
		bool is_quoted = false;
		words[n++] = out;
		for (; *in != '\0' && (is_quoted || *in != ' '); in++) {
			if (*in == '"')
				is_quoted = !is_quoted;
			else if (*in == '\\' && in[1] != '\0')
				*out++ = *++in;
			else
				*out++ = *in;
		}
		bool is_end = *in == '\0';
		*out = '\0';
		if (is_end)
			break;
		in++;
	}
	return n;
}

bool
delrule_run(struct engine *e, const struct firewall *f, int family, const char *chain, const char *text, struct err *err)
{
	const struct fw_chain *c = NULL;
	const char *words[DELETE_WORDS_MAX], *argv[DELETE_WORDS_MAX + 8];
	size_t n = 0, count;
	bool is_there = false;

	if (e->is_dry)
		return err_set(err, "a dry run changes no rule");
	for (size_t i = 0; i < firewall_count(f) && !is_there; i++) {
		c = firewall_at(f, i);
		for (size_t k = 0; c->family == family && strcmp(c->name, chain) == 0 && k < c->count && !is_there; k++)
			is_there = c->rules[k].mark == FW_MARK_FOREIGN && strcmp(c->rules[k].text, text) == 0;
	}
	if (!is_there)
		return err_set(err, "no such rule any more, or a ban asks for it");
	struct deletion *d = xcalloc(1, sizeof *d);
	*d = (struct deletion){e, xstrdup(text), xstrdup(text)};
	if (c->kind == FW_NFT_SET) { /* "set { address }" */
		argv[n++] = "nft";
		argv[n++] = "delete";
		argv[n++] = "element";
		argv[n++] = "inet";
		argv[n++] = c->table;
	} else if (c->kind == FW_CHAIN) {
		argv[n++] = family == 6 ? "ip6tables" : "iptables";
		argv[n++] = "-w";
		argv[n++] = "-t";
		argv[n++] = *c->table != '\0' ? c->table : "filter";
	} else {
		argv[n++] = "ipset";
	}
	count = words_of(d->room, words, DELETE_WORDS_MAX);
	for (size_t i = 0; i < count; i++)
		argv[n++] = i == 0 && c->kind == FW_CHAIN ? "-D" : i == 0 && c->kind == FW_IPSET ? "del" : words[i];
	if (c->kind == FW_IPSET && count > 3)
		n -= count - 3; /* the name and the member; no timeout, no counters */
	argv[n] = NULL;
	/* argv is copied by the start of the child, what it points at lives in the deletion */
	child_run(e->loop, &(struct child_spec){.file = argv[0], .argv = argv, .timeout_s = 20, .done = deleted, .arg = d});
	return true;
}
