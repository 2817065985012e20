#include "applet/beautify.h"

#include "base/log.h"
#include "base/text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* One reply on its way to text. Each printer returns false when the reply is of another form. */
struct job {
	const struct value *command, *reply;
	struct str *out;
};

static const char *
word(const struct value *command, size_t i)
{
	const char *text = value_text(value_at(command, i));

	return text != NULL ? text : "";
}

/* Python's `sep.join(list)`: strings only. */
static bool
join(const struct value *list, const char *sep, struct str *out)
{
	if (list->kind < VALUE_LIST)
		return false;
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *item = value_at(list, i);
		if (item == NULL || item->kind != VALUE_STR)
			return false;
		if (i != 0)
			str_add(out, sep);
		value_to_text(item, out);
	}
	return true;
}

static bool
add_text(const struct value *v, struct str *out)
{
	if (v->kind != VALUE_STR)
		return false;
	value_to_text(v, out);
	return true;
}

static bool
labelled(struct job *j, const char *label)
{
	str_add(j->out, label);
	return add_text(j->reply, j->out);
}

/* ---- trees of status ---- */

/* A list of values joined by a blank, anything else as str() gives it. */
static void
add_leaf(const struct value *v, struct str *out)
{
	if (v->kind != VALUE_LIST) {
		value_to_text(v, out);
		return;
	}
	for (size_t i = 0; i < value_count(v); i++) {
		if (i != 0)
			str_addc(out, ' ');
		value_to_text(value_at(v, i), out);
	}
}

/* (label, value) pairs; with `deep` the values are such lists themselves. */
static bool
add_tree(const struct value *list, const char *indent, bool deep, struct str *out)
{
	if (!value_is_list(list))
		return false;
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *pair = value_at(list, i), *label = value_at(pair, 0), *leaf = value_at(pair, 1);
		bool is_last = i + 1 == value_count(list);
		if (label == NULL || leaf == NULL)
			return false;
		str_addf(out, "\n%s%s ", indent, is_last ? "`-" : "|-");
		value_to_text(label, out);
		if (deep) {
			if (!add_tree(leaf, is_last ? "   " : "|  ", false, out))
				return false;
		} else {
			str_add(out, ":\t");
			add_leaf(leaf, out);
		}
	}
	return true;
}

static bool
print_status(struct job *j)
{
	bool is_jail = value_count(j->command) > 1;

	str_add(j->out, "Status");
	if (is_jail) {
		str_add(j->out, " for the jail: ");
		value_to_text(value_at(j->command, 1), j->out);
	}
	return add_tree(j->reply, "", is_jail, j->out);
}

/* ---- settings ---- */

/* One item a line behind connectors; with numbers before them for expressions. */
static bool
print_list(struct job *j, const char *none, const char *heading, bool is_numbered)
{
	size_t n = value_count(j->reply);

	if (!value_is_list(j->reply))
		return false;
	if (n == 0) {
		str_add(j->out, none);
		return true;
	}
	str_add(j->out, heading);
	for (size_t i = 0; i < n; i++) {
		str_add(j->out, i + 1 == n ? "\n`- " : "\n|- ");
		if (is_numbered)
			str_addf(j->out, "[%zu]: ", i);
		if (!add_text(value_at(j->reply, i), j->out))
			return false;
	}
	return true;
}

static bool
print_logpath(struct job *j)
{
	return print_list(j, "No file is currently monitored", "Current monitored log file(s):", false);
}

static bool
print_ignoreip(struct job *j)
{
	return print_list(j, "No IP address/network is ignored", "These IP addresses/networks are ignored:", false);
}

static bool
print_regex(struct job *j)
{
	return print_list(j, "No regular expression is defined", "The following regular expression are defined:", true);
}

static bool
print_journalmatch(struct job *j)
{
	if (!value_is_list(j->reply))
		return false;
	if (value_count(j->reply) == 0) {
		str_add(j->out, "No journal match filter set");
		return true;
	}
	str_add(j->out, "Current match filter:\n");
	for (size_t i = 0; i < value_count(j->reply); i++) {
		if (i != 0)
			str_add(j->out, " + ");
		if (!join(value_at(j->reply, i), " ", j->out))
			return false;
	}
	return true;
}

static bool
print_datepattern(struct job *j)
{
	const struct value *pattern = value_at(j->reply, 0), *name = value_at(j->reply, 1);

	str_add(j->out, "Current date pattern set to: ");
	if (j->reply->kind == VALUE_NONE) {
		str_add(j->out, "Not set/required");
		return true;
	}
	if (name == NULL)
		return false;
	if (pattern->kind != VALUE_NONE) {
		value_to_text(pattern, j->out);
		str_add(j->out, " (");
	}
	value_to_text(name, j->out);
	if (pattern->kind != VALUE_NONE)
		str_addc(j->out, ')');
	return true;
}

static bool
print_logencoding(struct job *j)
{
	return labelled(j, "Current log encoding is set to:\n");
}

