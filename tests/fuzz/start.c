/*
 * start: what each fuzz harness does first, with a fuzzer or without.
 *
 * FUZZ_JIT=0 refuses the process executable memory, so that expressions are interpreted: most inputs have one that
 * is searched a few times only, for which machine code does not pay.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *jit = getenv("FUZZ_JIT");

	(void)argc;
	(void)argv;
	if (jit != NULL && strcmp(jit, "0") == 0)
		prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
	return 0;
}
