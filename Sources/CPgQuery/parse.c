#include "cpq_parse.h"

#include <pg_query.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// PostgreSQL's setting of that name, one for each thread; libpg_query 15 has no other way to it.
extern __thread bool standard_conforming_strings;

// A level of an expression takes two octets of text at least (`1+`) and 256 octets of stack at most, as measured with
// chains of operators, joins and casts; half as much again is left free.
static const size_t stack_per_octet = 192;
// What the parser needs besides, and what a thread has at least.
static const size_t stack_floor = 1 << 20;
// Octets of a text that is read on the caller's stack: 768 KiB of it, of the 2 MiB that a thread has on the platforms
// that give it least.
static const size_t most_here = 4096;

struct cpq_tree {
    PgQueryParseResult result;
    bool has_run;
};

struct task {
    const char *text;
    bool standard;
    struct cpq_tree *tree;
};

static void run(const struct task *task) {
    standard_conforming_strings = task->standard;
    task->tree->result = pg_query_parse(task->text);
    task->tree->has_run = true;
    standard_conforming_strings = true;
}

static void *run_apart(void *task) {
    run(task);
    return NULL;
}

// Leaves `has_run` as it is where there is no thread to be had.
static void run_on_own_stack(struct task *task, size_t octets) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return;
    pthread_t thread;
    if (pthread_attr_setstacksize(&attributes, stack_floor + octets * stack_per_octet) == 0 &&
        pthread_create(&thread, &attributes, run_apart, task) == 0)
        pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

cpq_tree *cpq_parse(const char *text, size_t octets, bool standard) {
    struct cpq_tree *tree = calloc(1, sizeof *tree);
    char *copy = malloc(octets + 1);
    if (tree != NULL && copy != NULL) {
        memcpy(copy, text, octets);
        copy[octets] = '\0';
        struct task task = {copy, standard, tree};
        if (octets <= most_here)
            run(&task);
        else
            run_on_own_stack(&task, octets);
    }
    free(copy);
    return tree;
}

enum cpq_outcome cpq_result(const cpq_tree *tree) {
    if (tree == NULL || !tree->has_run) return CPQ_NO_MEMORY;
    if (tree->result.error != NULL) return CPQ_SYNTAX;
    return tree->result.parse_tree != NULL ? CPQ_PARSED : CPQ_NO_MEMORY;
}

const char *cpq_text(const cpq_tree *tree, size_t *octets) {
    const char *text = "";
    if (cpq_result(tree) == CPQ_PARSED) text = tree->result.parse_tree;
    if (cpq_result(tree) == CPQ_SYNTAX && tree->result.error->message != NULL) text = tree->result.error->message;
    *octets = strlen(text);
    return text;
}

int cpq_position(const cpq_tree *tree) {
    return cpq_result(tree) == CPQ_SYNTAX ? tree->result.error->cursorpos : 0;
}

void cpq_free(cpq_tree *tree) {
    if (tree != NULL && tree->has_run) pg_query_free_parse_result(tree->result);
    free(tree);
}