static bool
print_names(struct job *j, const char *what)
{
	bool has_action = strcmp(what, "actions") != 0;
	const char *jail = word(j->command, 1), *action = word(j->command, 3);

	if (!value_is_list(j->reply) || (has_action && value_count(j->command) < 4))
		return false;
	if (value_count(j->reply) == 0) {
		str_addf(j->out, "No %s for jail %s", what, jail);
		if (has_action)
			str_addf(j->out, " action %s", action);
		return true;
	}
	str_addf(j->out, "The jail %s ", jail);
	if (has_action)
		str_addf(j->out, "action %s ", action);
	str_addf(j->out, "has the following %s:\n", what);
	return join(j->reply, ", ", j->out);
}

static bool
print_actions(struct job *j)
{
	return print_names(j, "actions");
}

static bool
print_properties(struct job *j)
{
	return print_names(j, "properties");
}

static bool
print_methods(struct job *j)
{
	return print_names(j, "methods");
}

/* get J banip [SEPARATOR|--with-time] */
static bool
print_banip(struct job *j)
{
	const char *sep = value_count(j->command) > 3 ? word(j->command, 3) : " ";

	if (strcmp(word(j->command, 0), "get") != 0 || j->reply->kind != VALUE_LIST) {
		value_to_text(j->reply, j->out);
		return true;
	}
	return join(j->reply, strcmp(sep, "--with-time") == 0 ? "\n" : sep, j->out);
}

static bool
print_loglevel(struct job *j)
{
	str_add(j->out, "Current logging level is ");
	if (j->reply->kind == VALUE_INT) {
		const char *name = log_level_name((int)j->reply->integer);
		if (log_level_parse(name) == j->reply->integer)
			value_repr_str(name, strlen(name), j->out);
		else
			str_addf(j->out, "'Level %lld'", (long long)j->reply->integer);
	} else {
		value_repr(j->reply, j->out);
	}
	return true;
}

static bool
print_logtarget(struct job *j)
{
	return labelled(j, "Current logging target is:\n`- ");
}

static bool
print_syslogsocket(struct job *j)
{
	return labelled(j, "Current syslog socket is:\n`- ");
}

static const char no_database[] = "Database currently disabled";

static bool
print_dbfile(struct job *j)
{
	return labelled(j, j->reply->kind == VALUE_NONE ? no_database : "Current database file is:\n`- ") ||
	    j->reply->kind == VALUE_NONE;
}

static bool
print_dbpurgeage(struct job *j)
{
	if (j->reply->kind == VALUE_NONE) {
		str_add(j->out, no_database);
		return true;
	}
	str_add(j->out, "Current database purge age is:\n`- ");
	if (j->reply->kind == VALUE_FLOAT)
		str_addf(j->out, "%.0f", j->reply->real < 0 ? -(double)(int64_t)-j->reply->real : (double)(int64_t)j->reply->real);
	else if (j->reply->kind == VALUE_INT || j->reply->kind == VALUE_BOOL)
		str_addf(j->out, "%lld", j->reply->kind == VALUE_INT ? (long long)j->reply->integer : j->reply->truth);
	else
		return false;
	str_add(j->out, "seconds");
	return true;
}

/* ---- commands ---- */

static bool
print_ping(struct job *j)
{
	return labelled(j, "Server replied: ");
}

static bool
print_plain(struct job *j)
{
	value_to_text(j->reply, j->out);
	return true;
}

static bool
print_start(struct job *j)
{
	str_add(j->out, "Jail started");
	return true;
}

static bool
print_stop(struct job *j)
{
	if (j->reply->kind == VALUE_NONE)
		str_add(j->out, value_count(j->command) == 1 ? "Shutdown successful" : "Jail stopped");
	else
		value_to_text(j->reply, j->out);
	return true;
}

static bool
print_add(struct job *j)
{
	return labelled(j, "Added jail ");
}

static bool
print_flushlogs(struct job *j)
{
	return labelled(j, "logs: ");
}

static bool
print_echo(struct job *j)
{
	return join(j->reply, " ", j->out);
}

/* The words that choose a form, by their place in the command; the first that fits is taken. */
static const struct {
	size_t place;
	const char *word;
	bool (*print)(struct job *);
} forms[] = {
    {0, "ping", print_ping},
    {0, "version", print_plain},
    {0, "start", print_start},
    {0, "stop", print_stop},
    {0, "add", print_add},
    {0, "flushlogs", print_flushlogs},
    {0, "echo", print_echo},
    {0, "status", print_status},
    {1, "syslogsocket", print_syslogsocket},
    {1, "logtarget", print_logtarget},
    {1, "loglevel", print_loglevel},
    {1, "dbfile", print_dbfile},
    {1, "dbpurgeage", print_dbpurgeage},
    {2, "logpath", print_logpath},
    {2, "addlogpath", print_logpath},
    {2, "dellogpath", print_logpath},
    {2, "logencoding", print_logencoding},
    {2, "journalmatch", print_journalmatch},
    {2, "addjournalmatch", print_journalmatch},
    {2, "deljournalmatch", print_journalmatch},
    {2, "datepattern", print_datepattern},
    {2, "ignoreip", print_ignoreip},
    {2, "addignoreip", print_ignoreip},
    {2, "delignoreip", print_ignoreip},
    {2, "failregex", print_regex},
    {2, "addfailregex", print_regex},
    {2, "delfailregex", print_regex},
    {2, "ignoreregex", print_regex},
    {2, "addignoreregex", print_regex},
    {2, "delignoreregex", print_regex},
    {2, "actions", print_actions},
    {2, "actionproperties", print_properties},
    {2, "actionmethods", print_methods},
    {2, "banip", print_banip},
};

