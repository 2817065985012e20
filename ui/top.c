/*
 * top: `jailtop`: options, then attach, then the loop that ties terminal, engine and struct ui together.
 * Paints when something changed: at once for a key, else at most four times a second.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "base/text.h"
#include "batch.h"
#include "jailtop/applet.h"
#include "jailtop/attach.h"
#include "jailtop/wire.h"
#include "prefs.h"
#include "term.h"
#include "ui.h"

#define FRAME_MS 250
#define FRAME_SLOW_MS 1000
#define SERVER_ARGS_MAX 32

struct top {
	struct ui ui;
	struct term *term;
	struct canvas canvas;
	struct attach *attach;
	struct mirror *model;
	struct record *record;
	uv_loop_t loop;
	uv_poll_t tty;
	uv_timer_t frame;
	uv_signal_t signals[5];
	bool is_closing, must_resize, is_key_frame, has_been_down;
	int frame_ms;
	uint64_t next_paint_ms; /* loop time */
};

struct options {
	const char *socket, *dir, *pidfile, *theme, *replay, *record;
	double clock;
	bool has_clock, read_only, no_color, slow, batch, json, dry_run, no_start;
};

static double
monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
usage(FILE *out)
{
	fputs("Usage: jailtop [OPTIONS]\n"
	      "       jailtop server|client|regex|config ...\n"
	      "\n"
	      "Attaches to the running engine, or starts one and attaches. Leaving does not stop it.\n"
	      "\n"
	      "  -s, --socket PATH    the engine's socket (else $JAILTOP_SOCKET, else the configuration's)\n"
	      "  -c, --conf DIR       configuration directory\n"
	      "  -p, --pidfile PATH   pid file of an engine that is started here\n"
	      "      --dry-run        start the engine so that it runs no command\n"
	      "      --no-start       only attach\n"
	      "  -R, --read-only      no key changes anything\n"
	      "      --no-color       as NO_COLOR=1\n"
	      "      --theme NAME     dark, light, blue-orange, mono\n"
	      "      --slow           one frame a second, for a thin link\n"
	      "      --batch          print the state as text and leave\n"
	      "      --json           print the engine's messages as they come\n"
	      "      --record FILE    keep the engine's messages in a new file\n"
	      "      --replay FILE    show such a file instead of an engine\n"
	      "      --clock T        with --replay: the time to show, seconds since the epoch\n"
	      "      --keys           print the table of keys\n"
	      "  -h, --help           this text\n"
	      "  -V, --version        the version\n",
	    out);
}

/* The exit code of having printed something. */
static int
printed(void)
{
	if (fflush(stdout) == 0)
		return 0;
	fprintf(stderr, "jailtop: cannot write: %s\n", strerror(errno));
	return 1;
}

enum { OPT_DRY = 256, OPT_NO_START, OPT_NO_COLOR, OPT_THEME, OPT_SLOW, OPT_BATCH, OPT_JSON, OPT_RECORD, OPT_REPLAY, OPT_CLOCK, OPT_KEYS };

/* -1: go on; else the exit code. */
static int
options_read(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
	    {"socket", required_argument, NULL, 's'}, {"conf", required_argument, NULL, 'c'}, {"config", required_argument, NULL, 'c'},
	    {"pidfile", required_argument, NULL, 'p'}, {"dry-run", no_argument, NULL, OPT_DRY}, {"no-start", no_argument, NULL, OPT_NO_START},
	    {"read-only", no_argument, NULL, 'R'}, {"no-color", no_argument, NULL, OPT_NO_COLOR}, {"theme", required_argument, NULL, OPT_THEME},
	    {"slow", no_argument, NULL, OPT_SLOW}, {"batch", no_argument, NULL, OPT_BATCH}, {"json", no_argument, NULL, OPT_JSON},
	    {"record", required_argument, NULL, OPT_RECORD}, {"replay", required_argument, NULL, OPT_REPLAY},
	    {"clock", required_argument, NULL, OPT_CLOCK}, {"keys", no_argument, NULL, OPT_KEYS}, {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'}, {NULL, 0, NULL, 0},
	};
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "s:c:p:RhV", longs, NULL)) != -1)
		switch (c) {
		case 's':
			o->socket = optarg;
			break;
		case 'c':
			o->dir = optarg;
			break;
		case 'p':
			o->pidfile = optarg;
			break;
		case 'R':
			o->read_only = true;
			break;
		case OPT_DRY:
			o->dry_run = true;
			break;
		case OPT_NO_START:
			o->no_start = true;
			break;
		case OPT_NO_COLOR:
			o->no_color = true;
			break;
		case OPT_THEME:
			o->theme = optarg;
			break;
		case OPT_SLOW:
			o->slow = true;
			break;
		case OPT_BATCH:
			o->batch = true;
			break;
		case OPT_JSON:
			o->json = true;
			break;
		case OPT_RECORD:
			o->record = optarg;
			break;
		case OPT_REPLAY:
			o->replay = optarg;
			break;
		case OPT_CLOCK:
			o->clock = strtod(optarg, &end);
			o->has_clock = true;
			if (end == optarg || *end != '\0' || !isfinite(o->clock)) {
				fprintf(stderr, "jailtop: --clock wants seconds since the epoch, not %s\n", optarg);
				return 2;
			}
			break;
		case OPT_KEYS:
			keys_print(stdout);
			return printed();
		case 'h':
			usage(stdout);
			return printed();
		case 'V':
			printf("jailtop %s (behaves as fail2ban %s)\n", JAILTOP_VERSION, JAILTOP_COMPAT_VERSION);
			return printed();
		default:
			fputs("jailtop: see jailtop --help\n", stderr);
			return 2;
		}
	if (optind < argc) {
		fprintf(stderr, "jailtop: no such command: %s (see jailtop --help)\n", argv[optind]);
		return 2;
	}
	return -1;
}

