#include "ccd_decoder.h"
#include <brotli/decode.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* 8 MiB: what a decoder of the content coding must have and an encoder may not exceed (RFC 9659 section 3). */
#define ZSTD_WINDOW_LOG 23
/* Octets of the longest frame header (RFC 8878 section 3.1.1). */
#define ZSTD_HEADER 18

struct ccd_decoder {
    enum ccd_coding coding;
    int begun; /* zlib: which wrapper is known */
    int done; /* the last step ended a member */
    uint8_t first; /* deflate: the one octet that does not tell yet */
    int held; /* whether there is one */
    z_stream zlib;
    BrotliDecoderState *brotli;
    ZSTD_DCtx *zstd;
    uint8_t header[ZSTD_HEADER]; /* zstd: how the frame begins */
    size_t header_length;
    uint64_t frame_made; /* zstd: octets that the frame came to so far */
};

struct ccd_decoder *ccd_new(enum ccd_coding coding) {
    struct ccd_decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder) return 0;
    decoder->coding = coding;
    switch (coding) {
    case CCD_GZIP:
        if (inflateInit2(&decoder->zlib, 16 + MAX_WBITS) == Z_OK) {
            decoder->begun = 1;
            return decoder;
        }
        break;
    case CCD_DEFLATE: return decoder;
    case CCD_BROTLI:
        decoder->brotli = BrotliDecoderCreateInstance(0, 0, 0);
        if (decoder->brotli) return decoder;
        break;
    case CCD_ZSTD:
        decoder->zstd = ZSTD_createDCtx();
        if (decoder->zstd &&
            !ZSTD_isError(ZSTD_DCtx_setParameter(decoder->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG)))
            return decoder;
        break;
    }
    ccd_free(decoder);
    return 0;
}

void ccd_free(struct ccd_decoder *decoder) {
    if (!decoder) return;
    if (decoder->begun) inflateEnd(&decoder->zlib);
    if (decoder->brotli) BrotliDecoderDestroyInstance(decoder->brotli);
    if (decoder->zstd) ZSTD_freeDCtx(decoder->zstd);
    free(decoder);
}

static uInt fitting(size_t length) { return length > UINT_MAX ? UINT_MAX : (uInt)length; }

/* One call of zlib's. */
static int inflate_some(
    struct ccd_decoder *d, const uint8_t *in, size_t in_length, size_t *taken, uint8_t *out, size_t out_length,
    size_t *made
) {
    d->zlib.next_in = (Bytef *)(uintptr_t)in;
    d->zlib.avail_in = fitting(in_length);
    d->zlib.next_out = out;
    d->zlib.avail_out = fitting(out_length);
    int code = inflate(&d->zlib, Z_NO_FLUSH);
    *taken += (size_t)(d->zlib.next_in - in);
    *made += (size_t)(d->zlib.next_out - out);
    return code;
}

/* The wrapper is told by its first two octets (RFC 1950 section 2.2). */
static enum ccd_state begin_deflate(struct ccd_decoder *d, uint8_t first, uint8_t second) {
    int wrapped = (first & 15) == Z_DEFLATED && ((first << 8) | second) % 31 == 0;
    if (inflateInit2(&d->zlib, wrapped ? MAX_WBITS : -MAX_WBITS) != Z_OK) return CCD_BAD;
    d->begun = 1;
    return CCD_MORE;
}

