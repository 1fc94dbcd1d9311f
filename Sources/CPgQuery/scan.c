#include "cpq_parse.h"

#include <pg_query.h>
#include <stdlib.h>
#include <string.h>

// PostgreSQL's setting of that name, one for each thread; libpg_query 15 has no other way to it.
extern __thread bool standard_conforming_strings;

// The scanner's answer is a message of protobuf (pg_query.proto): ScanResult has a version (1) and tokens (2), a
// ScanToken start (1), end (2), its number (4) and its sort of keyword (5). Numbers are varints, tokens have a length.
enum { field_tokens = 2, field_start = 1, field_end = 2, field_token = 4, wire_number = 0, wire_octets = 2 };

// `Token` of pg_query.proto.
enum { fconst = 260, sconst, usconst, bconst, xconst, op_token, iconst, sql_comment = 275, c_comment };

struct reader {
    const uint8_t *next;
    const uint8_t *end;
};

static bool number(struct reader *reader, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; shift < 64 && reader->next < reader->end; shift += 7) {
        uint8_t octet = *reader->next++;
        *value |= (uint64_t)(octet & 0x7f) << shift;
        if ((octet & 0x80) == 0) return true;
    }
    return false;
}

// The next field: its value, or for octets their number, behind which `next` then stands.
static bool field(struct reader *reader, uint64_t *name, uint64_t *value) {
    uint64_t key;
    if (!number(reader, &key) || !number(reader, value)) return false;
    *name = key >> 3;
    if ((key & 7) == wire_number) return true;
    return (key & 7) == wire_octets && *value <= (uint64_t)(reader->end - reader->next);
}

static bool is_hidden(uint64_t token, enum cpq_token *sort) {
    switch (token) {
        case sconst: case bconst: case xconst: *sort = CPQ_STRING; return true;
        case fconst: case iconst: *sort = CPQ_NUMBER; return true;
        case sql_comment: case c_comment: *sort = CPQ_COMMENT; return true;
        default: return false;
    }
}

static bool read_token(struct reader token, size_t octets, struct cpq_span *span, bool *hidden) {
    uint64_t start = 0, end = 0, sort = 0, name, value;
    while (token.next < token.end) {
        if (!field(&token, &name, &value)) return false;
        if (name == field_start) start = value;
        if (name == field_end) end = value;
        if (name == field_token) sort = value;
    }
    *hidden = is_hidden(sort, &span->token);
    span->start = (uint32_t)start;
    span->end = (uint32_t)end;
    // libpg_query does not say where a literal with Unicode escapes (U&'…') ends.
    return start <= end && end <= octets && sort != usconst && (!*hidden || start < end);
}

static bool read_tokens(struct reader reader, size_t octets, struct cpq_span *spans, size_t *count) {
    uint64_t name, value;
    while (reader.next < reader.end) {
        if (!field(&reader, &name, &value)) return false;
        if (name != field_tokens) continue;
        bool hidden;
        struct reader token = {reader.next, reader.next + value};
        if (!read_token(token, octets, &spans[*count], &hidden)) return false;
        reader.next += value;
        if (hidden) ++*count;
    }
    return true;
}

bool cpq_scan(const char *text, size_t octets, bool standard, struct cpq_span **spans, size_t *count) {
    *spans = NULL;
    *count = 0;
    char *copy = malloc(octets + 1);
    if (copy == NULL) return false;
    memcpy(copy, text, octets);
    copy[octets] = '\0';
    standard_conforming_strings = standard;
    PgQueryScanResult result = pg_query_scan(copy);
    standard_conforming_strings = true;
    free(copy);
    bool is_read = false;
    if (result.error == NULL && result.pbuf.data != NULL) {
        const uint8_t *data = (const uint8_t *)result.pbuf.data;
        // A token takes an octet of the text at least; one more for the last that is read and not kept.
        *spans = calloc(octets + 1, sizeof **spans);
        struct reader reader = {data, data + result.pbuf.len};
        is_read = *spans != NULL && read_tokens(reader, octets, *spans, count);
    }
    pg_query_free_scan_result(result);
    return is_read;
}

void cpq_free_spans(struct cpq_span *spans) { free(spans); }