bool
beautify(const struct value *command, const struct value *reply, struct str *out)
{
	struct job job = {command, reply, out};
	bool (*print)(struct job *) = print_plain;

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		if (value_text_is(value_at(command, forms[i].place), forms[i].word)) {
			print = forms[i].print;
			break;
		}
	size_t from = out->len;
	if (print(&job))
		return true;
	/* compat: Beautifier.beautify shows what it had, and the reply, as repr */
	str_cut(out, from);
	value_repr(reply, out);
	value_repr(reply, out);
	return false;
}

/* ---- errors ---- */

static bool
is_os_error(const char *name)
{
	static const char *const names[] = {
	    "OSError", "IOError", "FileNotFoundError", "FileExistsError", "PermissionError", "IsADirectoryError",
	    "NotADirectoryError", "ConnectionError", "ConnectionRefusedError", "ConnectionResetError", "BrokenPipeError",
	    "TimeoutError", "InterruptedError", "ProcessLookupError", "ChildProcessError", "BlockingIOError", "gaierror",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

void
beautify_args(const char *class_name, const struct value *args, struct str *out)
{
	if (!is_os_error(class_name) || value_count(args) <= 2) {
		value_repr(args, out);
		return;
	}
	str_addc(out, '(');
	value_repr(value_at(args, 0), out);
	str_add(out, ", ");
	value_repr(value_at(args, 1), out);
	str_addc(out, ')');
}

void
beautify_error(const char *class_name, const struct value *args, struct str *out)
{
	size_t n = value_count(args);
	const struct value *first = value_at(args, 0);

	if (strcmp(class_name, "UnknownJailException") == 0 && n != 0) {
		str_add(out, "Sorry but the jail '");
		value_to_text(first, out);
		str_add(out, "' does not exist");
	} else if (strcmp(class_name, "DuplicateJailException") == 0 && n != 0) {
		str_add(out, "The jail '");
		value_to_text(first, out);
		str_add(out, "' already exists");
	} else if (strcmp(class_name, "IndexError") == 0) {
		str_add(out, "Sorry but the command is invalid");
	} else if (is_os_error(class_name) && n >= 2) {
		str_add(out, "[Errno ");
		value_to_text(first, out);
		str_add(out, "] ");
		value_to_text(value_at(args, 1), out);
		if (n >= 3) {
			str_add(out, ": ");
			value_repr(value_at(args, 2), out);
		}
	} else if (n == 1 && strcmp(class_name, "KeyError") == 0) {
		value_repr(first, out);
	} else if (n == 1) {
		value_to_text(first, out);
	} else if (n > 1) {
		value_repr(args, out);
	}
}

/* ---- JSON ---- */

static bool
is_pairs(const struct value *v)
{
	for (size_t i = 0; i < value_count(v); i++) {
		const struct value *pair = value_at(v, i);
		if (pair == NULL || pair->kind != VALUE_TUPLE || value_count(pair) != 2 || value_text(value_at(pair, 0)) == NULL)
			return false;
	}
	return v->kind == VALUE_LIST && value_count(v) != 0;
}

static json_t *
to_json(const struct value *v)
{
	if (is_pairs(v)) {
		json_t *object = json_object();
		for (size_t i = 0; i < value_count(v); i++) {
			const struct value *pair = value_at(v, i), *name = value_at(pair, 0);
			json_t *key = text_json(name->text.bytes, name->text.len);
			json_object_set_new(object, json_string_value(key), to_json(value_at(pair, 1)));
			json_decref(key);
		}
		return object;
	}
	if (v->kind == VALUE_LIST || v->kind == VALUE_TUPLE || v->kind == VALUE_SET) {
		json_t *array = json_array();
		for (size_t i = 0; i < value_count(v); i++)
			json_array_append_new(array, to_json(value_at(v, i)));
		return array;
	}
	return value_to_json(v);
}

static void
dump(json_t *object, struct str *out)
{
	char *text = json_dumps(object, JSON_COMPACT);

	str_add(out, text != NULL ? text : "{\"ok\":false,\"error\":\"not JSON\",\"class\":\"ValueError\"}");
	free(text);
	json_decref(object);
}

void
beautify_json(const struct value *reply, struct str *out)
{
	json_t *object = json_object();

	json_object_set_new(object, "ok", json_true());
	json_object_set_new(object, "value", to_json(reply));
	dump(object, out);
}

void
beautify_json_error(const char *class_name, const char *text, struct str *out)
{
	json_t *object = json_object();

	json_object_set_new(object, "ok", json_false());
	json_object_set_new(object, "error", text_json(text, strlen(text)));
	json_object_set_new(object, "class", text_json(class_name, strlen(class_name)));
	dump(object, out);
}
