#include "term.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "keys.h"

#define ANSWER_WAIT_S 1.0
#define MOUSE_EVENTS 8 /* as many as curses keeps */
#define SILENT_FRAMES 3 /* so many unanswered frames: this terminal does not answer */
#define CODE_ANSWER (KEY_MAX + 10)
#define CODE_PASTE_BEGIN (KEY_MAX + 11)
#define CODE_PASTE_END (KEY_MAX + 12)

struct term {
	int fd;            /* of our own, non-blocking */
	int memory;        /* where curses paints */
	FILE *out, *in;
	SCREEN *screen;
	WINDOW *input;     /* a pad: reading keys from it paints nothing */
	struct termios saved;
	bool is_saved, is_ascii, has_color, is_gone;
	struct cell *shown; /* what curses was told last */
	int w, h;
	struct str pending; /* bytes for the terminal */
	size_t sent;
	bool is_asked;      /* ESC[5n is out, no answer yet */
	double asked_at;
	int silent;         /* frames without an answer in a row */
	bool answers;       /* it answered once */
	bool is_pair[8];
	enum theme_name theme;
	bool has_theme;
	bool is_whole;      /* what curses paints now is no difference, but all of it */
	bool is_mouse_on;
	int click_x, click_y;
	MEVENT events[MOUSE_EVENTS]; /* told by curses with one key, the newest first */
	int n_events;
};

/* For the handler of a crash: what gives the terminal back, made ahead. The log sink's sister: signal handlers have no argument. */
static struct {
	volatile sig_atomic_t is_set;
	int fd;
	char bytes[256];
	size_t len;
	struct termios saved;
} rescue;

static void
crashed(int signo)
{
	if (rescue.is_set) {
		ssize_t n = write(rescue.fd, rescue.bytes, rescue.len);
		(void)n;
		tcsetattr(rescue.fd, TCSANOW, &rescue.saved);
	}
	signal(signo, SIG_DFL);
	raise(signo);
}

static void
rescue_set(struct term *t)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	struct sigaction action = {.sa_handler = crashed, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
	const char *parts[6] = {"\033[?2004l\033[?1000l\033[?1006l", tigetstr("rmkx"), tigetstr("cnorm"), tigetstr("sgr0"), tigetstr("rmcup"), "\r\n"};

	rescue.fd = t->fd;
	rescue.saved = t->saved;
	rescue.len = 0;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		size_t len = parts[i] != NULL && parts[i] != (char *)-1 ? strlen(parts[i]) : 0;
		/* padding ($<5>) is for terminals of another age */
		const char *pad = len > 0 ? strstr(parts[i], "$<") : NULL;
		if (pad != NULL)
			len = (size_t)(pad - parts[i]);
		if (rescue.len + len < sizeof rescue.bytes) {
			memcpy(rescue.bytes + rescue.len, len > 0 ? parts[i] : "", len);
			rescue.len += len;
		}
	}
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &action, NULL);
	rescue.is_set = 1;
}

/*
 * Takes out what curses says twice: to end attributes it also names ASCII as the character set, which nothing here
 * ever leaves (but once, for what stood there before), and colours that the next sequence resets anyway.
 */
static void
thin(struct str *bytes, size_t from, bool keeps_first)
{
	static const struct {
		const char *said;
		size_t len, skip; /* of its beginning */
	} twice[] = {{"\033[39m\033[m", 8, 5}, {"\033[m\033[0;", 7, 3}, {"\033(B", 3, 3}};
	size_t to = from;

	for (int round = 0; round < 2; round++, to = from) { /* the second sees what the first brought together */
		for (size_t i = from; i < bytes->len;) {
			size_t skip = 0;
			for (size_t k = 0; k < 3 && bytes->at[i] == '\033' && skip == 0; k++)
				if (bytes->len - i >= twice[k].len && memcmp(bytes->at + i, twice[k].said, twice[k].len) == 0)
					skip = twice[k].skip;
			if (skip == 3 && bytes->at[i + 1] == '(' && keeps_first)
				skip = 0, keeps_first = false;
			if (skip > 0)
				i += skip;
			else
				bytes->at[to++] = bytes->at[i++];
		}
		str_cut(bytes, to);
		keeps_first = true; /* it is the only one left */
	}
}

/* Takes what curses painted. */
static void
collect(struct term *t)
{
	char buffer[4096];
	size_t from = t->pending.len;
	off_t size, at = 0;

	fflush(t->out);
	size = lseek(t->memory, 0, SEEK_CUR);
	while (at < size) {
		ssize_t n = pread(t->memory, buffer, sizeof buffer, at);
		if (n <= 0)
			break;
		str_addn(&t->pending, buffer, (size_t)n);
		at += n;
	}
	thin(&t->pending, from, t->is_whole);
	if (ftruncate(t->memory, 0) == 0)
		lseek(t->memory, 0, SEEK_SET);
}

