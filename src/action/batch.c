#include "action/internal.h"

bool
batch_start(struct lane *lane)
{
	(void)lane;
	return false;
}
