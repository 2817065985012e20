#include "store/sqlite.h"

#include <dlfcn.h>
#include <stddef.h>

#define LIBRARY "libsqlite3.so.0"

struct sqlite sqlite_library;

/* POSIX lets a function's address come as a data pointer; C wants it said in these words. */
static bool
find(void *handle, const char *name, void *place, struct err *err)
{
	*(void **)place = dlsym(handle, name);
	return *(void **)place != NULL || err_set(err, LIBRARY " is too old: it has no %s", name);
}

bool
sqlite_load(struct err *err)
{
	struct sqlite found = {0};
	void *handle;
	bool is_ok;

	if (sqlite_library.step_ != NULL)
		return true;
	handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (handle == NULL)
		return err_set(err, "unable to load " LIBRARY ": %s", dlerror());
#define X(name) &&find(handle, "sqlite3_" #name, &found.name##_, err)
	is_ok = true SQLITE_FUNCTIONS(X);
#undef X
	dlclose(handle); /* the count only: it stays */
	if (is_ok)
		sqlite_library = found;
	return is_ok;
}