/* ---- painting ---- */
static void
paint(struct top *top)
{
	double now = monotonic();

	if (top->must_resize) {
		int w, h;
		term_size(top->term, &w, &h);
		if (w != top->canvas.w || h != top->canvas.h) {
			canvas_done(&top->canvas);
			canvas_init(&top->canvas, w, h, top->ui.is_ascii);
		}
		ui_resize(&top->ui, w, h);
		ui_update(&top->ui, now);
		top->ui.must_repaint = true;
		top->must_resize = false;
	}
	top->ui.mono = now;
	term_mouse(top->term, top->ui.is_mouse_on);
	if (top->ui.copy[0] != '\0') {
		term_copy(top->term, top->ui.copy);
		top->ui.copy[0] = '\0';
	}
	ui_draw(&top->ui, &top->canvas);
	term_paint(top->term, &top->canvas, top->ui.theme, top->ui.must_repaint, now);
	top->ui.must_draw = top->ui.must_repaint = false;
	top->is_key_frame = false;
	top->next_paint_ms = uv_now(&top->loop) + (uint64_t)top->frame_ms;
}

static void top_close(struct top *top);
static void tty_watch(struct top *top);

static void
on_frame(uv_timer_t *timer)
{
	struct top *top = timer->data;
	double now = monotonic();

	if (top->is_closing)
		return;
	if (term_wants_write(top->term))
		term_write(top->term);
	if (top->ui.is_gate_closed && !top->ui.must_draw && term_is_shown(top->term, now)) {
		/* the question is on the screen; a terminal that does not answer gets what lies in its queue dropped */
		term_drop_input(top->term);
		top->ui.is_gate_closed = false;
	}
	if (uv_now(&top->loop) >= top->next_paint_ms || top->is_key_frame) {
		top->ui.is_up = top->attach != NULL && attach_is_up(top->attach);
		top->ui.can_write = top->attach != NULL && attach_can_write(top->attach);
		if (top->attach != NULL) {
			top->ui.down_for = attach_down_for(top->attach);
			top->ui.retry_in = attach_retry_in(top->attach);
		}
		if (!top->is_key_frame)
			ui_tick(&top->ui, now);
		if ((top->ui.must_draw || top->must_resize) && term_may_paint(top->term, now))
			paint(top);
	}
	if (term_is_gone(top->term))
		top->ui.is_leaving = true;
	if (top->ui.is_leaving)
		top_close(top);
	else
		tty_watch(top);
}

/* A frame soon: at once after a key, else when its time has come. */
static void
frame_soon(struct top *top, bool is_key)
{
	if (is_key) {
		top->is_key_frame = true;
		uv_timer_start(&top->frame, on_frame, 0, 50);
	}
}

static void
on_tty(uv_poll_t *poll, int status, int events)
{
	struct top *top = poll->data;
	bool was_key = false, was_answered = false;
	int key;

	if (top->is_closing)
		return;
	if (status < 0) {
		top->ui.is_leaving = true;
		top_close(top);
		return;
	}
	if (events & UV_WRITABLE)
		term_write(top->term);
	for (int i = 0; i < 200 && (key = term_key(top->term)) != 0; i++) {
		if (key == K_ANSWERED) {
			was_answered = true;
			/* keys that come after this were typed with the question in sight */
			if (top->ui.is_gate_closed && !top->ui.must_draw)
				top->ui.is_gate_closed = false;
			continue;
		}
		if (key == K_CLICK) {
			int x, y;
			term_click(top->term, &x, &y);
			ui_click(&top->ui, x, y, monotonic());
		} else {
			ui_key(&top->ui, key, monotonic());
		}
		was_key = true;
	}
	if (term_is_gone(top->term) || (status == 0 && (events & UV_DISCONNECT)))
		top->ui.is_leaving = true;
	if (top->ui.is_leaving) {
		top_close(top);
		return;
	}
	if (was_key || (was_answered && top->is_key_frame) || (was_answered && top->ui.is_gate_closed))
		frame_soon(top, true);
	tty_watch(top);
}

