#ifndef CPQ_PARSE_H
#define CPQ_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What PostgreSQL's parser made of a text.
typedef struct cpq_tree cpq_tree;

enum cpq_outcome {
    CPQ_PARSED,
    CPQ_SYNTAX,     // cpq_text is what the parser says
    CPQ_NO_MEMORY,  // nor a stack to run it on
};

// Reads `octets` octets at `text`, which hold no NUL and are UTF-8. `standard` is standard_conforming_strings.
//
// Trees are written by recursion, whose depth the text decides: a text that could need more than a part of the
// caller's stack is read on one of its own. The caller frees what it gets.
cpq_tree *cpq_parse(const char *text, size_t octets, bool standard);

enum cpq_outcome cpq_result(const cpq_tree *tree);

// The tree as JSON, or what the parser says; octets apart from the NUL in `octets`.
const char *cpq_text(const cpq_tree *tree, size_t *octets);

// Where the parser stopped, in characters from 1; 0 where it does not say.
int cpq_position(const cpq_tree *tree);

void cpq_free(cpq_tree *tree);

enum cpq_token { CPQ_STRING, CPQ_NUMBER, CPQ_COMMENT };

// A literal or a comment: between which octets of the text it stands.
struct cpq_span {
    uint32_t start;
    uint32_t end;
    enum cpq_token token;
};

// The literals and comments of such a text, in their order, by PostgreSQL's scanner. False where it does not take the
// text, or there is no memory. The caller frees them.
bool cpq_scan(const char *text, size_t octets, bool standard, struct cpq_span **spans, size_t *count);

void cpq_free_spans(struct cpq_span *spans);

#endif
