/*
 * term: the terminal. The only file that includes curses.
 *
 * curses paints into memory; the bytes go to the terminal through a descriptor of our own that never
 * blocks. A frame is only made when the one before is out and answered (ESC[5n), so that a slow or dead
 * link costs frames, never the reading of the socket.
 */
#ifndef UI_TERM_H
#define UI_TERM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "canvas.h"
#include "theme.h"

struct term;

/* tty: a non-blocking descriptor of the terminal, opened before root was given up; taken, closed by term_close(). */
struct term *term_open(int tty, bool no_color, struct err *err);
void term_close(struct term *t); /* as it was found; NULL is fine */
int term_fd(const struct term *t);
void term_size(const struct term *t, int *w, int *h); /* what the kernel says */
bool term_is_ascii(const struct term *t);
bool term_has_color(const struct term *t);

/* The next key (keys.h), 0: none. K_ANSWERED is consumed here as well as returned. */
int term_key(struct term *t);
bool term_is_gone(const struct term *t); /* the terminal hung up */

/* False: the frame before is not out or not answered yet; ask again later. now: monotonic. */
bool term_may_paint(struct term *t, double now);
/* All of it when `whole` (resize, Ctrl-L), else what changed. */
void term_paint(struct term *t, const struct canvas *c, enum theme_name theme, bool whole, double now);
bool term_wants_write(const struct term *t); /* bytes wait for the terminal */
void term_write(struct term *t);             /* it takes some again */
bool term_is_shown(const struct term *t, double now); /* the last frame was answered, or no answer is to be expected */
void term_drop_input(struct term *t);
void term_mouse(struct term *t, bool is_on); /* K_WHEEL_UP, K_WHEEL_DOWN and K_CLICK come, or not */
void term_click(const struct term *t, int *x, int *y); /* of the last K_CLICK */
void term_copy(struct term *t, const char *text); /* to the terminal's clipboard: OSC 52 */

#endif
