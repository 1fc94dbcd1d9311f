/* bailey-saml: who an assertion of SAML 2.0 says somebody is, from the octets that were signed and from nothing else.
 *
 * Standard input: "SAM1"; one octet, how many keys; of each its identity provider (two octets of length, then the text) and
 * a certificate in DER (four octets of length, most significant first); then the document, to the end.
 * Standard output: one line of JSON, {"refused": {"check", "reason"}} or {"assertion": …, "key": which of the
 * keys made the signature, counted from 0}. It exits with 0 in both cases. */
#pragma once
#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Octets of a document: IdentityAssertion.maximumLength. */
#define MAXIMUM_DOCUMENT ((size_t)128 << 10)
/* Octets of a certificate, and how many there are of all identity providers. */
#define MAXIMUM_CERTIFICATE ((size_t)16 << 10)
#define MAXIMUM_KEYS 64
/* Elements within each other: an assertion within a response, with its signature and key, has ten. */
#define MAXIMUM_DEPTH 32
/* Elements with an ID: a response, an assertion, two signatures and what they hold have fewer than ten. */
#define MAXIMUM_IDS 64
/* Octets of an ID; xs:ID has no bound, 160 random bits (SAML core 1.3.4) take 33. */
#define MAXIMUM_ID 256
/* Bits of an RSA key: fewer are not secure any more (NIST SP 800-131A), more take long. */
#define MINIMUM_RSA 2048
#define MAXIMUM_RSA 8192

#define SAML "urn:oasis:names:tc:SAML:2.0:assertion"
#define SAML_PROTOCOL "urn:oasis:names:tc:SAML:2.0:protocol"
#define XMLDSIG "http://www.w3.org/2000/09/xmldsig#"

/* Octets of the input. */
struct octets {
    const uint8_t *start;
    size_t count;
};

/* A certificate, and whose. */
struct key {
    struct octets entity, certificate;
};

struct request {
    struct key keys[MAXIMUM_KEYS];
    size_t key_count;
    struct octets document;
};

/* A document that has passed every check that needs no key. */
struct document {
    xmlDocPtr tree;
    xmlNodePtr root, assertion;
    /* Of the assertion, and of the response around it; NULL where there is none. */
    xmlNodePtr own_signature, response_signature;
    const char *ids[MAXIMUM_IDS];
    size_t id_count, assertion_count, signature_count;
};

/* Says which check failed, and ends. Neither text holds anything of the document. */
_Noreturn void refuse(const char *check, const char *reason);

/* Leaves this process nothing but memory and its output. */
void confine(void);

/* Parses, and refuses what no assertion needs: declarations, comments, a second assertion, an ID twice. */
struct document parsed(struct octets text);

/* What a signature signs, and the number of the key that made it. */
struct signed_part {
    struct octets octets;
    size_t key;
};

/* What a signature of `element` signs; refuses one that is none, or not of one of the keys of `entity`. */
struct signed_part signed_part(xmlNodePtr signature, xmlNodePtr element, const struct request *request, const char *entity);

/* Writes what an assertion says, and by which key. */
void write_assertion(FILE *out, xmlNodePtr assertion, size_t key);

/* The one Issuer of an assertion. */
const char *issuer_of(xmlNodePtr assertion);

/* Text in quotes. */
void write_text(FILE *out, const char *text);

bool is(xmlNodePtr node, const char *space, const char *name);
/* The first element among a node and those behind it. */
xmlNodePtr element_from(xmlNodePtr node);
/* The attribute of a name without a namespace; NULL where there is none. */
const char *attribute(xmlNodePtr node, const char *name);
/* The text of an element that has nothing else in it; NULL for any other. */
const char *text_of(xmlNodePtr node);
