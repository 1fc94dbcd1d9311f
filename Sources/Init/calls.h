/* The system calls of bailey-init without a C library: each agent starts one, and what a library's start does for it
   (thread storage, search paths, and CPUID, which a virtual machine traps) takes longer than all that init itself does.

   Arguments and results as in syscalls(2): a result from -4095 to -1 is an error number, negated. */
#pragma once
#include <linux/poll.h>
#include <linux/signal.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <sys/syscall.h>

#ifndef __x86_64__
#error "bailey-init knows the system calls of x86-64 alone"
#endif

static inline long call(long number, long a, long b, long c, long d, long e) {
    register long fourth __asm__("r10") = d;
    register long fifth __asm__("r8") = e;
    register long sixth __asm__("r9") = 0;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                     : "rcx", "r11", "memory");
    return result;
}

#define CALL1(name, a) call(__NR_##name, (long)(a), 0, 0, 0, 0)
#define CALL2(name, a, b) call(__NR_##name, (long)(a), (long)(b), 0, 0, 0)
#define CALL3(name, a, b, c) call(__NR_##name, (long)(a), (long)(b), (long)(c), 0, 0)
#define CALL4(name, a, b, c, d) call(__NR_##name, (long)(a), (long)(b), (long)(c), (long)(d), 0)

static inline _Noreturn void leave(int status) {
    for (;;) CALL1(exit_group, status);
}
