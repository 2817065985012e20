#include "ban/bantime.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ban/formula.h"
#include "base/duration.h"
#include "base/mem.h"
#include "base/str.h"

#define MAX_MULTIPLIERS 1000

static const char *
text_of(const struct value *options, const char *name)
{
	return value_text(value_get(options, name));
}

static bool
truth_of(const struct value *options, const char *name)
{
	const struct value *v = value_get(options, name);

	if (v == NULL)
		return false;
	if (v->kind == VALUE_BOOL)
		return v->truth;
	struct str s = {0};
	value_to_text(v, &s);
	char *low = str_lower_dup(str_text(&s));
	bool is_true = strcmp(low, "1") == 0 || strcmp(low, "on") == 0 || strcmp(low, "true") == 0 || strcmp(low, "yes") == 0;
	free(low);
	str_done(&s);
	return is_true;
}

bool
bantime_is_increment(const struct value *options)
{
	return truth_of(options, "increment");
}

bool
bantime_is_overall(const struct value *options)
{
	return truth_of(options, "overalljails");
}

static double
number_of(const struct value *options, const char *name, double otherwise)
{
	const struct value *v = value_get(options, name);

	return v == NULL ? otherwise : v->kind == VALUE_INT ? (double)v->integer : v->kind == VALUE_FLOAT ? v->real : otherwise;
}

int64_t
bantime_maxtime(const struct value *options)
{
	return (int64_t)number_of(options, "maxtime", -1);
}

static bool
multiplier(const char *text, int count, double *out, struct err *err)
{
	const char *p = text;
	double last = 1;

	for (int i = 0; i < MAX_MULTIPLIERS; i++) {
		char *end;
		p += strspn(p, " ");
		if (*p == '\0')
			break;
		last = (double)strtol(p, &end, 10);
		if (end == p || (*end != ' ' && *end != '\0'))
			return err_set(err, "invalid literal for int() with base 10: '%.*s'", (int)strcspn(p, " "), p); /* compat */
		p = end;
		if (i == count)
			break;
	}
	*out = last;
	return true;
}

bool
bantime_set(struct value *options, const char *option, const struct value *v, struct err *err)
{
	struct str s = {0};
	double n = 0;
	bool ok = true;

	if (v->kind != VALUE_NONE)
		value_to_text(v, &s);
	struct value *kept;
	if (v->kind == VALUE_NONE || s.len == 0) {
		kept = value_none();
	} else if (strcmp(option, "increment") == 0) {
		struct value *one = value_dict();
		value_put(one, "increment", value_dup(v));
		kept = value_bool(bantime_is_increment(one));
		value_free(one);
	} else if (strcmp(option, "maxtime") == 0 || strcmp(option, "rndtime") == 0) {
		bool is_whole = true;
		ok = duration_eval(str_text(&s), &n, &is_whole, err);
		kept = ok && is_whole ? value_int((int64_t)n) : value_float(n);
	} else {
		struct formula_env env = {.time = 600, .count = 1, .factor = 1, .random = 0.5};
		if (strcmp(option, "multipliers") == 0)
			ok = multiplier(str_text(&s), MAX_MULTIPLIERS, &n, err);
		else if (strcmp(option, "formula") == 0 || strcmp(option, "factor") == 0)
			ok = formula_eval(str_text(&s), &env, &n, err);
		kept = value_dup(v);
	}
	if (ok)
		value_put(options, option, kept);
	else
		value_free(kept);
	str_done(&s);
	return ok;
}

bool
bantime_next(const struct value *options, int64_t base, int count, double random, int64_t *seconds, struct err *err)
{
	const char *multipliers = text_of(options, "multipliers"), *formula = text_of(options, "formula");
	struct formula_env env = {.time = (double)base, .count = count, .factor = 1, .random = random};
	double t = (double)base * ldexp(1, count < 20 ? count : 20);
	bool ok = true;

	*seconds = base;
	if (base < 0 || count <= 0)
		return true;
	const struct value *factor = value_get(options, "factor");
	if (factor != NULL && factor->kind != VALUE_NONE) {
		struct str s = {0};
		value_to_text(factor, &s);
		ok = formula_eval(str_text(&s), &env, &env.factor, err);
		str_done(&s);
	}
	if (multipliers != NULL && *multipliers != '\0') {
		double m = 1;
		ok = multiplier(multipliers, count, &m, err) && ok;
		t = (double)base * env.factor * m;
	} else {
		t *= env.factor;
		if (formula != NULL && *formula != '\0')
			ok = formula_eval(formula, &env, &t, err) && ok;
		t = fmax((double)base, t);
	}
	double most = number_of(options, "maxtime", -1);
	if (most >= 0)
		t = fmin(t, most);
	t += random * number_of(options, "rndtime", 0);
	*seconds = t > 1e15 ? (int64_t)1e15 : (int64_t)t;
	return ok;
}
