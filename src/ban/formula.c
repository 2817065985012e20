#include "ban/formula.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	const char *text, *at;
	const struct formula_env *env;
	struct err *err;
	int depth;
	bool failed;
};

static double ternary(struct parser *p);

static double
fail(struct parser *p, const char *what)
{
	if (!p->failed)
		err_set(p->err, "formula '%.200s': column %d: %s", p->text, (int)(p->at - p->text) + 1, what);
	p->failed = true;
	return 0;
}

static void
skip(struct parser *p)
{
	while (*p->at == ' ' || *p->at == '\t' || *p->at == '\n')
		p->at++;
}

static bool
take(struct parser *p, const char *token)
{
	size_t n = strlen(token);

	skip(p);
	if (strncmp(p->at, token, n) != 0)
		return false;
	if (isalpha((unsigned char)*token) && (isalnum((unsigned char)p->at[n]) || p->at[n] == '_'))
		return false;
	p->at += n;
	return true;
}

/* An operator that is not the beginning of a longer one. */
static bool
take_op(struct parser *p, const char *op, const char *not_before)
{
	size_t n = strlen(op);

	skip(p);
	if (strncmp(p->at, op, n) != 0 || (p->at[n] != '\0' && strchr(not_before, p->at[n]) != NULL))
		return false;
	p->at += n;
	return true;
}

/* ---- names and calls ---- */

static const struct {
	const char *name;
	double (*one)(double);
	double (*two)(double, double);
} functions[] = {
    {"abs", fabs, NULL}, {"float", NULL, NULL}, {"int", trunc, NULL}, {"round", rint, NULL}, {"pow", NULL, pow},
    {"math.exp", exp, NULL}, {"math.sqrt", sqrt, NULL}, {"math.floor", floor, NULL}, {"math.ceil", ceil, NULL},
    {"math.pow", NULL, pow}, {"math.log2", log2, NULL}, {"math.log10", log10, NULL}, {"math.fabs", fabs, NULL},
    {"math.trunc", trunc, NULL}, {"math.log", log, NULL}, {"math.fmod", NULL, fmod},
};

#define MAX_ARGS 16

static double
call(struct parser *p, const char *name)
{
	double a[MAX_ARGS];
	int n = 0;

	while (!p->failed && !take(p, ")")) {
		if (n != 0 && !take(p, ","))
			return fail(p, "expected ',' or ')'");
		if (n == MAX_ARGS)
			return fail(p, "too many arguments");
		a[n++] = ternary(p);
	}
	if (p->failed)
		return 0;
	if ((strcmp(name, "min") == 0 || strcmp(name, "max") == 0) && n > 0) {
		double best = a[0];
		for (int i = 1; i < n; i++)
			best = *name == 'm' && name[1] == 'i' ? fmin(best, a[i]) : fmax(best, a[i]);
		return best;
	}
	if (strcmp(name, "random.random") == 0 && n == 0)
		return p->env->random;
	if (strcmp(name, "random.uniform") == 0 && n == 2)
		return a[0] + p->env->random * (a[1] - a[0]);
	if (strcmp(name, "random.randint") == 0 && n == 2)
		return floor(a[0] + p->env->random * (a[1] - a[0] + 1));
	if (strcmp(name, "math.log") == 0 && n == 2)
		return log(a[0]) / log(a[1]);
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
		if (strcmp(functions[i].name, name) == 0) {
			if (functions[i].two != NULL && n == 2)
				return functions[i].two(a[0], a[1]);
			if (functions[i].two == NULL && n == 1)
				return functions[i].one != NULL ? functions[i].one(a[0]) : a[0];
			return fail(p, "wrong number of arguments");
		}
	return fail(p, "unknown function");
}

