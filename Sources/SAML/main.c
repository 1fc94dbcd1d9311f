#define _GNU_SOURCE
#include "saml.h"

#include <libxml/parser.h>
#include <libxml/xmlIO.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xmlsec/openssl/crypto.h>
#include <xmlsec/xmlsec.h>

#include <xmlsec/errors.h>

#define MAXIMUM_INPUT (MAXIMUM_DOCUMENT + MAXIMUM_KEYS * (MAXIMUM_CERTIFICATE + 4096))

static uint8_t input[MAXIMUM_INPUT + 1];

static void write_all(const char *text, size_t count) {
    while (count > 0) {
        ssize_t written = write(STDOUT_FILENO, text, count);
        if (written <= 0) _exit(1);
        text += written;
        count -= (size_t)written;
    }
}

_Noreturn void refuse(const char *check, const char *reason) {
    char line[512];
    int count = snprintf(line, sizeof line, "{\"refused\": {\"check\": \"%s\", \"reason\": \"%s\"}}\n", check, reason);
    if (count <= 0 || (size_t)count >= sizeof line) _exit(1);
    write_all(line, (size_t)count);
    _exit(0);
}

static size_t read_input(void) {
    size_t count = 0;
    while (count < sizeof input) {
        ssize_t got = read(STDIN_FILENO, input + count, sizeof input - count);
        if (got < 0) _exit(1);
        if (got == 0) return count;
        count += (size_t)got;
    }
    refuse("size", "it is longer than any is read");
}

static struct octets taken(struct octets *rest, size_t count) {
    if (count > rest->count) _exit(2);
    struct octets result = {rest->start, count};
    rest->start += count;
    rest->count -= count;
    return result;
}

static size_t number(struct octets *rest, size_t width) {
    struct octets digits = taken(rest, width);
    size_t value = 0;
    for (size_t n = 0; n < width; n++) value = value << 8 | digits.start[n];
    return value;
}

static struct request request_in(struct octets rest) {
    struct request request = {.key_count = 0};
    if (memcmp(taken(&rest, 4).start, "SAM1", 4) != 0) _exit(2);
    size_t count = number(&rest, 1);
    if (count > MAXIMUM_KEYS) _exit(2);
    for (; request.key_count < count; request.key_count++) {
        struct key *key = &request.keys[request.key_count];
        key->entity = taken(&rest, number(&rest, 2));
        key->certificate = taken(&rest, number(&rest, 4));
        if (key->certificate.count > MAXIMUM_CERTIFICATE) _exit(2);
    }
    request.document = rest;
    return request;
}

static xmlParserInputPtr load_nothing(const char *url, const char *id, xmlParserCtxtPtr context) {
    (void)url, (void)id, (void)context;
    return NULL;
}

static void say_nothing(void *context, const char *format, ...) { (void)context, (void)format; }

static void report_nothing(const char *file, int line, const char *func, const char *object, const char *subject,
                           int reason, const char *message) {
    (void)file, (void)line, (void)func, (void)object, (void)subject, (void)reason, (void)message;
}

static void start_libraries(void) {
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) _exit(3);
    xmlInitParser();
    xmlSetGenericErrorFunc(NULL, say_nothing);
    xmlSetExternalEntityLoader(load_nothing);
    xmlCleanupInputCallbacks();
    if (xmlSecInit() < 0 || xmlSecOpenSSLInit() < 0) _exit(3);
    xmlSecErrorsSetCallback(report_nothing);
}

/* Of the two the assertion's own: it says what is meant whatever is around it. Both have to be good. */
static struct signed_part what_is_signed(const struct document *document, const struct request *request,
                                         const char *entity) {
    struct signed_part part = {{NULL, 0}, 0};
    if (document->response_signature != NULL)
        part = signed_part(document->response_signature, document->root, request, entity);
    if (document->own_signature != NULL)
        part = signed_part(document->own_signature, document->assertion, request, entity);
    if (part.octets.start == NULL) refuse("signature", "it is unsigned");
    return part;
}

int main(void) {
    struct request request = request_in((struct octets){input, read_input()});
    start_libraries();
    confine();
    struct document outer = parsed(request.document);
    const char *entity = issuer_of(outer.assertion);
    struct signed_part part = what_is_signed(&outer, &request, entity);
    struct document inner = parsed(part.octets);
    if (strcmp(attribute(inner.assertion, "ID"), attribute(outer.assertion, "ID")) != 0)
        refuse("reference", "what is signed is another assertion than the one in it");
    if (strcmp(issuer_of(inner.assertion), entity) != 0)
        refuse("issuer", "what is signed is from another identity provider than it says outside of that");
    char *line = NULL;
    size_t count = 0;
    FILE *out = open_memstream(&line, &count);
    if (out == NULL) _exit(3);
    write_assertion(out, inner.assertion, part.key);
    if (fclose(out) != 0) _exit(3);
    write_all(line, count);
    _exit(0);
}
