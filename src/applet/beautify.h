/*
 * beautify: a reply -> the text that fail2ban-client prints for it, to the byte, or one JSON object.
 */
#ifndef APPLET_BEAUTIFY_H
#define APPLET_BEAUTIFY_H

#include "base/str.h"
#include "base/value.h"

/*
 * The text for the answer `reply` to `command`, without the last LF. False when the reply has not the
 * form that belongs to the command: then *out is what the stock client shows of it.
 */
bool beautify(const struct value *command, const struct value *reply, struct str *out);

/* The text for an exception (pickle_exception()). */
void beautify_error(const char *class_name, const struct value *args, struct str *out);

/* .args of an exception as Python's repr: of an OSError only code and text. */
void beautify_args(const char *class_name, const struct value *args, struct str *out);

/* {"ok": true, "value": …}: tuples of (name, value) in a list become an object. */
void beautify_json(const struct value *reply, struct str *out);
/* {"ok": false, "error": text, "class": …} */
void beautify_json_error(const char *class_name, const char *text, struct str *out);

#endif
