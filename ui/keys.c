#include "keys.h"

#include <string.h>

/* The order is the help's order. */
static const struct binding table[] = {
    {CTX_GLOBAL, '\t', ACT_NEXT, 0, "MOVE", "next pane", "the next pane"},
    {CTX_GLOBAL, K_BACKTAB, ACT_PREVIOUS, 0, "MOVE", NULL, "the pane before"},
    {CTX_GLOBAL, '1', ACT_ZOOM, 0, "MOVE", "zoom", "Log alone on the screen; again: back to the overview"},
    {CTX_GLOBAL, '2', ACT_ZOOM, 0, "MOVE", NULL, "Hosts: who fails"},
    {CTX_GLOBAL, '3', ACT_ZOOM, 0, "MOVE", NULL, "Bans: who is banned, for how long"},
    {CTX_GLOBAL, '4', ACT_ZOOM, 0, "MOVE", NULL, "Chains: the kernel's own rules"},
    {CTX_GLOBAL, '5', ACT_ZOOM, 0, "MOVE", NULL, "Jails and their log files"},
    {CTX_GLOBAL, '6', ACT_ZOOM, 0, "MOVE", NULL, "Regex: try an expression on the recent lines"},
    {CTX_GLOBAL, '0', ACT_OVERVIEW, 0, "MOVE", NULL, "the overview of all panes"},
    {CTX_GLOBAL, 'j', ACT_DOWN, 0, "MOVE", NULL, "one row down"},
    {CTX_GLOBAL, 'k', ACT_UP, 0, "MOVE", NULL, "one row up"},
    {CTX_GLOBAL, K_DOWN, ACT_DOWN, KEY_ALIAS, "MOVE", NULL, "one row down"},
    {CTX_GLOBAL, K_UP, ACT_UP, KEY_ALIAS, "MOVE", NULL, "one row up"},
    {CTX_GLOBAL, K_PGDN, ACT_PAGE_DOWN, 0, "MOVE", NULL, "one page down"},
    {CTX_GLOBAL, K_PGUP, ACT_PAGE_UP, 0, "MOVE", NULL, "one page up; in the Log this pauses it"},
    {CTX_GLOBAL, KEY_CTRL('F'), ACT_PAGE_DOWN, KEY_ALIAS, "MOVE", NULL, "one page down"},
    {CTX_GLOBAL, KEY_CTRL('B'), ACT_PAGE_UP, KEY_ALIAS, "MOVE", NULL, "one page up"},
    {CTX_GLOBAL, KEY_CTRL('D'), ACT_HALF_DOWN, 0, "MOVE", NULL, "half a page down"},
    {CTX_GLOBAL, KEY_CTRL('U'), ACT_HALF_UP, 0, "MOVE", NULL, "half a page up"},
    {CTX_GLOBAL, 'g', ACT_HOME, 0, "MOVE", NULL, "the first row"},
    {CTX_GLOBAL, 'G', ACT_END, 0, "MOVE", NULL, "the last row; in the Log: follow again"},
    {CTX_GLOBAL, K_HOME, ACT_HOME, KEY_ALIAS, "MOVE", NULL, "the first row"},
    {CTX_GLOBAL, K_END, ACT_END, KEY_ALIAS, "MOVE", NULL, "the last row"},
    {CTX_GLOBAL, K_LEFT, ACT_LEFT, 0, "MOVE", NULL, "scroll a long row to the left"},
    {CTX_GLOBAL, K_RIGHT, ACT_RIGHT, 0, "MOVE", NULL, "scroll a long row to the right"},

    {CTX_GLOBAL, '?', ACT_HELP, 0, "FIND", "help", "this help; / searches it"},
    {CTX_GLOBAL, K_F1, ACT_HELP, KEY_ALIAS, "FIND", NULL, "this help"},
    {CTX_GLOBAL, '/', ACT_FIND, 0, "FIND", "find", "find in the pane (regex); moves as you type"},
    {CTX_GLOBAL, K_F3, ACT_FIND, KEY_ALIAS, "FIND", NULL, "find"},
    {CTX_GLOBAL, 'n', ACT_FIND_NEXT, 0, "FIND", NULL, "the next row found"},
    {CTX_GLOBAL, 'N', ACT_FIND_BACK, 0, "FIND", NULL, "the row found before"},
    {CTX_GLOBAL, '\\', ACT_FILTER, 0, "FIND", "filter", "show only rows that match: regex, address or network; !x: those that do not; empty: all"},
    {CTX_GLOBAL, '&', ACT_FILTER, KEY_ALIAS, "FIND", NULL, "filter"},
    {CTX_GLOBAL, K_F4, ACT_FILTER, KEY_ALIAS, "FIND", NULL, "filter"},

    {CTX_GLOBAL, 's', ACT_SORT, 0, "VIEW", "sort", "sort by the next column"},
    {CTX_GLOBAL, K_F6, ACT_SORT, KEY_ALIAS, "VIEW", NULL, "sort by the next column"},
    {CTX_GLOBAL, 'S', ACT_REVERSE, 0, "VIEW", NULL, "reverse the order"},
    {CTX_GLOBAL, ' ', ACT_PAUSE, 0, "VIEW", "pause", "freeze the view, the engine goes on; again: resume"},
    {CTX_GLOBAL, 'F', ACT_FOLLOW, 0, "VIEW", NULL, "resume and follow the newest row"},
    {CTX_GLOBAL, 'z', ACT_WRAP, 0, "VIEW", NULL, "wrap long log rows"},
    {CTX_GLOBAL, 'c', ACT_THEME, 0, "VIEW", NULL, "the next colour theme"},
    {CTX_GLOBAL, 'C', ACT_MONO, 0, "VIEW", NULL, "colours on or off"},
    {CTX_GLOBAL, 'm', ACT_MOUSE, 0, "VIEW", NULL, "mouse on or off: wheel scrolls, a click chooses a row; never an action"},
    {CTX_GLOBAL, KEY_CTRL('L'), ACT_REPAINT, 0, "VIEW", NULL, "paint the whole screen again"},

    {CTX_GLOBAL, 'u', ACT_UNBAN, KEY_WRITE, "ACT", "unban", "unban this address in this jail; in several: asks which"},
    {CTX_GLOBAL, 'w', ACT_WHITELIST, KEY_WRITE, "ACT", "white", "whitelist this address for 1h 24h 7d, until restart, or for good (perm: shows the file first); also unbans it"},
    {CTX_GLOBAL, 'W', ACT_WHITE_LIST, 0, "ACT", NULL, "what is whitelisted, with the time left"},
    {CTX_GLOBAL, 'b', ACT_BAN, KEY_WRITE, "ACT", "ban", "ban this address: jail and time are asked"},
    {CTX_GLOBAL, 'B', ACT_BAN_NET, KEY_WRITE, "ACT", "ban net", "ban its network (/24 or /64): shows who is in it, asks"},
    {CTX_GLOBAL, '+', ACT_EXTEND, KEY_WRITE, "ACT", "extend", "extend this ban: x2, 24h, 7d, perm"},
    {CTX_GLOBAL, 'U', ACT_UNDO, KEY_WRITE, "ACT", NULL, "undo the last unban, ban or whitelisting (10 deep, 10 min)"},
    {CTX_GLOBAL, 'H', ACT_HOLD, KEY_WRITE, "ACT", NULL, "HOLD: failures are counted, nobody is banned by them; asks; ends by itself after 10 min; again: ends it"},
    {CTX_GLOBAL, 'v', ACT_MARK, 0, "ACT", NULL, "mark the row: u, w and b then take all marked, after one question"},
    {CTX_GLOBAL, 'V', ACT_UNMARK, 0, "ACT", NULL, "clear the marks"},

    {CTX_GLOBAL, 'i', ACT_INSPECT, 0, "WHY", "why", "inspect the address: why, lines, history"},
    {CTX_GLOBAL, '\r', ACT_INSPECT, 0, "WHY", NULL, "inspect"},
    {CTX_GLOBAL, 'r', ACT_REGEX, 0, "WHY", "regex", "the regex pane with this row's expression"},
    {CTX_GLOBAL, ':', ACT_COMMAND, 0, "WHY", "cmd", "a fail2ban-client command, e.g. status sshd; :start JAIL switches on one that is off (shows the file first); also :q, :export FILE and :set alone, which keeps theme, focus, orders and filters for the next time"},
    {CTX_GLOBAL, 'y', ACT_COPY, 0, "WHY", NULL, "copy the address to your terminal's clipboard (OSC 52), if jailtop.conf says clipboard = yes"},
    {CTX_GLOBAL, 'e', ACT_EXPORT, 0, "WHY", NULL, "export the pane as shown: .csv .json or text by the name's end; new files only"},

    {CTX_HOSTS, '\r', ACT_OPEN, 0, "PANE", "open", "Hosts: open a network's row: its hosts alone, q or Esc: all again; on a host: inspect"},
    {CTX_CHAINS, 'R', ACT_REPAIR, KEY_WRITE, "PANE", "repair", "Chains: put back missing rules; on a ban without a rule: only that"},
    {CTX_CHAINS, 'd', ACT_DELETE_RULE, KEY_WRITE, "PANE", "delete", "Chains: delete a rule that no ban asks for; asks"},
    {CTX_CHAINS, 't', ACT_RAW, 0, "PANE", "raw text", "Chains: the rules as the kernel words them"},
    {CTX_CHAINS, '[', ACT_FAMILY4, 0, "PANE", "v4", "Chains: IPv4"},
    {CTX_CHAINS, ']', ACT_FAMILY6, 0, "PANE", "v6", "Chains: IPv6"},
    {CTX_REGEX, 'e', ACT_EDIT, 0, "PANE", "edit", "Regex: edit the expression"},
    {CTX_REGEX, K_F2, ACT_SAVE, KEY_WRITE, "PANE", "save", "Regex: save the expression in filter.d/NAME.local; shows the change and asks"},
    {CTX_REGEX, 'l', ACT_LIVE, 0, "PANE", "new lines", "Regex: fetch the recent lines again"},
    {CTX_REGEX, 'm', ACT_SHOW_MATCH, 0, "PANE", "match", "Regex: only lines that match; again: all"},
    {CTX_REGEX, 'M', ACT_SHOW_MISS, 0, "PANE", "miss", "Regex: only lines that miss"},
    {CTX_REGEX, 'I', ACT_SHOW_IGNORED, 0, "PANE", "ignored", "Regex: only lines that are ignored"},
    {CTX_REGEX, 'L', ACT_SHOW_LIMIT, 0, "PANE", "limit", "Regex: only lines given up at the match limit"},

    {CTX_GLOBAL, 'q', ACT_CLOSE, 0, "LEAVE", "quit", "close what is open; at the overview: leave"},
    {CTX_GLOBAL, K_F10, ACT_CLOSE, KEY_ALIAS, "LEAVE", NULL, "close, leave"},
    {CTX_GLOBAL, 'Q', ACT_QUIT, 0, "LEAVE", NULL, "leave at once; the engine keeps running"},
    {CTX_GLOBAL, KEY_CTRL('C'), ACT_INTERRUPT, 0, "LEAVE", NULL, "cancel; twice in 2 s: leave"},
    {CTX_GLOBAL, KEY_ESC, ACT_CANCEL, 0, "LEAVE", NULL, "cancel what is open; never leaves"},
};

