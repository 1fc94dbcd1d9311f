/* The content codings of RFC 9110 section 8.4.1, RFC 7932 and RFC 8878 by their own libraries, behind one interface.

   In C, because zlib's set-up is macros and its stream must not move, which Swift promises of no value. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct ccd_decoder;

enum ccd_coding {
    CCD_GZIP,
    CCD_DEFLATE, /* in zlib's wrapper, as RFC 9110 says, or bare, as some servers send it */
    CCD_BROTLI,
    CCD_ZSTD,
};

/* What is known after a step. */
enum ccd_state {
    CCD_MORE, /* all input is taken; the stream goes on */
    CCD_FULL, /* the output is full; there may be more of it without further input */
    CCD_DONE, /* all input is taken and the stream is complete; gzip and zstd may go on with another member */
    CCD_BAD, /* not this coding, over a limit, or octets behind its end */
};

/* 0 when there is no memory. */
struct ccd_decoder *ccd_new(enum ccd_coding coding);
void ccd_free(struct ccd_decoder *decoder);

/* Takes some of the input and fills some of the output; `taken` and `made` say how much. */
enum ccd_state ccd_step(
    struct ccd_decoder *decoder,
    const uint8_t *input,
    size_t input_length,
    size_t *taken,
    uint8_t *output,
    size_t output_length,
    size_t *made
);
