/* What supervisor and init say to each other on their packet socket, one struct a packet. */
#pragma once
#include <stdint.h>

enum csb_to_init {
    CSB_GO = 1,     /* run the command */
    CSB_SIGNAL = 2, /* a: number */
    CSB_RESIZE = 3, /* a: rows, b: columns */
};

enum csb_from_init {
    CSB_EXITED = 1,      /* a: code */
    CSB_SIGNALLED = 2,   /* a: number */
    CSB_EXEC_FAILED = 3, /* a: errno */
    CSB_NO_INIT = 4,     /* a: errno; of what was to become init */
    CSB_STARTED = 5,     /* the command runs */
};

struct csb_word {
    int32_t kind, a, b;
};

/* The number at which init finds its end. */
enum { CSB_CHANNEL_NUMBER = 3 };
