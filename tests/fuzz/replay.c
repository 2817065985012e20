/*
 * replay: main for a fuzz harness without a fuzzer.
 *
 * replay FILE…: runs it on the files. For `make check`.
 * replay --mutate COUNT SEED FILE…: runs it on COUNT inputs made of them by chance: the same SEED makes the same
 * inputs. What ends the process is left in crash-<harness>-<seed> of the working directory. Needs no clang.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv); /* start.c */

#define INPUT_MAX 8192   /* of a mutated one */
#define SECONDS_MAX 20   /* for one input; more is a hang */

struct input {
	uint8_t *bytes;
	size_t size;
};

/* What the handlers of a crash need. */
static struct {
	uint8_t bytes[INPUT_MAX];
	size_t size;
	char path[256];
} now;

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static size_t
below(uint64_t *state, size_t n)
{
	return n == 0 ? 0 : (size_t)(next_random(state) % n);
}

static bool
load(const char *path, struct input *in)
{
	FILE *f = fopen(path, "rb");
	long size;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0) {
		perror(path);
		return false;
	}
	rewind(f);
	/* exactly as large as the input, so that ASan sees a read behind it */
	in->bytes = malloc((size_t)size + (size == 0));
	in->size = (size_t)size;
	if (in->bytes == NULL || fread(in->bytes, 1, in->size, f) != in->size) {
		perror(path);
		return false;
	}
	fclose(f);
	return true;
}

static void
save_crash(void)
{
	FILE *f = fopen(now.path, "wb");

	if (f == NULL)
		return;
	fwrite(now.bytes, 1, now.size, f);
	fclose(f);
	fprintf(stderr, "the input is in %s\n", now.path);
}

static void
on_signal(int number)
{
	save_crash();
	signal(number, SIG_DFL);
	raise(number);
}

static void
splice(size_t at, size_t cut, const uint8_t *bytes, size_t size)
{
	if (cut > now.size - at)
		cut = now.size - at;
	if (now.size - cut + size > INPUT_MAX)
		return;
	memmove(now.bytes + at + size, now.bytes + at + cut, now.size - at - cut);
	memcpy(now.bytes + at, bytes, size);
	now.size += size - cut;
}

static void
mutate(uint64_t *state, const struct input *inputs, size_t count)
{
	static const char *const words[] = {"[", "]", "=", ":", ";", " ;", "#", "\n", "\n ", "\n\t", "\r\n", "%(", ")s", "%%", "%", "<",
	    ">", "known/", "default/", "Init", "Definition", "[Init?family=inet6]\n", "[DEFAULT]\n", "[INCLUDES]\nbefore = ", "\"",
	    "\'", ",", "__name__", "\xc2\xa0", "\xff", "\0", "a", "b", "1d", "\x80\x02",
	    /* of expressions */
	    "(", ")", "(?:", "(?P<a>", "(?P=a)", "(?i:", "(?=", "(?!", "(?<=", "(?(1)", "|", "*", "+", "?", "*?", "{1,3}", "{2}", "^", "$", ".",
	    "\\d", "\\S+", "\\s*", "\\b", "\\1", "\\x41", "[^", "<HOST>", "<ADDR>", "<F-ID>", "</F-ID>", "<F-USER>", "</F-USER>",
	    "<F-ALT_USER>", "</F-ALT_USER>", "<F-MLFID>", "</F-MLFID>", "<F-NOFAIL>", "</F-NOFAIL>", "<F-CONTENT>", "</F-CONTENT>",
	    "<SKIPLINES>", "<SUBNET>", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.2", "example.org", "\n+", "\n-", "\n!^", "\n@",
	    /* of dates */
	    "{^LN-BEG}", "{UNB}", "{DATE}", "{NONE}", "EPOCH", "LEPOCH", "TAI64N", "%Y", "%m", "%d", "%b", "%H:%M:%S", "%ExY", "%Exd", "%z",
	    "%Exz", "%f", "%p", "%j", "%k", "2026-11-22", "08:00:00", "Nov", "29", "31", "12", "+0200", "UTC", "Z", "1795334800", ".123"};
	uint8_t copy[256] = {0};
	size_t at = below(state, now.size + 1), n = 1 + below(state, 24);

	switch (below(state, 7)) {
	case 0: /* a bit */
		if (now.size != 0)
			now.bytes[below(state, now.size)] ^= (uint8_t)(1u << below(state, 8));
		break;
	case 1: /* a byte */
		copy[0] = (uint8_t)next_random(state);
		splice(at, below(state, 2), copy, 1);
		break;
	case 2: /* something is gone */
		splice(at, n, copy, 0);
		break;
	case 3: /* something is there twice */
	case 4: {
		size_t from = below(state, now.size + 1);
		if (n > now.size - from)
			n = now.size - from;
		memcpy(copy, now.bytes + from, n);
		splice(at, 0, copy, n);
		break;
	}
	case 5: { /* a piece of another one */
		const struct input *other = &inputs[below(state, count)];
		size_t from = below(state, other->size + 1);
		if (n * 4 > sizeof copy)
			n = sizeof copy / 4;
		n *= 4;
		if (n > other->size - from)
			n = other->size - from;
		splice(at, below(state, 2) * n, other->bytes + from, n);
		break;
	}
	default: {
		const char *word = words[below(state, sizeof words / sizeof *words)];
		splice(at, 0, (const uint8_t *)word, strlen(word) + (word[0] == '\0'));
		break;
	}
	}
}

static int
run_mutations(const char *name, unsigned long count, unsigned long seed, const struct input *inputs, size_t n)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
	const char *slash = strrchr(name, '/');

	snprintf(now.path, sizeof now.path, "crash-%.100s-%lu", slash != NULL ? slash + 1 : name, seed);
	signal(SIGALRM, on_signal);
	signal(SIGABRT, on_signal);
	signal(SIGSEGV, on_signal);
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_set_death_callback(save_crash);
#endif
	const time_t start = time(NULL);
	for (unsigned long i = 0; i < count; i++) {
		const struct input *from = &inputs[below(&state, n)];
		now.size = from->size < INPUT_MAX ? from->size : INPUT_MAX;
		memcpy(now.bytes, from->bytes, now.size);
		for (size_t k = 1 + below(&state, 8); k > 0; k--)
			mutate(&state, inputs, n);
		uint8_t *exact = malloc(now.size + (now.size == 0));
		if (exact == NULL)
			return 1;
		memcpy(exact, now.bytes, now.size);
		alarm(SECONDS_MAX);
		LLVMFuzzerTestOneInput(exact, now.size);
		free(exact);
	}
	alarm(0);
	printf("%s: %lu inputs, seed %lu: clean (%ld s)\n", slash != NULL ? slash + 1 : name, count, seed, (long)(time(NULL) - start));
	return 0;
}

int
main(int argc, char **argv)
{
	bool is_mutating = argc > 4 && strcmp(argv[1], "--mutate") == 0;
	int first = is_mutating ? 4 : 1, result = 0;
	size_t n = 0;
	struct input *inputs = calloc((size_t)argc, sizeof *inputs);

	if (inputs == NULL)
		return 1;
	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = first; i < argc; i++)
		if (!load(argv[i], &inputs[n++]))
			return 1;
	if (is_mutating)
		result = run_mutations(argv[0], strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10), inputs, n);
	for (size_t i = 0; i < n; i++) {
		if (!is_mutating)
			LLVMFuzzerTestOneInput(inputs[i].bytes, inputs[i].size);
		free(inputs[i].bytes);
	}
	free(inputs);
	return result;
}