static double
name_or_call(struct parser *p)
{
	char name[32];
	size_t n = strspn(p->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");

	if (n >= sizeof name)
		return fail(p, "unknown name");
	memcpy(name, p->at, n);
	name[n] = '\0';
	const char *start = p->at;
	p->at += n;
	if (take(p, "("))
		return call(p, name);
	if (strcmp(name, "ban.Time") == 0)
		return p->env->time;
	if (strcmp(name, "ban.Count") == 0)
		return p->env->count;
	if (strcmp(name, "banFactor") == 0)
		return p->env->factor;
	if (strcmp(name, "math.e") == 0)
		return M_E;
	if (strcmp(name, "math.pi") == 0)
		return M_PI;
	if (strcmp(name, "True") == 0)
		return 1;
	if (strcmp(name, "False") == 0)
		return 0;
	p->at = start;
	return fail(p, "unknown name: expected ban.Time, ban.Count, banFactor, math.… or random.…");
}

static double
atom(struct parser *p)
{
	double v = 0;

	skip(p);
	if (take(p, "(")) {
		v = ternary(p);
		return take(p, ")") ? v : fail(p, "expected ')'");
	}
	if (isdigit((unsigned char)*p->at) || (*p->at == '.' && isdigit((unsigned char)p->at[1]))) {
		char *end;
		v = strtod(p->at, &end);
		p->at = end;
		return v;
	}
	if (isalpha((unsigned char)*p->at) || *p->at == '_')
		return name_or_call(p);
	return fail(p, "expected a number, a name or '('");
}

static double unary(struct parser *p);

static double
power(struct parser *p)
{
	double base = atom(p);

	return take(p, "**") ? pow(base, unary(p)) : base; /* right to left */
}

static double
unary(struct parser *p)
{
	if (++p->depth > FORMULA_MAX_DEPTH)
		return fail(p, "nested too deeply");
	skip(p);
	double v;
	if (*p->at == '-' || *p->at == '+' || *p->at == '~') {
		char op = *p->at++;
		v = unary(p);
		v = op == '-' ? -v : op == '~' ? -v - 1 : v;
	} else {
		v = power(p);
	}
	p->depth--;
	return v;
}

static double
term(struct parser *p)
{
	double v = unary(p);

	while (!p->failed) {
		bool floor_div = false, mod = false;
		if (take_op(p, "*", "*")) {
			v *= unary(p);
			continue;
		}
		if ((floor_div = take(p, "//")) || (mod = take(p, "%")) || take_op(p, "/", "/")) {
			double by = unary(p);
			if (by == 0)
				return fail(p, "division by zero");
			v = floor_div ? floor(v / by) : mod ? v - by * floor(v / by) : v / by;
			continue;
		}
		break;
	}
	return v;
}

static double
sum(struct parser *p)
{
	double v = term(p);

	for (;;) {
		if (take(p, "+"))
			v += term(p);
		else if (take(p, "-"))
			v -= term(p);
		else
			return v;
	}
}

static double
shift(struct parser *p)
{
	double v = sum(p);

	for (;;) {
		if (take(p, "<<"))
			v = ldexp(trunc(v), (int)fmin(sum(p), 1000));
		else if (take(p, ">>"))
			v = floor(ldexp(trunc(v), -(int)fmin(sum(p), 1000)));
		else
			return v;
	}
}

/* & ^ | bind tighter in this order */
static double
bits(struct parser *p, int level)
{
	static const char *const ops[] = {"|", "^", "&"};
	double v = level < 3 ? bits(p, level + 1) : shift(p);

	while (level < 3 && !p->failed && take(p, ops[level])) {
		long long a = (long long)v, b = (long long)bits(p, level + 1);
		v = (double)(level == 0 ? a | b : level == 1 ? a ^ b : a & b);
	}
	return v;
}

static double
comparison(struct parser *p)
{
	double left = bits(p, 0);
	bool holds = true, is_one = false;

	while (!p->failed) {
		int op = take(p, "<=") ? 1 : take(p, ">=") ? 2 : take(p, "==") ? 3 : take(p, "!=") ? 4 :
		    take_op(p, "<", "<") ? 5 : take_op(p, ">", ">") ? 6 : 0;
		if (op == 0)
			break;
		double right = bits(p, 0);
		holds = holds && (op == 1 ? left <= right : op == 2 ? left >= right : op == 3 ? left == right :
		    op == 4 ? left != right : op == 5 ? left < right : left > right);
		left = right;
		is_one = true;
	}
	return is_one ? holds : left;
}

static double
negation(struct parser *p)
{
	if (++p->depth > FORMULA_MAX_DEPTH)
		return fail(p, "nested too deeply");
	double v = take(p, "not") ? negation(p) == 0 : comparison(p);
	p->depth--;
	return v;
}

static double
conjunction(struct parser *p)
{
	double v = negation(p);

	while (!p->failed && take(p, "and")) {
		double right = negation(p);
		v = v != 0 ? right : v;
	}
	return v;
}

static double
disjunction(struct parser *p)
{
	double v = conjunction(p);

	while (!p->failed && take(p, "or")) {
		double right = conjunction(p);
		v = v != 0 ? v : right;
	}
	return v;
}

static double
ternary(struct parser *p)
{
	if (++p->depth > FORMULA_MAX_DEPTH)
		return fail(p, "nested too deeply");
	double v = disjunction(p);
	if (!p->failed && take(p, "if")) {
		double condition = disjunction(p);
		if (!take(p, "else"))
			return fail(p, "expected 'else'");
		double other = ternary(p);
		v = condition != 0 ? v : other;
	}
	p->depth--;
	return v;
}

bool
formula_eval(const char *text, const struct formula_env *env, double *out, struct err *err)
{
	struct parser p = {.text = text, .at = text, .env = env, .err = err};

	if (strlen(text) > FORMULA_MAX_LENGTH)
		return err_set(err, "formula: longer than %d bytes", FORMULA_MAX_LENGTH);
	*out = ternary(&p);
	skip(&p);
	if (!p.failed && *p.at != '\0')
		fail(&p, "unexpected text");
	if (!p.failed && !isfinite(*out))
		fail(&p, "the result is not a number");
	return !p.failed;
}
