#include "config/stream.h"

#include "config/checks.h"
#include "config/jailconf.h"
#include "config/mainconf.h"
#include "config/tree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOGGER "fail2ban.jailsreader"

const char *
config_default_dir(const char *dir)
{
	static const char *const dirs[] = {"/etc/jailtop", "/etc/fail2ban", JAILTOP_PREFIX "/share/jailtop/sample-configs"};
	struct stat st;

	if (dir != NULL)
		return dir;
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		if (stat(dirs[i], &st) == 0 && S_ISDIR(st.st_mode))
			return dirs[i];
	return dirs[1];
}

bool
config_read_paths(const char *dir, const struct config_overrides *over, struct config_paths *out, struct err *err)
{
	struct tree *t = tree_new(config_default_dir(dir), NULL, NULL, err);
	bool is_ok = t != NULL && mainconf_read(t, over, out, err);

	tree_free(t);
	return is_ok;
}

struct reading {
	struct tree *tree;
	const struct config_request *req;
	struct value *stream, *starts;
	size_t n_ok, n_bad;
	size_t n_counted, bytes; /* of the commands */
};

/* Counts what a jail came to, and hands it over when somebody takes it at once. */
static bool
end_jail(struct reading *r, struct err *err)
{
	for (; r->n_counted < value_count(r->stream); r->n_counted++)
		r->bytes += value_size(value_at(r->stream, r->n_counted));
	if (r->bytes > CONFIG_BYTES_MAX)
		return err_set(err, "the jails come to more than %d MiB of commands", CONFIG_BYTES_MAX >> 20);
	if (r->req->take != NULL) {
		r->req->take(r->req->arg, r->stream);
		value_clear(r->stream);
		r->n_counted = 0;
	}
	return true;
}

/* Whether %(jail/known/x)s stands anywhere. */
static bool
uses_known_of_others(const struct ini_section *s)
{
	for (size_t i = 0; i < ini_count(s); i++)
		if (strstr(ini_get(s, ini_key(s, i)), "/known/") != NULL)
			return true;
	return false;
}

static bool
read_one(struct reading *r, struct ini *jails, const char *name, struct err *err)
{
	switch (jailconf_read(r->tree, jails, name, r->req->force_enable, r->req->logs, r->stream, err)) {
	case JAILCONF_OFF:
		return true;
	case JAILCONF_OK:
		r->n_ok++;
		value_push(r->starts, value_words("start", name, NULL));
		return true;
	case JAILCONF_BAD:
		r->n_bad++;
		tree_note(r->tree, LOG_LEVEL_ERROR, LOGGER, "Errors in jail '%s'.%s", name, r->req->is_strict ? "" : " Skipping...");
		return true;
	case JAILCONF_FAILED:
		break;
	}
	return false;
}

static bool
read_jails(struct reading *r, struct err *err)
{
	struct ini *jails;

	if (tree_read(r->tree, "jail", &jails, err) == TREE_FAILED)
		return false;
	if (r->req->only_jail != NULL) {
		struct ini_section *s;
		HASH_FIND_STR(jails->sections, r->req->only_jail, s);
		if (s == NULL)
			return err_set(err, "No section: '%s'", r->req->only_jail);
	}
	if (jails->sections != NULL)
		jailconf_defaults(r->tree, jails);
	if (r->tree->note != NULL)
		checks_jails(r->tree, jails);
	r->tree->keeps_known = uses_known_of_others(jails->defaults);
	for (struct ini_section *s = jails->sections; s != NULL; s = s->hh.next)
		r->tree->keeps_known = r->tree->keeps_known || uses_known_of_others(s);
	for (struct ini_section *s = jails->sections; s != NULL; s = s->hh.next) {
		if (r->req->only_jail != NULL ? strcmp(s->name, r->req->only_jail) != 0
		                              : strcmp(s->name, "INCLUDES") == 0 || str_starts(s->name, "KNOWN/"))
			continue;
		if (!read_one(r, jails, s->name, err) || !end_jail(r, err))
			return false;
	}
	return true;
}

enum config_result
config_read(const struct config_request *req, struct value **stream, struct err *err)
{
	struct reading r = {.req = req, .stream = value_list(), .starts = value_list()};
	struct config_paths paths = {0};

	*stream = NULL;
	r.tree = tree_new(config_default_dir(req->dir), req->note, req->arg, err);
	bool is_ok = r.tree != NULL && mainconf_read(r.tree, &req->over, &paths, err) &&
	    mainconf_convert(r.tree, &paths, r.stream, err) && read_jails(&r, err);
	for (size_t i = 0; i < r.starts->seq.count; i++)
		value_push(r.stream, r.starts->seq.items[i]);
	r.starts->seq.count = 0;
	value_free(r.starts);
	config_paths_done(&paths);
	if (req->left != NULL)
		*req->left = r.tree;
	else
		tree_free(r.tree);
	if (!is_ok) {
		value_free(r.stream);
		return CONFIG_FAILED;
	}
	*stream = r.stream;
	return r.n_bad == 0 ? CONFIG_OK : r.n_ok != 0 ? CONFIG_JAIL_ERRORS : CONFIG_ALL_BAD;
}
