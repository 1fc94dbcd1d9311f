/* What libxml2 and libxmlsec1 name and an assertion never needs: style sheets and the converters of other encodings than
 * UTF-8. Without it there is no code of theirs in the program, and what would call it is told that it failed. */
#include <libxslt/security.h>
#include <libxslt/transform.h>
#include <libxslt/xsltInternals.h>
#include <libxslt/xsltutils.h>
#include <unicode/ucnv.h>
#include <unicode/ucnv_err.h>

xsltStylesheetPtr xsltParseStylesheetDoc(xmlDocPtr document) {
    (void)document;
    return NULL;
}

void xsltFreeStylesheet(xsltStylesheetPtr sheet) { (void)sheet; }

xsltTransformContextPtr xsltNewTransformContext(xsltStylesheetPtr sheet, xmlDocPtr document) {
    (void)sheet, (void)document;
    return NULL;
}

void xsltFreeTransformContext(xsltTransformContextPtr context) { (void)context; }

xmlDocPtr xsltApplyStylesheetUser(xsltStylesheetPtr sheet, xmlDocPtr document, const char **parameters,
                                  const char *output, FILE *profile, xsltTransformContextPtr context) {
    (void)sheet, (void)document, (void)parameters, (void)output, (void)profile, (void)context;
    return NULL;
}

int xsltSaveResultTo(xmlOutputBufferPtr buffer, xmlDocPtr result, xsltStylesheetPtr sheet) {
    (void)buffer, (void)result, (void)sheet;
    return -1;
}

/* Not NULL: without preferences xmlsec does not start. */
xsltSecurityPrefsPtr xsltNewSecurityPrefs(void) {
    static char nothing;
    return (xsltSecurityPrefsPtr)(void *)&nothing;
}

void xsltFreeSecurityPrefs(xsltSecurityPrefsPtr preferences) { (void)preferences; }

int xsltSetSecurityPrefs(xsltSecurityPrefsPtr preferences, xsltSecurityOption option, xsltSecurityCheck check) {
    (void)preferences, (void)option, (void)check;
    return 0;
}

xsltSecurityCheck xsltGetSecurityPrefs(xsltSecurityPrefsPtr preferences, xsltSecurityOption option) {
    (void)preferences, (void)option;
    return xsltSecurityForbid;
}

int xsltSetCtxtSecurityPrefs(xsltSecurityPrefsPtr preferences, xsltTransformContextPtr context) {
    (void)preferences, (void)context;
    return -1;
}

int xsltSecurityForbid(xsltSecurityPrefsPtr preferences, xsltTransformContextPtr context, const char *value) {
    (void)preferences, (void)context, (void)value;
    return 0;
}

UConverter *ucnv_open(const char *name, UErrorCode *error) {
    (void)name;
    *error = U_UNSUPPORTED_ERROR;
    return NULL;
}

void ucnv_close(UConverter *converter) { (void)converter; }

void ucnv_convertEx(UConverter *target_converter, UConverter *source_converter, char **target, const char *target_limit,
                    const char **source, const char *source_limit, UChar *pivot_start, UChar **pivot_source,
                    UChar **pivot_target, const UChar *pivot_limit, UBool reset, UBool flush, UErrorCode *error) {
    (void)target_converter, (void)source_converter, (void)target, (void)target_limit, (void)source, (void)source_limit;
    (void)pivot_start, (void)pivot_source, (void)pivot_target, (void)pivot_limit, (void)reset, (void)flush;
    *error = U_UNSUPPORTED_ERROR;
}

void ucnv_setFromUCallBack(UConverter *converter, UConverterFromUCallback action, const void *context,
                           UConverterFromUCallback *old_action, const void **old_context, UErrorCode *error) {
    (void)converter, (void)action, (void)context, (void)old_action, (void)old_context;
    *error = U_UNSUPPORTED_ERROR;
}

void ucnv_setToUCallBack(UConverter *converter, UConverterToUCallback action, const void *context,
                         UConverterToUCallback *old_action, const void **old_context, UErrorCode *error) {
    (void)converter, (void)action, (void)context, (void)old_action, (void)old_context;
    *error = U_UNSUPPORTED_ERROR;
}

void UCNV_FROM_U_CALLBACK_STOP(const void *context, UConverterFromUnicodeArgs *arguments, const UChar *units, int32_t count,
                               UChar32 point, UConverterCallbackReason reason, UErrorCode *error) {
    (void)context, (void)arguments, (void)units, (void)count, (void)point, (void)reason, (void)error;
}

void UCNV_TO_U_CALLBACK_STOP(const void *context, UConverterToUnicodeArgs *arguments, const char *units, int32_t count,
                             UConverterCallbackReason reason, UErrorCode *error) {
    (void)context, (void)arguments, (void)units, (void)count, (void)reason, (void)error;
}
