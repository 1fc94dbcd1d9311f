#include <libpq-fe.h>
#include <sys/prctl.h>

/* prctl(2) takes what a variadic function does, which Swift does not call: 0, or -1 with errno. */
static inline int cpg_hide(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