static const char *const context_names[CONTEXTS] = {
    "everywhere", "log", "hosts", "bans", "chains", "jails", "regex", "inspect", "text",
};

const struct binding *
keys_table(size_t *count)
{
	*count = sizeof table / sizeof *table;
	return table;
}

const struct binding *
keys_find(enum key_context context, int key)
{
	const struct binding *global = NULL;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (table[i].key != key)
			continue;
		if (table[i].context == context)
			return &table[i];
		if (table[i].context == CTX_GLOBAL)
			global = &table[i];
	}
	return global;
}

const char *
keys_name(int key, char text[16])
{
	static const struct {
		int key;
		const char *name;
	} names[] = {
	    {'\t', "Tab"}, {'\r', "Enter"}, {' ', "space"}, {KEY_ESC, "Esc"}, {K_BACKTAB, "S-Tab"},
	    {K_UP, "Up"}, {K_DOWN, "Down"}, {K_LEFT, "Left"}, {K_RIGHT, "Right"}, {K_PGUP, "PgUp"},
	    {K_PGDN, "PgDn"}, {K_HOME, "Home"}, {K_END, "End"}, {K_F1, "F1"}, {K_F2, "F2"}, {K_F3, "F3"},
	    {K_F4, "F4"}, {K_F6, "F6"}, {K_F10, "F10"},
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].key == key) {
			snprintf(text, 16, "%s", names[i].name);
			return text;
		}
	if (key > 0 && key < 32)
		snprintf(text, 16, "Ctrl-%c", key + 64);
	else if (key > 32 && key < 127)
		snprintf(text, 16, "%c", key);
	else
		snprintf(text, 16, "that key");
	return text;
}

void
keys_print(FILE *out)
{
	char name[16];

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		fprintf(out, "%s\t%s\t%s\n", context_names[table[i].context], keys_name(table[i].key, name), table[i].help);
}

bool
keys_guard(struct key_guard *g, int key, double now)
{
	if (g->in_paste) {
		if (key == K_PASTE_END)
			g->in_paste = false;
		return false;
	}
	if (key == K_PASTE_BEGIN) {
		g->in_paste = true;
		return false;
	}
	if (key == K_PASTE_END)
		return false;
	if (g->in_sequence) {
		if (now - g->sequence_at > 0.5) {
			g->in_sequence = false;
		} else {
			/* parameters and intermediates go on, a final byte ends it */
			if (key >= 0x40 && key <= 0x7e)
				g->in_sequence = false;
			return false;
		}
	}
	if (g->esc_at > 0 && now - g->esc_at <= 0.5 && (key == '[' || key == 'O')) {
		g->esc_at = 0;
		g->in_sequence = true;
		g->sequence_at = now;
		return false;
	}
	g->esc_at = key == KEY_ESC ? now : 0;
	return true;
}
