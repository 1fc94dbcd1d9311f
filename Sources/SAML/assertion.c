#include "saml.h"

#include <string.h>

void write_text(FILE *out, const char *text) {
    fputc('"', out);
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at < 0x20)
            fprintf(out, "\\u%04x", *at);
        else
            fputc(*at, out);
    }
    fputc('"', out);
}

/* `"name": "value"`, or null where there is none. */
static void write_member(FILE *out, const char *name, const char *value) {
    fprintf(out, "\"%s\": ", name);
    if (value == NULL)
        fputs("null", out);
    else
        write_text(out, value);
}

static xmlNodePtr next(xmlNodePtr node) { return element_from(node->next); }

/* The one child of a name; NULL where there is none. */
static xmlNodePtr only(xmlNodePtr parent, const char *name, const char *check, const char *reason) {
    xmlNodePtr found = NULL;
    for (xmlNodePtr node = element_from(parent->children); node != NULL; node = next(node)) {
        if (!is(node, SAML, name)) continue;
        if (found != NULL) refuse(check, reason);
        found = node;
    }
    return found;
}

const char *issuer_of(xmlNodePtr assertion) {
    xmlNodePtr issuer = only(assertion, "Issuer", "issuer", "it has several issuers");
    const char *text = issuer == NULL ? NULL : text_of(issuer);
    if (text == NULL || *text == '\0') refuse("issuer", "it has no Issuer that is one text");
    return text;
}

static void write_subject(FILE *out, xmlNodePtr assertion) {
    xmlNodePtr subject = only(assertion, "Subject", "subject", "it has several subjects");
    if (subject == NULL) refuse("subject", "it has no Subject");
    if (only(subject, "EncryptedID", "subject", "its subject is encrypted") != NULL)
        refuse("subject", "its subject is encrypted");
    xmlNodePtr name = only(subject, "NameID", "subject", "its subject has several names");
    const char *text = name == NULL ? NULL : text_of(name);
    if (name != NULL && (text == NULL || *text == '\0')) refuse("subject", "its NameID is not one text");
    fputs(", \"subject\": {", out);
    write_member(out, "name", text);
    fputs(", ", out);
    write_member(out, "format", name == NULL ? NULL : attribute(name, "Format"));
    fputs(", \"confirmations\": [", out);
    const char *comma = "";
    for (xmlNodePtr node = element_from(subject->children); node != NULL; node = next(node)) {
        if (!is(node, SAML, "SubjectConfirmation")) continue;
        xmlNodePtr data = only(node, "SubjectConfirmationData", "confirmation", "a confirmation has its data twice");
        fputs(comma, out);
        fputc('{', out);
        write_member(out, "method", attribute(node, "Method"));
        static const char *const members[] = {"NotBefore", "NotOnOrAfter", "Recipient"};
        for (size_t n = 0; n < 3; n++) {
            fputs(", ", out);
            write_member(out, members[n], data == NULL ? NULL : attribute(data, members[n]));
        }
        fputc('}', out);
        comma = ", ";
    }
    fputs("]}", out);
}

static void write_audiences(FILE *out, xmlNodePtr restriction) {
    const char *comma = "";
    fputc('[', out);
    for (xmlNodePtr node = element_from(restriction->children); node != NULL; node = next(node)) {
        const char *text = is(node, SAML, "Audience") ? text_of(node) : NULL;
        if (text == NULL) refuse("audience", "an audience of it is not one text");
        fputs(comma, out);
        write_text(out, text);
        comma = ", ";
    }
    fputc(']', out);
}

/* SAML core 2.5.1: who does not understand a condition may not rely on the assertion. */
static void write_conditions(FILE *out, xmlNodePtr assertion) {
    xmlNodePtr conditions = only(assertion, "Conditions", "conditions", "it has its conditions twice");
    if (conditions == NULL) refuse("conditions", "it has none, so that it would be good for anybody and for ever");
    fputs(", ", out);
    write_member(out, "NotBefore", attribute(conditions, "NotBefore"));
    fputs(", ", out);
    write_member(out, "NotOnOrAfter", attribute(conditions, "NotOnOrAfter"));
    fputs(", \"audiences\": [", out);
    const char *comma = "";
    for (xmlNodePtr node = element_from(conditions->children); node != NULL; node = next(node)) {
        if (is(node, SAML, "OneTimeUse"))
            refuse("conditions", "it may be used once (OneTimeUse), and nobody here remembers which were used");
        if (is(node, SAML, "ProxyRestriction"))
            refuse("conditions", "it says who else may vouch for its subject (ProxyRestriction), as Bailey does for agents");
        if (!is(node, SAML, "AudienceRestriction")) refuse("conditions", "it has a condition that is not understood");
        fputs(comma, out);
        write_audiences(out, node);
        comma = ", ";
    }
    fputc(']', out);
}

static void write_sessions(FILE *out, xmlNodePtr assertion) {
    const char *comma = "";
    fputs(", \"sessions\": [", out);
    for (xmlNodePtr node = element_from(assertion->children); node != NULL; node = next(node)) {
        const char *end = is(node, SAML, "AuthnStatement") ? attribute(node, "SessionNotOnOrAfter") : NULL;
        if (end == NULL) continue;
        fputs(comma, out);
        write_text(out, end);
        comma = ", ";
    }
    fputc(']', out);
}

/* A value that is not one text is null: who asks for that attribute is told. */
static void write_attribute(FILE *out, xmlNodePtr node) {
    const char *comma = "";
    fputc('{', out);
    write_member(out, "name", attribute(node, "Name"));
    fputs(", \"values\": [", out);
    for (xmlNodePtr value = element_from(node->children); value != NULL; value = next(value)) {
        const char *text = is(value, SAML, "AttributeValue") ? text_of(value) : NULL;
        fputs(comma, out);
        if (text == NULL)
            fputs("null", out);
        else
            write_text(out, text);
        comma = ", ";
    }
    fputs("]}", out);
}

static void write_attributes(FILE *out, xmlNodePtr assertion) {
    const char *comma = "";
    fputs(", \"attributes\": [", out);
    for (xmlNodePtr node = element_from(assertion->children); node != NULL; node = next(node)) {
        if (!is(node, SAML, "AttributeStatement")) continue;
        for (xmlNodePtr item = element_from(node->children); item != NULL; item = next(item)) {
            if (!is(item, SAML, "Attribute")) refuse("claims", "an attribute of it is encrypted");
            fputs(comma, out);
            write_attribute(out, item);
            comma = ", ";
        }
    }
    fputc(']', out);
}

void write_assertion(FILE *out, xmlNodePtr assertion, size_t key) {
    fputs("{\"assertion\": {", out);
    write_member(out, "version", attribute(assertion, "Version"));
    fputs(", ", out);
    write_member(out, "issued", attribute(assertion, "IssueInstant"));
    fputs(", ", out);
    write_member(out, "issuer", issuer_of(assertion));
    write_subject(out, assertion);
    write_conditions(out, assertion);
    write_sessions(out, assertion);
    write_attributes(out, assertion);
    fprintf(out, "}, \"key\": %zu}\n", key);
}