static void
tty_watch(struct top *top)
{
	uv_poll_start(&top->tty, UV_READABLE | UV_DISCONNECT | (term_wants_write(top->term) ? UV_WRITABLE : 0), on_tty);
}

/* ---- the engine ---- */
static void
on_message(void *arg, const json_t *message, const char *line, size_t len)
{
	struct top *top = arg;

	record_line(top->record, line, len);
	mirror_feed(top->model, message, monotonic());
	top->ui.view = mirror_view(top->model); /* a snapshot replaces it */
}

static void
on_state(void *arg, enum attach_state state, const char *reason)
{
	struct top *top = arg;

	if (state == ATTACH_UP && top->has_been_down)
		ui_message(&top->ui, ROLE_GOOD, "the engine answers again");
	top->has_been_down |= state == ATTACH_DOWN && top->ui.view->is_filled;
	if (state == ATTACH_UP)
		top->has_been_down = false;
	top->ui.is_up = state == ATTACH_UP;
	snprintf(top->ui.down_reason, sizeof top->ui.down_reason, "%s", state == ATTACH_UP ? "" : reason);
	top->ui.must_draw = true;
	if (state == ATTACH_DOWN && top->ui.is_stopping)
		top->ui.is_leaving = true;
	if (state == ATTACH_DOWN && top->ui.dialog.is_open)
		dialog_close(&top->ui);
}

static bool
on_send(void *arg, const char *const *words, size_t count, attach_reply_fn fn, void *fn_arg)
{
	struct top *top = arg;

	return top->attach != NULL && attach_command(top->attach, words, count, fn, fn_arg);
}

/* ---- ends ---- */
static void
top_close(struct top *top)
{
	if (top->is_closing)
		return;
	top->is_closing = true;
	regex_stop(&top->ui);
	uv_poll_stop(&top->tty);
	uv_close((uv_handle_t *)&top->tty, NULL);
	uv_close((uv_handle_t *)&top->frame, NULL);
	for (size_t i = 0; i < sizeof top->signals / sizeof *top->signals; i++)
		uv_close((uv_handle_t *)&top->signals[i], NULL);
	if (top->attach != NULL)
		attach_close(top->attach);
}

static void
on_signal(uv_signal_t *handle, int signo)
{
	struct top *top = handle->data;

	if (signo == SIGWINCH || signo == SIGCONT) {
		top->must_resize = true;
		top->ui.must_draw = true;
		frame_soon(top, true);
		return;
	}
	top->ui.exit_code = signo == SIGTERM || signo == SIGHUP ? 128 + signo : 0;
	top_close(top);
}

static void
screen_run(struct top *top, const struct options *o, bool is_replay)
{
	static const int signals[5] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGCONT};

	uv_poll_init(&top->loop, &top->tty, term_fd(top->term));
	uv_timer_init(&top->loop, &top->frame);
	top->tty.data = top->frame.data = top;
	for (size_t i = 0; i < 5; i++) {
		uv_signal_init(&top->loop, &top->signals[i]);
		top->signals[i].data = top;
		uv_signal_start(&top->signals[i], on_signal, signals[i]);
	}
	top->frame_ms = o->slow ? FRAME_SLOW_MS : FRAME_MS;
	top->must_resize = true;
	top->ui.is_read_only = o->read_only;
	top->ui.is_replay = is_replay;
	top->ui.has_fixed_now = is_replay && o->has_clock;
	top->ui.fixed_now = o->clock;
	top->ui.is_ascii = term_is_ascii(top->term);
	top->ui.no_color = !term_has_color(top->term);
	top->ui.loop = &top->loop;
	top->ui.send = on_send;
	top->ui.send_arg = top;
	if (getenv("JAILTOP_EXE") != NULL)
		top->ui.exe = getenv("JAILTOP_EXE");
	if (top->ui.no_color)
		top->ui.theme = THEME_MONO;
	paint(top); /* first the screen, then the engine */
	uv_timer_start(&top->frame, on_frame, 0, 50);
	tty_watch(top);
	if (top->attach != NULL)
		attach_run(top->attach, &top->loop, on_message, on_state, top);
	uv_run(&top->loop, UV_RUN_DEFAULT);
}

