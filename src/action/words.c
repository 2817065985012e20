/*
 * words: what a shell would see in a command, as far as that can be told without running it.
 * In doubt the answer is "needs a shell" and "no firewall".
 */
#include "action/internal.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- one plain command ---- */

void
words_done(struct words *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->at[i]);
	free(w->at);
	*w = (struct words){0};
}

static void
words_push(struct words *w, struct str *word)
{
	w->at = xreallocarray(w->at, w->count + 1, sizeof *w->at);
	w->at[w->count++] = str_take(word);
}

/* What a POSIX shell treats itself when it stands first. */
static bool
is_shell_word(const char *word)
{
	static const char *const names[] = {"!", "{", "}", "case", "do", "done", "elif", "else", "esac",
	    "fi", "for", "function", "if", "in", "select", "then", "time", "until", "while", ".", ":", "[",
	    "[[", "alias", "bg", "break", "cd", "chdir", "command", "continue", "declare", "echo", "eval",
	    "exec", "exit", "export", "false", "fc", "fg", "getopts", "hash", "jobs", "kill", "let",
	    "local", "printf", "pwd", "read", "readonly", "return", "set", "shift", "source", "test",
	    "times", "trap", "true", "type", "typeset", "ulimit", "umask", "unalias", "unset", "wait"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(word, names[i]) == 0)
			return true;
	return strchr(word, '=') != NULL;
}

/* Reads one word at *at; false: it needs a shell. */
static bool
word_read(const char **at, struct str *word)
{
	const char *p = *at;

	str_add(word, ""); /* a pair of quotes is a word */
	for (; *p != '\0' && *p != ' ' && *p != '\t'; p++) {
		if (*p == '\'') {
			size_t len = strcspn(p + 1, "'");
			if (p[1 + len] == '\0')
				return false;
			str_addn(word, p + 1, len);
			p += len + 1;
		} else if (*p == '"') {
			for (p++; *p != '"'; p++) {
				if (*p == '\0' || *p == '$' || *p == '`')
					return false;
				if (*p == '\\' && p[1] != '\0' && strchr("$`\"\\", p[1]) != NULL)
					p++;
				else if (*p == '\\' && p[1] == '\n')
					return false;
				str_addc(word, *p);
			}
		} else if (*p == '\\') {
			if (p[1] == '\0' || p[1] == '\n')
				return false;
			str_addc(word, *++p);
		} else if (strchr("\n\r;&|<>()$`*?[~#", *p) != NULL) {
			return false;
		} else {
			str_addc(word, *p);
		}
	}
	*at = p;
	return true;
}

bool
words_parse(const char *text, struct words *out)
{
	struct slice whole = slice_trim(slice_of(text));
	char *copy = xstrndup(whole.at, whole.len);
	const char *at = copy;
	bool ok = true;

	*out = (struct words){0};
	/* a backslash before the blanks that were trimmed */
	if (whole.len != 0 && copy[whole.len - 1] == '\\')
		ok = false;
	while (ok && *at != '\0') {
		struct str word = {0};
		ok = word_read(&at, &word);
		if (ok)
			words_push(out, &word);
		str_done(&word);
		at += strspn(at, " \t");
	}
	free(copy);
	if (ok && out->count != 0 && out->at[0][0] != '\0' && !is_shell_word(out->at[0]))
		return true;
	words_done(out);
	return false;
}

/* ---- programs in a script ---- */

static bool
is_firewall_program(const char *word, size_t len)
{
	static const char *const names[] = {"afctl", "apf", "arptables", "conntrack", "csf", "ebtables",
	    "firewall-cmd", "fwconsole", "ip", "ipchains", "ipf", "ipfw", "ipset", "nft", "npfctl", "pfctl",
	    "route", "shorewall", "shorewall-lite", "shorewall6", "ss", "tc", "ufw"};

	for (size_t i = len; i > 0; i--)
		if (word[i - 1] == '/') {
			word += i;
			len -= i;
			break;
		}
	if ((len >= 8 && memcmp(word, "iptables", 8) == 0) || (len >= 9 && memcmp(word, "ip6tables", 9) == 0) ||
	    (len >= 7 && memcmp(word, "xtables", 7) == 0))
		return true;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_is((struct slice){word, len}, names[i]))
			return true;
	return false;
}

