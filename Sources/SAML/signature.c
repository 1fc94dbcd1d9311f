#include "saml.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xmlsec/keys.h>
#include <xmlsec/openssl/app.h>
#include <xmlsec/openssl/crypto.h>
#include <xmlsec/transforms.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>

/* SAML core 5.4.4; with comments it would sign what a reader may take for more than one text. */
static const char exclusive[] = "http://www.w3.org/2001/10/xml-exc-c14n#";
static const char enveloped[] = XMLDSIG "enveloped-signature";

/* RFC 6931; SHA-1 has collisions, and with HMAC the public key would be the secret. */
static const char *const signatures[] = {
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",   "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",   "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
};
static const char *const digests[] = {
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
};

/* The element that has to stand here. */
static xmlNodePtr expected(xmlNodePtr from, const char *name) {
    xmlNodePtr node = element_from(from);
    if (!is(node, XMLDSIG, name)) refuse("signature", "it is not made of what signatures of SAML are made of, in their order");
    return node;
}

static void check_end(xmlNodePtr from, const char *check, const char *reason) {
    if (element_from(from) != NULL) refuse(check, reason);
}

static bool has_algorithm(xmlNodePtr node, const char *name) {
    const char *algorithm = attribute(node, "Algorithm");
    return algorithm != NULL && strcmp(algorithm, name) == 0;
}

static void check_algorithm(xmlNodePtr node, const char *const *taken, size_t count, const char *reason) {
    bool is_taken = false;
    for (size_t n = 0; n < count; n++) is_taken = is_taken || has_algorithm(node, taken[n]);
    if (!is_taken) refuse("algorithm", reason);
}

static void check_transforms(xmlNodePtr transforms) {
    static const char reason[] = "what it signs is transformed otherwise than by leaving the signature out and exclusive "
                                 "canonicalization";
    static const char *const wanted[] = {enveloped, exclusive};
    xmlNodePtr node = element_from(transforms->children);
    for (size_t n = 0; n < 2; n++, node = element_from(node->next)) {
        if (!is(node, XMLDSIG, "Transform") || !has_algorithm(node, wanted[n])) refuse("transform", reason);
        xmlNodePtr more = element_from(node->children);
        if (more != NULL && (n == 0 || !is(more, exclusive, "InclusiveNamespaces") || element_from(more->next) != NULL))
            refuse("transform", reason);
    }
    check_end(node, "transform", reason);
}

static void check_reference(xmlNodePtr reference, xmlNodePtr element) {
    const char *uri = attribute(reference, "URI");
    const char *id = attribute(element, "ID");
    if (uri == NULL || id == NULL || uri[0] != '#' || strcmp(uri + 1, id) != 0)
        refuse("reference", "what it signs is not the element that it stands in, by its ID");
    xmlAttrPtr found = xmlGetID(element->doc, (const xmlChar *)id);
    if (found == NULL || found->parent != element) refuse("reference", "its ID leads to another element");
    xmlNodePtr transforms = expected(reference->children, "Transforms");
    check_transforms(transforms);
    xmlNodePtr method = expected(transforms->next, "DigestMethod");
    check_algorithm(method, digests, sizeof digests / sizeof *digests, "its digest is not SHA-256, SHA-384 or SHA-512");
    check_end(method->children, "algorithm", "its digest has parameters");
    check_end(expected(method->next, "DigestValue")->next, "reference", "there is more in its reference");
}

/* Held to one form before xmlsec reads it, which takes many. */
static void check_signature(xmlNodePtr signature, xmlNodePtr element) {
    xmlNodePtr info = expected(signature->children, "SignedInfo");
    xmlNodePtr value = expected(info->next, "SignatureValue");
    xmlNodePtr last = element_from(value->next);
    if (last != NULL && !is(last, XMLDSIG, "KeyInfo")) refuse("signature", "it holds objects of its own");
    if (last != NULL) check_end(last->next, "signature", "it holds objects of its own");
    xmlNodePtr canonical = expected(info->children, "CanonicalizationMethod");
    if (!has_algorithm(canonical, exclusive))
        refuse("algorithm", "it is canonicalized otherwise than exclusively and without comments");
    check_end(element_from(canonical->children), "algorithm", "its canonicalization has parameters");
    xmlNodePtr method = expected(canonical->next, "SignatureMethod");
    check_algorithm(method, signatures, sizeof signatures / sizeof *signatures,
                    "it is signed otherwise than with RSA (PKCS #1) or ECDSA and SHA-256, SHA-384 or SHA-512");
    check_end(method->children, "algorithm", "its method has parameters");
    xmlNodePtr reference = expected(method->next, "Reference");
    check_end(reference->next, "reference", "it has more than one reference");
    check_reference(reference, element);
}