/* The terminal, or -1: asked before root is given up, because a tty may belong to another user. */
static int
terminal_open(void)
{
	const char *name = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || name == NULL || *name == '\0' || strcmp(name, "dumb") == 0)
		return -1;
	/* a description of our own: O_NONBLOCK on the shared one would outlive us in the shell */
	int flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, fd = open("/proc/self/fd/0", flags);
	if (fd < 0) { /* somebody else's terminal (su, setpriv): it is still our controlling one */
		unsigned ours = 0, theirs = 1;
		fd = open("/dev/tty", flags);
		if (fd >= 0 && (ioctl(fd, TIOCGDEV, &ours) != 0 || ioctl(STDIN_FILENO, TIOCGDEV, &theirs) != 0 || ours != theirs)) {
			close(fd);
			fd = -1;
		}
	}
	return fd;
}

static void
err_print(const struct err *err)
{
	struct str text = {0};

	text_clean_z(err->text, &text);
	fprintf(stderr, "jailtop: %s\n", str_text(&text));
	str_done(&text);
}

static bool
attach_make(struct top *top, const struct options *o, char own[ATTACH_OWN_MAX][64], int n_own, const char *client, struct err *err)
{
	const char *args[SERVER_ARGS_MAX];
	int n = 0;
	struct attach_spec spec = {.server_args = args, .never_start = o->no_start || o->batch || o->json, .n_own = n_own, .client = client};
	char *socket = attach_socket_path(o->socket, o->dir, err);

	if (socket == NULL)
		return false;
	if (o->dir != NULL) {
		args[n++] = "-c";
		args[n++] = o->dir;
	}
	if (o->pidfile != NULL) {
		args[n++] = "-p";
		args[n++] = o->pidfile;
	}
	if (o->dry_run)
		args[n++] = "--dry-run";
	args[n] = NULL;
	for (int i = 0; i < n_own; i++)
		spec.own[i] = own[i];
	spec.socket = socket;
	spec.exe = getenv("JAILTOP_EXE");
	top->attach = attach_begin(&spec, err);
	free(socket);
	return top->attach != NULL;
}

static void
own_set(struct view *v, char own[ATTACH_OWN_MAX][64], int n)
{
	for (int i = 0; i < n; i++)
		if (addr_parse(own[i], &v->own_addr[v->n_own]))
			v->own[v->n_own++] = xstrdup(own[i]);
}

int
applet_top(int argc, char **argv)
{
	struct options o = {0};
	char own[ATTACH_OWN_MAX][64];
	struct err err;
	int code = options_read(argc, argv, &o), n_own = 0, tty = -1;

	if (code >= 0)
		return code;
	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C");
	signal(SIGPIPE, SIG_IGN);
	if (!o.batch && !o.json && (tty = terminal_open()) < 0) {
		fputs("not a terminal: use jailtop --batch\n", stderr);
		return 2;
	}
	struct prefs prefs = {0};
	n_own = attach_own_addresses(own, tty >= 0 ? tty : STDIN_FILENO);
	struct top *top = xcalloc(1, sizeof *top);
	if (o.replay == NULL) {
		if (!attach_make(top, &o, own, n_own, o.json ? "json" : o.batch ? "batch" : "top", &err)) {
			err_print(&err);
			free(top);
			return 1;
		}
	}
	if (o.batch || o.json) {
		code = batch_run(top->attach, o.replay, o.json);
		free(top);
		return code;
	}
	top->model = mirror_new();
	uv_loop_init(&top->loop);
	ui_init(&top->ui, top->model);
	prefs_load(&prefs, &top->ui);
	if (o.record != NULL && (top->record = record_open(o.record, &err)) == NULL)
		goto failed;
	own_set(mirror_view(top->model), own, n_own);
	if (o.replay != NULL && !replay_file(o.replay, on_message, top, &err))
		goto failed;
	if (o.replay != NULL && !mirror_view(top->model)->is_filled) {
		err_set(&err, "%s: no whole snapshot is in it (jailtop --record makes such files)", o.replay);
		goto failed;
	}
	o.slow |= prefs.is_slow;
	if (o.theme != NULL && !theme_parse(o.theme, &top->ui.theme)) {
		err_set(&err, "no such theme: %s (dark, light, blue-orange, mono)", o.theme);
		goto failed;
	}
	const char *no_color = getenv("NO_COLOR");
	top->term = term_open(tty, o.no_color || prefs.no_color || (no_color != NULL && *no_color != '\0'), &err);
	if (top->term == NULL)
		goto failed;
	screen_run(top, &o, o.replay != NULL);
	term_close(top->term);
	code = top->ui.exit_code;
	goto done;
failed:
	err_print(&err);
	code = 1;
	if (top->attach != NULL)
		attach_close(top->attach);
done:
	uv_run(&top->loop, UV_RUN_DEFAULT);
	uv_loop_close(&top->loop);
	attach_free(top->attach);
	record_close(top->record);
	ui_done(&top->ui);
	mirror_free(top->model);
	canvas_done(&top->canvas);
	free(top);
	return code;
}