/* After these words a program is still to come. */
static bool
is_prefix_word(const char *word, size_t len)
{
	static const char *const names[] = {"!", "do", "doas", "elif", "else", "env", "exec", "command",
	    "eval", "flock", "if", "ionice", "nice", "nohup", "setsid", "sudo", "then", "time", "timeout",
	    "until", "while", "xargs", "{"};
	struct slice s = {word, len};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_is(s, names[i]))
			return true;
	return memchr(word, '=', len) != NULL || word[0] == '-' || isdigit((unsigned char)word[0]);
}

/* `ip addr show` asks, `ip route add` acts; `rest` is what follows the program's name. */
static bool
ip_acts(const char *rest)
{
	rest += strspn(rest, " \t");
	while (*rest == '-') {
		rest += strcspn(rest, " \t\n");
		rest += strspn(rest, " \t");
	}
	return strncmp(rest, "a", 1) != 0 && strncmp(rest, "l", 1) != 0;
}

static bool
acts_on_firewall(const char *word, size_t len)
{
	const char *name = word;

	if (!is_firewall_program(word, len))
		return false;
	for (size_t i = 0; i < len; i++)
		if (word[i] == '/')
			name = word + i + 1;
	return !slice_is((struct slice){name, (size_t)(word + len - name)}, "ip") || ip_acts(word + len);
}

bool
words_find_program(const char *text, bool (*is_wanted)(const char *word, size_t len))
{
	bool expects = true, in_quotes = false, in_backticks = false;

	for (const char *p = text; *p != '\0';) {
		if (in_quotes && *p == '"') {
			in_quotes = false;
			p++;
		} else if (*p == '\\' && p[1] != '\0') {
			p += 2;
		} else if (*p == '`') {
			in_backticks = !in_backticks;
			expects = in_backticks;
			p++;
		} else if (*p == '$' && p[1] == '(') {
			expects = true;
			p += 2;
		} else if (in_quotes && !expects) {
			p++;
		} else if (*p == '"') {
			in_quotes = true;
			expects = false;
			p++;
		} else if (*p == '\'') {
			const char *end = strchr(p + 1, '\'');
			p = end != NULL ? end + 1 : p + strlen(p);
			expects = false;
		} else if (strchr("\n;|&()", *p) != NULL) {
			expects = true;
			p++;
		} else if (isspace((unsigned char)*p)) {
			p++;
		} else {
			size_t len = strcspn(p, " \t\r\n;|&()\"'`<>\\");
			if (len == 0)
				len = 1;
			if (expects) {
				if (is_wanted(p, len))
					return true;
				expects = is_prefix_word(p, len);
			}
			p += len;
		}
	}
	return false;
}

bool
words_use_firewall(const char *text)
{
	return words_find_program(text, acts_on_firewall);
}

char *
words_after_last_pipe(const char *text)
{
	const char *after = NULL;
	char quote = '\0';
	int depth = 0;
	struct slice whole = slice_trim(slice_of(text));

	for (const char *p = whole.at, *end = p + whole.len; p < end; p++) {
		if (*p == '\\' && quote != '\'') {
			p++;
		} else if (quote != '\0') {
			if (*p == quote)
				quote = '\0';
		} else if (*p == '"' || *p == '\'') {
			quote = *p;
		} else if (*p == '(') {
			depth++;
		} else if (*p == ')') {
			depth--;
		} else if (depth == 0 && *p == '|' && p[1] != '|' && p[-(p > whole.at)] != '|') {
			after = p + 1;
		} else if (depth == 0 && strchr("\n;&|", *p) != NULL) {
			after = NULL;
		}
	}
	if (after == NULL || depth != 0 || quote != '\0')
		return NULL;
	struct slice last = slice_trim((struct slice){after, (size_t)(whole.at + whole.len - after)});
	return last.len != 0 ? xstrndup(last.at, last.len) : NULL;
}
