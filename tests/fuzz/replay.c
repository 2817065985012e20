/* replay: main for a fuzz harness without a fuzzer: runs it on the files that are named. For `make check`. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *in = fopen(argv[i], "rb");
		long size;
		if (in == NULL || fseek(in, 0, SEEK_END) != 0 || (size = ftell(in)) < 0) {
			perror(argv[i]);
			return 1;
		}
		rewind(in);
		/* exactly as large as the input, so that ASan sees a read behind it */
		uint8_t *bytes = malloc((size_t)size + (size == 0));
		if (bytes == NULL || fread(bytes, 1, (size_t)size, in) != (size_t)size) {
			perror(argv[i]);
			return 1;
		}
		fclose(in);
		LLVMFuzzerTestOneInput(bytes, (size_t)size);
		free(bytes);
	}
	return 0;
}
