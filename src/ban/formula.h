/*
 * formula: the arithmetic of `bantime.formula` and `bantime.factor`, which fail2ban hands to Python:
 * numbers, + - * / // % ** << >> & | ^, comparisons, and or not, `a if c else b`, parentheses, the names
 * below, and min max int float round abs pow, math.*, random.random uniform randint.
 */
#ifndef BAN_FORMULA_H
#define BAN_FORMULA_H

#include <stdbool.h>

#include "base/err.h"

#define FORMULA_MAX_LENGTH 4096
#define FORMULA_MAX_DEPTH 64

struct formula_env {
	double time, count, factor; /* ban.Time, ban.Count, banFactor */
	double random;              /* 0…1, what random.random() gives */
};

/* False with err (what was expected, at which column) when it cannot be computed. */
bool formula_eval(const char *text, const struct formula_env *env, double *out, struct err *err);

#endif
