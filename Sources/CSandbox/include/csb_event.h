/* Reason for C: Glibc's module has neither signalfd nor eventfd. */
#pragma once

/* Blocks the signals for the calling thread and those it starts. */
void csb_signals_block(const int *numbers, int count);

/* A non-blocking descriptor that is readable when one of the signals is pending, or -errno. */
int csb_signals_open(const int *numbers, int count);

/* The next pending signal, or 0. */
int csb_signals_next(int descriptor);

/* A non-blocking event counter, or -errno; raising makes it readable, taking makes it unreadable. */
int csb_event_open(void);
void csb_event_raise(int descriptor);
void csb_event_take(int descriptor);