void
term_write(struct term *t)
{
	while (t->sent < t->pending.len && !t->is_gone) {
		ssize_t n = write(t->fd, t->pending.at + t->sent, t->pending.len - t->sent);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n <= 0) {
			t->is_gone = true;
			return;
		}
		t->sent += (size_t)n;
	}
	str_clear(&t->pending);
	t->sent = 0;
}

static void
raw_on(struct term *t)
{
	struct termios raw;

	if (tcgetattr(t->fd, &t->saved) != 0)
		return;
	t->is_saved = true;
	raw = t->saved;
	raw.c_iflag &= ~(tcflag_t)(IXON | IXOFF | ICRNL | INLCR | IGNCR | ISTRIP | BRKINT | PARMRK);
	raw.c_oflag &= ~(tcflag_t)OPOST;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ECHONL | ISIG | IEXTEN);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(t->fd, TCSADRAIN, &raw);
}

static void
colors_on(struct term *t, bool no_color)
{
	t->has_color = false;
	if (no_color || !has_colors() || start_color() == ERR || COLORS < 8 || COLOR_PAIRS < 9)
		return;
	use_default_colors();
	for (short color = 0; color < 8; color++)
		init_pair((short)(color + 1), color, -1);
	t->has_color = true;
}

struct term *
term_open(int tty, bool no_color, struct err *err)
{
	const char *name = getenv("TERM");
	struct term *t = xcalloc(1, sizeof *t);

	t->fd = tty;
	t->memory = memfd_create("jailtop-screen", MFD_CLOEXEC);
	if (t->memory < 0) {
		err_set(err, "cannot open the terminal: %s", strerror(errno));
		goto failed;
	}
	t->out = fdopen(dup(t->memory), "w");
	t->in = fdopen(dup(t->fd), "r");
	if (t->out == NULL || t->in == NULL) {
		err_set(err, "cannot open the terminal: %s", strerror(errno));
		goto failed;
	}
	t->is_ascii = strcasecmp(nl_langinfo(CODESET), "UTF-8") != 0;
	raw_on(t);
	set_escdelay(100);
	/* the size is asked of the terminal itself at each paint; a terminal such as `linux` names none */
	unsetenv("LINES");
	unsetenv("COLUMNS");
	t->screen = newterm(name, t->out, t->in);
	if (t->screen == NULL) {
		if (t->is_saved)
			tcsetattr(t->fd, TCSADRAIN, &t->saved);
		err_set(err, "curses does not know the terminal '%s'; try TERM=xterm jailtop", name != NULL ? name : "");
		goto failed;
	}
	set_term(t->screen);
	if (t->is_saved) { /* curses may have meant the memory; it is the terminal that must be raw */
		struct termios saved = t->saved;
		raw_on(t);
		t->saved = saved;
	}
	nonl();
	noecho();
	typeahead(-1); /* a frame is painted whole, also while an answer or a key comes in */
	raw();
	set_escdelay(100);
	t->input = newpad(1, 1);
	keypad(t->input, TRUE);
	nodelay(t->input, TRUE);
	meta(t->input, TRUE);
	curs_set(0);
	define_key("\033[0n", CODE_ANSWER);
	define_key("\033[200~", CODE_PASTE_BEGIN);
	define_key("\033[201~", CODE_PASTE_END);
	colors_on(t, no_color);
	rescue_set(t);
	collect(t);
	str_add(&t->pending, "\033[?2004h"); /* pasted text is told apart from keys */
	return t;
failed:
	if (t->out != NULL)
		fclose(t->out);
	if (t->in != NULL)
		fclose(t->in);
	if (t->memory >= 0)
		close(t->memory);
	free(t);
	return NULL;
}

