/// What it is made of, in Python.
extension AssertionProvider {
    static let provider = #"""
        import base64, json, os, re, subprocess, sys, tempfile, warnings, datetime
        warnings.simplefilter("ignore")
        from saml2 import BINDING_HTTP_POST, time_util
        from saml2.config import IdPConfig
        from saml2.saml import NAMEID_FORMAT_PERSISTENT, NAMEID_FORMAT_TRANSIENT, NameID
        from saml2.server import Server

        folder = sys.argv[1]
        ENTITY, AUDIENCE = "https://idp.example.org/metadata", "bailey"

        def run(*words): subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        def keys(name, *kind):
            key, certificate = "%s/%s.key" % (folder, name), "%s/%s.pem" % (folder, name)
            if not os.path.exists(certificate):
                run("openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-days", "30", "-subj", "/CN=" + name, "-keyout", key, "-out", certificate)
            return key, certificate

        SERVICE = """<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="%s"><SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
        <AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp.example.org/acs" index="0"/></SPSSODescriptor></EntityDescriptor>"""
        MORE, XMLENC = "http://www.w3.org/2001/04/xmldsig-more#", "http://www.w3.org/2001/04/xmlenc#"

        def server(name="idp", minutes=60):
            key, certificate = keys(name, *(["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if name.startswith("ec") else ["rsa:2048"]))
            return Server(config=IdPConfig().load({
                "entityid": ENTITY, "key_file": key, "cert_file": certificate, "xmlsec_binary": "/usr/bin/xmlsec1",
                "metadata": {"inline": [SERVICE % AUDIENCE]},
                "service": {"idp": {"endpoints": {"single_sign_on_service": [("https://idp.example.org/sso", BINDING_HTTP_POST)]},
                    "policy": {"default": {"lifetime": {"minutes": minutes}, "attribute_restrictions": None,
                        "name_form": "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"}},
                    "subject_data": folder + "/subjects"}}}))

        def response(subject="alice", attributes={"groups": ["payments", "admins"], "department": ["research"]}, audience=AUDIENCE, provider=None,
                     format=NAMEID_FORMAT_PERSISTENT, sign_assertion=True, sign_response=False,
                     algorithm=MORE + "rsa-sha256", digest=XMLENC + "sha256", **more):
            return str((provider or server()).create_authn_response(
                attributes, None, "https://sp.example.org/acs", sp_entity_id=audience, name_id=NameID(text=subject, format=format),
                authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:Password", "authn_auth": ENTITY},
                sign_assertion=sign_assertion, sign_response=sign_response, sign_alg=algorithm, digest_alg=digest, **more))
        """#

    static let attacks = #"""
        TEMPLATE = """<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>
        <ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><ds:SignatureMethod Algorithm="%(method)s"/>%(references)s
        </ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo>%(key)s</ds:KeyInfo></ds:Signature>"""
        REFERENCE = """<ds:Reference URI="%s"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>%s
        <ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference>"""
        XPATH = """<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath xmlns:s="urn:oasis:names:tc:SAML:2.0:assertion">%s</ds:XPath></ds:Transform>"""
        XSLT = """<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"><x:stylesheet version="1.0" xmlns:x="http://www.w3.org/1999/XSL/Transform">
        <x:template match="@*|node()"><x:copy><x:apply-templates select="@*|node()"/></x:copy></x:template></x:stylesheet></ds:Transform>"""
        OBJECT = '<ds:Object xmlns:ds="http://www.w3.org/2000/09/xmldsig#">%s</ds:Object>'

        def piece(text, name):
            """The element of a local name, and what is before and behind it."""
            start = re.search(r"<(\w+:)?%s[ >]" % name, text)
            end = text.index("</%s%s>" % (start.group(1) or "", name), start.start()) + len("</%s%s>" % (start.group(1) or "", name))
            return text[:start.start()], text[start.start():end], text[end:]

        def body(text): return re.sub(r"^<\?xml[^>]*\?>\s*", "", text.strip())
        def evil(text):
            number = iter(range(9))
            return re.sub(r'\bID="[^"]*"', lambda _: 'ID="evil%d"' % next(number), text).replace(">alice<", ">root<")
        def without_signature(text): before, _, behind = piece(text, "Signature"); return before + behind
        def inside_signature(text, more):
            before, signature, behind = piece(text, "Signature")
            return before + re.sub(r"(</[\w:]+>)$", lambda end: more + end.group(1), signature) + behind
        def identifier(text): return re.search(r'\bID="([^"]*)"', text).group(1)

        def signed(text, transform="", uri=None, references=None, method=MORE + "rsa-sha256", key="", words=None, of="assertion:Assertion"):
            """An unsigned document signed by xmlsec1 as a template says."""
            assertion = piece(text, "Assertion")[1]
            uri = "#" + identifier(assertion) if uri is None else uri
            template = TEMPLATE % {"method": method, "references": references or REFERENCE % (uri, transform), "key": key}
            before, issuer, behind = piece(assertion, "Issuer")
            text = text.replace(assertion, before + issuer + template + behind)
            with open(folder + "/template.xml", "w") as file: file.write(text)
            words = words or ["--privkey-pem", "%s/idp.key,%s/idp.pem" % (folder, folder)]
            run("/usr/bin/xmlsec1", "--sign", *words, "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:" + of, "--output", folder + "/signed.xml", folder + "/template.xml")
            return body(open(folder + "/signed.xml").read())

        def attacks():
            good = body(response())
            whole = body(response(sign_response=True, sign_assertion=False))
            plain = body(response(sign_assertion=False))
            before, assertion, behind = piece(good, "Assertion")
            bare = without_signature(assertion)
            outer = without_signature(whole)
            root = re.match(r"<[^>]*>", whole).group(0)
            wrapped = piece(assertion, "Signature")
            cases = {
                "good": good, "good: response signed": whole, "good: both signed": body(response(sign_response=True)),
                "good: assertion alone": declared(good, assertion), "good: base64": base64.encodebytes(good.encode()).decode(),
                "good: SHA-512": body(response(algorithm=MORE + "rsa-sha512", digest=XMLENC + "sha512")),
                "good: declared": "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + good, "good: by template": signed(plain),
                # Somorovsky et al., "On Breaking SAML: Be Whoever You Want to Be", USENIX Security 2012.
                "XSW1": inside_signature(evil(whole), outer), "XSW2": evil(whole).replace(piece(evil(whole), "Signature")[1], outer + piece(whole, "Signature")[1]),
                "XSW3": before + evil(bare) + assertion + behind,
                "XSW4": before + re.sub(r"(</[\w:]+Assertion>)$", lambda end: assertion + end.group(1), evil(bare)) + behind,
                "XSW5": before + evil(assertion) + bare + behind, "XSW6": before + inside_signature(evil(assertion), bare) + behind,
                "XSW7": before + "<x:Extensions xmlns:x=\"urn:oasis:names:tc:SAML:2.0:protocol\">" + evil(bare) + "</x:Extensions>" + assertion + behind,
                "XSW8": before + inside_signature(evil(assertion), OBJECT % bare) + behind,
                "signature in an extension": before + bare + "<x:Extensions xmlns:x=\"urn:oasis:names:tc:SAML:2.0:protocol\">" + wrapped[1] + "</x:Extensions>" + behind,
                "external entity": '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + good.replace(">alice<", ">&x;<"),
                "entity bomb": '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">' + "".join('<!ENTITY %s "%s">' % (b, ("&%s;" % a) * 10) for a, b in zip("abcdefgh", "bcdefghi")) + "]>" + good.replace(">alice<", ">&i;<"),
                "external document type": '<!DOCTYPE r SYSTEM "http://127.0.0.1:9/r.dtd">' + good,
                "two assertions": before + assertion + piece(body(response("bob")), "Assertion")[1] + behind,
                "unsigned": plain, "changed": good.replace(">alice<", ">root<"), "changed group": good.replace(">payments<", ">root<"),
                "other key": body(response(provider=server("other"))),
                "key in KeyInfo": signed(plain, key="<ds:KeyValue/>", words=["--privkey-pem", "%s/other.key" % folder]),
                "SHA-1": body(response(algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1")),
                "SHA-1 digest": body(response(digest="http://www.w3.org/2000/09/xmldsig#sha1")),
                "comment in NameID": body(response("alice.evil")).replace(">alice.evil<", ">alice<!---->.evil<"), "comment": good.replace("</", "<!-- x --></", 1),
                "character data": good.replace(">alice<", "><![CDATA[alice]]><"), "instruction": good.replace(">alice<", ">al<?x?>ice<"),
                "other audience": body(response(audience="other")), "transient": body(response(format=NAMEID_FORMAT_TRANSIENT)),
                "oversized": good.replace("</", " " * (128 << 10) + "</", 1), "deep": "<a>" * 1000 + "</a>" * 1000,
                "deep within": good.replace(">alice<", ">" + "<a>" * 100 + "</a>" * 100 + "<"), "not XML": "{}", "truncated": good[:-20], "empty": "<a/>",
                "UTF-16": '<?xml version="1.0" encoding="UTF-16"?>' + good.replace("alice", "\u0430lice"),
                "XSLT transform": signed(plain, XSLT), "XPath transform": signed(plain, XPATH % "true()"),
                "transform that leaves out content": signed(plain, XPATH % "not(ancestor-or-self::s:NameID)"),
                "duplicate IDs": re.sub(r'\bID="[^"]*"', 'ID="%s"' % identifier(assertion), good, count=1),
                "ID of XML": good.replace("<ns1:Subject>", '<ns1:Subject xml:id="x">').replace("<saml:Subject>", '<saml:Subject xml:id="x">'),
                "several references": signed(plain, references=(REFERENCE % ("#" + identifier(plain.split("Assertion", 1)[1]), "")) * 2),
                "empty URI": signed(plain, uri=""), "no URI": signed(plain, uri="").replace(' URI=""', ""),
                "encrypted": re.sub(r"<([\w]+):Assertion.*</\1:Assertion>", '<e:EncryptedAssertion xmlns:e="urn:oasis:names:tc:SAML:2.0:assertion"/>', good, flags=re.S),
                "one-time use": signed(re.sub(r"(</(\w+):Conditions>)", r"<\2:OneTimeUse/>\1", plain)),
                "proxy restriction": signed(re.sub(r"(</(\w+):Conditions>)", r'<\2:ProxyRestriction Count="0"/>\1', plain)),
                "unknown condition": signed(re.sub(r"(</(\w+):Conditions>)", r'<\2:Condition/>\1', plain)),
                "no conditions": signed(re.sub(r"<(\w+):Conditions.*</\1:Conditions>", "", plain, flags=re.S)),
                "no audience": signed(re.sub(r"<(\w+):AudienceRestriction.*</\1:AudienceRestriction>", "", plain, flags=re.S)),
                "no end": signed(re.sub(r"(<\w+:Conditions[^>]*) NotOnOrAfter=\"[^\"]*\"", r"\1", plain)),
                "not bearer": signed(plain.replace("cm:bearer", "cm:sender-vouches")),
                "session over": signed(re.sub(r"(<\w+:AuthnStatement )", r'\1SessionNotOnOrAfter="2001-01-01T00:00:00Z" ', plain)),
            }
            run("openssl", "x509", "-in", folder + "/idp.pem", "-pubkey", "-noout", "-out", folder + "/public.pem")
            with open(folder + "/public.pem") as key: secret = key.read()
            with open(folder + "/hmac.key", "w") as key: key.write(secret)
            cases["HMAC by public key"] = signed(plain, method=MORE + "hmac-sha256", words=["--hmackey", folder + "/hmac.key"])
            return cases

        def declared(whole, assertion):
            """An assertion with the namespaces that its response declares."""
            names = dict(re.findall(r'\sxmlns:(\w+)="([^"]*)"', re.match(r"<[^>]*>", whole).group(0)))
            head = re.match(r"<[^>]*>", assertion).group(0)
            more = "".join(' xmlns:%s="%s"' % name for name in names.items() if "xmlns:%s=" % name[0] not in head)
            return assertion.replace(head, head[:-1] + more + ">", 1)

        def passes(text):
            """Whether xmlsec1 alone finds the first signature good, as who looks no further would."""
            with open(folder + "/case.xml", "w") as file: file.write(text)
            of = "urn:oasis:names:tc:SAML:2.0:"
            words = ["/usr/bin/xmlsec1", "--verify", "--pubkey-cert-pem", folder + "/idp.pem", "--id-attr:ID", of + "assertion:Assertion", "--id-attr:ID", of + "protocol:Response", folder + "/case.xml"]
            return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
        """#

    static let main = #"""
        if __name__ == "__main__":
            if sys.argv[2] == "attacks": print(json.dumps([{"name": name, "text": text, "passes": passes(text)} for name, text in attacks().items()]))
            else: print(body(response(provider=server(sys.argv[3], float(sys.argv[4])), **json.loads(sys.argv[2]))))
        """#
}
