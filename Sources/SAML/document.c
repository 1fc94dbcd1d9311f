#define _GNU_SOURCE
#include "saml.h"

#include <ctype.h>
#include <libxml/parser.h>
#include <libxml/valid.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

bool is(xmlNodePtr node, const char *space, const char *name) {
    return node != NULL && node->type == XML_ELEMENT_NODE && node->ns != NULL && node->ns->href != NULL &&
           strcmp((const char *)node->ns->href, space) == 0 && strcmp((const char *)node->name, name) == 0;
}

xmlNodePtr element_from(xmlNodePtr node) {
    while (node != NULL && node->type != XML_ELEMENT_NODE) node = node->next;
    return node;
}

const char *attribute(xmlNodePtr node, const char *name) {
    return (const char *)xmlGetNoNsProp(node, (const xmlChar *)name);
}

const char *text_of(xmlNodePtr node) {
    if (node->children == NULL) return "";
    if (node->children->next != NULL || node->children->type != XML_TEXT_NODE) return NULL;
    return (const char *)node->children->content;
}

/* A document type is what makes entities: refused before a parser sees one. In text, "<!" can only be a section or a
 * comment, neither of which an assertion needs. */
static void check_octets(struct octets text) {
    if (text.count > MAXIMUM_DOCUMENT) refuse("size", "it is longer than 128 KiB");
    if (memchr(text.start, 0, text.count) != NULL) refuse("form", "it is not XML in UTF-8");
    for (size_t n = 0; n + 2 < text.count; n++)
        if (text.start[n] == '<' && text.start[n + 1] == '!') {
            if (isalpha(text.start[n + 2])) refuse("form", "it has a document type or an entity of its own (DOCTYPE)");
            refuse("form", "it has a comment or a section of character data in it, which signatures do not cover");
        }
}

static xmlDocPtr tree_of(struct octets text) {
    xmlParserCtxtPtr context = xmlNewParserCtxt();
    if (context == NULL) _exit(3);
    /* The encoding is given, so that what the document says of it counts for nothing. */
    xmlDocPtr tree = xmlCtxtReadMemory(context, (const char *)text.start, (int)text.count, NULL, "UTF-8",
                                       XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (tree == NULL || context->wellFormed == 0 || context->nsWellFormed == 0)
        refuse("form", "it is not well-formed XML in UTF-8, or nested deeper than any parser goes");
    if (tree->intSubset != NULL || tree->extSubset != NULL) refuse("form", "it has a document type (DOCTYPE)");
    xmlFreeParserCtxt(context);
    return tree;
}

static void note_id(struct document *document, xmlAttrPtr attribute) {
    if (attribute->ns != NULL) refuse("form", "an ID in it has a namespace");
    xmlNodePtr text = attribute->children;
    if (text == NULL || text->type != XML_TEXT_NODE || text->next != NULL) refuse("form", "an ID in it is not a text");
    const char *id = (const char *)text->content;
    size_t count = strlen(id);
    /* It stands in an expression of XPointer's when a reference is looked up. */
    if (count > MAXIMUM_ID || strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != count)
        refuse("form", "an ID in it is longer than 256 octets, or has other characters than letters, digits, _, . and -");
    for (size_t n = 0; n < document->id_count; n++)
        if (strcmp(document->ids[n], id) == 0) refuse("reference", "two elements have one ID");
    if (document->id_count == MAXIMUM_IDS) refuse("form", "it has more than 64 elements with an ID");
    document->ids[document->id_count++] = id;
}

static void note_element(struct document *document, xmlNodePtr node) {
    const char *name = (const char *)node->name;
    if (strcmp(name, "EncryptedAssertion") == 0)
        refuse("form", "it is encrypted; let the identity provider sign it and leave it unencrypted");
    if (strcmp(name, "Assertion") == 0) {
        if (document->assertion_count++ > 0) refuse("form", "there are several assertions in it");
        document->assertion = node;
    }
    if (is(node, XMLDSIG, "Signature")) document->signature_count++;
    for (xmlAttrPtr property = node->properties; property != NULL; property = property->next)
        if (strcasecmp((const char *)property->name, "id") == 0) note_id(document, property);
}

static void walk(struct document *document, xmlNodePtr node, int depth) {
    for (; node != NULL; node = node->next) {
        if (node->type == XML_TEXT_NODE) continue;
        if (node->type != XML_ELEMENT_NODE) refuse("form", "it has a comment, an instruction or an entity in it");
        if (depth == MAXIMUM_DEPTH) refuse("form", "it is nested deeper than 32 levels");
        note_element(document, node);
        walk(document, node->children, depth + 1);
    }
}

/* The Signature among the children of an element, which has one at most. */
static xmlNodePtr signature_in(xmlNodePtr element) {
    xmlNodePtr found = NULL;
    for (xmlNodePtr node = element->children; node != NULL; node = node->next) {
        if (!is(node, XMLDSIG, "Signature")) continue;
        if (found != NULL) refuse("signature", "an element has two signatures");
        found = node;
    }
    return found;
}

/* SAML core 5.4.2: an ID is what a signature of the element refers to. */
static void register_id(xmlDocPtr tree, xmlNodePtr element) {
    xmlAttrPtr id = xmlHasNsProp(element, (const xmlChar *)"ID", NULL);
    if (id == NULL || id->children == NULL || !(isalpha(*id->children->content) || *id->children->content == '_'))
        refuse("reference", "the assertion, or the response around it, has no ID that begins with a letter or _");
    if (xmlAddID(NULL, tree, id->children->content, id) == NULL) refuse("reference", "two elements have one ID");
}

struct document parsed(struct octets text) {
    check_octets(text);
    struct document document = {.tree = tree_of(text)};
    walk(&document, document.tree->children, 0);
    document.root = xmlDocGetRootElement(document.tree);
    if (document.assertion_count == 0) refuse("form", "there is no assertion in it");
    bool is_response = is(document.root, SAML_PROTOCOL, "Response");
    if (!is(document.assertion, SAML, "Assertion") || (!is_response && document.root != document.assertion) ||
        (is_response && document.assertion->parent != document.root))
        refuse("form", "it is neither an assertion of SAML 2.0 nor a response with one directly in it");
    register_id(document.tree, document.assertion);
    document.own_signature = signature_in(document.assertion);
    if (is_response) {
        register_id(document.tree, document.root);
        document.response_signature = signature_in(document.root);
    }
    size_t counted = (document.own_signature != NULL) + (document.response_signature != NULL);
    if (document.signature_count != counted)
        refuse("signature", "there is a signature elsewhere than directly in the assertion or in the response around it");
    return document;
}