void
term_close(struct term *t)
{
	if (t == NULL)
		return;
	term_mouse(t, false);
	delwin(t->input);
	endwin();
	collect(t);
	rescue.is_set = 0;
	str_add(&t->pending, "\033[?2004l");
	/* a terminal that does not read any more gets half a second */
	for (int i = 0; i < 10 && !t->is_gone; i++) {
		struct pollfd ready = {.fd = t->fd, .events = POLLOUT};
		term_write(t);
		if (t->pending.len == 0 || poll(&ready, 1, 50) < 0)
			break;
	}
	if (t->is_asked && t->answers && !t->is_gone) {
		/* the answer that is still on its way must not land in the shell */
		for (int i = 0; i < 10 && t->is_asked; i++) {
			struct pollfd ready = {.fd = t->fd, .events = POLLIN};
			char bytes[256];
			if (poll(&ready, 1, 30) <= 0)
				continue;
			ssize_t n = read(t->fd, bytes, sizeof bytes);
			if (n <= 0 || memmem(bytes, (size_t)n, "\033[0n", 4) != NULL)
				break;
		}
	}
	if (t->is_saved)
		tcsetattr(t->fd, TCSANOW, &t->saved);
	delscreen(t->screen);
	fclose(t->out);
	fclose(t->in);
	close(t->fd);
	close(t->memory);
	free(t->shown);
	str_done(&t->pending);
	free(t);
}

int
term_fd(const struct term *t)
{
	return t->fd;
}

void
term_size(const struct term *t, int *w, int *h)
{
	struct winsize size;

	*w = 80;
	*h = 24;
	if (ioctl(t->fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
		*w = size.ws_col < 1000 ? size.ws_col : 1000;
		*h = size.ws_row < 500 ? size.ws_row : 500;
	}
}

bool
term_is_ascii(const struct term *t)
{
	return t->is_ascii;
}

bool
term_has_color(const struct term *t)
{
	return t->has_color;
}

bool
term_is_gone(const struct term *t)
{
	return t->is_gone;
}

static int
mouse_key(struct term *t)
{
	if (t->n_events == 0)
		return K_UNKNOWN;
	const MEVENT *event = &t->events[--t->n_events];
	t->click_x = event->x;
	t->click_y = event->y;
	return event->bstate & BUTTON4_PRESSED ? K_WHEEL_UP : event->bstate & BUTTON5_PRESSED ? K_WHEEL_DOWN
	    : event->bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED) ? K_CLICK : K_UNKNOWN;
}

void
term_mouse(struct term *t, bool is_on)
{
	if (t->is_mouse_on == is_on)
		return;
	t->is_mouse_on = is_on;
	mouseinterval(0);
	mousemask(is_on ? BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0, NULL);
	collect(t);
	term_write(t);
}

void
term_click(const struct term *t, int *x, int *y)
{
	*x = t->click_x;
	*y = t->click_y;
}

void
term_copy(struct term *t, const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(text);

	str_add(&t->pending, "\033]52;c;");
	for (size_t i = 0; i < len; i += 3) {
		const unsigned char *p = (const unsigned char *)text + i;
		unsigned group = (unsigned)p[0] << 16 | (i + 1 < len ? (unsigned)p[1] << 8 : 0) | (i + 2 < len ? p[2] : 0u);
		for (size_t k = 0; k < 4; k++)
			str_addc(&t->pending, i + k > len ? '=' : digits[group >> (18 - 6 * k) & 63]);
	}
	str_add(&t->pending, "\033\\");
	term_write(t);
}

int
term_key(struct term *t)
{
	static const struct {
		int curses, key;
	} map[] = {
	    {KEY_UP, K_UP}, {KEY_DOWN, K_DOWN}, {KEY_LEFT, K_LEFT}, {KEY_RIGHT, K_RIGHT}, {KEY_PPAGE, K_PGUP}, {KEY_NPAGE, K_PGDN},
	    {KEY_HOME, K_HOME}, {KEY_END, K_END}, {KEY_BTAB, K_BACKTAB}, {KEY_BACKSPACE, K_BACKSPACE}, {KEY_DC, K_DELETE},
	    {KEY_ENTER, '\r'}, {KEY_F(1), K_F1}, {KEY_F(2), K_F2}, {KEY_F(3), K_F3}, {KEY_F(4), K_F4}, {KEY_F(6), K_F6},
	    {KEY_F(10), K_F10}, {CODE_PASTE_BEGIN, K_PASTE_BEGIN}, {CODE_PASTE_END, K_PASTE_END},
	};
	wint_t got;

	if (t->n_events > 0)
		return mouse_key(t);
	int kind = wget_wch(t->input, &got);

	if (kind == ERR) {
		struct pollfd ready = {.fd = t->fd, .events = POLLIN};
		if (poll(&ready, 1, 0) > 0 && (ready.revents & (POLLHUP | POLLERR | POLLNVAL)))
			t->is_gone = true;
		return 0;
	}
	if (kind == KEY_CODE_YES) {
		if (got == CODE_ANSWER) {
			t->is_asked = false;
			t->answers = true;
			t->silent = 0;
			return K_ANSWERED;
		}
		if (got == KEY_MOUSE) { /* what came at once is one key */
			while (t->n_events < MOUSE_EVENTS && getmouse(&t->events[t->n_events]) == OK)
				t->n_events++;
			return mouse_key(t);
		}
		for (size_t i = 0; i < sizeof map / sizeof *map; i++)
			if (map[i].curses == (int)got)
				return map[i].key;
		return K_UNKNOWN;
	}
	if (got == '\n')
		return '\r';
	if (got == 127)
		return K_BACKSPACE;
	return got == 0 ? K_UNKNOWN : (int)got;
}