/* The same once more, in xmlsec's words. */
static bool restrict_context(xmlSecDSigCtxPtr context) {
    const xmlSecTransformId methods[] = {
        xmlSecTransformExclC14NId,   xmlSecOpenSSLTransformRsaSha256Id,   xmlSecOpenSSLTransformRsaSha384Id,   xmlSecOpenSSLTransformRsaSha512Id,
        xmlSecOpenSSLTransformEcdsaSha256Id, xmlSecOpenSSLTransformEcdsaSha384Id, xmlSecOpenSSLTransformEcdsaSha512Id,
    };
    const xmlSecTransformId references[] = {
        xmlSecTransformEnvelopedId, xmlSecTransformExclC14NId, xmlSecOpenSSLTransformSha256Id,
        xmlSecOpenSSLTransformSha384Id,    xmlSecOpenSSLTransformSha512Id,
    };
    context->flags = XMLSEC_DSIG_FLAGS_STORE_SIGNEDINFO_REFERENCES | XMLSEC_DSIG_FLAGS_IGNORE_MANIFESTS;
    context->enabledReferenceUris = xmlSecTransformUriTypeSameDocument;
    for (size_t n = 0; n < sizeof methods / sizeof *methods; n++)
        if (xmlSecDSigCtxEnableSignatureTransform(context, methods[n]) < 0) return false;
    for (size_t n = 0; n < sizeof references / sizeof *references; n++)
        if (xmlSecDSigCtxEnableReferenceTransform(context, references[n]) < 0) return false;
    /* What a document says of its key: a name at most, which nobody looks up. */
    return xmlSecPtrListAdd(&context->keyInfoReadCtx.enabledKeyData, (void *)xmlSecKeyDataNameId) == 0;
}

static bool has_secure_size(xmlSecKeyPtr key) {
    xmlSecKeyDataPtr value = xmlSecKeyGetValue(key);
    if (!xmlSecKeyDataCheckId(value, xmlSecOpenSSLKeyDataRsaId)) return xmlSecKeyDataCheckId(value, xmlSecOpenSSLKeyDataEcdsaId);
    xmlSecSize bits = xmlSecKeyDataGetSize(value);
    return bits >= MINIMUM_RSA && bits <= MAXIMUM_RSA;
}

static xmlSecKeyPtr key_of(const struct key *key) {
    xmlSecKeyPtr result = xmlSecOpenSSLAppKeyLoadMemory(key->certificate.start, (xmlSecSize)key->certificate.count,
                                                        xmlSecKeyDataFormatCertDer, NULL, NULL, NULL);
    if (result == NULL) refuse("key", "a certificate of the identity provider's is none");
    if (!has_secure_size(result))
        refuse("key", "a certificate of the identity provider's has another key than RSA of 2048 to 8192 bits or ECDSA");
    return result;
}

/* What was digested, where the key made the signature; nothing where it did not. */
static struct octets verified(xmlNodePtr signature, const struct key *key) {
    struct octets result = {NULL, 0};
    xmlSecDSigCtxPtr context = xmlSecDSigCtxCreate(NULL);
    if (context == NULL || !restrict_context(context)) _exit(3);
    context->signKey = key_of(key);
    if (xmlSecDSigCtxVerify(context, signature) == 0 && context->status == xmlSecDSigStatusSucceeded &&
        xmlSecPtrListGetSize(&context->signedInfoReferences) == 1) {
        xmlSecDSigReferenceCtxPtr reference = xmlSecPtrListGetItem(&context->signedInfoReferences, 0);
        xmlSecBufferPtr buffer = reference == NULL ? NULL : xmlSecDSigReferenceCtxGetPreDigestBuffer(reference);
        if (buffer != NULL && reference->status == xmlSecDSigStatusSucceeded && xmlSecBufferGetSize(buffer) > 0) {
            uint8_t *copy = malloc(xmlSecBufferGetSize(buffer));
            if (copy == NULL) _exit(3);
            result = (struct octets){copy, xmlSecBufferGetSize(buffer)};
            memcpy(copy, xmlSecBufferGetData(buffer), result.count);
        }
    }
    xmlSecDSigCtxDestroy(context);
    return result;
}

struct signed_part signed_part(xmlNodePtr signature, xmlNodePtr element,
                               const struct request *request, const char *entity) {
    check_signature(signature, element);
    bool is_known = false;
    for (size_t n = 0; n < request->key_count; n++) {
        const struct key *key = &request->keys[n];
        if (key->entity.count != strlen(entity) || memcmp(key->entity.start, entity, key->entity.count) != 0) continue;
        is_known = true;
        struct octets octets = verified(signature, key);
        if (octets.start != NULL) return (struct signed_part){octets, n};
    }
    if (!is_known) refuse("issuer", "it is from an identity provider that is not configured");
    refuse("signature", "it was not signed with a key of the identity provider's, or was changed since");
}