static enum ccd_state step_zlib(
    struct ccd_decoder *d, const uint8_t *in, size_t in_length, size_t *taken, uint8_t *out, size_t out_length,
    size_t *made
) {
    if (!d->begun) {
        if (in_length == 0) return CCD_MORE;
        if (!d->held && in_length < 2) {
            d->first = in[0];
            d->held = 1;
            *taken = 1;
            return CCD_MORE;
        }
        if (begin_deflate(d, d->held ? d->first : in[0], d->held ? in[0] : in[1]) == CCD_BAD) return CCD_BAD;
    }
    if (d->done) {
        if (*taken == in_length) return CCD_DONE;
        if (d->coding != CCD_GZIP || inflateReset(&d->zlib) != Z_OK) return CCD_BAD;
        d->done = 0;
    }
    int code = Z_OK;
    if (d->held) {
        size_t used = 0;
        code = inflate_some(d, &d->first, 1, &used, out, out_length, made);
        if (used == 1) d->held = 0;
    }
    if (code == Z_OK && !d->held) {
        size_t filled = *made;
        code = inflate_some(d, in + *taken, in_length - *taken, taken, out + filled, out_length - filled, made);
    }
    switch (code) {
    case Z_STREAM_END:
        d->done = 1;
        return *taken == in_length ? CCD_DONE : CCD_FULL;
    case Z_OK:
    case Z_BUF_ERROR: return *made == out_length || *taken < in_length ? CCD_FULL : CCD_MORE;
    default: return CCD_BAD;
    }
}

static enum ccd_state step_brotli(
    struct ccd_decoder *d, const uint8_t *in, size_t in_length, size_t *taken, uint8_t *out, size_t out_length,
    size_t *made
) {
    if (d->done) return in_length == 0 ? CCD_DONE : CCD_BAD;
    size_t in_left = in_length, out_left = out_length;
    BrotliDecoderResult result =
        BrotliDecoderDecompressStream(d->brotli, &in_left, &in, &out_left, &out, 0);
    *taken = in_length - in_left;
    *made = out_length - out_left;
    switch (result) {
    case BROTLI_DECODER_RESULT_SUCCESS:
        d->done = 1;
        return in_left == 0 ? CCD_DONE : CCD_BAD;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT: return CCD_MORE;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT: return CCD_FULL;
    default: return CCD_BAD;
    }
}

/* What was read of a frame, and what came of it. */
static void note_frame(struct ccd_decoder *d, const uint8_t *in, size_t taken, size_t made) {
    size_t room = ZSTD_HEADER - d->header_length;
    size_t kept = taken < room ? taken : room;
    if (kept) memcpy(d->header + d->header_length, in, kept);
    d->header_length += kept;
    d->frame_made += made;
}

/* Whether a frame that is over came to as much as it says: for one whose last block is empty, the library does not look
 * when it reads it in pieces. */
static int end_frame(struct ccd_decoder *d) {
    unsigned long long size = ZSTD_getFrameContentSize(d->header, d->header_length);
    int fits = size == ZSTD_CONTENTSIZE_UNKNOWN || size == d->frame_made;
    d->header_length = 0;
    d->frame_made = 0;
    return fits;
}

static enum ccd_state step_zstd(
    struct ccd_decoder *d, const uint8_t *in, size_t in_length, size_t *taken, uint8_t *out, size_t out_length,
    size_t *made
) {
    if (d->done && in_length == 0) return CCD_DONE;
    /* A frame's first octet by itself: one that the library has whole it reads in another way, which finds faults where
     * this one finds none. */
    size_t length = d->header_length == 0 && in_length > 1 ? 1 : in_length;
    ZSTD_inBuffer input = {in, length, 0};
    ZSTD_outBuffer output = {out, out_length, 0};
    size_t code = ZSTD_decompressStream(d->zstd, &output, &input);
    *taken = input.pos;
    *made = output.pos;
    if (ZSTD_isError(code)) return CCD_BAD;
    note_frame(d, in, *taken, *made);
    d->done = code == 0;
    if (d->done && !end_frame(d)) return CCD_BAD;
    if (input.pos < in_length || output.pos == out_length) return CCD_FULL;
    return d->done ? CCD_DONE : CCD_MORE;
}

enum ccd_state ccd_step(
    struct ccd_decoder *decoder, const uint8_t *input, size_t input_length, size_t *taken, uint8_t *output,
    size_t output_length, size_t *made
) {
    *taken = *made = 0;
    switch (decoder->coding) {
    case CCD_GZIP:
    case CCD_DEFLATE:
        return step_zlib(decoder, input, input_length, taken, output, output_length, made);
    case CCD_BROTLI: return step_brotli(decoder, input, input_length, taken, output, output_length, made);
    case CCD_ZSTD: return step_zstd(decoder, input, input_length, taken, output, output_length, made);
    }
    return CCD_BAD;
}