void
term_drop_input(struct term *t)
{
	tcflush(t->fd, TCIFLUSH);
	for (int i = 0; i < 10000 && term_key(t) != 0; i++)
		;
}

static bool
expects_answer(const struct term *t)
{
	return t->answers || t->silent < SILENT_FRAMES;
}

bool
term_may_paint(struct term *t, double now)
{
	struct pollfd ready = {.fd = t->fd, .events = POLLOUT};

	if (t->is_gone)
		return false;
	if (t->pending.len > t->sent)
		return false;
	if (t->is_asked && expects_answer(t)) {
		if (now - t->asked_at < ANSWER_WAIT_S)
			return false;
		t->silent++;
		t->is_asked = false;
	}
	return poll(&ready, 1, 0) > 0 && (ready.revents & POLLOUT);
}

bool
term_is_shown(const struct term *t, double now)
{
	if (t->pending.len > t->sent)
		return false;
	return !t->is_asked || !expects_answer(t) || now - t->asked_at >= ANSWER_WAIT_S;
}

bool
term_wants_write(const struct term *t)
{
	return t->pending.len > t->sent;
}

static void
cell_paint(const struct term *t, int x, int y, const struct cell *cell)
{
	const struct style *style = theme_style(t->has_color ? t->theme : THEME_MONO, cell->role);
	attr_t attrs = A_NORMAL;
	cchar_t out;
	wchar_t text[CCHARW_MAX + 1] = {0};
	mbstate_t state = {0};
	const char *bytes = cell->bytes;
	size_t n;

	if (style->is_bold || (cell->flags & CELL_BOLD))
		attrs |= A_BOLD;
	if (style->is_dim || (cell->flags & CELL_DIM))
		attrs |= A_DIM;
	if ((attrs & A_DIM) && (attrs & A_BOLD))
		attrs &= ~A_BOLD;
	if (style->is_underlined)
		attrs |= A_UNDERLINE;
	if (style->is_reverse != ((cell->flags & CELL_REVERSE) != 0))
		attrs |= A_REVERSE;
	n = mbsrtowcs(text, &bytes, CCHARW_MAX, &state);
	if (n == (size_t)-1 || n == 0) {
		text[0] = '?';
		n = 1;
	}
	text[n] = L'\0';
	setcchar(&out, text, attrs, t->has_color && style->fg >= 0 ? (short)(style->fg + 1) : 0, NULL);
	mvadd_wch(y, x, &out);
}

void
term_paint(struct term *t, const struct canvas *c, enum theme_name theme, bool whole, double now)
{
	size_t count = (size_t)c->w * (size_t)c->h;

	if (c->w != t->w || c->h != t->h) {
		resizeterm(c->h, c->w);
		whole = true;
		t->w = c->w;
		t->h = c->h;
		free(t->shown);
		t->shown = xcalloc(count + 1, sizeof *t->shown);
	}
	if (t->theme != theme || !t->has_theme) {
		t->theme = theme;
		t->has_theme = whole = true;
	}
	if (whole) {
		memset(t->shown, 0, count * sizeof *t->shown);
		clearok(curscr, TRUE);
		werase(stdscr);
	}
	for (int y = 0; y < c->h; y++)
		for (int x = 0; x < c->w; x++) {
			const struct cell *cell = &c->cells[(size_t)y * (size_t)c->stride + (size_t)x];
			struct cell *old = &t->shown[(size_t)y * (size_t)c->w + (size_t)x];
			bool after_wide = x + 1 < c->w && cell[1].bytes[0] == '\0';
			if (!whole && memcmp(cell, old, sizeof *cell) == 0 &&
			    (!after_wide || memcmp(cell + 1, old + 1, sizeof *cell) == 0))
				continue;
			*old = *cell;
			if (cell->bytes[0] != '\0')
				cell_paint(t, x, y, cell);
		}
	wnoutrefresh(stdscr);
	doupdate();
	t->is_whole = whole;
	collect(t);
	t->is_whole = false;
	if (t->pending.len == 0)
		return;
	if (expects_answer(t)) {
		str_add(&t->pending, "\033[5n");
		t->is_asked = true;
		t->asked_at = now;
	}
	term_write(t);
}
