#include "base/systemd.h"

#ifdef HAVE_SYSTEMD

#include <dlfcn.h>

#define LIBRARY "libsystemd.so.0"

/* POSIX lets a function's address come as a data pointer; C wants it said in these words. */
static bool
find(void *handle, const char *name, void *place, struct err *err)
{
	*(void **)place = dlsym(handle, name);
	return *(void **)place != NULL || err_set(err, LIBRARY " is too old: it has no %s", name);
}

static void *
open_library(struct err *err)
{
	void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

	if (handle == NULL)
		err_set(err, "unable to load " LIBRARY " (install libsystemd): %s", dlerror());
	return handle;
}

bool
systemd_load(struct systemd *lib, struct err *err)
{
	void *handle = open_library(err);
	bool is_ok;

	if (handle == NULL)
		return false;
#define X(name) &&find(handle, "sd_journal_" #name, &lib->name, err)
	is_ok = true SYSTEMD_FUNCTIONS(X);
#undef X
	dlclose(handle); /* the count only: it stays */
	return is_ok;
}

bool
systemd_load_service(struct systemd_service *lib, struct err *err)
{
	void *handle = open_library(err);
	bool is_ok;

	if (handle == NULL)
		return false;
#define X(name) &&find(handle, "sd_" #name, &lib->name, err)
	is_ok = true SYSTEMD_SERVICE_FUNCTIONS(X);
#undef X
	dlclose(handle);
	return is_ok;
}

#else

bool
systemd_load(struct systemd *lib, struct err *err)
{
	lib->is_absent = true;
	return err_set(err, "built without libsystemd");
}

bool
systemd_load_service(struct systemd_service *lib, struct err *err)
{
	lib->is_absent = true;
	return err_set(err, "built without libsystemd");
}

#endif
